//! A limit that an earlier run has found.

use super::earlier::Earlier;
use super::{InFlightLimit, Phase, Reason, Tuning, count};
use crate::concurrency::learnt::Ceiling;

/// By how many requests it grows to what an earlier run has found, in the time in which a refusal would have come.
const REGROWN: f64 = 8.0;

impl InFlightLimit {
    /// The limit, and how well it is known.
    pub(in super::super) fn found(&self, tuning: &Tuning) -> (usize, Ceiling) {
        let of = |interval: f64| {
            if interval >= self.max_probe_interval(tuning) {
                Ceiling::Confirmed
            } else {
                Ceiling::Found
            }
        };
        let (size, ceiling) = match (self.phase, self.earlier, self.provisional_ceiling) {
            (_, Earlier::Grown { level, ceiling }, _) if ceiling != Ceiling::Unknown => {
                (f64::from(level), ceiling)
            }
            (Phase::SlowStart, _, Some(ceiling)) => (f64::from(ceiling), Ceiling::Confirmed),
            (Phase::SlowStart, ..) => (self.size, Ceiling::Unknown),
            (Phase::Steady { interval, .. } | Phase::Probing { interval }, ..) => {
                (self.size, of(interval))
            }
            (Phase::Comparing { upper, .. }, ..) => (upper, Ceiling::Unknown),
        };
        (size.max(1.0) as usize, ceiling)
    }

    /// Begins with what an earlier run has found: grows up to that as fast as a refusal would show that it is less.
    pub(in super::super) fn begin_at(&mut self, level: usize, ceiling: Ceiling, tuning: &Tuning) {
        let level = count(level).clamp(self.min, self.max);
        self.phase = Phase::SlowStart;
        self.stage_target = level.max(count(tuning.free as usize));
        self.earlier = Earlier::Grown { level, ceiling };
        self.resize(self.size.min(f64::from(level)));
        self.why = Reason::Resumed.into();
        self.stop_at_known_ceiling(tuning);
    }

    /// The least time in which it grows by one, so that a refusal finds only one or two others under way: what an earlier
    /// run has found may be far too much.
    pub(super) fn least_spacing(&self, refusal_timeout: f64) -> f64 {
        if let Earlier::Grown { .. } = self.earlier {
            refusal_timeout / REGROWN
        } else {
            0.0
        }
    }

    /// Growth ends at a ceiling that an earlier run has found. The first probe above it comes soon; if that is refused,
    /// what was confirmed before is confirmed again.
    pub(super) fn stop_at_known_ceiling(&mut self, tuning: &Tuning) {
        let Earlier::Grown { level, ceiling } = self.earlier else {
            return;
        };
        if ceiling == Ceiling::Unknown || self.size < f64::from(level) {
            return;
        }
        let confirmed = ceiling == Ceiling::Confirmed;
        self.earlier = if confirmed {
            Earlier::Met
        } else {
            Earlier::None
        };
        let first = tuning.first_probe_rounds * self.size;
        let rarest = self.max_probe_interval(tuning);
        let interval = if confirmed { rarest } else { first };
        self.phase = Phase::Steady {
            answers: interval - first,
            interval,
        };
    }

    /// One with the same bounds that knows nothing.
    pub(in super::super) fn forgotten(&self, free: f64) -> Self {
        Self::new(1, self.min as usize, self.max as usize, free)
    }
}
