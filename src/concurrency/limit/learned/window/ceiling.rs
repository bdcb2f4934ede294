//! The ceiling: what a refusal says of the window, and when to look above it.

use super::{Blame, Constants, Phase, Window, count};

/// So many looks come soon after others were found to hold all places. They are refusals of a client
/// that has few requests, so they are few among all.
const WANTING: u8 = 6;

impl Window {
    /// Reads what a refused request, sent as one of `level`, says of the window. `trouble` if it speaks
    /// of the server.
    pub(in super::super) fn blame(
        &mut self,
        now: f64,
        level: usize,
        settled: f64,
        trouble: bool,
    ) -> Blame {
        if matches!(self.phase, Phase::Probing { .. }) && level > self.size as usize {
            return Blame::Probe;
        }
        if !trouble && self.passed > 0 && self.phase == Phase::Growing && count(level) > self.passed
        {
            // The look got in by chance, just as another request left.
            return Blame::Probe;
        }
        if now - self.young_since > settled {
            self.taken = self.taken.max(self.young);
        }
        // The one refused was not taken, nor those beside it.
        self.young = self.young.min(count(level).saturating_sub(1));
        if count(level) > self.taken {
            Blame::Above
        } else {
            Blame::Within
        }
    }

    /// Whether a ceiling was found, and not below `level`.
    pub(in super::super) fn holds(&self, level: usize) -> bool {
        matches!(self.phase, Phase::Holding { .. }) && level <= self.size as usize
    }

    /// The look was refused: the next one comes twice as late, until it is rare.
    pub(in super::super) fn probe_refused(&mut self, constants: &Constants) {
        if let Phase::Probing { distance } = self.phase {
            let mut longest = self.longest(constants);
            if self.wanting > 0 {
                self.wanting -= 1;
                longest = longest.min((constants.probe_rounds * self.size) as f32);
            }
            self.hold((distance * 2.0).min(longest));
        } else {
            self.resize(f64::from(self.passed));
            self.hold(self.longest(constants));
        }
        self.passed = 0;
        self.young = self.young.min(self.size as u32);
    }

    /// A request was refused with no other in flight: others hold all places. A free one is looked for
    /// as often as by a client that has many, for a while.
    pub(in super::super) fn refused_alone(&mut self) {
        self.wanting = WANTING;
    }

    /// The server took `level` and no more.
    pub(in super::super) fn cut(&mut self, level: usize) {
        self.resize(level as f64);
        self.hold(2.0 * self.size as f32);
    }

    /// Stops growing where it is.
    pub(in super::super) fn stop(&mut self) {
        self.hold(2.0 * self.size as f32);
    }

    /// The most in flight that was not refused.
    pub(in super::super) fn taken(&self) -> u32 {
        self.taken
    }

    /// Forgets what the server took: it takes less now.
    pub(in super::super) fn forget(&mut self, now: f64) {
        self.taken = 0;
        (self.young, self.young_since) = (0, now);
    }

    pub(super) fn hold(&mut self, distance: f32) {
        self.phase = Phase::Holding {
            held: 0.0,
            distance,
        };
    }

    /// The answers between two looks above a ceiling that is confirmed.
    pub(super) fn longest(&self, constants: &Constants) -> f32 {
        constants
            .probe_requests
            .max(constants.probe_rounds * self.size) as f32
    }
}
