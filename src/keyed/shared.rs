//! What all services of one layer share.

use std::hash::Hash;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::bound::Bound;
use super::overflow::Overflow;
use super::table::{Entry, Evicted, Table};
use crate::concurrency::{AdaptiveConcurrencyLayer, Learnt, Template};
use crate::observe::Observer;

pub(super) type MakeGate<K> = dyn Fn(&K, Additions<'_>) -> Template + Send + Sync;
pub(super) type NameBucket<K> = dyn Fn(&K, &HeaderMap) -> Option<K> + Send + Sync;

pub(super) type OnEvict<K> = dyn Fn(&K, Learnt) + Send + Sync;
pub(super) type Recall<K> = dyn Fn(&K) -> Option<Learnt> + Send + Sync;

/// What the gates of all keys have beside what their layers were given.
pub(super) struct Additions<'a> {
    observers: &'a [Arc<dyn Observer>],
    /// What the gate begins with.
    learnt: Option<Learnt>,
}

impl Additions<'_> {
    pub(super) fn make<C>(self, layer: AdaptiveConcurrencyLayer<C>) -> Template
    where
        C: Send + Sync + 'static,
    {
        let observers = self.observers.iter().cloned();
        observers
            .fold(layer, AdaptiveConcurrencyLayer::observe)
            .resume(self.learnt)
            .into_template()
    }
}

/// What was set of a layer.
pub(super) struct Config<K> {
    pub(super) make_gate: Arc<MakeGate<K>>,
    /// Who is told what every gate does.
    pub(super) observers: Vec<Arc<dyn Observer>>,
    pub(super) alias: Option<Arc<NameBucket<K>>>,
    /// Takes what a gate has learned that is forgotten.
    pub(super) on_evict: Option<Arc<OnEvict<K>>>,
    /// Gives what a gate begins with.
    pub(super) recall: Option<Arc<Recall<K>>>,
    pub(super) max_waiting: usize,
    pub(super) max_share: f64,
    pub(super) idle: Duration,
    pub(super) max_keys: usize,
}

impl<K> Clone for Config<K> {
    fn clone(&self) -> Self {
        Self {
            make_gate: Arc::clone(&self.make_gate),
            observers: self.observers.clone(),
            alias: self.alias.clone(),
            on_evict: self.on_evict.clone(),
            recall: self.recall.clone(),
            ..*self
        }
    }
}

/// The gates of all keys, and the bound on those who wait for them.
pub(super) struct Shared<K> {
    pub(super) config: Config<K>,
    /// How many tickets of the bound the requests of one key may hold.
    share: usize,
    pub(super) bound: Arc<Bound>,
    /// Held while keys are hashed and compared, and never while anything else foreign runs.
    table: Mutex<Table<K>>,
}

impl<K> Shared<K> {
    pub(super) fn new(config: Config<K>) -> Self {
        let share = (config.max_waiting as f64 * config.max_share).ceil();
        Self {
            share: (share as usize).clamp(1, config.max_waiting),
            bound: Arc::new(Bound::new(config.max_waiting)),
            table: Mutex::new(Table::new(config.max_keys, config.idle)),
            config,
        }
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table<K>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone> Shared<K> {
    /// The gate of a key, made if there is none.
    #[inline]
    pub(super) fn entry(&self, key: &K) -> Arc<Entry<K>> {
        let found = self.table().find(key).map(Arc::clone);
        found.unwrap_or_else(|| self.make(key))
    }

    #[cold]
    fn make(&self, key: &K) -> Arc<Entry<K>> {
        let gate = self.new_gate(key);
        let made = Entry::new(key.clone(), gate, Arc::clone(&self.bound));
        let (name, now) = (key.clone(), Instant::now());
        let mut table = self.table();
        if let Some(found) = table.find(key) {
            // Another request of this key was quicker.
            let found = Arc::clone(found);
            drop(table);
            return found;
        }
        let evicted = table.insert(now, name, &made);
        drop(table);
        self.forget(evicted);
        made
    }

    fn new_gate(&self, key: &K) -> Template {
        self.gate_with(key, self.recall(key))
    }

    fn gate_with(&self, key: &K, learnt: Option<Learnt>) -> Template {
        let additions = Additions {
            observers: &self.config.observers,
            learnt,
        };
        (self.config.make_gate)(key, additions)
    }

    /// What a gate of this key is to begin with.
    fn recall(&self, key: &K) -> Option<Learnt> {
        self.config.recall.as_ref()?(key)
    }

    /// Drops what was evicted, and hands on what it has learned. The table must not be locked.
    #[expect(clippy::needless_pass_by_value, reason = "it is to be dropped here")]
    fn forget(&self, evicted: Evicted<K>) {
        if let Some(on_evict) = &self.config.on_evict {
            for entry in &evicted.gates {
                on_evict(&entry.key, entry.gate.handle().export());
            }
        }
    }

    /// An answer to a request of `key`, which passed the gate `entry`, named its bucket: from now on the
    /// key leads to the bucket's gate.
    #[cold]
    pub(super) fn lead(&self, key: &K, entry: &Arc<Entry<K>>, bucket: K) {
        let now = Instant::now();
        let mut table = self.table();
        let Some(current) = table.peek(key).map(Arc::clone) else {
            return;
        };
        if current.key == bucket {
            return;
        }
        let mut evicted = Evicted::default();
        let known = table.peek(&bucket).map(Arc::clone);
        let target = if let Some(known) = known {
            known
        } else {
            // What the first of its keys has learned is the bucket's, unless it is another bucket's, or the bucket has
            // something of its own to begin with.
            let is_own = current.key == *key;
            drop(table);
            let learnt = self.recall(&bucket);
            let gate = if is_own && learnt.is_none() {
                current.gate.clone()
            } else {
                self.gate_with(&bucket, learnt)
            };
            let made = Entry::new(bucket.clone(), gate, Arc::clone(&self.bound));
            table = self.table();
            if let Some(found) = table.peek(&bucket) {
                Arc::clone(found)
            } else {
                evicted = table.insert(now, bucket, &made);
                made
            }
        };
        evicted.extend(table.insert(now, key.clone(), &target));
        drop(table);
        self.forget(evicted);
        // The answer that named the bucket may have asked for a wait.
        if let Some(left) = entry.gate.handle().pause_remaining() {
            target.gate.handle().pause(left);
        }
    }
}

/// A request that waits for its key's gate: with a ticket of the bound, or beyond its key's share of it. Gives
/// back what it holds when dropped.
pub(super) struct Waits<K> {
    entry: Arc<Entry<K>>,
    beyond: Option<Arc<Overflow>>,
}

impl<K> Waits<K> {
    /// Of a request for which a ticket was taken.
    #[inline]
    pub(super) fn new(shared: &Shared<K>, entry: Arc<Entry<K>>) -> Self {
        let beyond = if entry.waiting.fetch_add(1, Relaxed) < shared.share {
            None
        } else {
            entry.waiting.fetch_sub(1, Relaxed);
            entry.bound.put_back();
            Some(Arc::default())
        };
        Self { entry, beyond }
    }

    pub(super) fn entry(&self) -> &Arc<Entry<K>> {
        &self.entry
    }

    pub(super) fn beyond(&self) -> Option<Arc<Overflow>> {
        self.beyond.clone()
    }
}

impl<K> Drop for Waits<K> {
    #[inline]
    fn drop(&mut self) {
        if let Some(beyond) = &self.beyond {
            beyond.end();
        } else {
            self.entry.waiting.fetch_sub(1, Relaxed);
            self.entry.bound.put_back();
        }
    }
}

/// Reads which bucket an answer names.
pub(super) struct Bucket<K> {
    shared: Arc<Shared<K>>,
    /// The gate that the request passed.
    entry: Arc<Entry<K>>,
    /// The request's own key.
    key: K,
}

impl<K> Bucket<K> {
    /// Of a request that passes this gate. `None` unless answers name buckets: without them it takes up no room in the
    /// request's future.
    #[inline]
    pub(super) fn of(shared: &Arc<Shared<K>>, entry: &Arc<Entry<K>>, key: K) -> Option<Box<Self>> {
        shared.config.alias.as_ref()?;
        Some(Box::new(Self {
            shared: Arc::clone(shared),
            entry: Arc::clone(entry),
            key,
        }))
    }
}

impl<K: Hash + Eq + Clone> Bucket<K> {
    pub(super) fn read(&self, headers: &HeaderMap) {
        let alias = self.shared.config.alias.as_ref();
        let named = alias.and_then(|alias| alias(&self.key, headers));
        if let Some(bucket) = named.filter(|bucket| *bucket != self.entry.key) {
            self.shared.lead(&self.key, &self.entry, bucket);
        }
    }
}
