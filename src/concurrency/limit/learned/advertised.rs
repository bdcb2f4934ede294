//! The advertised quota: what the server says is left.

mod resume;
mod window;

use std::time::Duration;

use self::window::{AdvertisedWindow, Arrival, LATE};
use super::Tuning;
use crate::hint::{Dimension, Hint, Quota, ResetKind};

/// The tightest quota of requests, as the answers tell it.
#[derive(Clone, Debug, Default)]
pub(super) struct Advertised {
    /// In a box: most APIs tell nothing, and there may be a limit for each of many keys.
    state: Option<Box<State>>,
    /// Requests sent and not yet answered, refused or given up.
    unanswered: u32,
    /// The mean time in which requests are served whose answers tell something, in seconds.
    usual: Option<f64>,
    /// Refusals that came although something was told to be left.
    broken: f64,
    /// Whether the latest answer told what is left of a window.
    answer_told: bool,
    /// Whether a window outlasted the round length at which it was probed. Then no length is
    /// guessed any more.
    distrusts_length: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Window(AdvertisedWindow),
    Bucket(AdvertisedBucket),
}

/// A mirror of the server's token bucket.
#[derive(Clone, Copy, Debug)]
struct AdvertisedBucket {
    tokens: f64,
    at: f64,
    /// Tokens per second.
    rate: f64,
    capacity: f64,
    /// The latest request whose answer told of it. It counts that one and those before.
    by: u64,
}

impl Advertised {
    fn state(&self) -> Option<State> {
        self.state.as_deref().copied()
    }

    /// Changes the state in its box, if it has one already.
    fn set(&mut self, state: State) {
        match &mut self.state {
            Some(old) => **old = state,
            None => self.state = Some(Box::new(state)),
        }
    }

    /// Takes the quotas from the answer at `now` to request `seq`, sent at `sent_at`; `next` is the
    /// number of the next request. What would hold anybody for longer than `max_wait` is not
    /// believed.
    pub(super) fn observe(
        &mut self,
        hint: &Hint,
        seq: u64,
        sent_at: f64,
        next: u64,
        now: f64,
        tuning: &Tuning,
    ) {
        let Some((quota, remaining, reset)) = tightest(hint) else {
            return;
        };
        let took = (now - sent_at).max(0.0);
        let mean = |usual: f64| usual + tuning.rtt_weight * (took.min(LATE * usual) - usual);
        if !hint.is_refusal() {
            self.usual = Some(self.usual.map_or(took, mean));
        }
        let rate = match (bucket_rate(quota, tuning), self.state()) {
            (Some(_), Some(State::Bucket(bucket))) if is_vague(reset, tuning) => Some(bucket.rate),
            (Some(_), _) if is_vague(reset, tuning) => return,
            (rate, _) => rate,
        };
        if rate.map_or(reset.as_secs_f64(), f64::recip) > tuning.max_wait {
            // Nobody is held for that long: the server refuses, and the caller decides.
            self.state = None;
            return;
        }
        if rate.is_none() && quota.kind == ResetKind::Full {
            // A full bucket does not tell how fast it fills.
            return;
        }
        let Some(rate) = rate else {
            let arrival = Arrival {
                seq,
                sent_at,
                now,
                unanswered: self.unanswered,
                refused: hint.is_refusal(),
            };
            self.observe_window(hint, quota, (remaining, reset), arrival, tuning);
            return;
        };
        let sent_since = next.saturating_sub(seq.saturating_add(1)) as f64;
        let capacity = quota.limit.unwrap_or(u64::MAX) as f64;
        let left = remaining as f64 + rate * (now - sent_at) - sent_since;
        self.observe_bucket(
            AdvertisedBucket {
                tokens: left.min(capacity),
                at: now,
                rate,
                capacity,
                by: seq,
            },
            tuning,
        );
    }

    /// Takes what an answer tells of a bucket.
    fn observe_bucket(&mut self, answer: AdvertisedBucket, tuning: &Tuning) {
        let bucket = match self.state() {
            // Answers overtake each other, and the one to the latest request knows most.
            Some(State::Bucket(bucket)) if bucket.by > answer.by => return,
            // Another capacity is another bucket.
            Some(State::Bucket(bucket)) if bucket.capacity == answer.capacity => {
                bucket.after(answer, tuning.mirror_trust)
            }
            _ => answer,
        };
        self.set(State::Bucket(bucket));
    }

    /// Takes what an answer tells of a window: what is left of it, and when it ends.
    fn observe_window(
        &mut self,
        hint: &Hint,
        quota: &Quota,
        left: (u64, Duration),
        arrival: Arrival,
        tuning: &Tuning,
    ) {
        self.answer_told = true;
        if let Some(State::Window(window)) = self.state.as_deref() {
            self.distrusts_length |= window.outlasts(hint, left.0, arrival.sent_at);
        }
        let may_probe = !self.distrusts_length;
        let answer = AdvertisedWindow::new(quota, left, hint, arrival, tuning, may_probe);
        let took = (arrival.now - arrival.sent_at).max(0.0);
        let window = State::Window(match self.state() {
            Some(State::Window(window)) => {
                window.after(answer, &arrival, self.usual.unwrap_or(took))
            }
            _ => answer,
        });
        self.set(window);
    }

    /// Records that request `seq` was answered, refused or given up.
    pub(super) fn on_outcome(&mut self, seq: u64) {
        self.unanswered = self.unanswered.saturating_sub(1);
        let told = std::mem::take(&mut self.answer_told);
        if let Some(State::Window(window)) = self.state.as_deref_mut() {
            window.on_outcome(seq, told);
        }
    }

    /// Seconds until the window ends, if nothing is left of it.
    pub(super) fn spent_for(&self, now: f64) -> Option<f64> {
        match self.state.as_deref() {
            Some(State::Window(window)) => window.spent_for(now),
            _ => None,
        }
    }

    /// A request was refused for a limit. Returns whether something was told to be left, beside what is
    /// not answered yet.
    pub(super) fn on_limit(&mut self) {
        let left = match self.state.as_deref() {
            Some(State::Window(window)) => window.left(self.unanswered) > 0,
            Some(State::Bucket(bucket)) => bucket.tokens >= 1.0,
            None => false,
        };
        self.broken += f64::from(u8::from(left));
    }

    /// The requests per second that the server is ready to accept until more is told, if its word was not
    /// broken too often.
    pub(super) fn licence(&self, now: f64, tuning: &Tuning) -> Option<f64> {
        if self.broken >= tuning.broken_words {
            return None;
        }
        match self.state.as_deref() {
            Some(State::Window(window)) => window
                .licence(self.unanswered, now)
                .filter(|_| f64::from(window.left(self.unanswered)) >= tuning.licensed_requests),
            Some(State::Bucket(bucket)) => {
                (bucket.tokens >= tuning.licensed_requests).then_some(bucket.rate)
            }
            None => None,
        }
    }

    /// Whether nothing was advertised, so that no clock need be read.
    pub(super) fn is_unknown(&self) -> bool {
        self.state.is_none()
    }

    /// Records a request that is sent while nothing is advertised. No clock is read.
    pub(super) fn on_idle_send(&mut self) {
        self.unanswered = self.unanswered.saturating_add(1);
    }

    /// Records a request that is sent.
    pub(super) fn on_send(&mut self, now: f64) {
        self.on_idle_send();
        match self.state.as_deref_mut() {
            Some(State::Window(window)) => window.on_send(now),
            Some(State::Bucket(bucket)) => {
                bucket.refill(now);
                bucket.tokens -= 1.0;
            }
            None => {}
        }
    }

    /// Returns how many requests may be sent, and when one more may if none may now; `None` if
    /// nothing was advertised. The next request is number `next`.
    pub(super) fn available(&mut self, now: f64, next: u64) -> Option<(usize, f64)> {
        if let Some(State::Window(window)) = self.state.as_deref() {
            if window.has_ended(now) {
                match window.next(now, next, self.unanswered) {
                    Some(next) => self.set(State::Window(next)),
                    None => self.state = None,
                }
            }
        }
        match self.state.as_deref_mut()? {
            State::Window(window) => Some(window.available(self.unanswered, now)),
            State::Bucket(bucket) => {
                bucket.refill(now);
                let until = now + ((1.0 - bucket.tokens) / bucket.rate).max(0.0);
                Some(((bucket.tokens + 1e-6).max(0.0) as usize, until))
            }
        }
    }
}

impl AdvertisedBucket {
    fn after(mut self, answer: Self, trust: f64) -> Self {
        self.refill(answer.at);
        Self {
            tokens: self.tokens + trust * (answer.tokens - self.tokens),
            rate: self.rate + trust * (answer.rate - self.rate),
            ..answer
        }
    }

    fn refill(&mut self, now: f64) {
        let flown = self.rate * (now - self.at).max(0.0);
        self.tokens = (self.tokens + flown).min(self.capacity);
        self.at = now;
    }
}

/// The quota of requests of which least is left, with what is left and when more comes.
fn tightest(hint: &Hint) -> Option<(&Quota, u64, Duration)> {
    hint.quotas()
        .iter()
        .filter(|quota| is_of_requests(quota))
        .filter_map(|quota| Some((quota, quota.remaining?, quota.reset?)))
        .min_by_key(|(_, remaining, _)| *remaining)
}

/// Whether a quota counts requests per time.
fn is_of_requests(quota: &Quota) -> bool {
    matches!(quota.dimension, Dimension::Unnamed | Dimension::Requests)
}

/// Whether a reset may be rounded up so far that it tells no rate.
fn is_vague(reset: Duration, tuning: &Tuning) -> bool {
    reset.subsec_nanos() == 0 && reset.as_secs_f64() < tuning.vague_reset
}

/// The rate at which a bucket fills. What remains is told in whole requests and the reset often in
/// whole seconds, rounded up. Both are corrected by their mean rounding.
fn bucket_rate(quota: &Quota, tuning: &Tuning) -> Option<f64> {
    let missing = quota.limit?.checked_sub(quota.remaining?)? as f64;
    let missing = if missing < tuning.rounded_missing {
        missing
    } else {
        missing - tuning.missing_rounding
    };
    let reset = quota.reset?;
    let rounded = if reset.subsec_nanos() == 0 {
        tuning.reset_rounding
    } else {
        0.0
    };
    let rate = missing / (reset.as_secs_f64() - rounded);
    (quota.refill_rate().is_some() && rate.is_finite() && rate > 0.0).then_some(rate)
}
