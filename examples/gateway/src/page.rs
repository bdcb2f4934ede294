//! The gateway's own addresses: the page, the numbers it draws, and the metrics.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};

use crate::events::Entry;
use crate::history::{EVERY, KEPT, Sample};
use crate::metrics;
use crate::upstream::Upstream;

/// Nothing is loaded from elsewhere, and no script or style stands in the page itself.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'");

#[derive(Debug)]
struct Board {
    upstreams: Vec<Arc<Upstream>>,
    registry: Registry,
}

/// Serves these upstreams' numbers.
pub(crate) fn router(upstreams: Vec<Arc<Upstream>>, registry: Registry) -> Router {
    Router::new()
        .route(
            "/",
            get(file(
                "text/html; charset=utf-8",
                include_str!("page/index.html"),
            )),
        )
        .route(
            "/page.css",
            get(file(
                "text/css; charset=utf-8",
                include_str!("page/page.css"),
            )),
        )
        .route(
            "/page.js",
            get(file(
                "text/javascript; charset=utf-8",
                include_str!("page/page.js"),
            )),
        )
        .route(
            "/icon.svg",
            get(file("image/svg+xml", include_str!("page/icon.svg"))),
        )
        .route("/status.json", get(status))
        .route("/metrics", get(scrape))
        .with_state(Arc::new(Board {
            upstreams,
            registry,
        }))
}

fn file(kind: &'static str, text: &'static str) -> impl IntoResponse + Clone + Send + Sync {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_SECURITY_POLICY, POLICY),
        // So that a new binary's page is seen at once.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, text)
}

#[derive(Debug, Deserialize)]
struct Asked {
    /// The time of the last sample that the page has.
    #[serde(default)]
    after: u64,
}

#[derive(Debug, Serialize)]
struct Status {
    sample_ms: u128,
    samples_kept: usize,
    upstreams: Vec<UpstreamStatus>,
}

#[derive(Debug, Serialize)]
struct UpstreamStatus {
    name: Arc<str>,
    url: String,
    limit: usize,
    in_flight: usize,
    queued: usize,
    max_queue: usize,
    pause_ms: Option<u128>,
    rate: Option<f64>,
    accepted: u64,
    refused: u64,
    turned_away: u64,
    abandoned: u64,
    samples: Vec<Sample>,
    events: Vec<Entry>,
}

async fn status(State(board): State<Arc<Board>>, Query(asked): Query<Asked>) -> Response {
    let upstreams = board.upstreams.iter().map(|upstream| {
        let now = upstream.numbers();
        UpstreamStatus {
            name: Arc::clone(&upstream.target.name),
            url: upstream.target.to_string(),
            limit: now.gate.limit,
            in_flight: now.gate.in_flight,
            queued: now.queued,
            max_queue: upstream.max_queue,
            pause_ms: now.gate.pause_remaining.map(|left| left.as_millis()),
            rate: now.gate.rate,
            accepted: now.gate.accepted,
            refused: now.gate.refused,
            turned_away: now.turned_away,
            abandoned: now.abandoned,
            samples: upstream.history.after(asked.after),
            events: upstream.events.after(asked.after),
        }
    });
    let status = Status {
        sample_ms: EVERY.as_millis(),
        samples_kept: KEPT,
        upstreams: upstreams.collect(),
    };
    ([(CACHE_CONTROL, "no-store")], Json(status)).into_response()
}

async fn scrape(State(board): State<Arc<Board>>) -> Response {
    match metrics::text(&board.registry) {
        Ok(text) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
