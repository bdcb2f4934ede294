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

/// A registry that reads the upstreams' gates whenever it is asked.
pub(crate) fn registry(upstreams: &[Arc<Upstream>], answers: &Answers) -> Registry {
    let mut registry = Registry::with_prefix("gateway");
    registry.register_collector(Box::new(Gates(upstreams.to_vec())));
    let help = "Answers that were begun, by status and by who gave them";
    registry.register("answers", help, answers.0.clone());
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
    upstream: Arc<str>,
}

impl Collector for Gates {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let upstreams: Vec<_> = self
            .0
            .iter()
            .map(|upstream| {
                let name = Arc::clone(&upstream.target.name);
                (Name { upstream: name }, upstream.numbers())
            })
            .collect();
        let mut out = Out {
            encoder: &mut encoder,
            upstreams: &upstreams,
        };
        out.gauge("limit", "Requests that may be in flight; learned.", |l| {
            l.gate.limit as f64
        })?;
        out.gauge("in_flight", "Requests that are in flight.", |l| {
            l.gate.in_flight as f64
        })?;
        out.gauge("waiting", "Requests in the gate's line.", |l| {
            l.gate.waiting as f64
        })?;
        out.gauge(
            "queued",
            "Requests that were taken and are not in flight.",
            |l| l.queued as f64,
        )?;
        out.pause()?;
        out.rate()?;
        out.counter("accepted", "Attempts that the upstream accepted.", |l| {
            l.gate.accepted
        })?;
        out.counter("refused", "Attempts that the upstream refused.", |l| {
            l.gate.refused
        })?;
        out.counter(
            "turned_away",
            "Requests answered 429 as too many waited.",
            |l| l.turned_away,
        )?;
        out.counter(
            "abandoned",
            "Requests whose client left before an answer.",
            |l| l.abandoned,
        )
    }
}

struct Out<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
    upstreams: &'a [(Name, Numbers)],
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
        self.write("pause", help, Some(Unit::Seconds), |numbers| {
            let left = numbers.gate.pause_remaining.unwrap_or_default();
            Some(ConstGauge::new(left.as_secs_f64()))
        })
    }

    /// Absent where no pace is kept: 0 would be read as a standstill.
    fn rate(&mut self) -> fmt::Result {
        let help = "The pace that is kept, in requests per second.";
        self.write("rate", help, None, |numbers| {
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
            .filter_map(|(name, numbers)| Some((name.clone(), read(numbers)?)))
            .collect();
        let Some((_, first)) = values.first() else {
            return Ok(());
        };
        let mut metric =
            self.encoder
                .encode_descriptor(name, help, unit.as_ref(), first.metric_type())?;
        for (labels, value) in values {
            value.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
