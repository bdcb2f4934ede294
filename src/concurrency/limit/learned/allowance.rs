//! What the server says is left.

use std::time::Duration;

use crate::hint::{Dimension, Hint, Quota};

/// The state of the tightest quota of requests, as the last answer told it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Allowance {
    told: Option<Told>,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    /// The number of the request whose answer told it: it counts that one and those before it.
    by: u64,
    at: f64,
    remaining: u64,
    /// A bucket's refill, in requests per second, and what it holds; or else 0 and the window's end.
    refill: f64,
    capacity: f64,
    until: f64,
}

impl Allowance {
    /// Takes the quotas from the answer at `now` to request `seq`, which went at `sent_at`: a bucket
    /// was in that state then, and has gained since.
    pub(super) fn note(&mut self, hint: &Hint, seq: u64, sent_at: f64, now: f64) {
        // Answers overtake each other; the one to the latest request knows most.
        if hint.quotas().is_empty() || self.told.is_some_and(|told| told.by > seq) {
            return;
        }
        let counts_requests = |quota: &&Quota| {
            matches!(quota.dimension, Dimension::Unnamed | Dimension::Requests)
        };
        let tightest = hint
            .quotas()
            .iter()
            .filter(counts_requests)
            .filter_map(|quota| Some((quota, quota.remaining?, quota.reset?)))
            .min_by_key(|(_, remaining, _)| *remaining);
        let Some((quota, remaining, reset)) = tightest else {
            return;
        };
        let refill = quota.refill_rate().filter(|rate| rate.is_finite() && *rate > 0.0);
        self.told = Some(Told {
            by: seq,
            at: sent_at,
            remaining,
            refill: refill.unwrap_or(0.0),
            capacity: quota.limit.map_or(f64::INFINITY, |limit| limit as f64),
            until: now + reset.min(Duration::from_secs(86_400)).as_secs_f64(),
        });
    }

    /// How many may go when `next` is the number of the next request, and when one more may if
    /// none may now. `None` if the server did not say.
    pub(super) fn left(&mut self, next: u64, now: f64) -> Option<(usize, f64)> {
        let told = self.told?;
        let sent_since = next.saturating_sub(told.by.saturating_add(1)) as f64;
        if told.refill > 0.0 {
            let back = told.refill * (now - told.at).max(0.0);
            let left = (told.remaining as f64 + back).min(told.capacity) - sent_since;
            let until = now + ((1.0 - left) / told.refill).max(0.0);
            return Some(((left + 1e-6).max(0.0) as usize, until));
        }
        if now + 1e-9 >= told.until {
            self.told = None;
            return None;
        }
        Some(((told.remaining as f64 - sent_since).max(0.0) as usize, told.until))
    }
}
