//! Whether and when one request is sent again.

use std::time::Duration;

use http::StatusCode;
use rand::rngs::SmallRng;
use tokio::time::Instant;

use super::backoff::above;
use super::circuit::{Admission, Part, Rejection};
use super::clone::CloneRequest;
use super::last_refusal::LastRefusal;
use super::policy::{Config, Policy};
use super::shared::Shared;
use super::time::{later, spread};
use crate::ask::{self, Ask, KeptPlace};
use crate::observe::{Circuit, Event, GiveUpReason};

/// The longest wait of its own that a request behind a gate adds: attempts are cheap there, as the
/// gate paces them.
const BEHIND_GATE_MAX: Duration = Duration::from_secs(2);

/// What one request keeps over all its attempts.
pub(super) struct RetryState<Req> {
    /// What another attempt sends. `None` if there can be none.
    kept: Option<Req>,
    /// Attempts sent.
    pub(super) attempts: u32,
    /// When the present attempt was found to take time.
    pub(super) sent_at: Option<Instant>,
    gone: Gone,
    /// Boxed, as most requests need none, and every request is moved about.
    record: Option<Box<Record>>,
}

/// What is known of a request that could not be copied, and is gone when its answer comes.
#[derive(Clone, Copy, Default)]
pub(super) struct Gone {
    /// Whether it may be sent again though it may have been served.
    pub(super) repeatable: bool,
    /// What kind of request it is.
    pub(super) route: Option<u64>,
}

/// What is recorded from the first failed attempt on, or from the call if the request's time is bounded.
#[derive(Default)]
struct Record {
    /// The last moment at which an attempt may begin, if there is one.
    deadline: Option<Instant>,
    /// When the request is answered though it still waits, if ever.
    cut_off: Option<Instant>,
    part: Option<Part>,
    draws: Option<Draws>,
    ask: Ask,
    /// The statuses that the hook has acted upon.
    acted_on: Vec<StatusCode>,
    /// For observers: the host of a request that is no longer kept.
    server: Option<Box<str>>,
}

/// The waits drawn for one request.
struct Draws {
    rng: SmallRng,
    /// The last wait drawn.
    previous: Duration,
}

/// What came of an attempt that may be made again.
#[derive(Clone, Copy)]
pub(super) struct FailedAttempt {
    pub(super) at: Instant,
    /// What the server asked for.
    pub(super) wait: Option<Duration>,
    /// Whether a gate below keeps the shared pause.
    pub(super) behind_gate: bool,
    /// The place in the gate's line that the request may take again.
    pub(super) place: Option<KeptPlace>,
}

impl FailedAttempt {
    /// One of which the server said nothing.
    pub(super) fn without_word(at: Instant) -> Self {
        Self {
            at,
            wait: None,
            behind_gate: false,
            place: None,
        }
    }
}

impl<Req> RetryState<Req> {
    /// A request that was called now, of which `attempts` are sent with that. Its time counts from
    /// `since`, if it waited before the call.
    #[inline]
    pub(super) fn begin(
        config: &Config,
        attempts: u32,
        kept: Option<Req>,
        gone: Gone,
        since: Option<Instant>,
    ) -> Self {
        let mut state = Self {
            kept,
            attempts,
            sent_at: None,
            gone,
            record: None,
        };
        if config.max_elapsed.is_some() || config.max_time.is_some() {
            state.set_bounds(config, since);
        }
        state
    }

    /// Kept out of the way of requests without bounds, which read no clock.
    #[cold]
    fn set_bounds(&mut self, config: &Config, since: Option<Instant>) {
        let now = Instant::now();
        let cut_off = config
            .max_time
            .map(|time| later(since.unwrap_or(now), time));
        let deadline = config.max_elapsed.map(|elapsed| later(now, elapsed));
        let record = self.record.get_or_insert_default();
        record.cut_off = cut_off;
        record.deadline = deadline.into_iter().chain(cut_off).min();
    }

    /// The request is done: what it held is given up, even if its future is kept.
    #[inline]
    pub(super) fn end(&mut self) {
        if self.record.is_some() {
            self.record = None;
        }
    }

    /// What another attempt sends, if there can be one.
    pub(super) fn kept(&self) -> Option<&Req> {
        self.kept.as_ref()
    }

    /// Keeps a request in place of the former one.
    pub(super) fn keep(&mut self, request: Option<Req>) {
        self.kept = request;
    }

    /// Whether the request may be sent again though it may have been served.
    pub(super) fn may_repeat<C, H, K: CloneRequest<Req>>(&self, policy: &Policy<C, H, K>) -> bool {
        self.kept().map_or(self.gone.repeatable, |kept| {
            policy.clone.is_repeatable(kept)
        })
    }

    /// What kind of request it is.
    pub(super) fn route<C, H, K: CloneRequest<Req>>(
        &self,
        policy: &Policy<C, H, K>,
    ) -> Option<u64> {
        self.kept()
            .map_or(self.gone.route, |kept| policy.clone.route(kept))
    }

    /// The host of the request, if that is known.
    pub(super) fn server<'a, C, H, K: CloneRequest<Req>>(
        &'a self,
        policy: &Policy<C, H, K>,
    ) -> Option<&'a str> {
        match self.kept() {
            Some(kept) => policy.clone.server(kept),
            None => self.record.as_ref()?.server.as_deref(),
        }
    }

    /// The last moment at which an attempt may begin.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.record.as_ref()?.deadline
    }

    /// When the request is answered though it still waits.
    pub(super) fn cut_off(&self) -> Option<Instant> {
        self.record.as_ref()?.cut_off
    }

    /// What the request asks of a gate below.
    pub(super) fn ask(&self) -> Ask {
        let above = ask::current();
        self.record.as_ref().map_or(above, |record| Ask {
            place: record.ask.place,
            refusals: record.ask.refusals,
            ..above
        })
    }

    /// Whether the request may be sent, now that the circuit is not closed.
    pub(super) fn admit(&mut self, now: Instant, shared: &Shared, route: Option<u64>) -> Admission {
        let record = self.record.get_or_insert_default();
        let part = record
            .part
            .get_or_insert_with(|| Part::new(&shared.circuit));
        shared.circuit.admit(now, part, route)
    }

    /// Whether this request is the circuit's probe.
    pub(super) fn is_probe(&self) -> bool {
        let part = self.record.as_ref().and_then(|record| record.part.as_ref());
        part.is_some_and(Part::is_probe)
    }

    /// An attempt is sent.
    #[inline]
    pub(super) fn sent(&mut self) {
        (self.attempts, self.sent_at) = (self.attempts + 1, None);
        let record = self.record.as_mut();
        if let Some(part) = record.and_then(|record| record.part.as_mut()) {
            part.sent();
        }
    }

    /// Drops what is kept if the attempt that was sent is the last: a replayable body can forget what nobody
    /// will read again.
    #[inline]
    pub(super) fn drop_kept_at_last<C, H, K>(&mut self, policy: &Policy<C, H, K>)
    where
        K: CloneRequest<Req>,
    {
        if self.attempts >= policy.config.max_attempts {
            if let Some(kept) = self.kept.take() {
                self.gone.route = policy.clone.route(&kept);
                if policy.config.is_observed() {
                    let server = policy.clone.server(&kept).map(Box::from);
                    self.record.get_or_insert_default().server = server;
                }
            }
        }
    }

    /// Tells the circuit of an attempt that was not accepted. Returns whether that ends the request.
    pub(super) fn on_rejected(
        &mut self,
        rejection: Rejection,
        copy: Option<LastRefusal>,
        config: &Config,
        shared: &Shared,
    ) -> bool {
        let record = self.record.get_or_insert_default();
        let part = record
            .part
            .get_or_insert_with(|| Part::new(&shared.circuit));
        let effect = shared.circuit.refused(
            part,
            rejection,
            copy,
            config.max_outage,
            config.circuit_breaker,
        );
        if let Some(why) = effect.opened {
            config.tell(|| Event::CircuitChanged {
                from: Circuit::Closed,
                to: Circuit::Open,
                why,
            });
        }
        effect.ends
    }

    /// When to send again, or the bound that does not allow it. The budget is not asked.
    pub(super) fn plan(
        &mut self,
        failed: FailedAttempt,
        config: &Config,
        shared: &Shared,
    ) -> Result<Instant, GiveUpReason> {
        if self.attempts >= config.max_attempts {
            return Err(GiveUpReason::MaxAttempts);
        }
        let record = self.record.get_or_insert_default();
        record.ask.place = failed.place;
        record.ask.refusals += 1;
        let draws = record.draws.get_or_insert_with(|| Draws::begin(config));
        let mut until = later(failed.at, draws.draw(failed, self.attempts, config));
        if let Some(pause) = shared.pause.until().filter(|pause| *pause > until) {
            until = spread(pause, failed.at, &mut draws.rng);
        }
        self.is_in_time(until)
            .then_some(until)
            .ok_or(GiveUpReason::OutOfTime)
    }

    /// Pays for an attempt that begins at once, and that no failure calls for. Returns whether it may begin.
    pub(super) fn pay_for_attempt(&self, now: Instant, config: &Config) -> bool {
        self.attempts < config.max_attempts && self.is_in_time(now) && config.pay(now)
    }

    fn is_in_time(&self, at: Instant) -> bool {
        self.deadline().is_none_or(|deadline| at <= deadline)
    }

    /// Whether the hook has acted upon such an answer to this request.
    pub(super) fn has_acted_on(&self, status: StatusCode) -> bool {
        self.record
            .as_ref()
            .is_some_and(|record| record.acted_on.contains(&status))
    }

    pub(super) fn on_acting(&mut self, status: StatusCode) {
        self.record.get_or_insert_default().acted_on.push(status);
    }
}

impl Draws {
    fn begin(config: &Config) -> Self {
        Self {
            rng: config.random.draw(),
            previous: Duration::ZERO,
        }
    }

    fn draw(&mut self, failed: FailedAttempt, attempt: u32, config: &Config) -> Duration {
        let backoff = if failed.behind_gate {
            config.backoff.capped(BEHIND_GATE_MAX)
        } else {
            config.backoff
        };
        let own = backoff.wait(attempt, self.previous, &mut self.rng);
        self.previous = own;
        match failed.wait {
            None => own,
            // The gate hands permits out one by one, so nobody needs to be kept out of step.
            Some(wait) if failed.behind_gate => wait.max(own),
            Some(wait) => wait.saturating_add(above(wait, &mut self.rng)).max(own),
        }
    }
}
