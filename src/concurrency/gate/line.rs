//! The line: classes that share by weight, and in each class those who wait.
//!
//! Classes of one rank share by start-time fair queuing. Each class has a *tag*: the time, on a clock of the
//! line's own, at which its first goes. Whoever is called is the first of the class with the least tag. The
//! clock moves on to that tag, and the class's next tag is one stride later: the shorter, the greater its
//! weight. A class that begins to wait gets the clock's time and a stride. So it neither waits for what
//! others had before it came, nor has saved up anything, and a single class is first come, first served.
//!
//! A request that comes back to a place it kept goes before all others of its class, and its class does not
//! pay again for it: the tag goes back by a stride.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::task::Waker;

use super::wakes::Wakes;
use crate::priority::{ClassKey, Priority};

/// How far apart the tags of a class of weight 1 are. Weights go up to 2^16, and tags last for 2^40 calls.
const UNIT: u64 = 1 << 24;

/// Set in the order of all who did not keep a place.
const NOT_KEPT: u64 = 1 << 63;

/// Where a waiter stands within its class: in front if it kept its place, and then by when it is due, in
/// nanoseconds on the gate's clock. One number, as there may be a million of them. No two of a class are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order(u64);

impl Order {
    /// Of one that has this ticket, and did not keep a place.
    pub(super) fn due(ticket: u64) -> Self {
        Self(ticket | NOT_KEPT)
    }

    /// Of one that had this ticket when it was refused.
    pub(super) fn kept(ticket: u64) -> Self {
        Self(ticket & !NOT_KEPT)
    }

    pub(super) fn is_kept(self) -> bool {
        self.0 & NOT_KEPT == 0
    }

    /// The number to come back with.
    pub(super) fn ticket(self) -> u64 {
        self.0 & !NOT_KEPT
    }

    /// The place behind this one.
    pub(super) fn next(self) -> Self {
        Self(self.0.saturating_add(2))
    }
}

/// Where a waiter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) class: ClassKey,
    pub(super) order: Order,
}

/// Whether a waiter's class has paid for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fare {
    /// It is new.
    Due,
    /// It was called before.
    Paid,
}

/// A class of which somebody waits.
#[derive(Debug)]
struct Class {
    key: ClassKey,
    rank: u8,
    /// How far apart its tags are.
    stride: u64,
    /// When its first goes, on the clock of its rank.
    tag: u64,
    /// `None`: woken since it last polled. To wake it again would tell it nothing new.
    waiting: BTreeMap<Order, Option<Waker>>,
    /// All who stand behind this one were woken to set the alarm, and did not come yet.
    alerted_to: Order,
}

/// A class's rank and stride.
fn shape(class: ClassKey) -> (u8, u64) {
    let priority: Priority = class.priority();
    (priority.rank(), priority.stride(UNIT))
}

/// Those who wait to be called.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Sorted by their keys: the highest rank first. As few as there are classes in use, so a search through
    /// them for the next one is quicker than to keep them in its order.
    classes: Vec<Class>,
    /// How far each rank has come.
    clocks: BTreeMap<u8, u64>,
    len: usize,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn find(&self, key: ClassKey) -> Result<usize, usize> {
        self.classes.binary_search_by_key(&key, |class| class.key)
    }

    fn class(&self, key: ClassKey) -> Option<&Class> {
        Some(&self.classes[self.find(key).ok()?])
    }

    fn class_mut(&mut self, key: ClassKey) -> Option<&mut Class> {
        let at = self.find(key).ok()?;
        Some(&mut self.classes[at])
    }

    pub(super) fn contains(&self, spot: Spot) -> bool {
        let class = self.class(spot.class);
        class.is_some_and(|class| class.waiting.contains_key(&spot.order))
    }

    /// Takes the waker of one who waits. `None` if it does not.
    pub(super) fn take_waker(&mut self, spot: Spot) -> Option<Option<Waker>> {
        let class = self.class_mut(spot.class)?;
        class.waiting.get_mut(&spot.order).map(Option::take)
    }

    /// Keeps the waker of one who waits.
    pub(super) fn keep(&mut self, spot: Spot, waker: Waker) {
        if let Some(class) = self.class_mut(spot.class) {
            class.alerted_to = class.alerted_to.max(spot.order);
            class.waiting.insert(spot.order, Some(waker));
        }
    }

    /// Takes one in, who has no waker yet.
    pub(super) fn insert(&mut self, spot: Spot, fare: Fare) {
        let at = self.find(spot.class).unwrap_or_else(|at| {
            let (rank, stride) = shape(spot.class);
            let clock = self.clocks.entry(rank).or_default();
            let class = Class {
                key: spot.class,
                rank,
                stride,
                tag: *clock + stride,
                waiting: BTreeMap::new(),
                alerted_to: spot.order,
            };
            self.classes.insert(at, class);
            at
        });
        let class = &mut self.classes[at];
        if let Entry::Vacant(entry) = class.waiting.entry(spot.order) {
            entry.insert(None);
            self.len += 1;
            if fare == Fare::Paid {
                class.tag = class.tag.saturating_sub(class.stride);
            }
        }
    }

    /// Strikes one who waits, and returns its waker if it has one. `None` if it does not wait.
    pub(super) fn remove(&mut self, spot: Spot) -> Option<Option<Waker>> {
        let at = self.find(spot.class).ok()?;
        let class = &mut self.classes[at];
        let waker = class.waiting.remove(&spot.order)?;
        self.len -= 1;
        if spot.order.is_kept() {
            // Nobody comes back in its stead.
            class.tag += class.stride;
        }
        if class.waiting.is_empty() {
            self.classes.remove(at);
        }
        Some(waker)
    }

    /// Whose turn it is.
    fn next(&self) -> Option<usize> {
        let rank = self.classes.first()?.rank;
        let highest = self.classes.iter().take_while(|class| class.rank == rank);
        let next = highest.enumerate().min_by_key(|(_, class)| class.tag);
        next.map(|(at, _)| at)
    }

    /// Takes out the one whose turn it is.
    pub(super) fn pop_first(&mut self) -> Option<(Spot, Option<Waker>)> {
        let at = self.next()?;
        let class = &mut self.classes[at];
        let key = class.key;
        let (order, waker) = class.waiting.pop_first()?;
        let clock = self.clocks.entry(class.rank).or_default();
        *clock = (*clock).max(class.tag);
        class.tag += class.stride;
        self.len -= 1;
        if class.waiting.is_empty() {
            self.classes.remove(at);
        }
        Some((Spot { class: key, order }, waker))
    }

    /// Half of the way from the first to the last of a class that did not keep a place.
    pub(super) fn half_way(&self, class: ClassKey) -> Option<Order> {
        let waiting = &self.class(class)?.waiting;
        let (first, _) = waiting.range(Order(NOT_KEPT)..).next()?;
        let (last, _) = waiting.last_key_value()?;
        Some(Order(first.0 + (last.0 - first.0).div_ceil(2)))
    }

    /// Wakes the last `count` who were not woken yet: they stay longest, and were polled last, so that they
    /// are the likeliest to be alive. Those woken before are passed over at once: there may be as many as the
    /// line is long.
    pub(super) fn alert(&mut self, count: usize, wakes: &mut Wakes) {
        let mut left = count;
        for class in self.classes.iter_mut().rev() {
            for (order, waker) in class.waiting.range_mut(..=class.alerted_to).rev() {
                if left == 0 {
                    return;
                }
                class.alerted_to = *order;
                if let Some(waker) = waker.take() {
                    wakes.extend(Some(waker));
                    left -= 1;
                }
            }
        }
    }

    /// How many go before one who stands, or would stand, here, if nobody comes meanwhile. Those of its own
    /// class are counted up to `most`.
    pub(super) fn ahead(&self, spot: Spot, most: usize) -> usize {
        let (own, (rank, stride)) = (self.class(spot.class), shape(spot.class));
        let before = own.map_or(0, |class| {
            class.waiting.range(..spot.order).take(most).count()
        });
        let clock = self.clocks.get(&rank).copied().unwrap_or_default();
        let first = own.map_or(clock + stride, |class| class.tag);
        let tag = first.saturating_add(stride.saturating_mul(before as u64));
        let others = self.classes.iter().filter(|class| class.key != spot.class);
        let of_others = others.map(|class| {
            let waiting = class.waiting.len();
            if class.rank != rank {
                return if class.rank > rank { waiting } else { 0 };
            }
            // Of two with the same tag the one with the lesser key goes first.
            let until = tag.saturating_add(u64::from(class.key < spot.class));
            let due = until.saturating_sub(class.tag).div_ceil(class.stride);
            usize::try_from(due).map_or(waiting, |due| due.min(waiting))
        });
        before + of_others.sum::<usize>()
    }

    /// Takes all out, and wakes them.
    pub(super) fn close(&mut self, wakes: &mut Wakes) {
        self.len = 0;
        for class in self.classes.drain(..) {
            class
                .waiting
                .into_values()
                .for_each(|waker| wakes.extend(waker));
        }
    }
}
