//! The constants, each with its reason.

/// The constants of [`Learned`](super::Learned).
///
/// None is tuned to an API: each is a cost, a share or a level of confidence. They are public so
/// that they can be swept; there is no need to change them. A number that is infinite, none at all, zero
/// or less is replaced by the default.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Constants {
    /// How many may be in flight before any answer: 16, one after another in the time that a refusal
    /// takes. So many are a burden to nobody.
    pub free: f64,
    /// How much farther the window may grow when a third of a window was answered: 2 times. A server
    /// that slows down and never refuses is overrun by little more than that.
    pub reach: f64,
    /// How many sends a round trip's worth of the window is spread over while it grows: 4 times the
    /// window. Growth never comes as a burst that a shallow bucket would refuse.
    pub spread: f64,
    /// The requests between two looks above a ceiling that was confirmed, at the least: 64. A look
    /// that fails costs one refusal: 16 in 1,000.
    pub probe_requests: f64,
    /// The round trips between two looks above a confirmed ceiling, at the least: 4. A limit that
    /// rose is found within so many.
    pub probe_rounds: f64,
    /// How much slower answers must be than at lower levels before growth is held not to pay: 1.25
    /// times.
    pub slower: f64,
    /// ... and by how many standard errors, so that noise stops nothing: 2.5.
    pub confidence: f64,
    /// How much the pace keeps below the rate that was measured: 0.01. The bucket stays just above
    /// empty and takes up what is uneven.
    pub margin: f64,
    /// The first step in which a pace that holds grows, doubled with each step that holds: 0.01.
    pub step: f64,
    /// How many requests' worth of excess a step may cost before the next: 0.5, doubled as the
    /// rate is confirmed up to four times that. With steps of 1 % these are 50 to 200 requests.
    pub excess: f64,
    /// The longest step of a pace: 0.25, also the first one while the rate is known only from
    /// below.
    pub max_step: f64,
    /// What each step adds besides, at the most as much again: one request in 32 round trips. The same
    /// for all, so that those who share a limit come to the same share of it.
    pub bump: f64,
    /// How many requests a measured rate remembers: 256, so that it is right to 1/16 of its noise
    /// and still follows a limit that drifts.
    pub memory: f64,
    /// The wait before the first look at a server that refuses everything, doubled with each look:
    /// 0.25 s.
    pub first_gap: f64,
    /// The longest such wait: 8 s. What an outage costs beyond its end.
    pub max_gap: f64,
    /// Nobody is held for longer than this for what was told or learned, in seconds: 120, as long as
    /// the retries accept to wait by default
    /// ([`DEFAULT_MAX_SERVER_WAIT`](crate::hint::DEFAULT_MAX_SERVER_WAIT)). The layer's
    /// [`max_pause`](crate::AdaptiveConcurrencyLayer::max_pause) sets it.
    pub max_wait: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self {
            free: 16.0,
            reach: 2.0,
            spread: 4.0,
            probe_requests: 64.0,
            probe_rounds: 4.0,
            slower: 1.25,
            confidence: 2.5,
            margin: 0.01,
            step: 0.01,
            excess: 0.5,
            max_step: 0.25,
            bump: 32.0,
            memory: 256.0,
            first_gap: 0.25,
            max_gap: 8.0,
            max_wait: 120.0,
        }
    }
}

/// No constant is less or more than makes sense by so much that the arithmetic breaks.
const LEAST: f64 = 1e-9;
const MOST: f64 = 1e9;

/// A day is longer than anybody waits, and the arithmetic stays exact.
pub(super) fn bounded_wait(seconds: f64) -> f64 {
    seconds.clamp(1.0, 86_400.0)
}

impl Constants {
    /// The same, with the defaults for what is no use.
    pub(super) fn sane(self) -> Self {
        let usual = Self::default();
        let sane = |value: f64, usual: f64| {
            let usable = value.is_finite() && value > 0.0;
            if usable {
                value.clamp(LEAST, MOST)
            } else {
                usual
            }
        };
        Self {
            free: sane(self.free, usual.free),
            reach: sane(self.reach, usual.reach),
            spread: sane(self.spread, usual.spread),
            probe_requests: sane(self.probe_requests, usual.probe_requests),
            probe_rounds: sane(self.probe_rounds, usual.probe_rounds),
            slower: sane(self.slower, usual.slower),
            confidence: sane(self.confidence, usual.confidence),
            margin: sane(self.margin, usual.margin),
            step: sane(self.step, usual.step),
            excess: sane(self.excess, usual.excess),
            max_step: sane(self.max_step, usual.max_step),
            bump: sane(self.bump, usual.bump),
            memory: sane(self.memory, usual.memory),
            first_gap: sane(self.first_gap, usual.first_gap),
            max_gap: sane(self.max_gap, usual.max_gap),
            max_wait: bounded_wait(sane(self.max_wait, usual.max_wait)),
        }
    }
}
