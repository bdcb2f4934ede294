//! Programs that are observed while they call a simulated API, on the paused clock.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use sim::Server;
use tokio::task::JoinSet;
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::observe::{Event, Observer, Source};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

pub(crate) fn get() -> Request<Full<Bytes>> {
    let request = Request::builder().uri("http://api.example/");
    request.body(Full::default()).unwrap()
}

/// Keeps what it is told, each event as a line of its `Debug` or `Display`.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(crate) fn push(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Lines {
    fn on_event(&self, _: Source<'_>, event: &Event<'_>) {
        self.push(event.to_string());
    }
}

/// Sends all jobs at once through both layers, observed by `observer`, and reads each answer.
pub(crate) async fn batch(api: &Server, jobs: usize, observer: impl Observer + Clone + 'static) {
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(1).observe(observer.clone()))
        .layer(AdaptiveConcurrencyLayer::new().seed(1).observe(observer))
        .service(api.clone());
    let mut tasks = JoinSet::new();
    for _ in 0..jobs {
        let answer = client.clone().oneshot(get());
        tasks.spawn(async move { answer.await.unwrap().into_body().collect().await });
    }
    while let Some(answer) = tasks.join_next().await {
        answer.unwrap().unwrap();
    }
}
