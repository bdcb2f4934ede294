//! What the server knows, and whom it refuses.

use crate::hints::Exactness;
use crate::limits::{Limits, Refusal};
use crate::scenario::{Random, Scenario, Which};
use crate::vector::LastSecond;
use crate::work::Job;

use super::Log;

/// How long those that are refused for ever are told to wait.
const HOPELESS: f64 = 10.0;

#[derive(Debug)]
pub(super) struct State {
    pub(super) limits: Limits,
    pub(super) in_flight: usize,
    pub(super) log: Log,
    pub(super) luck: fastrand::Rng,
    /// How many came outside an outage.
    pub(super) attempts: usize,
    pub(super) last_second: LastSecond,
}

/// A refusal, and the `Retry-After` that comes along if the limits have nothing to do with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) retry_after: Option<f64>,
}

impl Refused {
    pub(super) fn of(status: u16) -> Self {
        Self {
            refusal: Refusal { status, wait: None },
            retry_after: None,
        }
    }
}

impl State {
    /// Refuses a request for a reason that no client can help.
    fn disturb(&mut self, scenario: &Scenario, now: f64) -> Option<Refused> {
        if scenario
            .outage
            .is_some_and(|(from, to)| (from..to).contains(&now))
        {
            return Some(Refused::of(503));
        }
        self.attempts += 1;
        let (luck, attempt) = (self.luck.f64(), self.attempts);
        let is_hit = |random: &Random| match random.which {
            Which::Share(share) => luck < share,
            Which::Every(nth) => attempt % nth == 0,
            Which::Only(number) => attempt == number,
        };
        let random = scenario.random.filter(is_hit)?;
        Some(Refused {
            retry_after: random.retry_after,
            ..Refused::of(random.status)
        })
    }

    /// Refuses a request, for a reason of load or another.
    pub(super) fn refuse(&mut self, scenario: &Scenario, now: f64, job: &Job) -> Option<Refused> {
        if job.id < scenario.hopeless {
            self.log.disturbed += 1;
            return Some(Refused {
                retry_after: Some(HOPELESS),
                ..Refused::of(429)
            });
        }
        if let Some(disturbed) = self.disturb(scenario, now) {
            self.log.disturbed += 1;
            return Some(disturbed);
        }
        let mut refusal = self.limits.admit(now, job.cost, self.in_flight).err()?;
        if refusal.status == 429 {
            refusal.status = scenario.status;
        }
        // A server that always asks for the same knows nothing of the true wait.
        if let Exactness::Always(seconds) = scenario.exactness {
            refusal.wait = Some(seconds);
        }
        self.log.refused += 1;
        Some(Refused {
            refusal,
            retry_after: None,
        })
    }
}
