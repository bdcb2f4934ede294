//! `/metrics` and the page.

use std::collections::HashMap;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;

use crate::common::{Patient, Running, gateway, gateway_of, upstream};

/// The samples, by name and labels.
async fn scrape(gateway: &Running) -> HashMap<String, f64> {
    let answer = gateway.get("/metrics").await;
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(
        kind.starts_with("application/openmetrics-text; version=1.0.0"),
        "{kind}"
    );
    let text = std::str::from_utf8(answer.body()).unwrap();
    assert!(text.ends_with("# EOF\n"));
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let samples = samples.map(|line| line.rsplit_once(' ').unwrap());
    samples
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn the_metrics_are_the_gates_numbers() {
    let busy = Patient::start().await;
    let idle = Patient::start().await;
    let targets = [format!("busy={}", busy.url), format!("idle={}", idle.url)];
    let gateway = gateway_of(&targets, |config| {
        config.max_in_flight = 2;
        config.max_queue = 1;
    });
    let gateway = gateway.await;
    let mut taken = vec![gateway.in_background()];
    gateway.until_load(1, 0).await;
    taken.push(gateway.in_background());
    gateway.until_load(2, 0).await;
    taken.push(gateway.in_background());
    gateway.until_load(2, 1).await;
    let refused = gateway.in_background().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);

    let metrics = scrape(&gateway).await;
    for (name, value) in [
        ("limit{gate=\"busy\"}", 2.0),
        ("in_flight{gate=\"busy\"}", 2.0),
        ("in_flight{gate=\"idle\"}", 0.0),
    ] {
        let name = format!("http_client_throttle_{name}");
        assert_eq!(metrics.get(&name), Some(&value), "{name}");
    }
    for (name, value) in [
        ("waiting{upstream=\"busy\"}", 1.0),
        ("queued{upstream=\"busy\"}", 1.0),
        ("pause_seconds{upstream=\"busy\"}", 0.0),
        ("accepted_total{upstream=\"busy\"}", 0.0),
        ("turned_away_total{upstream=\"busy\"}", 1.0),
        ("abandoned_total{upstream=\"busy\"}", 0.0),
        ("turned_away_total{upstream=\"idle\"}", 0.0),
    ] {
        assert_eq!(
            metrics.get(&format!("gateway_{name}")),
            Some(&value),
            "{name}"
        );
    }
    let is_there = |start: &str| metrics.keys().any(|name| name.starts_with(start));
    assert!(!is_there("http_client_throttle_rate"));
    assert!(!is_there("http_client_throttle_refused"));

    busy.may.add_permits(3);
    for answer in taken {
        assert_eq!(answer.await.unwrap().status(), StatusCode::OK);
    }
    gateway.until_load(0, 0).await;
    let metrics = scrape(&gateway).await;
    assert_eq!(metrics["gateway_accepted_total{upstream=\"busy\"}"], 3.0);
    let answers = |status: u16, by: &str| {
        format!("gateway_answers_total{{upstream=\"busy\",status=\"{status}\",by=\"{by}\"}}")
    };
    assert_eq!(metrics[&answers(200, "upstream")], 3.0);
    assert_eq!(metrics[&answers(429, "gateway")], 1.0);
}

#[tokio::test]
async fn a_pause_is_told() {
    let answer = any(async || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]));
    let url = upstream(Router::new().route("/v1/{*rest}", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    let waits = gateway.in_background();
    gateway.until_load(0, 1).await;
    let metrics = scrape(&gateway).await;
    let pause = metrics["gateway_pause_seconds{upstream=\"api\"}"];
    assert!(pause > 50.0, "{pause}");
    let refused = "http_client_throttle_refused_total{gate=\"api\",reason=\"429\"}";
    assert_eq!(metrics[refused], 1.0);
    let resent = "http_client_throttle_resent_total{gate=\"api\",reason=\"refused\"}";
    assert_eq!(metrics[resent], 1.0);
    let changed =
        "http_client_throttle_changes_total{gate=\"api\",what=\"circuit\",reason=\"told\"}";
    assert_eq!(metrics[changed], 1.0);
    // The page has the reasons.
    let status = gateway.get("/status.json").await;
    let status: serde_json::Value = serde_json::from_slice(status.body()).unwrap();
    let events = status["upstreams"][0]["events"].as_array().unwrap();
    let paused = |event: &&serde_json::Value| event["what"] == "pause";
    let why = events.iter().find(paused).unwrap()["why"].as_str().unwrap();
    assert!(why.ends_with("the server asked for it"), "{why}");
    waits.abort();
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn the_page_comes_out_of_the_binary_and_loads_nothing_from_elsewhere() {
    let gateway = gateway("http://127.0.0.1:9", |_| {}).await;
    for (path, kind) in [
        ("/", "text/html"),
        ("/page.css", "text/css"),
        ("/page.js", "text/javascript"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        let answer = gateway.get(path).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let headers = answer.headers();
        assert!(
            headers["content-type"].to_str().unwrap().starts_with(kind),
            "{path}"
        );
        assert!(
            headers["content-security-policy"]
                .to_str()
                .unwrap()
                .starts_with("default-src 'self'")
        );
        let text = std::str::from_utf8(answer.body()).unwrap();
        let text = text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{path}"
        );
    }
}
