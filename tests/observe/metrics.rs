//! The feature `metrics`, as the Prometheus exporter shows it, and the dashboard that asks for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use serde_json::Value;
use sim::limits::Bucket;
use sim::{Arrival, Fate, Server};
use tokio::task::JoinSet;
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::observe::Metrics;
use tower_throttle::queue::Priority;
use tower_throttle::{AdaptiveConcurrencyLayer, PriorityLayer, RetryOn429Layer};

use crate::support::get;

/// What an exporter shows after a run of everything: refusals, a pause, an outage, requests given up.
fn exposition() -> String {
    let wait = Matcher::Full("http.client.throttle.queue.duration".into());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(wait, &[0.1, 1.0, 10.0, 100.0]);
    let recorder = builder.unwrap().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(run()));
    recorder.handle().render()
}

async fn run() {
    let mut bucket = Bucket::new(10.0, 20.0);
    let api = Server::new(move |Arrival { now, .. }| {
        if (40.0..400.0).contains(&now) {
            return Fate::refused(503).header("retry-after", 10);
        }
        Fate::taken_if(bucket.take(now), 1.0)
    });
    let metrics = Metrics::new();
    let client = ServiceBuilder::new()
        .layer(PriorityLayer::new(Priority::BATCH))
        .layer(
            RetryOn429Layer::new()
                .seed(1)
                .max_outage(Duration::from_secs(60))
                .name("api")
                .observe(metrics.clone()),
        )
        .layer(
            AdaptiveConcurrencyLayer::new()
                .seed(1)
                .name("api")
                .observe(metrics),
        )
        .service(api);
    let mut tasks = JoinSet::new();
    for _ in 0..500 {
        tasks.spawn(client.clone().oneshot(get()));
    }
    while let Some(answer) = tasks.join_next().await {
        drop(answer.unwrap().unwrap());
    }
    tokio::time::sleep(Duration::from_secs(600)).await;
    drop(client.oneshot(get()).await.unwrap());
}

/// The samples: for each name, each set of labels, and the value.
fn samples(text: &str) -> BTreeMap<String, Vec<(String, f64)>> {
    let mut samples: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let value = value.parse().unwrap();
        samples
            .entry(name.to_owned())
            .or_default()
            .push((labels.to_owned(), value));
    }
    samples
}

#[test]
fn each_metric_is_exported_and_adds_up() {
    let text = exposition();
    let samples = samples(&text);
    let value = |name: &str, label: &str| -> f64 {
        let of = samples.get(&format!("http_client_throttle_{name}"));
        let of = of.unwrap_or_else(|| panic!("{name} is missing in\n{text}"));
        let found = of.iter().filter(|(labels, _)| labels.contains(label));
        found.map(|(_, value)| value).sum()
    };
    let attempts = value("queue_duration_count", "class=\"batch\"");
    assert_eq!(attempts, value("queue_length_count", "gate=\"api\""));
    assert_eq!(attempts, value("attempts_sum", "gate=\"api\""));
    assert_eq!(value("attempts_count", "gate=\"api\""), 501.0);
    assert_eq!(
        attempts - value("attempts_count", "") + value("given_up", "reason=\"circuit_open\""),
        value("resent", "reason=\"refused\"")
    );
    assert_eq!(value("queue_duration_count", "class=\"normal\""), 0.0);
    assert_eq!(value("in_flight", "gate=\"api\""), 0.0);
    assert_eq!(value("paused", "gate=\"api\""), 0.0);
    assert_eq!(value("circuit_open", "layer=\"retries\""), 0.0);
    assert!(value("limit", "gate=\"api\"") >= 4.0);
    assert!(value("rate", "gate=\"api\"") >= 0.0);
    assert!(value("refused", "reason=\"429\"") > 0.0);
    assert!(value("refused", "reason=\"503\"") > 0.0);
    assert!(value("given_up", "gate=\"api\"") > 0.0);
    assert!(value("changes", "what=\"rate\",reason=\"measured\"") > 0.0);
}

/// The names of metrics, and of labels, that an expression asks for.
fn asked(expression: &str, names: &mut BTreeSet<String>, labels: &mut BTreeSet<String>) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expression.split(|c| !is_word(c));
    names.extend(
        words
            .filter(|word| word.starts_with("http_client_"))
            .map(String::from),
    );
    let grouped = expression
        .split("by (")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    labels.extend(
        grouped
            .flat_map(|list| list.split(','))
            .map(|label| label.trim().to_owned()),
    );
}

#[test]
fn the_dashboard_asks_for_nothing_that_is_not_there() {
    let text = exposition();
    let samples = samples(&text);
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/grafana/dashboard.json"
    );
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (mut names, mut labels) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            asked(target["expr"].as_str().unwrap(), &mut names, &mut labels);
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        asked(variable["query"].as_str().unwrap(), &mut names, &mut labels);
    }
    assert!(names.len() >= 14, "{names:?}");
    for name in &names {
        assert!(samples.contains_key(name), "{name} is missing in\n{text}");
    }
    for label in &labels {
        assert!(
            text.contains(&format!("{label}=\"")),
            "{label} is missing in\n{text}"
        );
    }
    // And it shows all there is.
    let described = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for name in described.filter_map(|line| line.split(' ').next()) {
        assert!(
            names.iter().any(|asked| asked.starts_with(name)),
            "no panel shows {name}"
        );
    }
}
