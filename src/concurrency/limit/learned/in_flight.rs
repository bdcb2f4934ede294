//! The in-flight limit: how many requests may be in flight.

mod ceiling;
mod comparison;
mod earlier;
mod resume;
mod shift;
#[cfg(test)]
mod tests;

use self::earlier::Earlier;
use super::Tuning;
use super::latency::LatencyTrend;
use super::{Compact, Reason};

/// The phase of the search for a ceiling.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// No ceiling is known: the limit grows.
    SlowStart,
    /// Below a ceiling. `answers` came since the last probe above it, and the next comes after
    /// `interval` of them.
    Steady { answers: f64, interval: f64 },
    /// One request above the ceiling may be sent. If it is refused, the next comes after twice
    /// `interval` answers.
    Probing { interval: f64 },
    /// Half as many as `upper` are in flight, from request `since` on, to compare how long answers
    /// take. If they take longer with more, the next probe comes after `interval` answers.
    Comparing {
        upper: f64,
        since: u64,
        interval: f64,
    },
}

/// What a refusal is attributed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribution {
    /// The probe above the ceiling: the ceiling is confirmed.
    Probe,
    /// The level: more requests were in flight than the server was seen to accept.
    Above,
    /// Something else: no more were in flight than the server accepted before.
    Within,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct InFlightLimit {
    size: f64,
    min: u32,
    max: u32,
    phase: Phase,
    /// The highest level accepted since the last refusal.
    proven_level: u32,
    /// The highest level sent whose outcome is still open.
    unproven_level: u32,
    /// When that request was sent.
    unproven_since: f64,
    last_send: Option<f64>,
    /// The confirmed ceiling that a probe just exceeded. It is restored if the next request above
    /// it is refused.
    provisional_ceiling: Option<u32>,
    /// The limit grows up to here until enough of this stage is answered.
    stage_target: u32,
    /// The first request of this stage.
    stage_seq: u64,
    /// Answers to requests of this stage.
    stage_answers: u64,
    /// Probes in a row that came by time, as all places were held and none was answered.
    stalled_probes: u8,
    /// What an earlier run has found.
    earlier: Earlier,
    /// Probes still to be sent at the short interval, because other clients hold the capacity.
    urgent_probes: u8,
    /// Why the limit is what it is.
    why: Compact,
}

/// The wait for a probe that comes by time is doubled no more often than that.
const MOST_STALLED: u8 = 16;

/// A request that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) seq: u64,
    /// Requests in flight when it was sent, itself included.
    pub(super) level: usize,
    /// Seconds until its answer, if it was timed.
    pub(super) latency: Option<f64>,
    /// The number of the next request to be sent.
    pub(super) next: u64,
    /// Whether the limit is what holds others back.
    pub(super) limit_bound: bool,
    /// Requests that wait.
    pub(super) queue: usize,
    /// Whether it was sent since the last refusal.
    pub(super) recent: bool,
}

impl InFlightLimit {
    pub(super) fn new(size: usize, min: usize, max: usize, free: f64) -> Self {
        Self {
            size: size as f64,
            min: bound(min),
            max: bound(max),
            phase: Phase::SlowStart,
            proven_level: 0,
            unproven_level: 0,
            unproven_since: 0.0,
            last_send: None,
            provisional_ceiling: None,
            stage_target: count(free as usize),
            stage_seq: 0,
            stage_answers: 0,
            stalled_probes: 0,
            earlier: Earlier::None,
            urgent_probes: 0,
            why: Compact::default(),
        }
    }

    pub(super) fn get(&self) -> usize {
        let probing = matches!(self.phase, Phase::Probing { .. });
        let size = self.size.max(1.0) as usize + usize::from(probing);
        size.min(self.max as usize)
    }

    pub(super) fn why(&self) -> Reason {
        self.why.into()
    }

    /// Says why the limit changed, where that is not plain from how it did.
    pub(super) fn explain(&mut self, why: Reason) {
        self.why = why.into();
    }

    pub(super) fn set(&mut self, size: usize) {
        self.resize(size as f64);
        self.phase = Phase::SlowStart;
        self.provisional_ceiling = None;
        self.earlier = Earlier::None;
    }

    pub(super) fn set_bounds(&mut self, min: usize, max: usize) {
        self.min = bound(min);
        self.max = bound(max).max(self.min);
        self.resize(self.size);
    }

    fn resize(&mut self, size: f64) {
        self.size = size.max(f64::from(self.min)).min(f64::from(self.max));
        if let Phase::Probing { interval } = self.phase {
            if !self.may_probe() {
                self.enter_steady(interval);
            }
        }
    }

    /// Whether a probe has room above the limit.
    fn may_probe(&self) -> bool {
        self.size < f64::from(self.max)
    }

    /// Makes room for `size` requests, because something else holds requests back.
    pub(super) fn widen(&mut self, size: f64) {
        if size > self.size {
            self.why = Reason::RateBinds.into();
        }
        self.resize(self.size.max(size));
    }

    /// When the next request may be sent during growth, which is spread over a round trip of `rtt`
    /// seconds.
    pub(super) fn next_send(&self, rtt: f64, tuning: &Tuning) -> Option<f64> {
        let spread = match self.phase {
            Phase::Steady { .. } | Phase::Comparing { .. } => return None,
            Phase::SlowStart => tuning.spread,
            // The second probe above a limit of 1 goes in the middle of a round trip: a slowly
            // refilling bucket must not be mistaken for a ceiling.
            Phase::Probing { interval } if self.size < 2.0 && interval > 2.0 * self.size => {
                tuning.lone_probe_spread
            }
            Phase::Probing { .. } => tuning.probe_spread,
        };
        let spacing = (rtt / (spread * self.get() as f64)).min(tuning.max_spread);
        // No timer is finer than a tick: several go at once, and answers bound how many.
        self.last_send
            .filter(|_| spacing >= tuning.tick)
            .map(|last| last + spacing)
    }

    /// When the limit may grow by one if the server is ready to accept `rate` requests per second.
    pub(super) fn licensed_at(&self, rate: f64) -> Option<f64> {
        let grows = self.phase == Phase::SlowStart && self.size < f64::from(self.max);
        self.last_send
            .filter(|_| grows)
            .map(|last| last + rate.recip())
    }

    /// When the limit may grow by one if no refusal comes before. It doubles at most once in the
    /// time that a refusal takes, and in a part of a round trip of `rtt` seconds.
    pub(super) fn grows_at(&self, rtt: f64, refusal_timeout: f64, tuning: &Tuning) -> Option<f64> {
        match self.phase {
            Phase::SlowStart if self.size < f64::from(self.stage_target) => {
                let spacing =
                    (rtt / tuning.spread).max(tuning.doubling_time * refusal_timeout) / self.size;
                // Before any answer the round trip is unknown. One of no time at all is known.
                let known = rtt > 0.0 || self.stage_answers > 0;
                let spacing = if known { spacing } else { refusal_timeout };
                let spacing = spacing.max(self.least_spacing(refusal_timeout));
                Some(self.unproven_since + spacing.min(refusal_timeout))
            }
            Phase::Probing { .. } if f64::from(self.unproven_level) > self.size => {
                Some(self.unproven_since + refusal_timeout)
            }
            Phase::Steady { .. } if self.may_probe() => {
                let wait = (tuning.stalled_rounds * rtt).max(tuning.stalled_seconds);
                let doubled = wait * 2_f64.powi(self.stalled_probes.into());
                let wait = doubled.min(tuning.max_stalled_seconds);
                self.last_send.map(|last| last + wait)
            }
            _ => None,
        }
    }

    /// Begins the next stage if the last one was answered; its first request is number `next`.
    pub(super) fn extend_stage(&mut self, next: u64, tuning: &Tuning) {
        let enough = f64::from(self.stage_target) / tuning.stage_divisor;
        if self.phase == Phase::SlowStart
            && self.size >= f64::from(self.stage_target)
            && self.stage_answers >= enough as u64
        {
            self.stage_target = (tuning.stage_growth * self.size).ceil() as u32;
            (self.stage_seq, self.stage_answers) = (next, 0);
            self.earlier = Earlier::None;
        }
    }

    /// Grows by one, because no refusal came. Returns whether that was a probe above a ceiling.
    pub(super) fn grow(&mut self, tuning: &Tuning) -> bool {
        let probed = matches!(self.phase, Phase::Probing { .. });
        match self.phase {
            Phase::Probing { interval } => self.probe_accepted(interval, tuning),
            Phase::Steady { interval, .. } => {
                // Nothing was answered for so long that no answer will bring the next probe.
                self.phase = Phase::Probing { interval };
                self.why = Reason::Probe.into();
                self.stalled_probes = (self.stalled_probes + 1).min(MOST_STALLED);
            }
            _ => {
                self.why = self.earlier.why_it_grows().into();
                self.resize(self.size.floor() + 1.0);
                self.stop_at_known_ceiling(tuning);
            }
        }
        let passed = |ceiling| self.size > f64::from(ceiling) + tuning.provisional_margin;
        if self.provisional_ceiling.is_some_and(passed) {
            self.provisional_ceiling = None;
        }
        probed
    }

    /// A request failed or was given up. Until an answer comes, nobody knows that the server works,
    /// and the limit does not grow.
    pub(super) fn on_failed(&mut self) {
        if self.stage_answers == 0 && self.phase == Phase::SlowStart {
            self.stage_target = self.stage_target.min(self.size as u32);
        }
    }

    fn probe_accepted(&mut self, interval: f64, tuning: &Tuning) {
        let confirmed = interval >= self.max_probe_interval(tuning);
        self.provisional_ceiling = confirmed.then_some(self.size as u32);
        self.earlier = Earlier::None;
        self.resize(self.size.floor() + 1.0);
        self.phase = Phase::SlowStart;
        self.why = Reason::ProbeHeld.into();
    }

    /// Whether a request at level `in_flight` needs a timestamp: it exceeds the level before, or
    /// growth must space it from the next.
    pub(super) fn needs_timestamp(&self, in_flight: usize) -> bool {
        count(in_flight) > self.unproven_level || 2 * in_flight >= self.get()
    }

    /// Records a request sent at level `in_flight`. After `refusal_timeout` seconds it counts as
    /// accepted.
    pub(super) fn on_send(&mut self, now: f64, in_flight: usize, refusal_timeout: f64) {
        self.last_send = Some(now);
        let in_flight = count(in_flight);
        if in_flight > self.unproven_level {
            if now - self.unproven_since > refusal_timeout {
                self.proven_level = self.proven_level.max(self.unproven_level);
            }
            (self.unproven_level, self.unproven_since) = (in_flight, now);
        }
    }

    /// Records an accepted request. Returns whether it was a probe above a ceiling.
    pub(super) fn on_accepted(
        &mut self,
        answered: &Answered,
        trend: &mut LatencyTrend,
        tuning: &Tuning,
    ) -> bool {
        let Answered {
            level,
            limit_bound,
            recent,
            ..
        } = *answered;
        if recent {
            self.proven_level = self.proven_level.max(count(level));
        }
        self.stage_answers = self
            .stage_answers
            .saturating_add(u64::from(answered.seq >= self.stage_seq));
        match self.phase {
            Phase::SlowStart if answered.queue > 0 && recent => {
                // Answers to a much lower level say nothing of this one.
                if 2.0 * level as f64 > self.size && trend.seems_slower(level, tuning) {
                    self.compare(answered, trend, tuning.first_probe_rounds * self.size);
                } else {
                    self.extend_stage(answered.next, tuning);
                }
            }
            Phase::Probing { interval } if recent && level > self.size as usize => {
                if trend.seems_slower(level, tuning) {
                    let interval = interval.max(self.max_probe_interval(tuning));
                    self.compare(answered, trend, 2.0 * interval);
                } else {
                    self.probe_accepted(interval, tuning);
                    return true;
                }
            }
            Phase::Comparing { .. } => self.on_compared(answered, trend, tuning),
            Phase::Steady { answers, interval } if limit_bound => {
                let answers = answers + 1.0;
                self.stalled_probes = 0;
                // One in line is enough: a program that drives one service from one task has no
                // more, and any number may be hidden behind a `Buffer`.
                let probes = answers >= interval && answered.queue > 0;
                self.phase = if probes && self.may_probe() {
                    self.why = Reason::Probe.into();
                    Phase::Probing { interval }
                } else {
                    Phase::Steady { answers, interval }
                };
            }
            _ => {}
        }
        false
    }
}

/// A number of requests, cut to what the limit counts.
fn count(requests: usize) -> u32 {
    u32::try_from(requests).unwrap_or(u32::MAX)
}

fn bound(size: usize) -> u32 {
    count(size).max(1)
}
