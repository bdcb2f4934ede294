//! Events for `tracing`.

use http::StatusCode;
use tracing::{Level, debug, enabled, info, warn};

use super::event::Event;
use super::observer::{Observer, Source};
use crate::concurrency::limit::Reason;

/// The target of all events.
const TARGET: &str = "tower_throttle";

/// Tells a `tracing` subscriber what a layer does. With the feature `tracing`.
///
/// The target is `tower_throttle`. What goes wrong for good is a warning, what changes for all requests is an info,
/// and what happens to each request is for debugging:
///
/// | level | events |
/// |---|---|
/// | `WARN` | gave up |
/// | `INFO` | paused, resumed, limit, rate and circuit breaker changed |
/// | `DEBUG` | let through, answered, refused, permit came back, sent again, done; steps of a limit that grows as answers come |
///
/// The message says it for people. The fields have the names of
/// [OpenTelemetry's conventions for HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-spans/), where those
/// have one:
///
/// | field | what |
/// |---|---|
/// | `throttle.name` | the layer's [name](crate::AdaptiveConcurrencyLayer::name) |
/// | `server.address` | the host of the request, on what the retries tell |
/// | `http.response.status_code` | of the answer |
/// | `http.request.resend_count` | how often the request was sent again, if it was |
/// | `error.type` | the status of a refusal, or why the retries gave up |
/// | `throttle.wait_ms` | how long it waited in line, or will wait; how long a pause lasts |
/// | `throttle.reason` | why |
/// | `throttle.from`, `throttle.to` | what changed |
///
/// # Examples
///
/// ```
/// use tower_throttle::observe::Tracing;
/// use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
///
/// let retries = RetryOn429Layer::new().observe(Tracing::new());
/// let gate = AdaptiveConcurrencyLayer::new()
///     .name("api.example.com")
///     .observe(Tracing::new());
/// # let _ = (retries, gate);
/// ```
///
/// The wait as a field of a span of your own: the closure runs in the task, and so in the span, of the request.
///
/// ```
/// use tower_throttle::AdaptiveConcurrencyLayer;
/// use tower_throttle::observe::{Event, Source};
///
/// let gate = AdaptiveConcurrencyLayer::new().observe(|_: Source<'_>, event: &Event<'_>| {
///     if let Event::Admitted { waited, .. } = event {
///         tracing::Span::current().record("throttle.wait_ms", waited.as_millis() as u64);
///     }
/// });
/// # let _ = gate;
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracing(());

impl Tracing {
    /// Tells the subscriber that is current where an event happens.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

/// How often a request was sent again, if it was.
fn resent(attempts: u32) -> Option<u32> {
    attempts.checked_sub(1).filter(|count| *count > 0)
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn code(status: Option<StatusCode>) -> Option<u16> {
    status.map(|status| status.as_u16())
}

/// Whether a limit only grows as it usually does.
fn is_usual(why: Reason) -> bool {
    matches!(
        why,
        Reason::SlowStart | Reason::Increase | Reason::LatencySteady
    )
}

impl Observer for Tracing {
    fn on_event(&self, source: Source<'_>, event: &Event<'_>) {
        let name = source.name;
        match *event {
            Event::Admitted { .. }
            | Event::Answered { .. }
            | Event::Refused { .. }
            | Event::Released { .. } => attempt(name, event),
            Event::RetryScheduled { .. } | Event::Done { .. } | Event::GaveUp { .. } => {
                request(name, event);
            }
            Event::Paused { left, by } => info!(
                target: TARGET, { throttle.name = name, throttle.wait_ms = millis(left),
                throttle.reason = by.as_str() }, "{event}"
            ),
            Event::Resumed { by } => info!(
                target: TARGET, { throttle.name = name, throttle.reason = by.as_str() }, "{event}"
            ),
            Event::LimitChanged { from, to, why } if is_usual(why) => debug!(
                target: TARGET, { throttle.name = name, throttle.from = from, throttle.to = to,
                throttle.reason = why.as_str() }, "{event}"
            ),
            Event::LimitChanged { from, to, why } => info!(
                target: TARGET, { throttle.name = name, throttle.from = from, throttle.to = to,
                throttle.reason = why.as_str() }, "{event}"
            ),
            Event::RateChanged { from, to, why } => info!(
                target: TARGET, { throttle.name = name, throttle.from = from, throttle.to = to,
                throttle.reason = why.as_str() }, "{event}"
            ),
            Event::CircuitChanged { from, to, why } => info!(
                target: TARGET, { throttle.name = name, throttle.from = %from, throttle.to = %to,
                throttle.reason = why.as_str() }, "{event}"
            ),
        }
    }
}

/// What happened to one attempt.
fn attempt(name: &str, event: &Event<'_>) {
    if !enabled!(target: TARGET, Level::DEBUG) {
        return;
    }
    match *event {
        Event::Admitted {
            waited, attempt, ..
        } => debug!(
            target: TARGET, { throttle.name = name, throttle.wait_ms = millis(waited),
            http.request.resend_count = resent(attempt) }, "{event}"
        ),
        Event::Refused {
            status, attempt, ..
        } => debug!(
            target: TARGET, { throttle.name = name, error.type = status.as_str(),
            http.response.status_code = status.as_u16(),
            http.request.resend_count = resent(attempt) }, "{event}"
        ),
        Event::Answered { attempt, .. } => debug!(
            target: TARGET, { throttle.name = name,
            http.request.resend_count = resent(attempt) }, "{event}"
        ),
        _ => debug!(target: TARGET, { throttle.name = name }, "{event}"),
    }
}

/// What became of a request.
fn request(name: &str, event: &Event<'_>) {
    match *event {
        Event::RetryScheduled {
            attempt,
            after,
            why,
            status,
            server,
        } => debug!(
            target: TARGET, { throttle.name = name, throttle.wait_ms = millis(after),
            throttle.reason = why.as_str(), server.address = server,
            http.response.status_code = code(status),
            http.request.resend_count = resent(attempt) }, "{event}"
        ),
        Event::GaveUp {
            attempts,
            why,
            status,
            server,
        } => warn!(
            target: TARGET, { throttle.name = name, error.type = why.as_str(),
            server.address = server, http.response.status_code = code(status),
            http.request.resend_count = resent(attempts) }, "{event}"
        ),
        Event::Done { attempts } => debug!(
            target: TARGET, { throttle.name = name,
            http.request.resend_count = resent(attempts) }, "{event}"
        ),
        _ => {}
    }
}
