//! Costs inside `reqwest_middleware::ClientWithMiddleware`.

use std::pin::Pin;
use std::sync::{Arc, Mutex};

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next, Result};
use tower_throttle::cost::{Charge, Cost};
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer, RetryOn429Layer, ThrottleMiddleware};

use crate::support::answer;

/// Answers without a network: with a 429 first, if it is to.
struct Answers(Arc<Mutex<usize>>);

impl Middleware for Answers {
    fn handle<'s, 'e, 'n, 'f>(
        &'s self,
        _: Request,
        _: &'e mut Extensions,
        _: Next<'n>,
    ) -> Pin<Box<dyn Future<Output = Result<Response>> + Send + 'f>>
    where
        's: 'f,
        'e: 'f,
        'n: 'f,
        Self: 'f,
    {
        let mut refusals = self.0.lock().unwrap();
        let status = if *refusals > 0 { 429 } else { 200 };
        *refusals = refusals.saturating_sub(1);
        Box::pin(async move { Ok(answer(status).map(reqwest::Body::wrap).into()) })
    }
}

fn client(throttle: impl Middleware, refusals: usize) -> ClientWithMiddleware {
    ClientBuilder::new(reqwest::Client::new())
        .with(throttle)
        .with(Answers(Arc::new(Mutex::new(refusals))))
        .build()
}

/// What a request with three bytes of body is charged.
async fn charged(client: &ClientWithMiddleware, cost: Option<Cost>) -> Option<u64> {
    let mut request = client.post("http://api.test/").body("abc");
    if let Some(cost) = cost {
        request = request.with_extension(cost);
    }
    let response = request.send().await.unwrap();
    Charge::of(response.extensions()).map(|charge| charge.cost().total())
}

fn by_body(request: &Request) -> Cost {
    let body = request.body().and_then(|body| body.as_bytes());
    Cost::tokens(body.map_or(0, <[u8]>::len) as u64)
}

#[tokio::test(start_paused = true)]
async fn the_cost_in_the_extensions_is_charged() {
    for refusals in [0, 2] {
        let client = client(ThrottleMiddleware::new(), refusals);
        assert_eq!(charged(&client, Some(Cost::tokens(70))).await, Some(70));
        assert_eq!(charged(&client, None).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn so_is_what_the_middleware_or_the_gate_or_a_queue_is_told() {
    let retry = || RetryOn429Layer::new().seed(1);
    let gate = AdaptiveConcurrencyLayer::new;
    let of_gate = ThrottleMiddleware::from_layers(retry(), gate().cost(by_body));
    assert_eq!(of_gate.gate_handle().in_flight(), 0);
    assert_eq!(charged(&client(of_gate, 1), None).await, Some(3));
    let own = ThrottleMiddleware::with_layer((retry(), gate())).cost(by_body);
    assert!(format!("{own:?}").contains("by_body"));
    assert_eq!(charged(&client(own.clone(), 1), None).await, Some(3));
    let told = client(own, 0);
    assert_eq!(charged(&told, Some(Cost::tokens(9))).await, Some(9));
    let queue = QueueLayer::new().cost(by_body);
    let of_queue = ThrottleMiddleware::with_layer((queue, retry(), gate()));
    assert_eq!(charged(&client(of_queue, 1), None).await, Some(3));
}
