//! A limit that nobody knows: what its leader and the refusals of the others say of it.

use super::{Book, Entry};
use crate::fleet::report::{Capacity, Report};

/// Until anybody is refused, what a leader finds in its share is taken for what all would find, up to this many times
/// what there was.
const GROWTH: f64 = 2.0;
/// After that, a leader adds no more than this part to all in a period, and tries no more.
const STEP: f64 = 0.1;
/// Periods for which a pace is kept that the leader has given up.
const KEEP_PACE: f64 = 10.0;
/// A refusal takes at least this part of a follower's pace.
const MIN_CUT: f64 = 0.08;
/// ... and at most this.
const MAX_CUT: f64 = 0.2;

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Requests in flight.
    places: f64,
    /// Requests per second, if there is a pace.
    rate: Option<f64>,
    /// What members brought of it, or sent without one, when the store was lost.
    restored: f64,
    /// Until when a pace is kept that the leader has given up.
    rate_until: f64,
    /// Whether anybody was refused yet.
    is_met: bool,
}

impl Found {
    pub(super) fn capacity(&self) -> Capacity {
        Capacity {
            places: Some(self.places),
            rate: self.rate,
            burst: 0.0,
        }
    }

    /// A store that was lost is told what a member had.
    pub(super) fn restore(&mut self, now: f64, report: &Report) {
        self.places += report.places.unwrap_or(0.0);
        self.is_met |= report.places.is_some();
        self.restored += report.rate.unwrap_or(report.used);
        if report.rate.is_some() {
            self.rate_until = now + KEEP_PACE * report.period;
        }
        if report.rate.or(self.rate).is_some() {
            self.rate = Some(self.restored);
        }
    }

    fn step(&self) -> f64 {
        (STEP * self.places).max(1.0)
    }

    /// The leader `had` places, and found that it `has` others.
    fn find_places(&mut self, had: f64, has: f64) {
        let more = has - had;
        let places = if self.is_met || more <= 0.0 {
            self.places + more.min(self.step())
        } else {
            let times = (has / had.max(1.0)).min(GROWTH);
            (self.places + more).max(self.places * times)
        };
        self.places = places.max(1.0);
    }

    /// The leader keeps the pace `has`, of which it `had` a part, if there was one. The others send `used` per second.
    fn find_rate(&mut self, had: Option<f64>, has: f64, used: f64) {
        self.rate = Some(match (self.rate, had) {
            (Some(all), Some(had)) => all + (has - had).min(STEP * all),
            (Some(all), None) => all,
            (None, _) => has + used,
        });
    }
}

impl Book {
    /// Reads from a report what the limit is.
    pub(super) fn find(&mut self, now: f64, report: &Report, index: usize) {
        self.found.is_met |= report.refused > 0;
        if now >= self.found.rate_until {
            self.found.rate = None;
        }
        if self.leader.as_ref() == Some(&report.id) {
            self.lead(now, report, index);
        } else if report.refused > 0 {
            self.cut(report, index);
        }
    }

    /// The leader's own limit is a sample of all.
    fn lead(&mut self, now: f64, report: &Report, index: usize) {
        let used = self.held_by_others(index, |entry| entry.used);
        let entry = &self.members[index];
        let had = entry.places.filter(|_| report.led);
        // One that has no answer yet has found nothing.
        if let (Some(had), Some(has), true) = (had, report.places, report.used > 0.0) {
            self.found.find_places(had, has);
        }
        self.found.places = self.found.places.max(1.0);
        if let Some(rate) = report.rate {
            self.found.rate_until = now + KEEP_PACE * report.period;
            let had = entry.rate.filter(|_| report.led);
            self.found.find_rate(had, rate, used);
        }
    }

    /// A refusal of a follower says that all have too much.
    fn cut(&mut self, report: &Report, index: usize) {
        let entry = &self.members[index];
        let found = &mut self.found;
        match (&mut found.rate, entry.rate) {
            (Some(all), Some(rate)) if rate > 0.0 => {
                *all -= rate * (1.0 - report.used / rate).clamp(MIN_CUT, MAX_CUT);
            }
            _ => {
                // A burst that was refused was far too much; a single one is a place too many.
                let cut = (report.refused as f64).min(entry.places.unwrap_or(0.0)) / 2.0;
                found.places = (found.places - cut.floor().max(1.0)).max(1.0);
            }
        }
    }

    /// How many places beside its own a member may try.
    pub(super) fn spare(&self, entry: &Entry) -> Option<f64> {
        let leads = self.leader.as_ref() == Some(&entry.id);
        let has_turn = entry.places.is_some_and(|places| places >= 1.0);
        let spare = if has_turn {
            self.found.step().floor()
        } else {
            0.0
        };
        (leads && self.found.is_met).then_some(spare)
    }
}
