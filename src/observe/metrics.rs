//! Events for the `metrics` facade.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};
use metrics::{describe_counter, describe_gauge, describe_histogram};

use super::event::Event;
use super::observer::{Observer, Source};
use crate::concurrency::limit::{Circuit, Reason};
use crate::priority::Priority;

/// The seconds that an attempt waited in line.
const WAITED: &str = "http.client.throttle.queue.duration";
/// How many stand in line as one is let through.
const LENGTH: &str = "http.client.throttle.queue.length";
/// How often a request was sent in all.
const ATTEMPTS: &str = "http.client.throttle.attempts";
const LIMIT: &str = "http.client.throttle.limit";
const IN_FLIGHT: &str = "http.client.throttle.in_flight";
const RATE: &str = "http.client.throttle.rate";
const PAUSED: &str = "http.client.throttle.paused";
const CIRCUIT: &str = "http.client.throttle.circuit_open";
const REFUSED: &str = "http.client.throttle.refused";
const RESENT: &str = "http.client.throttle.resent";
const GIVEN_UP: &str = "http.client.throttle.given_up";
const CHANGES: &str = "http.client.throttle.changes";

/// The classes that the crate names, and the rest: a label must not have a value for each tenant.
const CLASSES: [(Option<Priority>, &str); 4] = [
    (Some(Priority::INTERACTIVE), "interactive"),
    (Some(Priority::NORMAL), "normal"),
    (Some(Priority::BATCH), "batch"),
    (None, "other"),
];

/// Counts and measures what a layer does, for the recorder of the `metrics` facade. With the feature `metrics`.
///
/// Each metric has the label `gate`: the [name](crate::AdaptiveConcurrencyLayer::name) of the layer. Gates of the
/// same name share their gauges, so give each a name of its own; give the retries above one the same name.
///
/// | metric | kind | labels beside `gate` |
/// |---|---|---|
/// | `http.client.throttle.queue.duration` | histogram, in seconds: an attempt's wait in line | `class`: `interactive`, `normal`, `batch`, `other` |
/// | `http.client.throttle.queue.length` | histogram: how many stand in line as one is let through | |
/// | `http.client.throttle.attempts` | histogram: how often a request was sent in all | |
/// | `http.client.throttle.limit` | gauge: how many may be in flight | |
/// | `http.client.throttle.in_flight` | gauge: how many are | |
/// | `http.client.throttle.rate` | gauge, per second: 0 if no rate is kept | |
/// | `http.client.throttle.paused` | gauge: 1 in a pause | |
/// | `http.client.throttle.circuit_open` | gauge: 1 while a circuit breaker is not closed | `layer` |
/// | `http.client.throttle.refused` | counter of attempts | `reason`: the status |
/// | `http.client.throttle.resent` | counter of attempts | `reason` |
/// | `http.client.throttle.given_up` | counter of requests | `reason` |
/// | `http.client.throttle.changes` | counter of changes of limit, rate and circuit breaker | `what`, `reason` |
///
/// An exporter may write the names in another way: that of Prometheus has `_` for each dot.
///
/// Install the recorder before the first request: what is measured before is lost, and so are the gauges and
/// histograms of layers that were in use by then. A pause that ended by time is seen when the next request comes.
///
/// # Examples
///
/// ```
/// use tower_throttle::observe::Metrics;
/// use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
///
/// let metrics = Metrics::new();
/// let retries = RetryOn429Layer::new()
///     .name("api.example.com")
///     .observe(metrics.clone());
/// let gate = AdaptiveConcurrencyLayer::new()
///     .name("api.example.com")
///     .observe(metrics);
/// # let _ = (retries, gate);
/// ```
#[derive(Clone, Default)]
pub struct Metrics {
    /// Those of each name: looked up again, each would cost more than all the rest.
    instruments: Arc<RwLock<Vec<Arc<Instruments>>>>,
}

/// What is measured of the layers of one name all the time.
struct Instruments {
    name: String,
    waited: [Histogram; CLASSES.len()],
    length: Histogram,
    attempts: Histogram,
    limit: Gauge,
    in_flight: Gauge,
    rate: Gauge,
    paused: Gauge,
}

impl Instruments {
    fn new(name: &str) -> Self {
        describe();
        let name = name.to_owned();
        let gate = || name.clone();
        let limit = gauge!(LIMIT, "gate" => gate());
        let waited =
            CLASSES.map(|(_, class)| histogram!(WAITED, "gate" => gate(), "class" => class));
        Self {
            waited,
            length: histogram!(LENGTH, "gate" => gate()),
            attempts: histogram!(ATTEMPTS, "gate" => gate()),
            limit,
            in_flight: gauge!(IN_FLIGHT, "gate" => gate()),
            rate: gauge!(RATE, "gate" => gate()),
            paused: gauge!(PAUSED, "gate" => gate()),
            name,
        }
    }

    fn waited(&self, priority: Priority) -> &Histogram {
        let is_class = |(class, _): &(Option<Priority>, _)| class.is_none_or(|it| it == priority);
        let index = CLASSES.iter().position(is_class);
        &self.waited[index.unwrap_or(CLASSES.len() - 1)]
    }
}

/// Says what each metric is, for recorders that show it.
fn describe() {
    describe_histogram!(WAITED, Unit::Seconds, "How long attempts stood in line");
    describe_histogram!(
        LENGTH,
        "How many stood in line as an attempt was let through"
    );
    describe_histogram!(ATTEMPTS, "How often a request was sent in all");
    describe_gauge!(LIMIT, "How many requests may be in flight");
    describe_gauge!(IN_FLIGHT, "How many requests are in flight");
    describe_gauge!(RATE, "Requests per second that the gate keeps to, or 0");
    describe_gauge!(PAUSED, "1 in a pause");
    describe_gauge!(CIRCUIT, "1 while the circuit breaker is not closed");
    describe_counter!(REFUSED, "Attempts that were refused");
    describe_counter!(RESENT, "Attempts that were sent again");
    describe_counter!(
        GIVEN_UP,
        "Requests that were not served and are not sent again"
    );
    describe_counter!(
        CHANGES,
        "Changes of the limit, the rate and the circuit breaker"
    );
}

impl Metrics {
    /// Measures with the recorder that is installed when the first event happens.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `measure` with the instruments of a name.
    fn with(&self, name: &str, measure: impl FnOnce(&Instruments)) {
        let all = self
            .instruments
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(instruments) = all.iter().find(|instruments| instruments.name == name) {
            return measure(instruments);
        }
        drop(all);
        let new = Arc::new(Instruments::new(name));
        let mut all = self
            .instruments
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been first: both measure the same.
        all.push(Arc::clone(&new));
        drop(all);
        measure(&new);
    }
}

impl Observer for Metrics {
    fn on_event(&self, source: Source<'_>, event: &Event<'_>) {
        let name = source.name;
        match *event {
            Event::Admitted {
                waited,
                priority,
                limit,
                waiting,
                ..
            } => self.with(name, |instruments| {
                instruments.waited(priority).record(waited.as_secs_f64());
                instruments.length.record(waiting as f64);
                instruments.limit.set(limit as f64);
                instruments.in_flight.increment(1.0);
            }),
            Event::Released { .. } => self.with(name, |instruments| {
                instruments.in_flight.decrement(1.0);
            }),
            Event::Answered { .. } => {}
            Event::Refused { status, .. } => count(REFUSED, name, status.as_str()).increment(1),
            Event::Paused { .. } => self.with(name, |instruments| instruments.paused.set(1.0)),
            Event::Resumed { .. } => self.with(name, |instruments| instruments.paused.set(0.0)),
            Event::LimitChanged { to, why, .. } => {
                self.with(name, |instruments| instruments.limit.set(to as f64));
                changed(name, "limit", why);
            }
            Event::RateChanged { to, why, .. } => {
                self.with(name, |instruments| instruments.rate.set(to.unwrap_or(0.0)));
                changed(name, "rate", why);
            }
            Event::CircuitChanged { to, why, .. } => {
                let layer = source.kind.as_str();
                let open = gauge!(CIRCUIT, "gate" => name.to_owned(), "layer" => layer);
                open.set(f64::from(u8::from(to != Circuit::Closed)));
                changed(name, "circuit", why);
            }
            Event::RetryScheduled { why, .. } => count(RESENT, name, why.as_str()).increment(1),
            Event::Done { attempts } => self.with(name, |instruments| {
                instruments.attempts.record(f64::from(attempts));
            }),
            Event::GaveUp { attempts, why, .. } => {
                self.with(name, |instruments| {
                    instruments.attempts.record(f64::from(attempts));
                });
                count(GIVEN_UP, name, why.as_str()).increment(1);
            }
        }
    }
}

/// What happens so rarely that it is looked up each time.
fn count(metric: &'static str, name: &str, reason: &str) -> Counter {
    counter!(metric, "gate" => name.to_owned(), "reason" => reason.to_owned())
}

fn changed(name: &str, what: &'static str, why: Reason) {
    let reason = why.as_str();
    counter!(CHANGES, "gate" => name.to_owned(), "what" => what, "reason" => reason).increment(1);
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
