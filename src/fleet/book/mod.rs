//! The protocol: what a store does with a report.
//!
//! It is pure arithmetic, told the time. The script for Redis (`redis.lua`) is this file in another language, and is
//! tested against it, answer by answer.

mod known;
mod share;

use self::share::Want;
use super::report::{Capacity, Grant, Report, Row};

// All times are in periods of whoever reports.

/// A member that was not heard of for so long is gone.
const LEASE: f64 = 2.0;
/// A store of which nothing was heard for so long was away.
const AWAY: f64 = 1.5;
/// For so long after a restart nobody gets more than it had.
const LEARN: f64 = 4.0;
/// For so long after the leader's pace ended the others keep theirs.
const KEEP_PACE: f64 = 40.0;
/// For so long a capacity counts that nobody tells any more.
const KEEP_CAPACITY: f64 = 120.0;
/// How long a turn lasts where there are fewer places than members.
const TURN: f64 = 4.0;

/// A refusal takes at least this part of a follower's pace.
const MIN_CUT: f64 = 0.08;
/// ... and at most this.
const MAX_CUT: f64 = 0.2;
/// Who has more pace than its fair share gives this part of the difference in a period.
const GIVEN: f64 = 0.8;
/// Paces that differ by less than this part are alike.
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
    /// Until when the others keep a pace that the leader has given up.
    paced_until: f64,
    pause_until: f64,
    /// Until when members may have more than there is: one was out of reach, and its share was given to others.
    over_until: f64,
    capacity: Capacity,
    capacity_until: f64,
    /// Places that nobody has. Of a limit that is not known only.
    pool_places: f64,
    /// Requests per second that nobody has.
    pool_rate: f64,
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
        if self.capacity.is_known() {
            self.divide(now, report, index);
        } else if self.leader.as_ref() == Some(&report.id) {
            self.lead(now, report, index);
        } else {
            self.follow(now, report, index);
        }
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

    /// Members go. What they found or had of an unknown limit is for the others.
    fn remove(&mut self, goes: impl Fn(&Entry) -> bool) {
        let known = self.capacity.is_known();
        self.members.retain(|entry| {
            let goes = goes(entry);
            if goes && !known {
                self.pool_places += entry.places.unwrap_or(0.0);
                self.pool_rate += entry.rate.unwrap_or(0.0);
            }
            if goes && self.leader.as_ref() == Some(&entry.id) {
                self.leader = None;
            }
            !goes
        });
    }

    /// The line of whoever reports. What it brings is what it has: a reply may have been lost.
    fn enter(&mut self, now: f64, report: &Report) -> usize {
        let leads = self.leader.as_ref() == Some(&report.id);
        let found = self.members.iter().position(|entry| entry.id == report.id);
        let index = found.unwrap_or_else(|| self.admit(now, report));
        let entry = &mut self.members[index];
        if found.is_some() && !self.capacity.is_known() && !leads {
            if let (Some(places), Some(held)) = (entry.places, report.places) {
                self.pool_places = (self.pool_places + places - held).max(0.0);
                entry.places = Some(held);
            }
            if let (Some(rate), Some(held)) = (entry.rate, report.rate) {
                self.pool_rate = (self.pool_rate + rate - held).max(0.0);
                entry.rate = Some(held);
            }
        }
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
        let (mut places, mut rate) = (report.places.unwrap_or(0.0), report.rate);
        if now >= self.learns_until {
            places = places.min(self.pool_places);
            self.pool_places -= places;
            rate = rate.map(|rate| rate.min(self.pool_rate));
            self.pool_rate -= rate.unwrap_or(0.0);
        }
        self.members.push(Entry {
            id: report.id.clone(),
            ends: 0.0,
            wants: 0.0,
            busy: 0.0,
            used: 0.0,
            places: Some(places),
            rate,
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
        let mut entries = self.members.iter().enumerate();
        let others_work = entries.any(|(other, entry)| other != index && entry.wants > 0.0);
        let idle = report.wants == 0 && others_work;
        match &self.leader {
            Some(leader) if *leader == report.id && idle => self.leader = None,
            None if !idle && (report.led || !self.is_restored(now, report.period)) => {
                self.leader = Some(report.id.clone());
            }
            _ => {}
        }
    }

    /// Whether the store was lost a moment ago, and members bring what they had.
    fn is_restored(&self, now: f64, period: f64) -> bool {
        now < self.learns_until && self.learns_until > self.made.unwrap_or(now) + period
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
        share::places(total, &self.wants(), index, (now / (TURN * period)).floor())
    }

    /// The leader tells what it found. What is above its fair share goes to the others, step by step.
    fn lead(&mut self, now: f64, report: &Report, index: usize) {
        let entry = &mut self.members[index];
        // One that has no answer yet has found nothing.
        let answered = report.used > 0.0;
        entry.places = report.places.or(entry.places);
        entry.rate = report.rate;
        if entry.rate.is_some() {
            self.paced_until = now + KEEP_PACE * report.period;
        } else if self.paced_until <= now {
            self.pool_rate = 0.0;
        }
        if answered {
            self.balance_places(now, report.period, index);
            self.balance_rate(index);
        }
    }

    /// A follower's share stands still, but for what a refusal takes and for what makes it fair.
    fn follow(&mut self, now: f64, report: &Report, index: usize) {
        let entry = &mut self.members[index];
        if self.paced_until <= now {
            entry.rate = None;
        } else if entry.rate.is_none() {
            entry.rate = Some(report.used);
        }
        if report.refused == 0 {
            self.balance_places(now, report.period, index);
            self.balance_rate(index);
            return;
        }
        // What a refusal takes goes to nobody, or the sum would stay too high.
        match &mut entry.rate {
            Some(rate) if *rate > 0.0 => {
                let over = (1.0 - report.used / *rate).clamp(MIN_CUT, MAX_CUT);
                *rate *= 1.0 - over;
            }
            _ => {
                // A burst that was refused was far too much; a single one is a place too many.
                entry.places = entry.places.map(|places| {
                    let cut = (report.refused as f64).min(places) / 2.0;
                    (places - cut.floor().max(1.0)).max(1.0)
                });
            }
        }
    }

    /// Half of the places above the fair share go to those below theirs.
    fn balance_places(&mut self, now: f64, period: f64, index: usize) {
        let held = self.members.iter().map(|entry| entry.places.unwrap_or(0.0));
        let total = self.pool_places + held.sum::<f64>();
        let fair = self.fair_places(now, period, total, index);
        let mine = self.members[index].places.unwrap_or(0.0);
        let given = if mine - fair >= 2.0 {
            ((mine - fair) / 2.0).floor()
        } else {
            -(fair - mine).max(0.0).min(self.pool_places.floor())
        };
        self.pool_places += given;
        self.members[index].places = Some(mine - given);
    }

    fn balance_rate(&mut self, index: usize) {
        let Some(mine) = self.members[index].rate else {
            return;
        };
        let held = self.members.iter().map(|entry| entry.rate.unwrap_or(0.0));
        let total = self.pool_rate + held.sum::<f64>();
        let fair = share::rate(total, &self.wants(), index);
        let given = if mine > fair * (1.0 + ALIKE) {
            (mine - fair) * GIVEN
        } else {
            -(fair - mine).max(0.0).min(self.pool_rate)
        };
        self.pool_rate += given;
        self.members[index].rate = Some(mine - given);
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
            pause: (self.pause_until - now).max(0.0),
            members: self.members.len() as u64,
        }
    }
}
