//! The handle.

use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use super::shared::Shared;
use super::table::Table;
use crate::concurrency::{Handle, Learnt, Snapshot};

/// Shows the gates of all keys. Made by [`KeyedLayer::handle`](super::KeyedLayer::handle).
///
/// # Examples
///
/// ```
/// use http::Request;
/// use tower_throttle::keyed::{Host, KeyedLayer};
///
/// let layer = KeyedLayer::new(Host::of::<Request<String>>);
/// let gates = layer.handle();
/// for key in gates.keys() {
///     if let Some(gate) = gates.get(&key) {
///         println!("{key:?}: {:?}", gate.snapshot());
///     }
/// }
/// # assert!(gates.is_empty());
/// ```
pub struct KeyedHandle<K> {
    shared: Arc<Shared<K>>,
}

impl<K> KeyedHandle<K> {
    pub(super) fn new(shared: Arc<Shared<K>>) -> Self {
        Self { shared }
    }

    /// How many keys are known. A key that leads to a bucket counts, and so does the bucket.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.table().len()
    }

    /// Whether no key is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many tickets of [`max_waiting`](super::KeyedLayer::max_waiting) are held: by requests that wait for
    /// their gates, and by services that are ready. Requests beyond their key's share hold none.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.bound.held()
    }
}

impl<K: Eq> KeyedHandle<K> {
    /// The sum of the gates' numbers, each gate counted once. The rate is that of those that keep one, and the
    /// pause the longest. What was accepted and refused at gates that were forgotten when they were idle counts on.
    #[must_use]
    pub fn total(&self) -> Snapshot {
        let mut total = Snapshot::default();
        let (gates, (accepted, refused)) = {
            let table = self.shared.table();
            (Self::gates(&table), table.forgotten)
        };
        (total.accepted, total.refused) = (accepted, refused);
        for gate in gates {
            let gate = gate.snapshot();
            total.limit += gate.limit;
            total.rate = [total.rate, gate.rate]
                .into_iter()
                .flatten()
                .reduce(|a, b| a + b);
            total.in_flight += gate.in_flight;
            total.waiting += gate.waiting;
            total.pause_remaining = total.pause_remaining.max(gate.pause_remaining);
            total.accepted += gate.accepted;
            total.refused += gate.refused;
        }
        total
    }

    /// Closes all gates, those of keys to come too: no request is let through any more. See
    /// [`Handle::close`]. It cannot be undone.
    pub fn close(&self) {
        let gates = {
            let mut table = self.shared.table();
            table.is_closed = true;
            Self::gates(&table)
        };
        gates.iter().for_each(Handle::close);
    }

    /// Waits until nothing is in flight and nobody waits at any of the gates that there are now. See
    /// [`Handle::drained`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with a timer, while bodies hold permits.
    pub async fn drained(&self) {
        let gates = Self::gates(&self.shared.table());
        for gate in gates {
            gate.drained().await;
        }
    }

    /// A handle of each gate.
    fn gates(table: &Table<K>) -> Vec<Handle> {
        let own = table.entries().filter(|(key, entry)| **key == entry.key);
        own.map(|(_, entry)| entry.gate.handle()).collect()
    }
}

impl<K: Hash + Eq + Clone> KeyedHandle<K> {
    /// A handle of the gate to which a key leads. `None` if the key is not known: never used, or forgotten.
    ///
    /// A gate is not forgotten as long as a handle of it is kept.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Handle> {
        let table = self.shared.table();
        table.peek(key).map(|entry| entry.gate.handle())
    }

    /// What the gates of all keys have learned, in no order, to be kept for the next run: see
    /// [`KeyedLayer::resume`](super::KeyedLayer::resume). Of keys that lead to a bucket, only the bucket is there.
    #[must_use]
    pub fn export(&self) -> Vec<(K, Learnt)> {
        let gates: Vec<(K, Handle)> = {
            let table = self.shared.table();
            let own = table.entries().filter(|(key, entry)| **key == entry.key);
            own.map(|(key, entry)| (key.clone(), entry.gate.handle()))
                .collect()
        };
        gates
            .into_iter()
            .map(|(key, gate)| (key, gate.export()))
            .collect()
    }

    /// All keys that are known, in no order.
    #[must_use]
    pub fn keys(&self) -> Vec<K> {
        let table = self.shared.table();
        table.entries().map(|(key, _)| key.clone()).collect()
    }
}

impl<K> Clone for KeyedHandle<K> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.shared))
    }
}

impl<K> fmt::Debug for KeyedHandle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedHandle")
            .field("keys", &self.len())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}
