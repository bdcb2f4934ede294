//! What the server says is left.

use std::time::Duration;

use super::told_window::{Arrival, ToldWindow};
use crate::hint::{Dimension, Hint, Quota, ResetKind};

/// The state of the tightest quota of requests, by the answers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    told: Option<Told>,
    /// Requests that went, and were not answered, refused or given up yet.
    open: u32,
    /// Whether the answer that came just now told what is left of a window.
    noted: bool,
    /// Whether a window was found not to have ended when that was likely.
    misled: bool,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    Window(ToldWindow),
    Bucket(Mirror),
}

/// A mirror of the server's bucket.
#[derive(Clone, Copy, Debug)]
struct Mirror {
    tokens: f64,
    at: f64,
    /// Tokens per second that flow into it.
    rate: f32,
    capacity: f32,
    /// The number of the request whose answer told of it: it counts that one and those before.
    by: u64,
}

/// Of fewer whole seconds, what was rounded up may be half.
const VAGUE: u64 = 4;

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
        let rate = match (bucket_rate(quota), self.told) {
            (Some(_), Some(Told::Bucket(mirror))) if is_vague(reset) => {
                Some(f64::from(mirror.rate))
            }
            (Some(_), _) if is_vague(reset) => return,
            (rate, _) => rate,
        };
        if rate.map_or(reset.as_secs_f64(), f64::recip) > max_wait {
            // Nobody is held for so long: let the server refuse, and the caller decide.
            self.told = None;
            return;
        }
        if rate.is_none() && quota.kind == ResetKind::Full {
            // A full bucket does not tell how fast it fills.
            return;
        }
        self.told = Some(match (rate, self.told) {
            // Answers overtake each other; the one to the latest request knows most.
            (Some(_), Some(Told::Bucket(Mirror { by, .. }))) if by > seq => return,
            (Some(rate), told) => {
                let sent_since = next.saturating_sub(seq.saturating_add(1)) as f64;
                let capacity = quota.limit.unwrap_or(u64::MAX) as f64;
                let left = remaining as f64 + rate * (now - sent_at) - sent_since;
                let answer = Mirror {
                    tokens: left.min(capacity),
                    at: now,
                    rate: rate as f32,
                    capacity: capacity as f32,
                    by: seq,
                };
                Told::Bucket(match told {
                    Some(Told::Bucket(mirror)) => mirror.after(answer),
                    _ => answer,
                })
            }
            (None, told) => {
                self.noted = true;
                let arrival = Arrival {
                    sent_at,
                    now,
                    open: self.open,
                };
                if let Some(Told::Window(window)) = &told {
                    self.misled |= window.outlasts(hint, remaining, sent_at);
                }
                let left = (remaining, reset);
                let answer = ToldWindow::new(quota, left, hint, arrival, max_wait, !self.misled);
                Told::Window(match told {
                    Some(Told::Window(window)) => window.after(answer, seq, sent_at),
                    _ => answer,
                })
            }
        });
    }

    /// Notes that request `seq` was answered, refused or given up.
    pub(super) fn on_outcome(&mut self, seq: u64) {
        self.open = self.open.saturating_sub(1);
        let noted = std::mem::take(&mut self.noted);
        if let Some(Told::Window(window)) = &mut self.told {
            window.on_outcome(seq, noted);
        }
    }

    /// For how long the window lasts yet, if nothing is left of it.
    pub(super) fn spent_for(&self, now: f64) -> Option<f64> {
        match &self.told {
            Some(Told::Window(window)) => window.spent_for(now),
            _ => None,
        }
    }

    /// Whether nothing was told, so that no clock need be read.
    pub(super) fn is_unknown(&self) -> bool {
        self.told.is_none()
    }

    /// Notes a request that goes while nothing is known, and no clock is read.
    pub(super) fn on_idle_send(&mut self) {
        self.open = self.open.saturating_add(1);
    }

    /// Notes a request that goes.
    pub(super) fn on_send(&mut self, now: f64) {
        self.on_idle_send();
        if let Some(Told::Bucket(mirror)) = &mut self.told {
            mirror.refill(now);
            mirror.tokens -= 1.0;
        }
    }

    /// How many may go, and when one more may if none may now. `None` if the server did not say. The next
    /// one is number `next`.
    pub(super) fn left(&mut self, now: f64, next: u64) -> Option<(usize, f64)> {
        if let Some(Told::Window(window)) = &self.told {
            if window.has_ended(now) {
                self.told = window.next(now, next, self.open).map(Told::Window);
            }
        }
        match self.told.as_mut()? {
            Told::Window(window) => Some(window.left(self.open, now)),
            Told::Bucket(mirror) => {
                mirror.refill(now);
                let until = now + ((1.0 - mirror.tokens) / f64::from(mirror.rate)).max(0.0);
                Some(((mirror.tokens + 1e-6).max(0.0) as usize, until))
            }
        }
    }
}

impl Mirror {
    fn after(mut self, answer: Self) -> Self {
        self.refill(answer.at);
        Self {
            tokens: self.tokens + TRUST * (answer.tokens - self.tokens),
            rate: self.rate + TRUST as f32 * (answer.rate - self.rate),
            ..answer
        }
    }

    fn refill(&mut self, now: f64) {
        let flown = f64::from(self.rate) * (now - self.at).max(0.0);
        self.tokens = (self.tokens + flown).min(f64::from(self.capacity));
        self.at = now;
    }
}

/// Whether a reset may be rounded up so far that it tells no rate.
fn is_vague(reset: Duration) -> bool {
    reset.subsec_nanos() == 0 && reset.as_secs() < VAGUE
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
