//! Inside `reqwest_middleware::ClientWithMiddleware`, and around `reqwest::Client`'s types.

use std::pin::Pin;
use std::time::Duration;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::queue::{Priority, PriorityLayer, QueueError};
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer, RetryOn429Layer, ThrottleMiddleware};

use crate::support::{BATCH, INTERACTIVE, Seen, api, secs, settle};

/// Answers without a network: takes a second, and keeps the path.
struct Answers(crate::support::Api);

impl Middleware for Answers {
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        request: Request,
        _: &'e mut Extensions,
        _: Next<'n>,
    ) -> Pin<Box<dyn Future<Output = reqwest_middleware::Result<Response>> + Send + 'f>>
    where
        's: 'f,
        'e: 'f,
        'n: 'f,
        Self: 'f,
    {
        let path = request.url().path().trim_start_matches('/');
        let request = crate::support::request(path, BATCH);
        let api = self.0.clone();
        Box::pin(async move {
            let Ok(response) = api.oneshot(request).await;
            Ok(response.map(reqwest::Body::wrap).into())
        })
    }
}

fn client(throttle: Option<impl Middleware>) -> (ClientWithMiddleware, Seen) {
    let (api, seen) = api(secs(1));
    let mut client = ClientBuilder::new(reqwest::Client::new());
    if let Some(throttle) = throttle {
        client = client.with(throttle);
    }
    (client.with(Answers(api)).build(), seen)
}

async fn get(client: ClientWithMiddleware, name: &str, class: Priority) -> Result<u16, Error> {
    let request = client
        .get(format!("http://api.test/{name}"))
        .with_extension(class);
    request
        .send()
        .await
        .map(|response| response.status().as_u16())
}

#[tokio::test(start_paused = true)]
async fn an_extension_names_the_class() {
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1));
    let (client, seen) = client(Some(ThrottleMiddleware::from_layers(
        RetryOn429Layer::new(),
        gate,
    )));
    let mut jobs = JoinSet::new();
    for (name, class) in [
        ("holder", BATCH),
        ("batch", BATCH),
        ("batch", BATCH),
        ("urgent", INTERACTIVE),
    ] {
        jobs.spawn(get(client.clone(), name, class));
        settle().await;
    }
    while let Some(status) = jobs.join_next().await {
        assert_eq!(status.unwrap().unwrap(), 200);
    }
    assert_eq!(seen.names(), ["holder", "urgent", "batch", "batch"]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_inside_tells_why_a_request_was_not_sent() {
    let queue = QueueLayer::new().max_wait(Duration::from_millis(500));
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1));
    let throttle = ThrottleMiddleware::with_layer((queue, RetryOn429Layer::new(), gate));
    let (client, seen) = client(Some(throttle));
    let (one, two) = tokio::join!(
        get(client.clone(), "one", BATCH),
        get(client.clone(), "two", INTERACTIVE),
    );
    assert_eq!(one.unwrap(), 200);
    let Error::Middleware(error) = two.unwrap_err() else {
        panic!("it is the middleware's");
    };
    let error: &QueueError<Error> = error.downcast_ref().unwrap();
    assert!(
        matches!(error, QueueError::TimedOut { ahead: Some(0), .. }),
        "{error:?}"
    );
    assert_eq!(seen.names(), ["one"]);
}

#[tokio::test(start_paused = true)]
async fn layers_around_the_client_work_with_its_requests() {
    let (client, seen) = client(None::<ThrottleMiddleware>);
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1));
    let queue = QueueLayer::new().priority(|request: &Request| {
        let urgent = request.headers().contains_key("x-urgent");
        if urgent { INTERACTIVE } else { BATCH }
    });
    let throttled = queue.layer(RetryOn429Layer::new().layer(gate.layer(client.clone())));
    let throttled = PriorityLayer::new(Priority::NORMAL).layer(throttled);
    let mut jobs = JoinSet::new();
    for name in ["holder", "batch", "urgent"] {
        let mut request = client.get(format!("http://api.test/{name}"));
        if name == "urgent" {
            request = request.header("x-urgent", "1");
        }
        let throttled = throttled.clone();
        let request = request.build().unwrap();
        jobs.spawn(async move { throttled.oneshot(request).await.is_ok() });
        settle().await;
    }
    assert!(jobs.join_all().await.into_iter().all(|sent| sent));
    assert_eq!(seen.names(), ["holder", "urgent", "batch"]);
}
