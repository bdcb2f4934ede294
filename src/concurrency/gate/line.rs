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

use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
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
    /// How far apart its tags are.
    stride: u64,
    /// When its first goes, on the clock of its rank.
    tag: u64,
    /// `None`: woken since it last polled. To wake it again would tell it nothing new.
    waiting: BTreeMap<Order, Option<Waker>>,
    /// All who stand behind this one were woken to set the alarm, and did not come yet.
    alerted_to: Order,
}

/// When a class is next: by rank, the highest first, then by tag, and then by key.
type Turn = (Reverse<u8>, u64, ClassKey);

/// Those who wait to be called. Most gates of a table of gates never have any, so it takes no memory until then.
#[derive(Debug, Default)]
pub(super) struct Line(Option<Box<Classes>>);

/// The classes of those who wait.
#[derive(Debug, Default)]
struct Classes {
    classes: BTreeMap<ClassKey, Class>,
    /// Each class, in the order in which they go.
    turns: BTreeSet<Turn>,
    /// How far each rank has come.
    clocks: BTreeMap<u8, u64>,
    /// All classes behind this one have nobody left to alert.
    alerted_to: Option<ClassKey>,
    len: usize,
}

/// A class's rank and stride.
fn shape(class: ClassKey) -> (u8, u64) {
    let priority: Priority = class.priority();
    (priority.rank(), priority.stride(UNIT))
}

fn turn(class: ClassKey, tag: u64) -> Turn {
    (Reverse(class.priority().rank()), tag, class)
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |classes| classes.len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn contains(&self, spot: Spot) -> bool {
        let classes = self.0.as_ref();
        classes.is_some_and(|classes| classes.contains(spot))
    }

    /// Takes the waker of one who waits. `None` if it does not.
    pub(super) fn take_waker(&mut self, spot: Spot) -> Option<Option<Waker>> {
        self.0.as_mut()?.take_waker(spot)
    }

    /// Keeps the waker of one who waits.
    pub(super) fn keep(&mut self, spot: Spot, waker: Waker) {
        if let Some(classes) = &mut self.0 {
            classes.keep(spot, waker);
        }
    }

    /// Takes one in, who has no waker yet.
    pub(super) fn insert(&mut self, spot: Spot, fare: Fare) {
        self.0.get_or_insert_default().insert(spot, fare);
    }

    /// Strikes one who waits, and returns its waker if it has one. `None` if it does not wait.
    pub(super) fn remove(&mut self, spot: Spot) -> Option<Option<Waker>> {
        self.0.as_mut()?.remove(spot)
    }

    /// The one whose turn it is.
    pub(super) fn first(&self) -> Option<Spot> {
        self.0.as_ref()?.first()
    }

    /// Takes out the one whose turn it is.
    pub(super) fn pop_first(&mut self) -> Option<(Spot, Option<Waker>)> {
        self.0.as_mut()?.pop_first()
    }

    /// Half of the way from the first to the last of a class that did not keep a place.
    pub(super) fn half_way(&self, class: ClassKey) -> Option<Order> {
        self.0.as_ref()?.half_way(class)
    }

    /// Wakes the last `count` who were not woken yet: they stay longest, and were polled last, so that they
    /// are the likeliest to be alive. Those woken before are passed over at once: there may be as many as the
    /// line is long.
    pub(super) fn alert(&mut self, count: usize, wakes: &mut Wakes) {
        if let Some(classes) = &mut self.0 {
            classes.alert(count, wakes);
        }
    }

    /// How many go before one who stands, or would stand, here, if nobody comes meanwhile. Those of its own
    /// class are counted up to `most`.
    pub(super) fn ahead(&self, spot: Spot, most: usize) -> usize {
        let classes = self.0.as_ref();
        classes.map_or(0, |classes| classes.ahead(spot, most))
    }

    /// Takes all out, and wakes them.
    pub(super) fn close(&mut self, wakes: &mut Wakes) {
        if let Some(classes) = self.0.take() {
            classes.close(wakes);
        }
    }
}

impl Classes {
    fn contains(&self, spot: Spot) -> bool {
        let class = self.classes.get(&spot.class);
        class.is_some_and(|class| class.waiting.contains_key(&spot.order))
    }

    fn take_waker(&mut self, spot: Spot) -> Option<Option<Waker>> {
        let class = self.classes.get_mut(&spot.class)?;
        class.waiting.get_mut(&spot.order).map(Option::take)
    }

    fn keep(&mut self, spot: Spot, waker: Waker) {
        if let Some(class) = self.classes.get_mut(&spot.class) {
            class.alerted_to = class.alerted_to.max(spot.order);
            self.alerted_to = self.alerted_to.max(Some(spot.class));
            class.waiting.insert(spot.order, Some(waker));
        }
    }

    fn insert(&mut self, spot: Spot, fare: Fare) {
        let class = self.classes.entry(spot.class).or_insert_with(|| {
            let (rank, stride) = shape(spot.class);
            let clock = self.clocks.entry(rank).or_default();
            let tag = *clock + stride;
            self.turns.insert(turn(spot.class, tag));
            Class {
                stride,
                tag,
                waiting: BTreeMap::new(),
                alerted_to: spot.order,
            }
        });
        class.waiting.insert(spot.order, None);
        self.len += 1;
        if fare == Fare::Paid {
            let tag = class.tag.saturating_sub(class.stride);
            self.move_to(spot.class, tag);
        }
    }

    /// Changes when a class is next.
    fn move_to(&mut self, key: ClassKey, tag: u64) {
        if let Some(class) = self.classes.get_mut(&key) {
            self.turns.remove(&turn(key, class.tag));
            class.tag = tag;
            self.turns.insert(turn(key, tag));
        }
    }

    /// Forgets a class of which nobody waits any more.
    fn tidy(&mut self, key: ClassKey) {
        if let Entry::Occupied(class) = self.classes.entry(key) {
            if class.get().waiting.is_empty() {
                let class = class.remove();
                self.turns.remove(&turn(key, class.tag));
            }
        }
    }

    fn remove(&mut self, spot: Spot) -> Option<Option<Waker>> {
        let class = self.classes.get_mut(&spot.class)?;
        let waker = class.waiting.remove(&spot.order)?;
        self.len -= 1;
        if spot.order.is_kept() {
            // Nobody comes back in its stead.
            let tag = class.tag + class.stride;
            self.move_to(spot.class, tag);
        }
        self.tidy(spot.class);
        Some(waker)
    }

    fn first(&self) -> Option<Spot> {
        let (_, _, key) = self.turns.first()?;
        let (order, _) = self.classes.get(key)?.waiting.first_key_value()?;
        let (class, order) = (*key, *order);
        Some(Spot { class, order })
    }

    fn pop_first(&mut self) -> Option<(Spot, Option<Waker>)> {
        let (Reverse(rank), tag, key) = *self.turns.first()?;
        let class = self.classes.get_mut(&key)?;
        let (order, waker) = class.waiting.pop_first()?;
        let next = tag + class.stride;
        self.len -= 1;
        let clock = self.clocks.entry(rank).or_default();
        *clock = (*clock).max(tag);
        self.move_to(key, next);
        self.tidy(key);
        Some((Spot { class: key, order }, waker))
    }

    fn half_way(&self, class: ClassKey) -> Option<Order> {
        let waiting = &self.classes.get(&class)?.waiting;
        let (first, _) = waiting.range(Order(NOT_KEPT)..).next()?;
        let (last, _) = waiting.last_key_value()?;
        Some(Order(first.0 + (last.0 - first.0).div_ceil(2)))
    }

    fn alert(&mut self, count: usize, wakes: &mut Wakes) {
        let mut left = count;
        let Some(alerted_to) = self.alerted_to else {
            return;
        };
        for (key, class) in self.classes.range_mut(..=alerted_to).rev() {
            self.alerted_to = Some(*key);
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

    fn ahead(&self, spot: Spot, most: usize) -> usize {
        let (own, (rank, stride)) = (self.classes.get(&spot.class), shape(spot.class));
        let before = own.map_or(0, |class| {
            class.waiting.range(..spot.order).take(most).count()
        });
        let clock = self.clocks.get(&rank).copied().unwrap_or_default();
        let first = own.map_or(clock + stride, |class| class.tag);
        let tag = first.saturating_add(stride.saturating_mul(before as u64));
        let others = self.classes.iter().filter(|(key, _)| **key != spot.class);
        let of_others = others.map(|(key, class)| {
            let (waiting, other) = (class.waiting.len(), key.priority().rank());
            if other != rank {
                return if other > rank { waiting } else { 0 };
            }
            // Of two with the same tag the one with the lesser key goes first.
            let until = tag.saturating_add(u64::from(*key < spot.class));
            let due = until.saturating_sub(class.tag).div_ceil(class.stride);
            usize::try_from(due).map_or(waiting, |due| due.min(waiting))
        });
        before + of_others.sum::<usize>()
    }

    fn close(self, wakes: &mut Wakes) {
        for class in self.classes.into_values() {
            class
                .waiting
                .into_values()
                .for_each(|waker| wakes.extend(waker));
        }
    }
}
