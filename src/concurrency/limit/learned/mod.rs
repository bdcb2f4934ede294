//! The default limit.

mod admission;
mod advertised;
mod advertised_wait;
mod answer;
mod arbiter;
mod breaker;
mod chance;
mod charge;
mod contention;
mod cost;
mod demand;
mod export;
mod forget;
mod history;
mod in_flight;
mod judge;
mod latency;
mod marks;
mod overload;
mod pace;
mod pacer;
mod rate;
mod resume;
mod shift;
mod train;
mod tuning;
mod window;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use self::advertised::Advertised;
use self::advertised_wait::AdvertisedWait;
use self::breaker::Breaker;
use self::chance::Chance;
use self::cost::Costs;
use self::demand::Demand;
use self::history::{Fate, History};
use self::in_flight::InFlightLimit;
use self::latency::LatencyTrend;
use self::marks::{Mark, Opening, sent_at};
use self::overload::{Kind, OverloadTest};
use self::pacer::Pacer;
pub use self::tuning::Tuning;
use self::tuning::bounded_wait;
use super::super::learnt::Learnt;
use super::{
    Circuit, Compact, DEFAULT_INITIAL, DEFAULT_MAX, DEFAULT_MIN, Headroom, Limit, Load, Now,
    Outcome,
};
use super::{Reason, Reasons, Sent};
use crate::cost::Cost;
use crate::hint::Hint;

/// Finds any API's limit, runs just below it, and notices when it moves: the default.
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
/// A refusal is the only direct evidence of a limit, and each one costs a request. `Learned` reacts
/// once per event and never probes for what it already knows.
///
/// 1. **One event, one lesson.** Refusals of requests that were sent before the last lesson belong to
///    it (TCP's recovery epoch, RFC 6582 section 3.2).
/// 2. **The in-flight limit** starts at 4. While requests wait for it, it grows as fast as a refusal
///    would arrive: up to 16, then twice as far each time that a third of it was answered. A refusal
///    with more in flight than the server was seen to accept cuts it to what the server accepted:
///    that is the ceiling, measured and not guessed.
/// 3. **A probe** is one request above a ceiling, after two round trips, then at doubling intervals up
///    to 64 requests or four round trips. If it is refused, the ceiling is confirmed, for one refusal,
///    and nothing else is held up. If it is accepted, the limit grows again. Where streams hold all
///    places and nothing is answered, probes come by time.
/// 4. **A contradiction means a rate.** A level that was accepted is refused a moment later. After
///    three such refusals, or two that ask for a short wait, the server counts requests per time. The
///    *pace* is then what was accepted between two refusals, divided by the time between them. That is
///    the refill of a token bucket of any depth, because the bucket was empty at both ends. The pace
///    keeps 1 % below and rises in steps that double from 1 %, each once the last one has cost no
///    refusal. Nothing is measured over a time of which more than a quarter was idle. A rate that held
///    though a lower one was measured is tried once more: a shallow bucket may have overflowed. A pace
///    that is refuted is dropped. If a pace is refused that could not be if this client were alone,
///    other clients share the limit. Each refusal then costs a fifth, recovered over ten round trips,
///    so that shares converge. If only one request of the first burst is accepted, but a probe beside
///    another is, the bucket holds one: the pace starts at that spacing and doubles until a request is
///    refused.
/// 5. **The circuit breaker** opens when a request is refused and none was accepted since the refusal
///    before. Then one request probes, after 0.25 s and at doubling intervals up to 8 s, until one is
///    accepted. The others follow, twice as many each time. After a refusal, and where the server last
///    stopped, one request is sent alone. Two such closures tell the length of a fixed window, and the
///    next one is waited out. Two windows that took equally many tell the quota: as many are sent in
///    each, and none is refused, but for a test now and then.
/// 6. **The server's word** outranks all of it. A wait that it asks for pauses the gate; `remaining`
///    and `reset` of a window, or the refill that they tell of a bucket, bound what is sent before
///    anything has to be learned ([`Quota`](crate::hint::Quota)). What is told to be left is a licence
///    too: the limit grows at the told pace, and a pace that is less than half of it ends, unless the
///    server refused three times although something was told to be left. From the second wait on, one
///    request is sent after a quarter of it. If it is accepted, later waits are those of the refused
///    request alone. If clocks of whole seconds tell the end of a window late, one request probes at a
///    round length, and the others follow. If that probe is refused, it was the last of its kind.
/// 7. **Latency** shows one thing only: that more requests in flight get no more done. Where answers
///    seem slower than at lower levels, by a quarter and by two and a half standard errors, the limit
///    is halved for one group of requests, and that is compared with the group before it. Growth stops
///    only if answers really take longer with more in flight, and is tried again at doubling intervals.
/// 8. **An overloaded server** (503, 529) tells nothing of a rate, and of a ceiling only if it refuses
///    twice above what it accepted. If it refuses far more than at random, it means a limit. A first
///    outage is no evidence of that.
/// 9. **Refusals at random** (429 too) teach nothing. A rate must explain who is refused of the last
///    1,024 attempts. Refusals that no rate and no level explains, and that are rare and do not come
///    together, pause nobody, until there are far more of them. A pace that does not explain its
///    refusals is dropped, at growing intervals. After a refusal that a pace does not explain, a *probe
///    train* of requests is sent four times as fast. If far more is accepted than can have flowed into an
///    empty bucket, the pace was too low.
/// 10. **A final refusal** (a permanent code, `x-should-retry: false`, a wait beyond what a retry
///     accepts) is for the callers. It teaches nothing and holds nothing up.
///
/// `docs/learned.md` in the repository has each number with its reason, plots of runs and a sweep of the
/// numbers.
///
/// # What it costs
///
/// A decision is a handful of comparisons, with no allocation. While little is in flight it reads no
/// clock. The latest attempts take up to 24 KiB, as they come; refusals that may show a rate are judged
/// against them.
///
/// # Where it is weak
///
/// Several processes that share a limit of requests in flight come to fair shares slowly: a late client
/// finds no free place until another one gives one up. Several clients on one token bucket are refused
/// more often than one, about 6 in 100 requests, because what others take seems to be chance. Share one
/// layer within a process.
///
/// Where a server has fixed windows, or a bucket that others share, and also refuses at random with 429, work may
/// take twice as long as it must, and beside a sliding log far longer. Where answers take longer than a window whose
/// end is told in whole seconds, most of it stays unused. `docs/learned.md` has the figures. Where a server blocks
/// everybody after a refusal, it takes up to 1.5 times as long. A sliding log that tells nothing refuses up to 15 in
/// 100 requests. Where answers take 20 s or more, the limit doubles beyond 16 once in the time of an answer.
#[derive(Clone, Debug)]
pub struct Learned {
    /// Shared: it takes a kilobyte, and there may be a limit for each of many keys.
    tuning: Arc<Tuning>,
    limit: InFlightLimit,
    trend: LatencyTrend,
    pacer: Option<Box<Pacer>>,
    breaker: Breaker,
    advertised: Advertised,
    /// Requests sent.
    sent: u64,
    /// Requests refused.
    refused: u64,
    /// The recovery epoch: refusals of requests with a lower number belong to the last event.
    recovery_epoch: u64,
    /// When the server's bucket was last found empty.
    exhausted: Option<Mark>,
    demand: Demand,
    /// What is known of the time before the first refusal.
    opening: Opening,
    /// Requests accepted in all at the last refusal.
    admitted_at_refusal: f64,
    /// Refusals in a row above the proven level, none at a higher level than the one before.
    ceiling_hits: u32,
    /// Requests in flight at the last one.
    refused_level: u32,
    /// Refusals that contradict a ceiling, the last ones in close succession.
    contradictions: u32,
    /// Whether refusals that blame the server mean a limit.
    overload: OverloadTest,
    /// Whether refusals that blame this client mean a limit.
    limited: OverloadTest,
    history: History,
    advertised_wait: AdvertisedWait,
    /// Whether refusals come at random, from the first one on.
    chance: Option<Box<Chance>>,
    /// Mean round trip, in seconds.
    rtt: Option<f64>,
    /// Whether that is of an earlier run.
    rtt_is_old: bool,
    /// Whether the last refusal pauses the gate, if the server asked for a wait.
    pausing: bool,
    /// Whether a probe of the breaker was refused since the rate was measured.
    probe_was_refused: bool,
    /// What requests cost. `None` until that is told of one.
    costs: Option<Box<Costs>>,
    /// Why the pace is what it is.
    pace_reason: Compact,
}

impl Learned {
    /// Starts at 4, within 1 and 1000, knowing nothing.
    #[must_use]
    pub fn new() -> Self {
        static DEFAULT: LazyLock<Arc<Tuning>> = LazyLock::new(Arc::default);
        Self::with_shared(Arc::clone(&DEFAULT))
    }

    /// The same with other numbers, to see what they do. Those that make no sense are replaced by the
    /// defaults.
    #[doc(hidden)]
    #[must_use]
    pub fn with_tuning(tuning: Tuning) -> Self {
        Self::with_shared(Arc::new(tuning.sane()))
    }

    fn with_shared(tuning: Arc<Tuning>) -> Self {
        let limit = InFlightLimit::new(DEFAULT_INITIAL, DEFAULT_MIN, DEFAULT_MAX, tuning.free);
        Self {
            limit,
            trend: LatencyTrend::default(),
            pacer: None,
            breaker: Breaker::new(&tuning),
            advertised: Advertised::default(),
            sent: 0,
            refused: 0,
            recovery_epoch: 0,
            exhausted: None,
            demand: Demand::default(),
            opening: Opening::None,
            admitted_at_refusal: 0.0,
            ceiling_hits: 0,
            refused_level: 0,
            contradictions: 0,
            overload: OverloadTest::new(Kind::Server),
            limited: OverloadTest::new(Kind::Client),
            history: History::default(),
            advertised_wait: AdvertisedWait::default(),
            tuning,
            chance: None,
            rtt: None,
            rtt_is_old: false,
            pausing: false,
            probe_was_refused: false,
            costs: None,
            pace_reason: Compact::default(),
        }
    }
}

impl Default for Learned {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Learned {
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom {
        self.admission(now, load, None)
    }

    fn headroom_for(&mut self, now: &Now, load: Load, next: &Cost) -> Headroom {
        self.admission(now, load, Some(next))
    }

    fn on_send(&mut self, now: &Now, sent: &Sent, load: Load) {
        let seq = self.sent;
        self.on_send_at_cost(now, sent);
        self.sent += 1;
        if self.is_idle(load) && !self.limit.needs_timestamp(load.in_flight) {
            self.advertised.on_idle_send();
            // Nothing limits it: what was measured up to here ends.
            self.exhausted = None;
            return;
        }
        let refusal_timeout = self.breaker.refusal_timeout(&self.tuning);
        let now = now.get().as_secs_f64();
        self.demand.on_send(now, load.waiting);
        self.history.on_send(seq, now, load.in_flight);
        let admitted = seq as f64 - self.refused as f64;
        if let Opening::None = self.opening {
            self.opening = Opening::Sent(Mark { at: now, admitted });
            self.breaker.on_first_send(now, admitted);
        }
        self.breaker.on_send(now, seq, admitted, &self.tuning);
        self.limit.on_send(now, load.in_flight, refusal_timeout);
        self.advertised.on_send(now);
        let chance = self.chance.as_mut();
        if chance.is_some_and(|chance| chance.trains.on_send(now)) {
            return;
        }
        if let Some(pacer) = &mut self.pacer {
            let rtt = self.rtt.unwrap_or(0.0);
            if pacer.on_send(now, refusal_timeout, rtt, &self.tuning) {
                self.pace_changed(Reason::RateHeld);
                self.make_room_for_pacer();
            }
        }
    }

    fn wants_time(&self, seq: u64, load: Load) -> bool {
        seq % self.idle_samples() == 0 || !self.is_idle(load)
    }

    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load) {
        if self.was_refused_for_cost(now, sent, outcome) {
            return;
        }
        if matches!(outcome, Outcome::Failed | Outcome::Ignored) {
            self.history.on_outcome(sent.seq, Fate::Unknown);
            self.limit.on_failed();
        }
        match outcome {
            Outcome::Accepted(hint) => {
                self.history.on_outcome(sent.seq, Fate::Accepted);
                self.on_accepted(now, sent, hint, load);
            }
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

    fn on_cost(&mut self, now: &Now, sent: &Sent, cost: Cost) {
        self.on_its_cost(now, sent, cost);
    }

    fn on_refined(&mut self, now: &Now, sent: &Sent, hint: &Hint) {
        self.on_its_body(now, sent, hint);
    }

    fn pause_for(&mut self, now: &Now, hint: &Hint) -> Option<Duration> {
        if self.is_final(hint) {
            // Only the body said so, after the head had opened the breaker.
            self.breaker.close();
            return None;
        }
        let pausing = self.pausing && self.advertised_wait.binds();
        let wait = hint.wait().filter(|_| pausing)?;
        let left = self.advertised.spent_for(now.get().as_secs_f64());
        let least = [left, self.advertised_wait.ends_in()]
            .into_iter()
            .flatten()
            .map(Duration::from_secs_f64)
            .fold(wait, Duration::min);
        Some(least)
    }

    fn limit(&self) -> usize {
        self.limit.get()
    }

    fn rate(&self) -> Option<f64> {
        self.pacer.as_ref().map(|pacer| pacer.rate())
    }

    fn circuit(&self) -> Circuit {
        self.breaker.circuit()
    }

    fn reasons(&self) -> Reasons {
        self.explain()
    }

    fn set_limit(&mut self, limit: usize) {
        self.limit.set(limit);
    }

    fn shift(&mut self, now: &Now, places: isize, rate: f64) {
        self.shift_by(now, places, rate);
    }

    fn learnt(&self, now: &Now) -> Learnt {
        self.findings(now.get().as_secs_f64())
    }

    fn resume(&mut self, now: &Now, learnt: &Learnt) {
        self.resume_from(now.get().as_secs_f64(), learnt);
    }

    fn forget(&mut self, _: &Now, initial: usize) {
        self.forget_all(initial);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.limit.set_bounds(min, max);
    }

    fn set_max_wait(&mut self, max: Duration) {
        let max_wait = bounded_wait(max.as_secs_f64());
        if max_wait != self.tuning.max_wait {
            Arc::make_mut(&mut self.tuning).max_wait = max_wait;
        }
    }
}
