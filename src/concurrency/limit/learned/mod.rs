//! The default limit.

mod admission;
mod advertised;
mod answer;
mod arbiter;
mod breaker;
mod contention;
mod in_flight;
mod latency;
mod overload;
mod pacer;
mod rate;
mod tuning;
mod window;

use std::time::Duration;

use self::advertised::Advertised;
use self::breaker::Breaker;
use self::in_flight::InFlightLimit;
use self::latency::LatencyTrend;
use self::overload::OverloadTest;
use self::pacer::Pacer;
pub use self::tuning::Tuning;
use self::tuning::bounded_wait;
use super::{DEFAULT_INITIAL, DEFAULT_MAX, DEFAULT_MIN, Headroom, Limit, Load, Now, Outcome, Sent};
use crate::hint::Hint;

/// Finds any API's limit, runs right under it, and notices when it moves: the default.
///
/// It starts at 4 requests in flight, within 1 and 1000, and needs no configuration.
///
/// ```
/// use tower_throttle::AdaptiveConcurrencyLayer;
/// use tower_throttle::concurrency::limit::Learned;
///
/// // The same as `AdaptiveConcurrencyLayer::new()`.
/// let layer = AdaptiveConcurrencyLayer::with_limit(Learned::new());
/// ```
///
/// # What it knows
///
/// A refusal is the only thing that tells of a limit, and it is paid for. It asks of each what
/// it proves, and never pays twice for one proof.
///
/// 1. **One event, one lesson.** Refusals of requests that were sent before the last lesson belong to
///    it (TCP's recovery point, RFC 6582 section 3.2).
/// 2. **The window** is the number that may be in flight. It starts at 4 and grows as fast as a refusal
///    would tell, while requests wait for it: up to 16, then twice as far each time that a third of it
///    was answered. A refusal with more in flight than the server was seen to take cuts it to what the
///    server took: that is the ceiling, measured and not guessed.
/// 3. **A look above a ceiling** is one request more than the window, after two round trips, then at
///    doubling distances up to 64 requests or four round trips. If it is refused, the ceiling is
///    confirmed, for one refusal, and nobody else is held up. If it is answered, the window grows again.
/// 4. **A contradiction means a rate.** Under a ceiling, what was taken is not refused a moment later. After three
///    such refusals, or two that say to come back in a moment, the server counts requests per time. The
///    *pace* is then what was admitted between two refusals divided by the time between them. That is the bucket's refill
///    whatever its depth, because it was empty at both ends. The pace keeps 1 % below, and rises in
///    steps that double from 1 %, each once the last one has cost no refusal. A rate that held though less
///    was counted is tried once more: a shallow bucket may have overflowed. A pace that is refuted in turn
///    is dropped. One that is refused where alone it would not be is shared with others: then each refusal
///    costs a fifth, won back in ten round trips, so that shares become equal.
///    Where a burst is refused but for one, and a look beside one is let in, the bucket holds one: the
///    pace begins there and doubles until one is refused.
/// 5. **The door** shuts when a request is refused and none was admitted since the refusal before. Then
///    one request looks, after 0.25 s, and at doubling distances up to 8 s, until one is let in; the
///    others follow, twice as many each time. After a refusal, and where it shut the last time, one
///    goes first. Two such closures tell a window's length, and the next one
///    is waited out. Two windows that let in equally many tell its size: then so many are sent in each,
///    and none is refused, but for a test now and then.
/// 6. **The server's word** outranks all of it. A wait it asks for pauses the gate; `remaining` and
///    `reset` of a window, or the refill that they tell of a bucket, bound what is sent before
///    anything has to be learned ([`Quota`](crate::hint::Quota)).
///    Where clocks of whole seconds tell the end of a window late, one request looks for it at a round
///    length, and the others follow. If it is refused, it was the last such look.
/// 7. **Latency** says one thing only: that more in flight get no more done. The latencies of each octave
///    of levels are compared with those below, as logarithms, and growth stops where they are longer by a
///    quarter and by two and a half standard errors.
/// 8. **A server in trouble** (503, 529) says nothing of a rate, and of a ceiling only when it refuses
///    twice above what it took. One that refuses many, and not just now and then, means a limit by it.
/// 9. **A refusal for good** (a permanent code, `x-should-retry: false`, a wait beyond what anybody
///    accepts) is for the callers. It teaches nothing and holds nobody up.
///
/// [`Tuning`] has each number with its reason. `docs/learned.md` in the repository has plots of runs
/// and a sweep of the tuning.
///
/// # What it costs
///
/// A decision is a few comparisons, with no allocation. While little is in flight it reads no clock.
///
/// # Where it is weak
///
/// Several processes that share a limit of requests in flight come to fair shares slowly: who is
/// late finds no free place until one of the others gives one up. Share one layer within a process. A
/// server that asks for far longer waits than it needs is obeyed.
#[derive(Clone, Debug)]
pub struct Learned {
    tuning: Box<Tuning>,
    limit: InFlightLimit,
    trend: LatencyTrend,
    pacer: Option<Pacer>,
    breaker: Breaker,
    advertised: Advertised,
    /// Requests let through, and of those refused.
    sent: u64,
    refused: u64,
    /// Refusals of requests with a lower number belong to the last event.
    recovery_epoch: u64,
    /// When the server's bucket was last found empty, and how many it had admitted by then.
    exhausted: Option<Mark>,
    /// When the first request was sent.
    first_send: f64,
    /// What the server accepted before its first refusal.
    first_burst: Option<FirstBurst>,
    /// How many were admitted by the last refusal.
    admitted_at_refusal: f64,
    /// Refusals in a row that blamed the window, none at a higher level than the one before.
    ceiling_hits: u32,
    /// How many were in flight at the last one.
    refused_level: u32,
    contradictions: u32,
    overload: OverloadTest,
    /// Seconds that an answer takes.
    rtt: Option<f64>,
    pausing: bool,
    /// Whether a look was refused since the rate was measured.
    probe_was_refused: bool,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: f64,
    admitted: f64,
}

/// The requests that the server accepted before its first refusal.
#[derive(Clone, Copy, Debug)]
struct FirstBurst {
    admitted: f64,
    /// From the first request to the refused one.
    seconds: f64,
}

impl Learned {
    /// Starts at 4, within 1 and 1000, knowing nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::with_tuning(Tuning::default())
    }

    /// The same with other tuning, to see what they do. Those that are no use are replaced by the
    /// defaults.
    #[must_use]
    pub fn with_tuning(tuning: Tuning) -> Self {
        let tuning = tuning.sane();
        let limit = InFlightLimit::new(DEFAULT_INITIAL, DEFAULT_MIN, DEFAULT_MAX, tuning.free);
        Self {
            tuning: Box::new(tuning),
            limit,
            trend: LatencyTrend::default(),
            pacer: None,
            breaker: Breaker::new(&tuning),
            advertised: Advertised::default(),
            sent: 0,
            refused: 0,
            recovery_epoch: 0,
            exhausted: None,
            first_send: 0.0,
            first_burst: None,
            admitted_at_refusal: 0.0,
            ceiling_hits: 0,
            refused_level: 0,
            contradictions: 0,
            overload: OverloadTest::default(),
            rtt: None,
            pausing: false,
            probe_was_refused: false,
        }
    }

    /// Lets the pace bind, and not the window.
    fn make_room_for_pacer(&mut self) {
        if let Some(pacer) = &self.pacer {
            let in_flight = pacer.rate() * self.rtt.unwrap_or(0.0);
            self.limit
                .widen(self.tuning.room_in_flight * in_flight + self.tuning.room_requests);
        }
    }

    /// Of the answers while the limit is hardly used, one in this many is timed.
    fn idle_samples(&self) -> u64 {
        (self.tuning.idle_samples as u64).max(1)
    }

    /// Whether nothing but the window limits what is sent, and less than half of it is in use.
    fn is_idle(&self, load: Load) -> bool {
        2 * load.in_flight < self.limit.get()
            && self.pacer.is_none()
            && self.breaker.is_closed()
            && !self.breaker.knows_window(&self.tuning)
            && self.advertised.is_unknown()
    }
}

/// When a request was sent: `usual` seconds before its answer, if that was not noted.
fn sent_at(sent: &Sent, now: f64, usual: f64) -> f64 {
    sent.at.map_or(now - usual, |at| at.as_secs_f64())
}

impl Default for Learned {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Learned {
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom {
        self.admission(now, load)
    }

    fn on_send(&mut self, now: &Now, load: Load) {
        let seq = self.sent;
        self.sent += 1;
        if self.is_idle(load) && !self.limit.needs_timestamp(load.in_flight) {
            self.advertised.on_idle_send();
            return;
        }
        let refusal_timeout = self.breaker.refusal_timeout(&self.tuning);
        let now = now.get().as_secs_f64();
        if seq == 0 {
            self.first_send = now;
            self.breaker.on_first_send(now);
        }
        self.breaker
            .on_send(now, seq, seq as f64 - self.refused as f64, &self.tuning);
        self.limit.on_send(now, load.in_flight, refusal_timeout);
        self.advertised.on_send(now);
        if let Some(pacer) = &mut self.pacer {
            let rtt = self.rtt.unwrap_or(0.0);
            if pacer.on_send(now, refusal_timeout, rtt, &self.tuning) {
                self.make_room_for_pacer();
            }
        }
    }

    fn wants_time(&self, seq: u64, load: Load) -> bool {
        seq % self.idle_samples() == 0 || !self.is_idle(load)
    }

    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load) {
        if matches!(outcome, Outcome::Failed | Outcome::Ignored) {
            self.limit.on_failed();
        }
        match outcome {
            Outcome::Accepted(hint) => self.on_accepted(now, sent, hint, load),
            Outcome::Refused { status, hint } => {
                self.on_refused(now.get().as_secs_f64(), sent, status, hint)
            }
            Outcome::Failed if self.breaker.is_probe(sent.seq) => {
                self.breaker
                    .probe_refused(now.get().as_secs_f64(), None, &self.tuning);
            }
            Outcome::Ignored if self.breaker.is_probe(sent.seq) => {
                self.breaker.probe_lost(now.get().as_secs_f64());
            }
            Outcome::Failed | Outcome::Ignored => {}
        }
        self.advertised.on_outcome(sent.seq);
    }

    fn pause_for(&mut self, now: &Now, hint: &Hint) -> Option<Duration> {
        if self.is_final(hint) {
            // Only the body said so, after the head had shut the door.
            self.breaker.close();
            return None;
        }
        let wait = hint.wait().filter(|_| self.pausing)?;
        let left = self.advertised.spent_for(now.get().as_secs_f64());
        Some(left.map_or(wait, |left| wait.min(Duration::from_secs_f64(left))))
    }

    fn limit(&self) -> usize {
        self.limit.get()
    }

    fn rate(&self) -> Option<f64> {
        self.pacer.as_ref().map(Pacer::rate)
    }

    fn set_limit(&mut self, limit: usize) {
        self.limit.set(limit);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.limit.set_bounds(min, max);
    }

    fn set_max_wait(&mut self, max: Duration) {
        self.tuning.max_wait = bounded_wait(max.as_secs_f64());
    }
}
