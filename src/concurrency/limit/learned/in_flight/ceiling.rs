//! The ceiling: what a refusal is attributed to, and when to probe above a ceiling.

use super::earlier::Earlier;
use super::{Attribution, InFlightLimit, Phase, Reason, Tuning, count};

/// How much rarer probes are above a ceiling that an earlier run has confirmed, and this one again.
const RARER: f64 = 4.0;

impl InFlightLimit {
    /// Attributes the refusal of a request sent at `level`. `overload` if it speaks of the server.
    /// Updates the proven level.
    pub(in super::super) fn attribute(
        &mut self,
        now: f64,
        level: usize,
        refusal_timeout: f64,
        overload: bool,
    ) -> Attribution {
        if matches!(self.phase, Phase::Probing { .. }) && level > self.size as usize {
            return Attribution::Probe;
        }
        let passed = |ceiling| count(level) > ceiling;
        if !overload
            && self.phase == Phase::SlowStart
            && self.provisional_ceiling.is_some_and(passed)
        {
            // The probe was accepted by chance, as another request ended.
            return Attribution::Probe;
        }
        if now - self.unproven_since > refusal_timeout {
            self.proven_level = self.proven_level.max(self.unproven_level);
        }
        // Neither the refused request nor those beside it are proven.
        self.unproven_level = self.unproven_level.min(count(level).saturating_sub(1));
        if count(level) > self.proven_level {
            Attribution::Above
        } else {
            Attribution::Within
        }
    }

    /// Whether a ceiling was found at `level` or above.
    pub(in super::super) fn has_ceiling_at(&self, level: usize) -> bool {
        matches!(self.phase, Phase::Steady { .. }) && level <= self.size as usize
    }

    /// The probe was refused. The next one comes twice as late, until probes are rare.
    pub(in super::super) fn probe_refused(&mut self, tuning: &Tuning) {
        if let Phase::Probing { interval } = self.phase {
            let mut max_probe_interval = self.max_probe_interval(tuning);
            if self.urgent_probes > 0 {
                self.urgent_probes -= 1;
                max_probe_interval = max_probe_interval.min(tuning.probe_rounds * self.size);
            }
            self.enter_steady((interval * 2.0).min(max_probe_interval));
        } else {
            if let Some(ceiling) = self.provisional_ceiling {
                self.resize(f64::from(ceiling));
            }
            self.enter_steady(self.max_probe_interval(tuning));
        }
        self.why = Reason::ProbeRefused.into();
        self.provisional_ceiling = None;
        self.unproven_level = self.unproven_level.min(self.size as u32);
    }

    /// A request was refused with no other in flight, so other clients hold all places. For a
    /// while, probes come as often as those of a client with many.
    pub(in super::super) fn refused_alone(&mut self, tuning: &Tuning) {
        self.urgent_probes = tuning.urgent_probes as u8;
    }

    /// The server accepts `level` and no more.
    pub(in super::super) fn cut(&mut self, level: usize, tuning: &Tuning) {
        self.earlier = Earlier::None;
        self.resize(level as f64);
        self.why = Reason::RefusedAbove.into();
        self.enter_steady(tuning.first_probe_rounds * self.size);
    }

    /// Stops growing at the present size.
    pub(in super::super) fn stop(&mut self, tuning: &Tuning) {
        self.why = Reason::RateBinds.into();
        self.enter_steady(tuning.first_probe_rounds * self.size);
    }

    /// Grows again, because what stopped it came at random.
    pub(in super::super) fn resume(&mut self) {
        self.phase = Phase::SlowStart;
        self.why = Reason::AtRandom.into();
    }

    /// The highest level accepted since the last refusal.
    pub(in super::super) fn proven_level(&self) -> u32 {
        self.proven_level
    }

    /// Forgets what the server accepted, because it accepts less now.
    pub(in super::super) fn forget_proven(&mut self, now: f64) {
        self.proven_level = 0;
        (self.unproven_level, self.unproven_since) = (0, now);
    }

    pub(super) fn enter_steady(&mut self, interval: f64) {
        self.earlier.end_growth();
        self.phase = Phase::Steady {
            answers: 0.0,
            interval,
        };
    }

    /// The answers between two probes above a confirmed ceiling.
    pub(super) fn max_probe_interval(&self, tuning: &Tuning) -> f64 {
        let interval = tuning.probe_requests.max(tuning.probe_rounds * self.size);
        if self.earlier == Earlier::Met {
            RARER * interval
        } else {
            interval
        }
    }
}
