//! No method of a builder changes what its receiver was cloned from.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use http::{HeaderName, StatusCode};
use tower_throttle::concurrency::limit::{Aimd, Fixed};
use tower_throttle::concurrency::{Classified, Learnt, ReleaseAt};
use tower_throttle::cost::Cost;
use tower_throttle::fleet::{Lease, Member};
use tower_throttle::hint::Dialect;
use tower_throttle::observe::{Event, Source};
use tower_throttle::retry::{
    Backoff, Decision, Head, IdempotencyKey, Jitter, Preset, RetryBudget, retry_server_errors,
};
use tower_throttle::{AdaptiveConcurrencyLayer, Priority, QueueLayer, RetryOn429Layer};

const MINUTE: Duration = Duration::from_secs(60);

/// The methods of one builder that were tried.
struct Tried<T> {
    builder: T,
    methods: BTreeSet<&'static str>,
}

impl<T: Clone + Debug> Tried<T> {
    fn new(builder: T) -> Self {
        Self {
            builder,
            methods: BTreeSet::new(),
        }
    }

    /// Applies `change` to a clone. `shows` is false if the change is one that `Debug` does not show.
    fn method<U: Debug>(
        &mut self,
        name: &'static str,
        shows: bool,
        change: impl FnOnce(T) -> U,
    ) -> &mut Self {
        let before = format!("{:?}", self.builder);
        let changed = change(self.builder.clone());
        assert_eq!(format!("{:?}", self.builder), before, "{name}");
        assert_eq!(format!("{changed:?}") != before, shows, "{name}");
        assert!(self.methods.insert(name), "{name} was tried before");
        self
    }

    /// Fails if the list of the public API has a method of the builder `path` that was not tried.
    fn are_all_of(&self, path: &str) {
        let api = include_str!("../../../docs/public-api.txt");
        let prefix = format!("fn {path}::");
        let listed = api.lines().filter_map(|line| {
            let (name, arguments) = line.split_once(&prefix)?.1.split_once('(')?;
            // A builder's method takes the builder by value, and gives one.
            let builds = arguments.starts_with("self") && arguments.contains("->");
            builds.then(|| name.split('<').next().unwrap_or(name))
        });
        let listed: BTreeSet<_> = listed.collect();
        assert_eq!(self.methods, listed, "{path}");
    }
}

fn ignore(_: Source<'_>, _: &Event<'_>) {}

#[test]
fn of_the_retries() {
    let mut tried = Tried::new(RetryOn429Layer::new());
    tried
        .method("max_attempts", true, |layer| layer.max_attempts(3))
        .method("name", true, |layer| layer.name("api"))
        .method("observe", true, |layer| layer.observe(ignore))
        .method("max_elapsed", true, |layer| layer.max_elapsed(MINUTE))
        .method("max_outage", true, |layer| layer.max_outage(MINUTE))
        .method("max_time", true, |layer| layer.max_time(MINUTE))
        .method("circuit_breaker", true, |layer| {
            layer.circuit_breaker(false)
        })
        .method("max_server_wait", true, |layer| {
            layer.max_server_wait(MINUTE)
        })
        .method("backoff", true, |layer| {
            layer.backoff(Backoff::exponential(MINUTE, MINUTE))
        })
        .method("budget", true, |layer| layer.budget(RetryBudget::new(7)))
        .method("classify", false, |layer| {
            layer.classify(retry_server_errors())
        })
        .method("on_refusal", false, |layer| layer.on_refusal(()))
        .method("clone_request", false, |layer| layer.clone_request(()))
        .method("buffer_bodies", true, |layer| layer.buffer_bodies(1024))
        .method("attempt_header", true, |layer| {
            layer.attempt_header(HeaderName::from_static("x-attempt"))
        })
        .method("idempotency_key", true, |layer| {
            layer.idempotency_key(IdempotencyKey::Bare)
        })
        .method("drain", true, |layer| layer.drain(0, MINUTE))
        .method("dialect", true, |layer| {
            layer.dialect(Dialect::new().permanent("closed"))
        })
        .method("seed", true, |layer| layer.seed(7))
        .are_all_of("tower_throttle::retry::RetryOn429Layer<C, H, K>");
}

/// Bounds nothing.
#[derive(Debug)]
struct Nothing;

impl Lease for Nothing {
    fn join(&self, _: Member) {}
}

#[test]
fn of_the_gate() {
    let mut tried = Tried::new(AdaptiveConcurrencyLayer::with_limit(Fixed::new(30)));
    tried
        .method("release_at", true, |layer| {
            layer.release_at(ReleaseAt::Headers)
        })
        .method("initial_limit", true, |layer| layer.initial_limit(9))
        .method("resume", true, |layer| layer.resume(Learnt::new(9)))
        .method("name", true, |layer| layer.name("api"))
        .method("observe", true, |layer| layer.observe(ignore))
        .method("min_limit", true, |layer| layer.min_limit(40))
        .method("max_limit", true, |layer| layer.max_limit(5))
        .method("max_pause", true, |layer| layer.max_pause(MINUTE))
        .method("seed", true, |layer| layer.seed(7))
        .method("body_idle", true, |layer| layer.body_idle(MINUTE))
        .method("classify", true, |layer| {
            layer.classify(|_, _| Some(Classified::Failed))
        })
        .method("dialect", true, |layer| {
            layer.dialect(Dialect::new().permanent("closed"))
        })
        .method("cost", false, |layer| layer.cost(|_: &()| Cost::FREE))
        .method("lease", true, |layer| layer.lease(Nothing))
        .are_all_of("tower_throttle::concurrency::AdaptiveConcurrencyLayer<C>");
}

#[test]
fn of_the_queue() {
    let mut tried = Tried::new(QueueLayer::new().max_waiting(3));
    tried
        .method("priority", true, |layer| {
            layer.priority(|_: &()| Priority::BATCH)
        })
        .method("deadline", true, |layer| {
            layer.deadline(|_: &()| Some(MINUTE))
        })
        .method("max_wait", true, |layer| layer.max_wait(MINUTE))
        .method("max_waiting", true, |layer| layer.max_waiting(7))
        .method("reject_when_full", true, |layer| layer.reject_when_full())
        .method("cost", true, |layer| layer.cost(|_: &()| Cost::FREE))
        .are_all_of("tower_throttle::queue::QueueLayer<P, D, C>");
    let mut priority = Tried::new(Priority::NORMAL);
    priority
        .method("weight", true, |class| class.weight(7))
        .method("class", true, |class| class.class(7))
        .method("strict", true, |class| class.strict(7));
}

#[test]
fn of_what_they_are_given() {
    let mut backoff = Tried::new(Backoff::default());
    backoff
        .method("jitter", true, |backoff| backoff.jitter(Jitter::None))
        .are_all_of("tower_throttle::retry::Backoff");

    let mut budget = Tried::new(RetryBudget::new(100));
    budget
        .method("per_accepted", true, |budget| budget.per_accepted(0.5))
        .method("per_second", true, |budget| budget.per_second(2.0))
        .are_all_of("tower_throttle::retry::RetryBudget");

    let mut aimd = Tried::new(Aimd::new());
    aimd.method("increase", true, |aimd| aimd.increase(2.0))
        .method("decrease", true, |aimd| aimd.decrease(0.5))
        .are_all_of("tower_throttle::concurrency::limit::Aimd");

    // With something set, so that the clones share it.
    let mut dialect = Tried::new(Dialect::new().permanent("closed"));
    dialect
        .method("temporary", true, |dialect| dialect.temporary("busy"))
        .method("permanent", true, |dialect| dialect.permanent("gone"))
        .method("refusal", true, |dialect| {
            dialect.refusal(StatusCode::CONFLICT)
        })
        .method("refusal_by_body", true, |dialect| {
            dialect.refusal_by_body(StatusCode::CONFLICT)
        })
        .method("no_refusal", true, |dialect| {
            dialect.no_refusal(StatusCode::CONFLICT)
        })
        .are_all_of("tower_throttle::hint::Dialect");
}

/// A handle shows the gate that was in use, whatever is made of a clone of its layer.
#[test]
fn a_gate_keeps_its_bounds() {
    let layer = AdaptiveConcurrencyLayer::new();
    let handle = layer.handle();
    let other = layer.clone().max_limit(2);
    handle.set_limit(50);
    assert_eq!((layer.handle().limit(), other.handle().limit()), (50, 2));
}

#[test]
fn a_classifier_belongs_to_the_clone_that_it_was_given_to() {
    let layer = RetryOn429Layer::new().classify(Preset::idempotent_failures());
    let other = layer
        .clone()
        .classify(|_: Result<Head<'_>, &std::io::Error>| Decision::Accept);
    fn has_a_preset(_: RetryOn429Layer<Preset>) {}
    has_a_preset(layer);
    drop(other);
}
