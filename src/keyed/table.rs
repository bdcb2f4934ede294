//! Which key has which gate, and for how long.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use super::bound::Bound;
use super::hasher::FoldedState;
use crate::concurrency::{Snapshot, Template};

/// What share of the keys is given up at once when there are too many. A sweep visits all of them, so the more
/// go at once, the less an insertion costs.
const SWEPT_SHARE: usize = 8;

/// A gate, and what is known of its use.
pub(super) struct Entry<K> {
    /// The key that it was made for, or the bucket that an answer named.
    pub(super) key: K,
    pub(super) gate: Template,
    /// The bound on those who wait, over all keys, and how many tickets its requests hold.
    pub(super) bound: Arc<Bound>,
    pub(super) waiting: AtomicUsize,
    /// When it was last asked for, by any of its keys, on the table's clock.
    used: AtomicU64,
}

impl<K> Entry<K> {
    pub(super) fn new(key: K, gate: Template, bound: Arc<Bound>) -> Arc<Self> {
        Arc::new(Self {
            key,
            gate,
            bound,
            waiting: AtomicUsize::new(0),
            used: AtomicU64::new(0),
        })
    }

    /// The gate's numbers, if it may be forgotten. It is held by whatever waits at it or has a permit of it, and
    /// by every handle; and a pause lasts.
    fn idle(&self) -> Option<Snapshot> {
        if !self.gate.is_sole() {
            return None;
        }
        let gate = self.gate.handle().snapshot();
        gate.pause_remaining.is_none().then_some(gate)
    }
}

impl<K> fmt::Debug for Entry<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gate.fmt(f)
    }
}

struct Slot<K> {
    entry: Arc<Entry<K>>,
    /// When the gate was last asked for by this key.
    used: u64,
}

impl<K: Eq> Slot<K> {
    /// A bucket was used when any of the keys that lead to it was.
    fn used(&self, key: &K) -> u64 {
        if self.entry.key == *key {
            self.used.max(self.entry.used.load(Relaxed))
        } else {
            self.used
        }
    }
}

/// The keys and their gates. Several keys may lead to one gate.
pub(super) struct Table<K> {
    slots: HashMap<K, Slot<K>, FoldedState>,
    max_keys: usize,
    idle: Duration,
    /// Counts the uses: no clock has to be read for each.
    clock: u64,
    /// When the table was last swept for keys that are idle, by both clocks.
    swept: Option<(Instant, u64)>,
    /// At how many keys it is swept for their number. More than `max_keys` while many are in use.
    full_at: usize,
    /// How many attempts were accepted and refused at gates that were forgotten.
    pub(super) forgotten: (u64, u64),
    /// New gates are closed.
    pub(super) is_closed: bool,
}

/// What is to be dropped once the lock is free.
pub(super) struct Evicted<K> {
    /// Gates that are forgotten, with what they have learned.
    pub(super) gates: Vec<Arc<Entry<K>>>,
    /// Of keys that led, or lead now, to another's gate.
    others: Vec<Arc<Entry<K>>>,
}

impl<K> Default for Evicted<K> {
    fn default() -> Self {
        Self {
            gates: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl<K> Evicted<K> {
    pub(super) fn extend(&mut self, more: Self) {
        self.gates.extend(more.gates);
        self.others.extend(more.others);
    }
}

impl<K> Table<K> {
    pub(super) fn new(max_keys: usize, idle: Duration) -> Self {
        Self {
            slots: HashMap::default(),
            max_keys,
            idle,
            clock: 0,
            swept: None,
            full_at: max_keys,
            forgotten: (0, 0),
            is_closed: false,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&K, &Arc<Entry<K>>)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.entry))
    }
}

impl<K: Hash + Eq> Table<K> {
    /// The gate of a key, to be used now.
    pub(super) fn find(&mut self, key: &K) -> Option<&Arc<Entry<K>>> {
        let slot = self.slots.get_mut(key)?;
        self.clock += 1;
        slot.used = self.clock;
        slot.entry.used.store(self.clock, Relaxed);
        Some(&slot.entry)
    }

    /// The gate of a key, to be shown.
    pub(super) fn peek(&self, key: &K) -> Option<&Arc<Entry<K>>> {
        self.slots.get(key).map(|slot| &slot.entry)
    }

    /// Gives a key a gate, which may be another's. Forgets keys that are idle, if it is time.
    pub(super) fn insert(&mut self, now: Instant, key: K, entry: &Arc<Entry<K>>) -> Evicted<K> {
        if self.is_closed {
            entry.gate.handle().close();
        }
        self.clock += 1;
        entry.used.store(self.clock, Relaxed);
        let slot = Slot {
            entry: Arc::clone(entry),
            used: self.clock,
        };
        let former = self.slots.insert(key, slot);
        let mut evicted = self.sweep(now);
        evicted.others.extend(former.map(|slot| slot.entry));
        evicted
    }

    fn sweep(&mut self, now: Instant) -> Evicted<K> {
        let (swept_at, mark) = *self.swept.get_or_insert((now, 0));
        let is_due = now.saturating_duration_since(swept_at) >= self.idle;
        let is_full = self.slots.len() > self.full_at;
        // What was last used up to this goes.
        let mut last_use = 0;
        if is_due {
            last_use = mark;
            self.swept = Some((now, self.clock));
        }
        if is_full {
            last_use = last_use.max(self.last_use_to_make_room());
        }
        if last_use == 0 {
            return Evicted::default();
        }
        let mut evicted = Evicted::default();
        let (accepted, refused) = &mut self.forgotten;
        self.slots.retain(|key, slot| {
            if slot.used(key) > last_use {
                return true;
            }
            let Some(gate) = slot.entry.idle() else {
                return true;
            };
            if slot.entry.key == *key {
                *accepted += gate.accepted;
                *refused += gate.refused;
                evicted.gates.push(Arc::clone(&slot.entry));
            } else {
                evicted.others.push(Arc::clone(&slot.entry));
            }
            false
        });
        // With many in use, the next sweep must not come with the next key.
        let len = self.slots.len();
        let more = if len > self.room() {
            len + len / SWEPT_SHARE + 1
        } else {
            0
        };
        self.full_at = self.max_keys.max(more);
        evicted
    }

    /// How many keys are left when there were too many.
    fn room(&self) -> usize {
        self.max_keys - (self.max_keys / SWEPT_SHARE).min(self.max_keys)
    }

    /// Up to which use keys must go so that there is room for others; the newest key stays.
    fn last_use_to_make_room(&self) -> u64 {
        let excess = self.slots.len() - self.room().min(self.slots.len());
        let idle = self.slots.iter();
        let idle = idle.filter(|(_, slot)| slot.entry.idle().is_some());
        let mut uses: Vec<u64> = idle
            .map(|(key, slot)| slot.used(key))
            .filter(|used| *used < self.clock)
            .collect();
        let Some(last) = excess.min(uses.len()).checked_sub(1) else {
            return 0;
        };
        *uses.select_nth_unstable(last).1
    }
}
