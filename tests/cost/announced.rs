//! Layers that have the request before they wait announce its cost: the gate then grants exactly.

use http::Request;
use sim::hints::Style;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::cost::{Charge, Cost, CostOf, NoCost};
use tower_throttle::keyed::KeyedLayer;
use tower_throttle::spread::{Spread, SpreadLayer};
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer, RetryOn429Layer};

use crate::support::{Req, cost, job, mixed, open, send_all, server};

type CostFn = fn(&Req) -> Cost;

/// Where 120,000 tokens a minute are told by OpenAI's headers: 1,000 requests.
///
/// `cargo test --all-features --test cost announced -- --nocapture` prints the figures.
async fn told<S, B>(name: &str, client: impl FnOnce(sim::Server) -> S) -> usize
where
    S: Service<Req, Response = http::Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug + Send,
    B: Send + 'static,
{
    let api = server(120_000.0, 12_000.0, Style::OpenAi);
    let requests = mixed(1_000);
    let tokens: u64 = requests.iter().map(|request| cost(request).total()).sum();
    let best = (tokens as f64 - 12_000.0) / 2_000.0 + 4.0;
    let took = send_all(&client(api.clone()), requests).await;
    let refused = api.refused();
    println!("{name}: {took:.1} s for {best:.1}, {refused} refused");
    assert!(took <= 1.05 * best, "{name}: {took} for {best}");
    refused
}

fn retry() -> RetryOn429Layer {
    RetryOn429Layer::new().seed(1)
}

fn gate() -> AdaptiveConcurrencyLayer {
    AdaptiveConcurrencyLayer::new().seed(1)
}

#[tokio::test(start_paused = true)]
async fn a_queue_announces_what_its_requests_cost() {
    let refused = told("queue", |api| {
        ServiceBuilder::new()
            .layer(QueueLayer::new().cost(cost as CostFn))
            .layer(retry())
            .layer(gate())
            .service(api)
    });
    assert_eq!(refused.await, 0);
}

#[tokio::test(start_paused = true)]
async fn the_gate_may_be_told_as_well() {
    let refused = told("queue and gate", |api| {
        ServiceBuilder::new()
            .layer(QueueLayer::new().cost(cost as CostFn))
            .layer(retry())
            .layer(gate().cost(cost as CostFn))
            .service(api)
    });
    assert_eq!(refused.await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_keyed_layer_announces_what_its_gates_are_told() {
    let refused = told("keyed", |api| {
        ServiceBuilder::new()
            .layer(retry())
            .layer(KeyedLayer::new(|_: &Req| 7).gates(|_| gate().cost(cost as CostFn)))
            .service(api)
    });
    assert_eq!(refused.await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_keyed_layer_passes_on_what_a_queue_announces() {
    let refused = told("queue, keyed", |api| {
        ServiceBuilder::new()
            .layer(QueueLayer::new().cost(cost as CostFn))
            .layer(retry())
            .layer(KeyedLayer::new(|_: &Req| 7).gates(|_| gate()))
            .service(api)
    });
    assert_eq!(refused.await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_spread_takes_gates_with_a_cost_and_each_is_told_what_waits() {
    let apis = [60_000.0, 120_000.0].map(|rate| server(rate, 12_000.0, Style::OpenAi));
    let deployments = apis.clone().map(|api| {
        let gate = gate().cost(cost as CostFn);
        gate.layer(api)
    });
    let client = ServiceBuilder::new()
        .layer(QueueLayer::new().cost(cost as CostFn))
        .layer(retry())
        .service(Spread::new(deployments));
    let requests = mixed(1_000);
    let tokens: u64 = requests.iter().map(|request| cost(request).total()).sum();
    let best = (tokens as f64 - 24_000.0) / 3_000.0 + 4.0;
    let took = send_all(&client, requests).await;
    let refused: usize = apis.iter().map(sim::Server::refused).sum();
    println!("queue, spread: {took:.1} s for {best:.1}, {refused} refused");
    // Before the first answers nothing is told.
    assert!(refused <= 3, "{refused}");
    assert!(took <= 1.05 * best, "{took} for {best}");
}

#[tokio::test(start_paused = true)]
async fn so_does_a_spread_layer() {
    let keys = [2, 3].map(|tokens| gate().cost(move |_: &Req| Cost::tokens(tokens)));
    let client = SpreadLayer::new(keys).layer(open());
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(charged(client.clone(), job(1)).await);
    }
    assert_eq!(all, [Some(2), Some(3), Some(2), Some(3)]);
}

/// What a request is charged by a stack.
async fn charged<S, B>(client: S, request: Req) -> Option<u64>
where
    S: Service<Req, Response = http::Response<B>>,
    S::Error: std::fmt::Debug,
{
    let response = client.oneshot(request).await.unwrap();
    Charge::of(response.extensions()).map(|charge| charge.cost().total())
}

#[tokio::test(start_paused = true)]
async fn what_is_announced_is_charged_and_the_gates_own_word_is_the_last() {
    let queue = QueueLayer::new().cost(|_: &Req| Cost::tokens(5));
    let by_queue = queue.layer(gate().layer(open()));
    assert_eq!(charged(by_queue, job(1)).await, Some(5));
    let by_both = queue.layer(gate().cost(|_: &Req| Cost::tokens(9)).layer(open()));
    assert_eq!(charged(by_both, job(1)).await, Some(9));
    let by_none = QueueLayer::new().layer(gate().layer(open()));
    assert_eq!(charged(by_none, job(1)).await, None);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_a_cost_of_its_own() {
    let keyed = KeyedLayer::new(|request: &Req| request.uri().path().len()).gates(|length| {
        let each = *length as u64;
        gate().cost(move |_: &Req| Cost::tokens(each))
    });
    let client = keyed.layer(open());
    for path in ["/a", "/abc", "/a"] {
        let request = Request::get(path).body(Default::default()).unwrap();
        assert_eq!(
            charged(client.clone(), request).await,
            Some(path.len() as u64)
        );
    }
    // Of the two, the gate's counts: it was made for this key.
    let queue = QueueLayer::new().cost(|_: &Req| Cost::tokens(50));
    let request = Request::get("/ab").body(Default::default()).unwrap();
    assert_eq!(charged(queue.layer(client), request).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_an_answer_names_keeps_the_cost_of_its_first_key() {
    let keyed = KeyedLayer::new(|request: &Req| request.uri().path().to_owned())
        .gates(|_| gate().cost(|_: &Req| Cost::tokens(3)))
        .alias(|_, _| Some(String::from("bucket")));
    let client = keyed.layer(open());
    for path in ["/a", "/b", "/a", "/b"] {
        let request = Request::get(path).body(Default::default()).unwrap();
        assert_eq!(charged(client.clone(), request).await, Some(3));
    }
    assert_eq!(keyed.handle().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cost_that_is_not_known_leaves_it_to_the_layers_above() {
    struct OfSome;
    impl CostOf<Req> for OfSome {
        fn cost(&self, request: &Req) -> Option<Cost> {
            (request.uri().path() == "/told").then(|| Cost::tokens(2))
        }
    }
    let keyed = KeyedLayer::new(|_: &Req| 0).gates(|_| gate().cost(OfSome));
    let client = QueueLayer::new()
        .cost(|_: &Req| Cost::tokens(50))
        .layer(keyed.layer(open()));
    let get = |path: &str| Request::get(path).body(Default::default()).unwrap();
    assert_eq!(charged(client.clone(), get("/told")).await, Some(2));
    assert_eq!(charged(client, get("/untold")).await, Some(50));
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "no cost")]
async fn a_cost_function_that_panics_does_so_in_the_call() {
    let layer = QueueLayer::new().cost(|_: &Req| -> Cost { panic!("no cost") });
    let mut client = layer.layer(gate().layer(open()));
    drop(client.ready().await.unwrap().call(job(1)));
}

#[tokio::test(start_paused = true)]
async fn in_a_keyed_layer_the_service_is_still_ready_after_such_a_panic() {
    let keyed = KeyedLayer::new(|_: &Req| 0).gates(|_| {
        gate().cost(|request: &Req| -> Cost {
            assert_ne!(request.uri().path(), "/bad", "no cost");
            Cost::FREE
        })
    });
    let handle = keyed.handle();
    let mut client = keyed.layer(open());
    let client = client.ready().await.unwrap();
    let bad = Request::get("/bad").body(Default::default()).unwrap();
    let called = std::panic::AssertUnwindSafe(|| drop(client.call(bad)));
    assert!(std::panic::catch_unwind(called).is_err());
    assert_eq!(handle.waiting(), 1);
    client.call(job(1)).await.unwrap();
    assert_eq!(handle.waiting(), 0);
}

#[test]
fn the_layers_say_what_tells_the_cost() {
    let queue = QueueLayer::new().cost(cost as CostFn);
    assert!(format!("{queue:?}").contains("Cost"));
    let of_none: QueueLayer = QueueLayer::new();
    assert!(format!("{:?}", of_none.cost(NoCost)).contains("NoCost"));
    let keyed = KeyedLayer::new(|_: &Req| 0).gates(|_| gate().cost(cost as CostFn));
    assert!(format!("{:?}", keyed.clone()).starts_with("KeyedLayer"));
}
