use std::collections::VecDeque;

use crate::schedule::Schedule;

use super::{Over, Quota, Unit};

/// A window that begins anew every period.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    limit: Schedule,
    period: f64,
    /// How long a window has gone on at zero. `None` until the first request begins the first.
    phase: Option<f64>,
    index: u64,
    used: f64,
}

impl Fixed {
    pub(super) fn new(limit: Schedule, period: f64, phase: Option<f64>) -> Self {
        Self {
            limit,
            period,
            phase,
            index: 0,
            used: 0.0,
        }
    }

    fn turn(&mut self, now: f64) {
        let Some(phase) = self.phase else { return };
        let index = ((now + phase) / self.period + 1e-9) as u64;
        if index != self.index {
            (self.index, self.used) = (index, 0.0);
        }
    }

    fn reset(&self, now: f64) -> f64 {
        // A window that has not begun begins now.
        let phase = self.phase.unwrap_or(-now);
        (self.index + 1) as f64 * self.period - phase - now
    }

    pub(super) fn wait(&mut self, now: f64) -> f64 {
        self.turn(now);
        if self.used < self.limit.at(now) {
            0.0
        } else {
            self.reset(now)
        }
    }

    pub(super) fn count(&mut self, now: f64) {
        self.phase.get_or_insert(-now);
        self.turn(now);
        self.used += 1.0;
    }

    pub(super) fn quota(&mut self, now: f64) -> Quota {
        self.turn(now);
        let limit = self.limit.at(now);
        Quota {
            unit: Unit::Requests,
            limit,
            remaining: (limit - self.used).max(0.0),
            reset: self.reset(now),
            window: self.period,
            per_second: None,
        }
    }
}

/// A window that begins with the first request after the last one has ended.
#[derive(Clone, Debug)]
pub struct Opened {
    limit: Schedule,
    period: f64,
    ends: f64,
    used: f64,
}

impl Opened {
    pub fn new(limit: usize, period: f64) -> Self {
        Self::of(Schedule::always(limit as f64), period)
    }

    pub(super) fn of(limit: Schedule, period: f64) -> Self {
        Self {
            limit,
            period,
            ends: 0.0,
            used: 0.0,
        }
    }

    fn has_ended(&self, now: f64) -> bool {
        now + 1e-9 >= self.ends
    }

    /// Seconds until a request is taken.
    pub fn wait(&self, now: f64) -> f64 {
        if self.has_ended(now) || self.used < self.limit.at(now) {
            0.0
        } else {
            self.ends - now
        }
    }

    /// Takes a request, if there is room.
    pub fn take(&mut self, now: f64) -> bool {
        let taken = self.wait(now) <= 0.0;
        if taken {
            self.count(now);
        }
        taken
    }

    pub(super) fn count(&mut self, now: f64) {
        if self.has_ended(now) {
            (self.ends, self.used) = (now + self.period, 0.0);
        }
        self.used += 1.0;
    }

    /// What could be told of it.
    pub fn quota(&self, now: f64) -> Quota {
        let (used, reset) = if self.has_ended(now) {
            (0.0, self.period)
        } else {
            (self.used, self.ends - now)
        };
        let limit = self.limit.at(now);
        Quota {
            unit: Unit::Requests,
            limit,
            remaining: (limit - used).max(0.0),
            reset,
            window: self.period,
            per_second: None,
        }
    }
}

/// A log of what was counted in the last period.
#[derive(Clone, Debug)]
pub struct Sliding {
    limit: Schedule,
    period: f64,
    over: Over,
    log: VecDeque<f64>,
    /// Until when all is refused.
    blocked: Option<f64>,
}

impl Sliding {
    /// A log that forgets what it refused.
    pub fn new(limit: usize, period: f64) -> Self {
        let limit = Schedule::always(limit as f64);
        Self::of(limit, period, Over::Forgotten)
    }

    pub(super) fn of(limit: Schedule, period: f64, over: Over) -> Self {
        Self {
            limit,
            period,
            over,
            log: VecDeque::new(),
            blocked: None,
        }
    }

    fn forget(&mut self, now: f64) {
        if self.blocked.is_some_and(|until| until <= now + 1e-9) {
            self.blocked = None;
            self.log.clear();
        }
        while self
            .log
            .front()
            .is_some_and(|at| at + self.period <= now + 1e-9)
        {
            self.log.pop_front();
        }
    }

    /// Seconds until the log has room.
    pub fn wait(&mut self, now: f64) -> f64 {
        self.forget(now);
        if let Some(until) = self.blocked {
            return until - now;
        }
        match self.log.len().checked_sub(self.limit.at(now) as usize) {
            Some(_) if self.over == Over::Blocked => self.period,
            Some(over) => self.log[over] + self.period - now,
            None => 0.0,
        }
    }

    /// Takes a request, if there is room.
    pub fn take(&mut self, now: f64) -> bool {
        let taken = self.wait(now) <= 0.0;
        if taken {
            self.count(now);
        }
        taken
    }

    pub(super) fn count(&mut self, now: f64) {
        self.log.push_back(now);
    }

    pub(super) fn refuse(&mut self, now: f64) {
        match self.over {
            Over::Forgotten => {}
            Over::Counted => self.log.push_back(now),
            Over::Blocked => {
                self.blocked.get_or_insert(now + self.period);
            }
        }
    }

    /// What could be told of it.
    pub fn quota(&mut self, now: f64) -> Quota {
        self.forget(now);
        let limit = self.limit.at(now);
        Quota {
            unit: Unit::Requests,
            limit,
            remaining: (limit - self.log.len() as f64).max(0.0),
            // Such servers tell the period; when quota comes back they do not say.
            reset: self.period,
            window: self.period,
            per_second: None,
        }
    }
}
