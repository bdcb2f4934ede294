//! An upstream: the stack through which it is called, and what is known of it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use http_body_util::Full;
use tower::ServiceBuilder;
use tower_throttle::concurrency::Snapshot;
use tower_throttle::cost::FromExtensions;
use tower_throttle::queue::{Priority, Queue};
use tower_throttle::usage::{ReadUsage, Usage, UsageLayer};
use tower_throttle::{QueueLayer, RetryOn429, RetryOn429Layer};

use crate::client::ApiClient;
use crate::config::{Config, Target};
use crate::cost::Provider;
use crate::events::{Events, Watcher};
use crate::history::History;
use crate::keys::{self, Gated, Gates, Key};
use crate::metrics::{Answers, Changes};
use crate::priority;

/// What every request goes through.
pub(crate) type Stack = ReadUsage<
    Queue<
        RetryOn429<Gated>,
        fn(&Request<Full<Bytes>>) -> Priority,
        fn(&Request<Full<Bytes>>) -> Option<Duration>,
        FromExtensions,
    >,
>;

/// One API, with gates of its own: what one API refuses says nothing about another.
pub(crate) struct Upstream {
    pub(crate) target: Target,
    pub(crate) stack: Stack,
    /// By whose rules tokens are counted, if they are.
    pub(crate) provider: Option<Provider>,
    pub(crate) gates: Gates,
    pub(crate) history: History,
    /// What the layers changed of late.
    pub(crate) events: Arc<Events>,
    answers: Answers,
    pub(crate) max_queue: usize,
    /// Requests whose bodies are being read. They hold nothing: a client may take its time.
    reading: AtomicUsize,
    /// Requests that were taken and whose answers have not ended.
    inside: AtomicUsize,
    turned_away: AtomicU64,
    abandoned: AtomicU64,
}

/// An upstream's numbers at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
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
        client: ApiClient,
        answers: Answers,
        changes: Changes,
    ) -> Arc<Self> {
        let events = Arc::new(Events::default());
        let watcher = Watcher {
            events: Arc::clone(&events),
            changes,
        };
        let retries = RetryOn429Layer::new()
            .name(&target.name)
            .observe(watcher.clone());
        let (layer, gates) = keys::layer(config, &target.name, watcher);
        let mut queue = QueueLayer::new()
            .priority(priority::class as fn(&_) -> _)
            .deadline(priority::time_left as fn(&_) -> _)
            .cost(FromExtensions);
        if let Some(max_wait) = config.max_wait {
            queue = queue.max_wait(max_wait);
        }
        let provider = config.provider(&target);
        // Without a cost there is no charge, and no answer is read.
        let usage = provider.map_or(Usage::openai(), Provider::usage);
        let stack = ServiceBuilder::new()
            .layer(UsageLayer::new(usage))
            .layer(queue)
            .layer(retries)
            .layer(layer)
            .service(client);
        Arc::new(Self {
            target,
            stack,
            provider,
            gates,
            history: History::default(),
            events,
            answers,
            max_queue: config.max_queue,
            reading: AtomicUsize::new(0),
            inside: AtomicUsize::new(0),
            turned_away: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
        })
    }

    /// Lets a request in to have its body read, unless too many wait already.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Place> {
        if self.inside() >= self.room() {
            return None;
        }
        self.reading.fetch_add(1, Ordering::Relaxed);
        Some(Place {
            upstream: Arc::clone(self),
            taken: false,
            answered: false,
        })
    }

    /// How many may be taken. A request that was sent and refused comes back to those that wait, so there
    /// may for a while be more than `max_queue`, by those that were in flight.
    fn room(&self) -> usize {
        self.gates.snapshot().in_flight + self.max_queue
    }

    /// Counts a request that is turned away, and says for how long.
    pub(crate) fn turn_away(&self) -> Duration {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        let now = self.numbers();
        let told = self.gates.estimate(now.queued);
        let wait = told.unwrap_or_else(|| self.history.time_for(now.queued));
        // No client needs to come back during a pause.
        let wait = wait.max(now.gate.pause_remaining.unwrap_or_default());
        // As much again at random, so that those turned away together do not come back together; and
        // no more than a minute, above which OpenAI's client takes no word for it.
        let seconds = wait.as_secs_f64().max(1.0) * (1.0 + fastrand::f64());
        Duration::from_secs(seconds.ceil().min(60.0) as u64)
    }

    /// How long a request of this key and class would wait that comes now.
    pub(crate) fn wait(&self, key: &Key, class: Priority) -> Option<Duration> {
        self.gates.wait(key, class)
    }

    /// Counts an answer that begins.
    pub(crate) fn count(&self, status: StatusCode, by: &'static str) {
        self.answers.count(&self.target.name, status, by);
    }

    /// How many requests were taken and are not at their answer's end.
    pub(crate) fn inside(&self) -> usize {
        self.inside.load(Ordering::Relaxed)
    }

    pub(crate) fn numbers(&self) -> Numbers {
        let gate = self.gates.snapshot();
        Numbers {
            queued: self.reading.load(Ordering::Relaxed)
                + self.inside().saturating_sub(gate.in_flight),
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
            .field("numbers", &self.numbers())
            .finish_non_exhaustive()
    }
}

/// A request's place, from its arrival to its answer's end.
#[derive(Debug)]
pub(crate) struct Place {
    upstream: Arc<Upstream>,
    /// Its body was read: it waits, or is in flight.
    taken: bool,
    answered: bool,
}

impl Place {
    /// Takes a request whose body was read. False if too many wait by now.
    pub(crate) fn take(&mut self) -> bool {
        let room = self.upstream.room();
        self.taken = self
            .upstream
            .inside
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |inside| {
                (inside < room).then_some(inside + 1)
            })
            .is_ok();
        if self.taken {
            self.upstream.reading.fetch_sub(1, Ordering::Relaxed);
        }
        self.taken
    }

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
        let upstream = &self.upstream;
        let counter = if self.taken {
            &upstream.inside
        } else {
            &upstream.reading
        };
        counter.fetch_sub(1, Ordering::Relaxed);
        if !self.answered {
            upstream.abandoned.fetch_add(1, Ordering::Relaxed);
        }
    }
}
