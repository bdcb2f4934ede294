//! What requests cost: when a limit is told, and that no drop at any moment leaves a charge that is wrong.

use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Context;
use std::time::Duration;

use http::{Request, Response};
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::cost::{Charge, Cost, FromExtensions, announce};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::purse::Purse;
use crate::support::{Body, answer};

fn by_body(request: &Request<u64>) -> Cost {
    Cost::tokens(*request.body())
}

/// A service's readiness, without the service.
fn ready<S: Service<Request<u64>>>(
    mut service: S,
) -> Spawn<impl Future<Output = Result<(), S::Error>>> {
    task::spawn(async move { std::future::poll_fn(|cx| service.poll_ready(cx)).await })
}

/// A service that is kept ready.
struct Kept<S>(S);

impl<S> fmt::Debug for Kept<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name_of_val(&self.0))
    }
}

/// The readiness for a request of which the cost is announced, with the service.
fn ready_for<S: Service<Request<u64>>>(
    mut service: S,
    cost: u64,
) -> Spawn<impl Future<Output = Result<Kept<S>, S::Error>>> {
    let cost = Cost::tokens(cost);
    task::spawn(async move {
        std::future::poll_fn(|cx| announce(cost, || service.poll_ready(cx))).await?;
        Ok(Kept(service))
    })
}

/// Answers with the status that its request asks for, if it is one, after a second.
fn api() -> impl Service<
    Request<u64>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send,
> + Clone
+ Send {
    tower::service_fn(|request: Request<u64>| async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let status = request.extensions().get::<u16>().copied();
        Ok(answer(status.unwrap_or(200)))
    })
}

fn refused(cost: u64) -> Request<u64> {
    let mut request = Request::new(cost);
    request.extensions_mut().insert(429u16);
    request
}

fn poll_ready<S, C>(service: &mut AdaptiveConcurrency<S, C>) -> bool
where
    AdaptiveConcurrency<S, C>: Service<Request<u64>>,
{
    let cx = &mut Context::from_waker(std::task::Waker::noop());
    service.poll_ready(cx).is_ready()
}

#[tokio::test(start_paused = true)]
async fn the_cost_is_told_when_the_request_is_sent_and_with_its_outcome() {
    let purse = Purse::of(100);
    let service = purse.layer(by_body).layer(api());
    let response = service.clone().oneshot(Request::new(30)).await.unwrap();
    let told = ["sent None", "costs 30", "accepted Some(30)"];
    assert_eq!(purse.told(), told);
    assert_eq!(purse.left(), 70);
    assert!(Charge::of(response.extensions()).is_some());

    let response = service.oneshot(refused(50)).await.unwrap();
    assert_eq!(purse.told(), ["sent None", "costs 50", "refused Some(50)"]);
    assert_eq!(purse.left(), 70, "a refused request costs nothing");
    assert!(Charge::of(response.extensions()).is_none());
}

#[tokio::test(start_paused = true)]
async fn without_a_cost_nobody_is_told_of_one() {
    let purse = Purse::of(100);
    let service = AdaptiveConcurrencyLayer::with_limit(purse.clone()).layer(api());
    let response = service.oneshot(Request::new(30)).await.unwrap();
    assert_eq!(purse.told(), ["sent None", "accepted None"]);
    assert!(Charge::of(response.extensions()).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_request_without_the_extension_has_no_cost() {
    let purse = Purse::of(100);
    let service = purse.layer(FromExtensions).layer(api());
    service.clone().oneshot(Request::new(30)).await.unwrap();
    assert_eq!(purse.left(), 100);
    let mut request = Request::new(30);
    request
        .extensions_mut()
        .insert(Cost::input(2).and_output(3));
    service.oneshot(request).await.unwrap();
    assert_eq!(purse.left(), 95);
}

#[tokio::test(start_paused = true)]
async fn a_charge_is_settled_by_the_last_word() {
    let purse = Purse::of(100);
    let service = purse.layer(by_body).layer(api());
    let response = service.oneshot(Request::new(30)).await.unwrap();
    let charge = Charge::of(response.extensions()).unwrap().clone();
    drop(response);
    assert_eq!((charge.cost(), purse.left()), (Cost::tokens(30), 70));
    charge.clone().settle(Cost::tokens(12));
    assert_eq!((charge.cost(), purse.left()), (Cost::tokens(12), 88));
    charge.settle(Cost::tokens(40));
    assert_eq!(purse.left(), 60);
    drop(charge);
    assert_eq!(purse.left(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_is_settled_lets_the_next_in_line_go() {
    let purse = Purse::of(100);
    let mut service = purse.layer(by_body).layer(api());
    let response = service
        .ready()
        .await
        .unwrap()
        .call(Request::new(100))
        .await
        .unwrap();
    let mut second = ready(service);
    assert_pending!(second.poll());
    let charge = Charge::of(response.extensions()).unwrap();
    charge.settle(Cost::tokens(99));
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn an_announced_cost_is_awaited_and_charged_with_the_permit() {
    let purse = Purse::of(100);
    let service = purse.layer(by_body).layer(api());
    let held = service.clone().oneshot(Request::new(60));
    let response = held.await.unwrap();
    let mut dear = ready_for(service.clone(), 50);
    assert_pending!(dear.poll());
    let mut cheap = ready_for(service.clone(), 5);
    assert_pending!(cheap.poll(), "the line is first come, first served");
    purse.told();
    Charge::of(response.extensions())
        .unwrap()
        .settle(Cost::tokens(50));
    let _dear = assert_ready_ok!(dear.poll());
    assert_eq!(purse.told(), ["costs 50", "sent Some(50)"]);
    assert_eq!(purse.left(), 0);
    assert_pending!(cheap.poll());
}

#[tokio::test(start_paused = true)]
async fn a_permit_with_an_announced_cost_that_is_not_used_costs_nothing() {
    let purse = Purse::of(100);
    let mut service = purse.layer(by_body).layer(api());
    assert!(announce(Cost::tokens(80), || poll_ready(&mut service)));
    assert_eq!(purse.left(), 20);
    drop(service);
    assert_eq!(
        purse.told(),
        ["sent Some(80)", "costs 0", "ignored Some(0)"]
    );
    assert_eq!(purse.left(), 100);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_line_takes_the_announced_cost_along() {
    let purse = Purse::of(100);
    let service = purse.layer(by_body).layer(api());
    let mut dear = service.clone();
    assert!(!announce(Cost::tokens(101), || poll_ready(&mut dear)));
    let mut cheap = ready(service.clone());
    assert_pending!(cheap.poll());
    drop(dear);
    assert!(cheap.is_woken());
    assert_ready_ok!(cheap.poll());
}

#[tokio::test(start_paused = true)]
async fn a_cost_that_was_announced_wrongly_is_corrected_by_the_request() {
    let purse = Purse::of(100);
    let mut service = purse.layer(by_body).layer(api());
    assert!(announce(Cost::tokens(80), || poll_ready(&mut service)));
    service.call(Request::new(30)).await.unwrap();
    assert_eq!(purse.left(), 70);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_counts_as_sent() {
    let purse = Purse::of(100);
    let mut service = purse.layer(by_body).layer(api());
    assert!(poll_ready(&mut service));
    let mut response = task::spawn(service.call(Request::new(30)));
    assert_pending!(response.poll());
    drop(response);
    assert_eq!(purse.told(), ["sent None", "costs 30", "ignored Some(30)"]);
}

#[tokio::test(start_paused = true)]
async fn a_cost_function_that_panics_takes_no_permit_with_it() {
    let purse = Purse::of(100);
    let layer = purse.layer(|_: &Request<u64>| -> Cost { panic!("no cost") });
    let mut service = layer.layer(api());
    assert!(poll_ready(&mut service));
    let called = catch_unwind(AssertUnwindSafe(|| drop(service.call(Request::new(1)))));
    assert!(called.is_err());
    assert_eq!(layer.handle().in_flight(), 1);
    drop(service);
    assert_eq!(layer.handle().in_flight(), 0);
    assert_eq!(purse.told(), ["sent None", "ignored None"]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_announces_what_the_request_costs() {
    let purse = Purse::of(100);
    let service = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().max_attempts(2).seed(1))
        .layer(purse.layer(by_body))
        .service(api());
    let response = service.oneshot(refused(50)).await.unwrap();
    assert_eq!(response.status(), 429);
    assert_eq!(
        purse.told(),
        [
            "sent None",
            "costs 50",
            "refused Some(50)",
            "sent Some(50)",
            "costs 50",
            "refused Some(50)"
        ]
    );
    assert_eq!(purse.left(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_forgets_what_was_announced() {
    let purse = Purse::of(10);
    let layer = purse.layer(by_body);
    let mut service = layer.layer(api());
    assert!(!announce(Cost::tokens(50), || poll_ready(&mut service)));
    layer.handle().close();
    assert!(announce(Cost::tokens(50), || poll_ready(&mut service)));
    let response = service.call(Request::new(50)).await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(purse.told().is_empty());
}

#[test]
fn the_layers_show_no_cost_function_and_stay_clone() {
    let layer = Purse::of(1).layer(by_body);
    let service = layer.clone().layer(api()).clone();
    assert!(poll_is_clone(&service));
    assert!(format!("{layer:?}").starts_with("AdaptiveConcurrencyLayer"));
}

fn poll_is_clone<T: Clone>(_: &T) -> bool {
    true
}
