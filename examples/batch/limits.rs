//! The embedded API's limits at work, as pure code: the time is passed in, as the time since the API
//! began.

use std::time::Duration;

use crate::spec::{Rule, Spec, Unit};

/// Where one limit stands.
#[derive(Debug)]
struct State {
    rule: Rule,
    /// Of a bucket: units in it at `since`. Of a window: requests taken in it.
    level: f64,
    /// Of a bucket: when `level` held. Of a window: when it opened.
    since: Option<Duration>,
}

/// What a limit has left, as the headers tell it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quota {
    pub(crate) unit: Unit,
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// A bucket: until it is full. A window: until it ends.
    pub(crate) reset: Duration,
    /// The time in which the whole limit comes back.
    pub(crate) window: Duration,
}

/// Why a request was turned away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Refusal {
    /// `None`: too many at once.
    pub(crate) unit: Option<Unit>,
    /// The time after which this request would pass every limit that knows.
    pub(crate) wait: Option<Duration>,
    /// No wait helps: the request costs more than the bucket holds.
    pub(crate) too_large: bool,
}

/// The limits at work, and what they counted.
#[derive(Debug)]
pub(crate) struct Limits {
    states: Vec<State>,
    in_flight: u64,
    pub(crate) counts: Counts,
}

/// What the API saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// The most accepted requests at once.
    pub(crate) peak: u64,
}

impl Limits {
    pub(crate) fn new(spec: &Spec) -> Self {
        let states = spec.0.iter().map(|&rule| State {
            rule,
            level: match rule {
                Rule::Bucket { burst, .. } => burst as f64,
                Rule::Concurrency(_) | Rule::Window { .. } => 0.0,
            },
            since: None,
        });
        Self {
            states: states.collect(),
            in_flight: 0,
            counts: Counts::default(),
        }
    }

    /// Takes a request of `tokens` in, or says why not. A refused request is charged nothing.
    pub(crate) fn admit(&mut self, now: Duration, tokens: u64) -> Result<(), Refusal> {
        let mut refusal: Option<Refusal> = None;
        for state in &mut self.states {
            state.advance(now);
            if let Some(found) = state.refuses(now, tokens, self.in_flight) {
                let so_far = refusal.unwrap_or(found);
                refusal = Some(Refusal {
                    // What must be waited for longest is what the answer speaks of.
                    unit: if found.wait > so_far.wait {
                        found.unit
                    } else {
                        so_far.unit
                    },
                    wait: found.wait.max(so_far.wait),
                    too_large: found.too_large || so_far.too_large,
                });
            }
        }
        if let Some(refusal) = refusal {
            // Too large is an error of the client's, not a matter of time.
            self.counts.refused += u64::from(!refusal.too_large);
            return Err(refusal);
        }
        for state in &mut self.states {
            state.charge(now, tokens);
        }
        self.in_flight += 1;
        self.counts.accepted += 1;
        self.counts.peak = self.counts.peak.max(self.in_flight);
        Ok(())
    }

    /// A request's answer is written, or its connection is gone.
    pub(crate) fn finish(&mut self) {
        self.in_flight -= 1;
    }

    /// What each limit with a quota has left now.
    pub(crate) fn quotas(&mut self, now: Duration) -> Vec<Quota> {
        for state in &mut self.states {
            state.advance(now);
        }
        self.states
            .iter()
            .filter_map(|state| state.quota(now))
            .collect()
    }
}

/// Lets a wait that was rounded to nanoseconds be long enough.
const ROUNDING: f64 = 1e-6;

impl State {
    fn advance(&mut self, now: Duration) {
        match self.rule {
            Rule::Concurrency(_) => {}
            Rule::Bucket {
                per_minute, burst, ..
            } => {
                let since = self.since.replace(now).unwrap_or(now);
                let gained = now.saturating_sub(since).as_secs_f64() * per_minute as f64 / 60.0;
                self.level = (self.level + gained).min(burst as f64);
            }
            Rule::Window { length, .. } => {
                let Some(opened) = self.since else { return };
                // One follows the other without a gap, whether it is used or not.
                let into = now.saturating_sub(opened);
                if into >= length {
                    let into = into.as_nanos() % length.as_nanos();
                    self.since = Some(now - Duration::from_nanos(into as u64));
                    self.level = 0.0;
                }
            }
        }
    }

    fn refuses(&self, now: Duration, tokens: u64, in_flight: u64) -> Option<Refusal> {
        match self.rule {
            Rule::Concurrency(limit) => (in_flight >= limit).then_some(Refusal {
                unit: None,
                wait: None,
                too_large: false,
            }),
            Rule::Bucket {
                unit,
                per_minute,
                burst,
            } => {
                let cost = unit.cost(tokens);
                let missing = cost as f64 - self.level;
                (missing > ROUNDING).then(|| Refusal {
                    unit: Some(unit),
                    wait: Some(Duration::from_secs_f64(missing * 60.0 / per_minute as f64)),
                    too_large: cost > burst,
                })
            }
            Rule::Window { quota, length } => (self.level >= quota as f64).then(|| Refusal {
                unit: Some(Unit::Requests),
                wait: self
                    .since
                    .map(|opened| (opened + length).saturating_sub(now)),
                too_large: false,
            }),
        }
    }

    fn charge(&mut self, now: Duration, tokens: u64) {
        match self.rule {
            Rule::Concurrency(_) => {}
            Rule::Bucket { unit, .. } => {
                self.level = (self.level - unit.cost(tokens) as f64).max(0.0);
            }
            Rule::Window { .. } => {
                self.since.get_or_insert(now);
                self.level += 1.0;
            }
        }
    }

    fn quota(&self, now: Duration) -> Option<Quota> {
        match self.rule {
            Rule::Concurrency(_) => None,
            Rule::Bucket {
                unit,
                per_minute,
                burst,
            } => {
                let per_unit = 60.0 / per_minute as f64;
                let remaining = (self.level + ROUNDING).floor() as u64;
                Some(Quota {
                    unit,
                    limit: burst,
                    remaining,
                    // From the whole units, as OpenAI's recorded headers do: so (limit -
                    // remaining) / reset is the rate exactly.
                    reset: Duration::from_secs_f64((burst - remaining) as f64 * per_unit),
                    window: Duration::from_secs_f64(burst as f64 * per_unit),
                })
            }
            Rule::Window { quota, length } => Some(Quota {
                unit: Unit::Requests,
                limit: quota,
                remaining: quota - self.level as u64,
                reset: self
                    .since
                    .map_or(length, |opened| (opened + length).saturating_sub(now)),
                window: length,
            }),
        }
    }
}

#[cfg(test)]
mod tests;
