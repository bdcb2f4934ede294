//! The protocol: what a store does with a report.
//!
//! It is pure arithmetic, told the time. The script for Redis (`redis.lua`) is this file in another language, and is
//! tested against it, answer by answer.

mod ceiling;
mod divide;
mod find;
mod found;
mod share;

use self::found::Found;
use self::share::Want;
use super::report::{Capacity, Grant, Report, Row};

// All times are in periods of whoever reports.

/// A member that was not heard of for so long is gone.
const LEASE: f64 = 2.0;
/// A store of which nothing was heard for so long was away.
const AWAY: f64 = 1.5;
/// For so long after a restart nobody gets more than it had.
const LEARN: f64 = 4.0;
/// For so long a capacity counts that nobody tells any more.
const KEEP_CAPACITY: f64 = 120.0;
/// How long a turn lasts where places cannot be divided equally.
const TURN: f64 = 8.0;
/// Sums that differ by less than this part are alike.
const ALIKE: f64 = 0.05;

/// Who shares a limit, and what each of them has of it.
///
/// The sum of what members have is never more than the capacity, if that is known. See [`fleet`](super) for the rules.
///
/// # Examples
///
/// ```
/// use tower_throttle::fleet::{Book, Capacity, Report};
///
/// let mut book = Book::default();
/// let mut sync = |now: f64, id: &str| {
///     let mut report = Report::default();
///     (report.id, report.period, report.wants) = (id.into(), 500.0, 100);
///     report.capacity = Capacity::unknown().places(40);
///     book.sync(now, &report).places
/// };
/// // In the first period nobody gets anything: others may have a share of a store that was lost.
/// assert_eq!([sync(0.0, "a"), sync(1.0, "b")], [Some(0.0), Some(0.0)]);
/// assert_eq!([sync(500.0, "a"), sync(501.0, "b")], [Some(20.0), Some(20.0)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Book {
    /// When it began. `None` while it is empty.
    made: Option<f64>,
    /// Until when nobody gets more than it had.
    learns_until: f64,
    /// When it was called last.
    last: f64,
    leader: Option<String>,
    pause_until: f64,
    /// Until when members may have more than there is: one was out of reach, and its share was given to others.
    over_until: f64,
    capacity: Capacity,
    capacity_until: f64,
    /// What was found out so far, where nothing is known.
    found: Found,
    members: Vec<Entry>,
}

/// A member.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    id: String,
    /// When it counts as gone.
    ends: f64,
    wants: f64,
    busy: f64,
    used: f64,
    places: Option<f64>,
    rate: Option<f64>,
}

impl Entry {
    /// Whether it can find more than there is known to be: it has a place, and work that waits.
    fn can_find(&self) -> bool {
        let places = self.places.unwrap_or(0.0);
        places >= 1.0 && self.wants > places.min(self.busy)
    }
}

impl Book {
    /// Takes a member's report in, and says what it has from `now` on, in milliseconds.
    pub fn sync(&mut self, now: f64, report: &Report) -> Grant {
        self.wake(now, report.period);
        self.expire(now);
        if report.leaves {
            self.remove(|entry| entry.id == report.id);
            let grant = self.grant(now, None);
            if self.members.is_empty() {
                *self = Self::default();
            }
            return grant;
        }
        let index = self.enter(now, report);
        self.hear(now, report);
        self.elect(now, report, index);
        if !self.capacity.is_known() {
            self.find(now, report, index);
        }
        self.divide(now, report, index);
        self.grant(now, Some(index))
    }

    /// Returns the members that were heard of, in the order in which they came.
    #[must_use]
    pub fn members(&self) -> Vec<Row> {
        let row = |entry: &Entry| Row {
            id: entry.id.clone(),
            wants: entry.wants as u64,
            in_flight: entry.busy as u64,
            used: entry.used,
            places: entry.places,
            rate: entry.rate,
            leads: self.leader.as_ref() == Some(&entry.id),
            is_own: false,
        };
        self.members.iter().map(row).collect()
    }

    /// The store begins, or was away: then nobody could report, and nobody is gone for that.
    fn wake(&mut self, now: f64, period: f64) {
        if now - self.last > KEEP_CAPACITY * period {
            *self = Self::default();
        }
        if self.made.is_none() {
            self.made = Some(now);
            self.learns_until = now + period;
        } else if now - self.last > AWAY * period {
            for entry in &mut self.members {
                entry.ends = entry.ends.max(now + LEASE * period);
            }
        }
        self.last = now;
    }

    fn expire(&mut self, now: f64) {
        self.remove(|entry| entry.ends < now);
        if self.capacity_until < now {
            self.capacity = Capacity::default();
        }
    }

    /// Members go. What they had is for the others.
    fn remove(&mut self, goes: impl Fn(&Entry) -> bool) {
        self.members.retain(|entry| {
            let goes = goes(entry);
            if goes && self.leader.as_ref() == Some(&entry.id) {
                self.leader = None;
            }
            !goes
        });
    }

    /// The line of whoever reports.
    fn enter(&mut self, now: f64, report: &Report) -> usize {
        let found = self.members.iter().position(|entry| entry.id == report.id);
        let index = found.unwrap_or_else(|| self.admit(now, report));
        let entry = &mut self.members[index];
        entry.ends = now + LEASE * report.period;
        entry.wants = report.wants as f64;
        entry.busy = report.in_flight as f64;
        entry.used = report.used;
        index
    }

    /// A member that is new here, or was thought to be gone.
    fn admit(&mut self, now: f64, report: &Report) -> usize {
        let brings = report.places.is_some() || report.rate.is_some();
        let made = self.made.unwrap_or(now);
        if brings && now < made + LEARN * report.period {
            // The store was lost, and others may bring what they had.
            self.learns_until = self.learns_until.max(made + LEARN * report.period);
        }
        let learns = now < self.learns_until;
        if learns && !self.capacity.is_known() {
            self.found.restore(now, report);
        }
        self.members.push(Entry {
            id: report.id.clone(),
            ends: 0.0,
            wants: 0.0,
            busy: 0.0,
            used: 0.0,
            places: report.places.filter(|_| learns),
            rate: report.rate.filter(|_| learns),
        });
        self.members.len() - 1
    }

    /// What is everybody's affair.
    fn hear(&mut self, now: f64, report: &Report) {
        self.pause_until = self.pause_until.max(now + report.pause);
        if report.capacity.is_known() {
            self.capacity = report.capacity;
            self.capacity_until = now + KEEP_CAPACITY * report.period;
        }
    }

    /// One finds out what the limit is, if nobody knows it: one that has work.
    fn elect(&mut self, now: f64, report: &Report, index: usize) {
        if self.capacity.is_known() {
            self.leader = None;
            return;
        }
        let me = &self.members[index];
        let leader = self.leader.as_ref();
        let leader = self.members.iter().find(|entry| Some(&entry.id) == leader);
        let next = match leader {
            None if report.led || !self.is_restored(now, report.period) => Some(me),
            // It has nothing to do, and others have.
            Some(leader) if leader.id == me.id => {
                let others_work = self.members.iter().any(|entry| entry.wants > 0.0);
                Some(leader).filter(|_| me.wants > 0.0 || !others_work)
            }
            Some(leader) if me.can_find() && !leader.can_find() => Some(me),
            leader => leader,
        };
        self.leader = next.map(|entry| entry.id.clone());
    }

    /// Whether the store was lost a moment ago, and members bring what they had.
    fn is_restored(&self, now: f64, period: f64) -> bool {
        now < self.learns_until && self.learns_until > self.made.unwrap_or(now) + period
    }

    /// What members can do with a pace: without a place, nothing.
    fn wants_of_rate(&self) -> Vec<Want> {
        let mut wants = self.wants();
        for (want, entry) in wants.iter_mut().zip(&self.members) {
            if entry.places == Some(0.0) {
                *want = Want::default();
            }
        }
        wants
    }

    fn wants(&self) -> Vec<Want> {
        let want = |entry: &Entry| Want {
            wants: entry.wants,
            busy: entry.busy,
            used: entry.used,
        };
        self.members.iter().map(want).collect()
    }

    fn fair_places(&self, now: f64, period: f64, total: f64, index: usize) -> f64 {
        let turn = (now / (TURN * period)).floor();
        share::places(total, &self.wants(), index, turn)
    }

    fn grant(&self, now: f64, index: Option<usize>) -> Grant {
        let entry = index.map(|index| &self.members[index]);
        let rate = entry.and_then(|entry| entry.rate);
        let part = rate
            .zip(self.capacity.rate)
            .map(|(rate, total)| rate / total);
        Grant {
            at: now,
            places: entry.and_then(|entry| entry.places),
            rate,
            burst: self.capacity.burst * part.unwrap_or(0.0),
            leads: entry.is_some_and(|entry| self.leader.as_ref() == Some(&entry.id)),
            is_known: self.capacity.is_known(),
            is_over: now < self.over_until,
            spare: entry.and_then(|entry| self.spare(entry)),
            pause: (self.pause_until - now).max(0.0),
            members: self.members.len() as u64,
        }
    }
}
