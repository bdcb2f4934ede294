//! What the tests of all clients share.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use bytes::Bytes;
use embedded_api::{Answer, Api};
use http::{Request, Response, StatusCode, Version};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_throttle::concurrency::Handle;

/// How many requests the API works on at once.
pub const PLACES: usize = 5;

/// Runs each of these functions as a test over HTTP/1.1 and as one over HTTP/2.
#[macro_export]
macro_rules! over_both_versions {
    ($($name:ident),* $(,)?) => {
        mod http1 {
            $(#[tokio::test]
            async fn $name() {
                super::$name(http::Version::HTTP_11).await;
            })*
        }
        mod http2 {
            $(#[tokio::test]
            async fn $name() {
                super::$name(http::Version::HTTP_2).await;
            })*
        }
    };
}

pub fn hyper_client(version: Version) -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .http2_only(version == Version::HTTP_2)
        .build_http()
}

pub fn reqwest_client(version: Version) -> reqwest::Client {
    let mut builder = reqwest::Client::builder();
    if version == Version::HTTP_2 {
        builder = builder.http2_prior_knowledge();
    }
    builder.build().unwrap()
}

pub async fn api() -> Api {
    Api::start(PLACES).await.unwrap()
}

/// Runs 200 jobs at once, each of which says which version it was answered in, and sees to it that
/// none is lost and the API not overrun.
pub async fn none_is_lost<F>(api: &Api, gate: &Handle, version: Version, job: impl Fn(usize) -> F)
where
    F: Future<Output = Version> + Send + 'static,
{
    const JOBS: usize = 200;
    let mut jobs: JoinSet<_> = (0..JOBS).map(job).collect();
    let all = async {
        while let Some(answered) = jobs.join_next().await {
            assert_eq!(answered.unwrap(), version);
        }
    };
    // A guard against hangs. As a rule it takes about a second.
    timeout(Duration::from_secs(60), all).await.unwrap();

    let gate = gate.snapshot();
    assert_eq!((gate.in_flight, gate.waiting), (0, 0), "{gate:?}");
    assert_eq!(gate.accepted, JOBS as u64);
    let seen = api.counts();
    assert_eq!(seen.accepted, JOBS);
    assert_eq!(seen.refused as u64, gate.refused);
    assert!(seen.refused <= 40, "{seen:?}");
    assert!(seen.peak_with_refused <= PLACES + 5, "{seen:?}");
    let connections = match version {
        Version::HTTP_2 => 1,
        // A connection that is just being returned may not yet be seen.
        _ => 2 * (PLACES + 5),
    };
    assert!(seen.connections <= connections, "{seen:?}");
}

/// How long a request may take that is to find no end. What comes before that comes sooner on any
/// machine.
pub const A_WHILE: Duration = Duration::from_secs(1);

/// An API that refuses the first `refusals` requests, and then never answers.
pub async fn silent_after(refusals: usize) -> Api {
    after_refusals(refusals, |_| std::future::pending()).await
}

/// An API whose answers begin at once and never end.
pub async fn endless() -> Api {
    let api = Api::with_handler(PLACES, |_| async {
        let (mut sender, body) = Channel::new(1);
        tokio::spawn(async move {
            while sender.send_data(Bytes::from_static(b"data")).await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        Response::new(body.boxed())
    });
    api.await.unwrap()
}

/// Waits until nothing is in flight at the API: what hangs up there arrives a little later.
pub async fn settled(api: &Api) {
    let settled = async {
        while api.counts().in_flight > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(10), settled).await.unwrap();
}

/// An API that refuses the first `refusals` requests, and answers with what it was sent.
pub async fn refusing(refusals: usize) -> Api {
    after_refusals(refusals, |request: Request<Bytes>| async {
        embedded_api::text(request.into_body())
    })
    .await
}

async fn after_refusals<H, F>(refusals: usize, answer: H) -> Api
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let seen = Arc::new(AtomicUsize::new(0));
    let api = Api::with_handler(PLACES, move |request| {
        let refuse = seen.fetch_add(1, SeqCst) < refusals;
        let answer = answer.clone();
        async move {
            if refuse {
                let later = embedded_api::text("later");
                return embedded_api::with_status(StatusCode::TOO_MANY_REQUESTS, later);
            }
            answer(request).await
        }
    });
    api.await.unwrap()
}
