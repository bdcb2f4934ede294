//! An upstream: the stack through which it is called, and what is known of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use tower::ServiceBuilder;
use tower_throttle::concurrency::{AdaptiveConcurrency, Handle, Snapshot};
use tower_throttle::retry::RetryOn429;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::client::Client;
use crate::config::{Config, Target};
use crate::history::History;
use crate::metrics::Answers;

/// What every request goes through.
pub(crate) type Stack = RetryOn429<AdaptiveConcurrency<Client>>;

/// One API, with a gate of its own: what one API refuses says nothing about another.
pub(crate) struct Upstream {
    pub(crate) target: Target,
    pub(crate) stack: Stack,
    pub(crate) handle: Handle,
    pub(crate) history: History,
    answers: Answers,
    pub(crate) max_queue: usize,
    /// Requests that were taken and whose answers have not ended.
    inside: AtomicUsize,
    turned_away: AtomicU64,
    abandoned: AtomicU64,
}

/// An upstream's numbers at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) gate: Snapshot,
    /// Requests that were taken and are not in flight: their bodies are being read, they are in the
    /// gate's line, or they were refused and wait to be sent again.
    pub(crate) queued: usize,
    /// Requests that were answered 429 because too many waited.
    pub(crate) turned_away: u64,
    /// Requests whose clients left before an answer began.
    pub(crate) abandoned: u64,
}

impl Upstream {
    pub(crate) fn new(
        target: Target,
        config: &Config,
        client: Client,
        answers: Answers,
    ) -> Arc<Self> {
        let gate = AdaptiveConcurrencyLayer::new().max_limit(config.max_in_flight);
        let handle = gate.handle();
        let stack = ServiceBuilder::new()
            .layer(RetryOn429Layer::new())
            .layer(gate)
            .service(client);
        Arc::new(Self {
            target,
            stack,
            handle,
            history: History::default(),
            answers,
            max_queue: config.max_queue,
            inside: AtomicUsize::new(0),
            turned_away: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        })
    }

    /// A place for a request, if not too many wait.
    ///
    /// A request that was sent and refused comes back to those that wait. It keeps its place, so
    /// there may for a while be more than `max_queue`, by those that were in flight.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        let room = self.handle.in_flight() + self.max_queue;
        self.inside
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |inside| {
                (inside < room).then_some(inside + 1)
            })
            .ok()?;
        Some(Place {
            upstream: Arc::clone(self),
            answered: false,
        })
    }

    /// Counts a request that is turned away, and says for how long.
    pub(crate) fn turn_away(&self) -> Duration {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        let look = self.look();
        let wait = self.history.time_for(look.queued);
        // No client needs to come back during a pause.
        let wait = wait.max(look.gate.pause_remaining.unwrap_or_default());
        // As much again at random, so that those turned away together do not come back together; and
        // no more than a minute, above which OpenAI's client takes no word for it.
        let seconds = wait.as_secs_f64().max(1.0) * (1.0 + fastrand::f64());
        Duration::from_secs(seconds.ceil().min(60.0) as u64)
    }

    /// Counts an answer that begins.
    pub(crate) fn count(&self, status: StatusCode, by: &'static str) {
        self.answers.count(&self.target.name, status, by);
    }

    /// How many requests were taken and are not at their answer's end.
    pub(crate) fn inside(&self) -> usize {
        self.inside.load(Ordering::Relaxed)
    }

    pub(crate) fn look(&self) -> Look {
        let gate = self.handle.snapshot();
        Look {
            queued: self.inside().saturating_sub(gate.in_flight),
            gate,
            turned_away: self.turned_away.load(Ordering::Relaxed),
            abandoned: self.abandoned.load(Ordering::Relaxed),
        }
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream")
            .field("target", &self.target)
            .field("look", &self.look())
            .finish_non_exhaustive()
    }
}

/// A request's place, from its arrival to its answer's end.
#[derive(Debug)]
pub(crate) struct Place {
    upstream: Arc<Upstream>,
    answered: bool,
}

impl Place {
    /// The place of a request whose answer has begun.
    pub(crate) fn answered(mut self) -> Self {
        self.answered = true;
        self
    }

    /// The upstream's name.
    pub(crate) fn upstream(&self) -> &str {
        &self.upstream.target.name
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.upstream.inside.fetch_sub(1, Ordering::Relaxed);
        if !self.answered {
            self.upstream.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}
