//! `/metrics`.

use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use tower_throttle::observe::Event;

use crate::upstream::{Numbers, Upstream};

/// What `/metrics` answers with: OpenMetrics, which Prometheus asks for first.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How many answers were given, by upstream and status.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Family<Answer, Counter>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    upstream: Arc<str>,
    status: u16,
    /// `upstream`, or `gateway` for the gateway's own.
    by: &'static str,
}

impl Answers {
    pub(crate) fn count(&self, upstream: &Arc<str>, status: StatusCode, by: &'static str) {
        let answer = Answer {
            upstream: Arc::clone(upstream),
            status: status.as_u16(),
            by,
        };
        self.0.get_or_create(&answer).inc();
    }
}

/// What the layers did, by gate and reason. The names and labels are those of tower-throttle's feature `metrics`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    refused: Family<Counted, Counter>,
    resent: Family<Counted, Counter>,
    given_up: Family<Counted, Counter>,
    changes: Family<Changed, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Counted {
    gate: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Changed {
    gate: String,
    what: &'static str,
    reason: &'static str,
}

impl Changes {
    /// Counts what is no routine.
    pub(crate) fn count(&self, gate: &str, event: &Event<'_>) {
        let counted = |family: &Family<Counted, Counter>, reason: &str| {
            let (gate, reason) = (gate.to_owned(), reason.to_owned());
            family.get_or_create(&Counted { gate, reason }).inc();
        };
        let (what, reason) = match *event {
            Event::Refused { status, .. } => return counted(&self.refused, status.as_str()),
            Event::RetryScheduled { why, .. } => return counted(&self.resent, why.as_str()),
            Event::GaveUp { why, .. } => return counted(&self.given_up, why.as_str()),
            Event::LimitChanged { why, .. } => ("limit", why.as_str()),
            Event::RateChanged { why, .. } => ("rate", why.as_str()),
            Event::CircuitChanged { why, .. } => ("circuit", why.as_str()),
            _ => return,
        };
        let gate = gate.to_owned();
        let changed = Changed { gate, what, reason };
        self.changes.get_or_create(&changed).inc();
    }
}

/// A registry that reads the upstreams' gates whenever it is asked.
pub(crate) fn registry(
    upstreams: &[Arc<Upstream>],
    answers: &Answers,
    changes: &Changes,
) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Gates(upstreams.to_vec())));
    let own = registry.sub_registry_with_prefix("gateway");
    let help = "Answers that were begun, by status and by who gave them";
    own.register("answers", help, answers.0.clone());
    let layers = registry.sub_registry_with_prefix("http_client_throttle");
    let help = "Attempts that were refused, by status";
    layers.register("refused", help, changes.refused.clone());
    let help = "Attempts that were sent again, by reason";
    layers.register("resent", help, changes.resent.clone());
    let help = "Requests that were not served and are not sent again, by reason";
    layers.register("given_up", help, changes.given_up.clone());
    let help = "Changes of the limit, the rate and the circuit breaker, by reason";
    layers.register("changes", help, changes.changes.clone());
    registry
}

/// The registry's metrics as text.
pub(crate) fn text(registry: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Gates(Vec<Arc<Upstream>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    gate: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OwnName {
    upstream: Arc<str>,
}

impl Collector for Gates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let upstreams: Vec<_> = self
            .0
            .iter()
            .map(|upstream| {
                let name = Arc::clone(&upstream.target.name);
                (name, upstream.numbers())
            })
            .collect();
        let mut out = Out {
            encoder: &mut encoder,
            upstreams: &upstreams,
        };
        out.gauge(
            "http_client_throttle_limit",
            "Requests that may be in flight; learned.",
            |l| l.gate.limit as f64,
        )?;
        out.gauge(
            "http_client_throttle_in_flight",
            "Requests that are in flight.",
            |l| l.gate.in_flight as f64,
        )?;
        out.gauge("gateway_waiting", "Requests in the gate's line.", |l| {
            l.gate.waiting as f64
        })?;
        out.gauge(
            "gateway_queued",
            "Requests that were taken and are not in flight.",
            |l| l.queued as f64,
        )?;
        out.pause()?;
        out.rate()?;
        out.counter(
            "gateway_accepted",
            "Attempts that the upstream accepted.",
            |l| l.gate.accepted,
        )?;
        out.counter(
            "gateway_turned_away",
            "Requests answered 429 as too many waited.",
            |l| l.turned_away,
        )?;
        out.counter(
            "gateway_abandoned",
            "Requests whose client left before an answer.",
            |l| l.abandoned,
        )
    }
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
    upstreams: &'a [(Arc<str>, Numbers)],
}

impl Out<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, read: impl Fn(&Numbers) -> f64) -> fmt::Result {
        self.write(name, help, None, |numbers| {
            Some(ConstGauge::new(read(numbers)))
        })
    }

    fn counter(&mut self, name: &str, help: &str, read: impl Fn(&Numbers) -> u64) -> fmt::Result {
        self.write(name, help, None, |numbers| {
            Some(ConstCounter::new(read(numbers)))
        })
    }

    fn pause(&mut self) -> fmt::Result {
        let help = "How long nothing more is sent; 0 without a pause.";
        self.write("gateway_pause", help, Some(Unit::Seconds), |numbers| {
            let left = numbers.gate.pause_remaining.unwrap_or_default();
            Some(ConstGauge::new(left.as_secs_f64()))
        })
    }

    /// Absent where no pace is kept: 0 would be read as a standstill.
    fn rate(&mut self) -> fmt::Result {
        let help = "The pace that is kept, in requests per second.";
        self.write("http_client_throttle_rate", help, None, |numbers| {
            numbers.gate.rate.map(ConstGauge::new)
        })
    }

    fn write<M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        read: impl Fn(&Numbers) -> Option<M>,
    ) -> fmt::Result {
        let values: Vec<_> = self
            .upstreams
            .iter()
            .filter_map(|(name, numbers)| Some((Arc::clone(name), read(numbers)?)))
            .collect();
        let Some((_, first)) = values.first() else {
            return Ok(());
        };
        let mut metric =
            self.encoder
                .encode_descriptor(name, help, unit.as_ref(), first.metric_type())?;
        // What the feature `metrics` of tower-throttle measures too has its names and labels.
        let is_shared = name.starts_with("http_client_throttle");
        for (name, value) in values {
            if is_shared {
                value.encode(metric.encode_family(&Name { gate: name })?)?;
            } else {
                value.encode(metric.encode_family(&OwnName { upstream: name })?)?;
            }
        }
        Ok(())
    }
}
