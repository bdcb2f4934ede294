//! What was found out of a limit that nobody knows.

use super::ceiling::Ceiling;
use crate::fleet::report::{Capacity, Report};

/// Until anybody is refused, what a leader finds in its share is taken for what all would find, up to this many times
/// what there was.
const GROWTH: f64 = 2.0;
/// After that, a leader adds no more than this part to all in a period, and tries no more.
const STEP: f64 = 0.1;
/// Periods for which a pace is kept that the leader has given up.
pub(super) const KEEP_PACE: f64 = 10.0;

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Requests in flight.
    pub(super) places: f64,
    /// Requests per second, if there is a pace.
    pub(super) rate: Option<f64>,
    /// What members brought of it, or sent without one, when the store was lost.
    restored: f64,
    /// Until when a pace is kept that the leader has given up.
    pub(super) rate_until: f64,
    /// Whether anybody was refused yet.
    pub(super) is_met: bool,
    /// Where members were refused.
    pub(super) ceiling: Ceiling,
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

    /// How many places a leader may add to all, or try beside its own: none at which anybody was refused of late.
    pub(super) fn step(&self) -> f64 {
        let step = (STEP * self.places).max(1.0);
        step.min(self.ceiling.room(self.places))
    }

    /// The leader `had` places, and found that it `has` others.
    pub(super) fn find_places(&mut self, had: f64, has: f64) {
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
    pub(super) fn find_rate(&mut self, had: Option<f64>, has: f64, used: f64) {
        self.rate = Some(match (self.rate, had) {
            (Some(all), Some(had)) => all + (has - had).min(STEP * all),
            (Some(all), None) => all,
            (None, _) => has + used,
        });
    }
}
