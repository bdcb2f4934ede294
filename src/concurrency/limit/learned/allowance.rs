//! What the server says is left.

use std::time::Duration;

use crate::hint::{Dimension, Hint, Quota, ResetKind};

/// The state of the tightest quota of requests, by the answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    /// The number of the request whose answer told of a bucket: it counts that one and those before.
    by: u64,
    told: Option<Told>,
    /// Requests that went, and were not answered, refused or given up yet.
    open: u64,
    /// Whether the answer that came just now told what is left of a window.
    noted: bool,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    /// So many more than those that are not answered yet, before the window ends.
    Window {
        remaining: u64,
        /// When that was told: only a request sent later can tell of more.
        at: f64,
        until: f64,
        /// What the next window holds, and how long it lasts, if that was told.
        limit: Option<u64>,
        length: Option<f32>,
    },
    /// A mirror of the server's bucket: `rate` tokens per second flow into it.
    Bucket {
        tokens: f64,
        at: f64,
        rate: f64,
        capacity: f64,
    },
}

/// How far one answer moves the mirror of a bucket. What it says is true of the moment at which
/// its request was admitted, and rounded.
const TRUST: f64 = 0.2;

impl Allowance {
    /// Takes the quotas from the answer at `now` to request `seq`, which went at `sent_at`; `next`
    /// is the number of the next request. What would hold somebody for longer than `max_wait`
    /// is not believed.
    pub(super) fn note(
        &mut self,
        hint: &Hint,
        seq: u64,
        sent_at: f64,
        next: u64,
        now: f64,
        max_wait: f64,
    ) {
        if hint.quotas().is_empty() {
            return;
        }
        let tightest = hint
            .quotas()
            .iter()
            .filter(|quota| matches!(quota.dimension, Dimension::Unnamed | Dimension::Requests))
            .filter_map(|quota| Some((quota, quota.remaining?, quota.reset?)))
            .min_by_key(|(_, remaining, _)| *remaining);
        let Some((quota, remaining, reset)) = tightest else {
            return;
        };
        let rate = bucket_rate(quota);
        if rate.map_or(reset.as_secs_f64(), f64::recip) > max_wait {
            // Nobody is held for so long: let the server refuse, and the caller decide.
            self.told = None;
            return;
        }
        if rate.is_none() && quota.kind == ResetKind::Full {
            // A full bucket does not tell how fast it fills.
            return;
        }
        self.told = Some(match rate {
            // Answers overtake each other; the one to the latest request knows most.
            Some(_) if matches!(self.told, Some(Told::Bucket { .. })) && self.by > seq => return,
            Some(rate) => {
                self.by = seq;
                let sent_since = next.saturating_sub(seq.saturating_add(1)) as f64;
                let capacity = quota.limit.unwrap_or(u64::MAX) as f64;
                let left = remaining as f64 + rate * (now - sent_at) - sent_since;
                self.mirror(left.min(capacity), rate, capacity, now)
            }
            None => {
                self.noted = true;
                let (remaining, at, until) = self.window(
                    remaining,
                    sent_at,
                    now,
                    now + ends_in(hint, remaining, reset),
                );
                Told::Window {
                    remaining,
                    at,
                    until,
                    limit: quota.limit,
                    length: quota
                        .window
                        .map(|window| window.as_secs_f32())
                        .filter(|length| f64::from(*length) <= max_wait),
                }
            }
        });
    }

    /// What is left of the window, since when that is known, and when it ends: an answer says that
    /// `remaining` are, and that it ends at `until`.
    ///
    /// Seconds are rounded up, so each answer from one window bounds its end, and the lowest bound is
    /// the best. Requests overtake each other on the way to where they are counted, so the least that
    /// is left counts, unless the request was sent after that was told.
    fn window(&self, remaining: u64, sent_at: f64, now: f64, until: f64) -> (u64, f64, f64) {
        match self.told {
            Some(Told::Window {
                remaining: before,
                at,
                until: told,
                length,
                limit,
            }) if sent_at < told && (sent_at < at || remaining <= before) => {
                // What was only expected is off by the way there.
                let expected = length.is_none() && limit.is_none();
                let until = if expected { until } else { until.min(told) };
                if remaining < before {
                    (remaining, now, until)
                } else {
                    (before, at, until)
                }
            }
            _ => (remaining, now, until),
        }
    }

    /// Notes that a request was answered, refused or given up.
    pub(super) fn on_outcome(&mut self) {
        self.open = self.open.saturating_sub(1);
        let noted = std::mem::take(&mut self.noted);
        if let Some(Told::Window { remaining, .. }) = &mut self.told {
            if !noted {
                // It was counted nonetheless.
                *remaining = remaining.saturating_sub(1);
            }
        }
    }

    /// For how long the window lasts yet, if nothing is left of it.
    pub(super) fn spent_for(&self, now: f64) -> Option<f64> {
        match self.told {
            Some(Told::Window {
                remaining: 0,
                until,
                ..
            }) if until > now => Some(until - now),
            _ => None,
        }
    }

    fn mirror(&mut self, left: f64, told_rate: f64, capacity: f64, now: f64) -> Told {
        self.refill(now);
        let (tokens, rate) = match self.told {
            Some(Told::Bucket { tokens, rate, .. }) => (
                tokens + TRUST * (left - tokens),
                rate + TRUST * (told_rate - rate),
            ),
            _ => (left, told_rate),
        };
        Told::Bucket {
            tokens,
            at: now,
            rate,
            capacity,
        }
    }

    fn refill(&mut self, now: f64) {
        if let Some(Told::Bucket {
            tokens,
            at,
            rate,
            capacity,
        }) = &mut self.told
        {
            *tokens = (*tokens + *rate * (now - *at).max(0.0)).min(*capacity);
            *at = now;
        }
    }

    /// Whether nothing was told, so that no clock need be read.
    pub(super) fn is_unknown(&self) -> bool {
        self.told.is_none()
    }

    /// Notes a request that goes while nothing is known, and no clock is read.
    pub(super) fn on_idle_send(&mut self) {
        self.open += 1;
    }

    /// Notes a request that goes.
    pub(super) fn on_send(&mut self, now: f64) {
        self.open += 1;
        self.refill(now);
        if let Some(Told::Bucket { tokens, .. }) = &mut self.told {
            *tokens -= 1.0;
        }
    }

    /// How many may go, and when one more may if none may now. `None` if the server did not say.
    pub(super) fn left(&mut self, now: f64) -> Option<(usize, f64)> {
        self.refill(now);
        match self.told? {
            Told::Bucket { tokens, rate, .. } => {
                let until = now + ((1.0 - tokens) / rate).max(0.0);
                Some(((tokens + 1e-6).max(0.0) as usize, until))
            }
            Told::Window {
                until,
                limit,
                length,
                ..
            } if now + 1e-9 >= until => {
                let (Some(limit), Some(length)) = (limit, length) else {
                    self.told = None;
                    return None;
                };
                // The next window is as full as this one was, until an answer tells more.
                self.told = Some(Told::Window {
                    remaining: limit,
                    at: now,
                    until: now + f64::from(length),
                    limit: None,
                    length: None,
                });
                self.left(now)
            }
            Told::Window {
                remaining, until, ..
            } => {
                let left = remaining.saturating_sub(self.open);
                Some((usize::try_from(left).unwrap_or(usize::MAX), until))
            }
        }
    }
}

/// In how many seconds the window ends: when it is spent, no later than the server asks to wait.
fn ends_in(hint: &Hint, remaining: u64, reset: Duration) -> f64 {
    let wait = hint.wait().filter(|wait| remaining == 0 && !wait.is_zero());
    wait.map_or(reset, |wait| wait.min(reset)).as_secs_f64()
}

/// The rate at which a bucket fills. What remains is told in whole requests and the reset often in
/// whole seconds, rounded up: on average half of one less is missing, and half of the other is over.
fn bucket_rate(quota: &Quota) -> Option<f64> {
    let missing = quota.limit?.checked_sub(quota.remaining?)? as f64;
    let missing = if missing < 4.0 {
        missing
    } else {
        missing - 0.5
    };
    let reset = quota.reset?;
    let rounded = if reset.subsec_nanos() == 0 { 0.5 } else { 0.0 };
    let rate = missing / (reset.as_secs_f64() - rounded);
    (quota.refill_rate().is_some() && rate.is_finite() && rate > 0.0).then_some(rate)
}
