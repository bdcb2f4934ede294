//! The window: how many requests may be in flight.

mod ceiling;
#[cfg(test)]
mod tests;

use super::Constants;
use super::growth::Growth;

/// Growth is spread no further than one request in so many seconds.
const MAX_SPREAD: f64 = 10.0;

/// The window doubles in this part of the time after which no refusal is expected any more.
const DOUBLES: f64 = 0.8;

/// A window is known to be answered when the first answers have come, a third of it.
const ENOUGH: u32 = 3;

/// Where the window is in its search for a ceiling.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// No ceiling is known: grows.
    Growing,
    /// Below a ceiling. `held` answers came since the last look above it, the next comes after
    /// `distance` of them.
    Holding { held: f32, distance: f32 },
    /// One request more than the window may go, to look.
    Probing { distance: f32 },
}

/// What a refusal says of the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// It met the one request that looked above the ceiling: the ceiling is confirmed.
    Probe,
    /// More were in flight than the server was seen to take: there is the ceiling.
    Above,
    /// No more were in flight than it took a moment before: it was not the number that counted.
    Within,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    size: f64,
    min: u32,
    max: u32,
    phase: Phase,
    /// The most that were in flight since the last refusal, and were not refused; the same, of
    /// requests so young that they may be refused yet, and when the last of these went.
    taken: u32,
    young: u32,
    young_since: f64,
    last_send: f64,
    /// The confirmed ceiling above which a look was let in just now, or 0.
    passed: u32,
    /// Up to there the window grows, unless a request is refused, and how many answers came to requests
    /// from number `since` on, which went when it was set.
    reach: u32,
    since: u64,
    answers: u16,
    /// So many looks more come soon, because others hold what is missing here.
    wanting: u8,
}

/// A request that was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    pub(super) seq: u64,
    /// How many were in flight when it went, itself included.
    pub(super) level: usize,
    /// The number of the next request.
    pub(super) next: u64,
    /// Whether others wait for the window, and how many wait.
    pub(super) binds: bool,
    pub(super) queue: usize,
    /// Whether it was sent since the last refusal.
    pub(super) recent: bool,
}

impl Window {
    pub(super) fn new(size: usize, min: usize, max: usize, free: f64) -> Self {
        Self {
            size: size as f64,
            min: bound(min),
            max: bound(max),
            phase: Phase::Growing,
            taken: 0,
            young: 0,
            young_since: 0.0,
            last_send: f64::NEG_INFINITY,
            passed: 0,
            reach: count(free as usize),
            since: 0,
            answers: 0,
            wanting: 0,
        }
    }

    pub(super) fn get(&self) -> usize {
        let looking = matches!(self.phase, Phase::Probing { .. });
        let size = self.size.max(1.0) as usize + usize::from(looking);
        size.min(self.max as usize)
    }

    pub(super) fn set(&mut self, size: usize) {
        self.resize(size as f64);
        self.phase = Phase::Growing;
        self.passed = 0;
    }

    pub(super) fn set_bounds(&mut self, min: usize, max: usize) {
        self.min = bound(min);
        self.max = bound(max).max(self.min);
        self.resize(self.size);
    }

    fn resize(&mut self, size: f64) {
        self.size = size.max(f64::from(self.min)).min(f64::from(self.max));
        if let Phase::Probing { distance } = self.phase {
            if !self.may_look() {
                self.hold(distance);
            }
        }
    }

    /// Whether there is anything above to look at.
    fn may_look(&self) -> bool {
        self.size < f64::from(self.max)
    }

    /// Makes room for `size`: something else holds requests back.
    pub(super) fn widen(&mut self, size: f64) {
        self.resize(self.size.max(size));
    }

    /// When the next may go while the window grows, so that growth is spread over a round trip of
    /// `rtt` seconds.
    pub(super) fn next_send(&self, rtt: f64, constants: &Constants) -> Option<f64> {
        let spread = match self.phase {
            Phase::Holding { .. } => return None,
            Phase::Growing => constants.spread,
            // Beside a single one, a second look goes in the middle: a bucket that fills so slowly must
            // not pass for a ceiling.
            Phase::Probing { distance }
                if self.size < 2.0 && f64::from(distance) > 2.0 * self.size =>
            {
                constants.spread / 4.0
            }
            Phase::Probing { .. } => constants.spread / 2.0,
        };
        (rtt > 0.0).then(|| self.last_send + (rtt / (spread * self.get() as f64)).min(MAX_SPREAD))
    }

    /// When one more than the window may go, if no refusal comes before: no more than twice as many go
    /// in the time that a refusal takes, and in a part of a round trip of `rtt` seconds.
    pub(super) fn climbs_at(&self, rtt: f64, settled: f64, constants: &Constants) -> Option<f64> {
        match self.phase {
            Phase::Growing if self.size < f64::from(self.reach) => {
                let apart = (rtt / constants.spread).max(DOUBLES * settled) / self.size;
                // Before any answer the round trip may be anything; one of no time at all is known to be.
                let known = rtt > 0.0 || self.answers > 0;
                let apart = if known { apart } else { settled };
                Some(self.young_since + apart.min(settled))
            }
            Phase::Probing { .. } if f64::from(self.young) > self.size => {
                Some(self.young_since + settled)
            }
            _ => None,
        }
    }

    /// Lets one more go, as no refusal came. Whether that was because of a look above a ceiling.
    pub(super) fn climb(&mut self, constants: &Constants) -> bool {
        let looked = matches!(self.phase, Phase::Probing { .. });
        if let Phase::Probing { distance } = self.phase {
            self.look_accepted(distance, constants);
        } else {
            self.resize(self.size.floor() + 1.0);
        }
        if self.size > f64::from(self.passed) + 2.0 {
            self.passed = 0;
        }
        looked
    }

    /// A request failed or was given up: as long as no answer came, nobody knows that the server works.
    pub(super) fn on_failed(&mut self) {
        if self.answers == 0 && self.phase == Phase::Growing {
            self.reach = self.reach.min(self.size as u32);
        }
    }

    fn look_accepted(&mut self, distance: f32, constants: &Constants) {
        let confirmed = distance >= self.longest(constants);
        self.passed = if confirmed { self.size as u32 } else { 0 };
        self.resize(self.size.floor() + 1.0);
        self.phase = Phase::Growing;
    }

    /// Whether a request that goes as one of `in_flight` is worth the reading of a clock: whether it
    /// is more than was in flight before, or one that growth must space from the next.
    pub(super) fn minds(&self, in_flight: usize) -> bool {
        count(in_flight) > self.young || 2 * in_flight >= self.get()
    }

    /// Notes a request that goes as one of `in_flight`; a refusal is held not to come after
    /// `settled` seconds.
    pub(super) fn on_send(&mut self, now: f64, in_flight: usize, settled: f64) {
        self.last_send = now;
        let in_flight = count(in_flight);
        if in_flight > self.young {
            if now - self.young_since > settled {
                self.taken = self.taken.max(self.young);
            }
            (self.young, self.young_since) = (in_flight, now);
        }
    }

    /// Notes a request that was accepted. Whether it was a look above a ceiling.
    pub(super) fn on_accepted(
        &mut self,
        answered: &Answered,
        growth: &mut Growth,
        constants: &Constants,
    ) -> bool {
        let Answered {
            level,
            binds,
            recent,
            ..
        } = *answered;
        if recent {
            self.taken = self.taken.max(count(level));
        }
        self.answers = self
            .answers
            .saturating_add(u16::from(answered.seq >= self.since));
        match self.phase {
            Phase::Growing if answered.queue > 0 && recent => {
                // Answers to fewer say nothing of so many.
                if 2.0 * level as f64 > self.size && growth.is_slower(level, constants) {
                    self.resize(Growth::floor(level) as f64);
                    self.reach = self.size as u32;
                    self.hold(self.longest(constants));
                } else if self.size >= f64::from(self.reach)
                    && u32::from(self.answers) >= (self.reach / ENOUGH).min(u32::from(u16::MAX))
                {
                    self.reach = (constants.reach * self.size).ceil() as u32;
                    (self.since, self.answers) = (answered.next, 0);
                }
            }
            Phase::Probing { distance } if recent && level > self.size as usize => {
                if growth.is_slower(level, constants) {
                    self.hold(self.longest(constants));
                } else {
                    self.look_accepted(distance, constants);
                    return true;
                }
            }
            Phase::Holding { held, distance } if binds => {
                let held = held + 1.0;
                // However few wait: a program that drives one service from one task has one in line,
                // and behind a `Buffer` any number may be hidden.
                let looks = held >= distance && answered.queue > 0;
                self.phase = if looks && self.may_look() {
                    Phase::Probing { distance }
                } else {
                    Phase::Holding { held, distance }
                };
            }
            _ => {}
        }
        false
    }
}

/// A number of requests as the window keeps it. What is beyond is none.
fn count(requests: usize) -> u32 {
    u32::try_from(requests).unwrap_or(u32::MAX)
}

fn bound(size: usize) -> u32 {
    count(size).max(1)
}
