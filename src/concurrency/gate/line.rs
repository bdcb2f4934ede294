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

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::task::Waker;
use std::time::Duration;

use super::wakes::Wakes;
use crate::priority::Priority;

/// How far apart the tags of a class of weight 1 are. Weights go up to 2^16, and tags last for 2^40 calls.
const UNIT: u64 = 1 << 24;

/// Where a waiter stands within its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// In front, by when it came first: it kept its place.
    Kept(u64),
    /// By when it is due, and by when it came.
    Due(Duration, u64),
}

impl Order {
    /// The number that tells when it came.
    pub(super) fn ticket(self) -> u64 {
        match self {
            Self::Kept(ticket) | Self::Due(_, ticket) => ticket,
        }
    }

    /// The same place with another number.
    pub(super) fn with_ticket(self, ticket: u64) -> Self {
        match self {
            Self::Kept(_) => Self::Kept(ticket),
            Self::Due(due, _) => Self::Due(due, ticket),
        }
    }
}

/// Where a waiter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) priority: Priority,
    pub(super) order: Order,
}

impl Ord for Spot {
    fn cmp(&self, other: &Self) -> Ordering {
        let classes = self.priority.key().cmp(&other.priority.key());
        classes.then(self.order.cmp(&other.order))
    }
}

impl PartialOrd for Spot {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
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
    priority: Priority,
    /// When its first goes, on the clock of its rank.
    tag: u64,
    /// `None`: woken since it last polled. To wake it again would tell it nothing new.
    waiting: BTreeMap<Order, Option<Waker>>,
    /// All who stand behind this one were woken to set the alarm, and did not come yet.
    alerted_to: Order,
}

impl Class {
    fn stride(&self) -> u64 {
        self.priority.stride(UNIT)
    }
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

    fn find(&self, priority: Priority) -> Result<usize, usize> {
        let key = priority.key();
        self.classes
            .binary_search_by_key(&key, |class| class.priority.key())
    }

    fn class(&self, priority: Priority) -> Option<&Class> {
        Some(&self.classes[self.find(priority).ok()?])
    }

    fn class_mut(&mut self, priority: Priority) -> Option<&mut Class> {
        let at = self.find(priority).ok()?;
        Some(&mut self.classes[at])
    }

    pub(super) fn contains(&self, spot: Spot) -> bool {
        let class = self.class(spot.priority);
        class.is_some_and(|class| class.waiting.contains_key(&spot.order))
    }

    /// Takes the waker of one who waits. `None` if it does not.
    pub(super) fn take_waker(&mut self, spot: Spot) -> Option<Option<Waker>> {
        let class = self.class_mut(spot.priority)?;
        class.waiting.get_mut(&spot.order).map(Option::take)
    }

    /// Keeps the waker of one who waits.
    pub(super) fn keep(&mut self, spot: Spot, waker: Waker) {
        if let Some(class) = self.class_mut(spot.priority) {
            class.alerted_to = class.alerted_to.max(spot.order);
            class.waiting.insert(spot.order, Some(waker));
        }
    }

    /// Takes one in, who has no waker yet.
    pub(super) fn insert(&mut self, spot: Spot, fare: Fare) {
        let at = self.find(spot.priority).unwrap_or_else(|at| {
            let clock = self.clocks.entry(spot.priority.rank()).or_default();
            let class = Class {
                priority: spot.priority,
                tag: *clock + spot.priority.stride(UNIT),
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
                class.tag = class.tag.saturating_sub(class.stride());
            }
        }
    }

    /// Strikes one who waits, and returns its waker if it has one. `None` if it does not wait.
    pub(super) fn remove(&mut self, spot: Spot) -> Option<Option<Waker>> {
        let at = self.find(spot.priority).ok()?;
        let class = &mut self.classes[at];
        let waker = class.waiting.remove(&spot.order)?;
        self.len -= 1;
        if let Order::Kept(_) = spot.order {
            // Nobody comes back in its stead.
            class.tag += class.stride();
        }
        if class.waiting.is_empty() {
            self.classes.remove(at);
        }
        Some(waker)
    }

    /// Whose turn it is.
    fn next(&self) -> Option<usize> {
        let rank = self.classes.first()?.priority.rank();
        let highest = self
            .classes
            .iter()
            .take_while(|class| class.priority.rank() == rank);
        let next = highest.enumerate().min_by_key(|(_, class)| class.tag);
        next.map(|(at, _)| at)
    }

    /// Takes out the one whose turn it is.
    pub(super) fn pop_first(&mut self) -> Option<(Spot, Option<Waker>)> {
        let at = self.next()?;
        let class = &mut self.classes[at];
        let priority = class.priority;
        let (order, waker) = class.waiting.pop_first()?;
        let clock = self.clocks.entry(priority.rank()).or_default();
        *clock = (*clock).max(class.tag);
        class.tag += class.stride();
        self.len -= 1;
        if class.waiting.is_empty() {
            self.classes.remove(at);
        }
        Some((Spot { priority, order }, waker))
    }

    /// Half of the way from the first to the last of a class that did not keep a place.
    pub(super) fn half_way(&self, priority: Priority) -> Option<Order> {
        let waiting = &self.class(priority)?.waiting;
        let (Order::Due(first, from), Order::Due(last, to)) = (
            *waiting.range(Order::Due(Duration::ZERO, 0)..).next()?.0,
            *waiting.last_key_value()?.0,
        ) else {
            return None;
        };
        let ticket = if first == last {
            from + (to - from).div_ceil(2)
        } else {
            from
        };
        Some(Order::Due(first + (last - first) / 2, ticket))
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
        let (own, rank) = (self.class(spot.priority), spot.priority.rank());
        let before = own.map_or(0, |class| {
            class.waiting.range(..spot.order).take(most).count()
        });
        let stride = spot.priority.stride(UNIT);
        let clock = self.clocks.get(&rank).copied().unwrap_or_default();
        let first = own.map_or(clock + stride, |class| class.tag);
        let tag = first.saturating_add(stride.saturating_mul(before as u64));
        let key = spot.priority.key();
        let others = self
            .classes
            .iter()
            .filter(|class| class.priority.key() != key);
        let of_others = others.map(|class| {
            let waiting = class.waiting.len();
            if class.priority.rank() != rank {
                return if class.priority.rank() > rank {
                    waiting
                } else {
                    0
                };
            }
            // Of two with the same tag the one with the lesser key goes first.
            let until = tag + u64::from(class.priority.key() < key);
            let due = until.saturating_sub(class.tag).div_ceil(class.stride());
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
