//! Both layers beside tower's own, in the orders that `tower_throttle::guide` speaks of.

use std::convert::Infallible;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Response;
use http_body::Body;
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, assert_ready_ok, task};
use tower::load_shed::error::Overloaded;
use tower::timeout::error::Elapsed;
use tower::util::Oneshot;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt};
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::concurrency::{Handle, ReleaseAt};
use tower_throttle::retry::{Attempts, Backoff, Jitter, retry_errors};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::*;

/// A request's answer takes the server so long.
const WORK: Duration = ms(100);

fn gate(limit: usize) -> (AdaptiveConcurrencyLayer, Handle) {
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit));
    let handle = gate.handle();
    (gate, handle)
}

/// A wait of exactly one second.
fn retry() -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(secs(1), secs(1)).jitter(Jitter::None))
}

/// Both layers around the server.
fn stack(
    gate: AdaptiveConcurrencyLayer,
) -> impl Service<
    Req,
    Response = Response<impl Body<Data = Bytes, Error = Infallible> + Debug + Send>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Debug
+ Send
+ 'static {
    ServiceBuilder::new()
        .layer(retry())
        .layer(gate)
        .service_fn(serve)
}

/// A server that refuses at once what says so, and works on the rest.
async fn serve(request: Req) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/refused" {
        return Ok(status(429));
    }
    sleep(WORK).await;
    Ok(Response::new(Full::from("done")))
}

/// A server that refuses its first request, and works on the others.
fn refuses_once() -> impl Service<
    Req,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Full<Bytes>>, Infallible>>,
> + Clone {
    let refused_one = Arc::new(AtomicBool::new(false));
    tower::service_fn(move |request| {
        let again = refused_one.swap(true, SeqCst);
        serve(if again { request } else { refused() })
    })
}

fn refused() -> Req {
    http::Request::get("http://api.test/refused")
        .body(Full::default())
        .unwrap()
}

/// Waits for an answer and reads it, so that its permit is returned.
async fn read<B, E>(answer: impl Future<Output = Result<Response<B>, E>>) -> Result<(), E>
where
    B: Body<Error: Debug>,
{
    answer.await?.into_body().collect().await.unwrap();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_bounds_all_attempts() {
    let (gate, handle) = gate(1);
    let client = ServiceBuilder::new().timeout(secs(10)).service(stack(gate));
    let start = Instant::now();
    let error = client.oneshot(refused()).await.unwrap_err();
    assert!(error.is::<Elapsed>());
    assert_eq!(start.elapsed(), secs(10));
    assert!(handle.refused() > 1);
    assert_eq!((handle.in_flight(), handle.waiting()), (0, 0));
}

/// tower's `Timeout` begins with the call, and the first permit is waited for before.
#[tokio::test(start_paused = true)]
async fn a_timeout_outside_begins_when_the_first_permit_was_there() {
    let (gate, handle) = gate(1);
    let client = ServiceBuilder::new().timeout(secs(10)).service(stack(gate));
    let mut occupied = client.clone();
    occupied.ready().await.unwrap();
    assert!(timeout(secs(60), client.oneshot(get())).await.is_err());
    assert_eq!((handle.in_flight(), handle.waiting()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_a_buffer_counts_the_wait_as_well() {
    let (gate, handle) = gate(1);
    let stack = stack(gate);
    let mut occupied = stack.clone();
    occupied.ready().await.unwrap();
    let client = ServiceBuilder::new()
        .timeout(secs(10))
        .buffer(10)
        .service(stack);
    let start = Instant::now();
    let error = client.clone().oneshot(get()).await.unwrap_err();
    assert!(error.is::<Elapsed>());
    assert_eq!(start.elapsed(), secs(10));
    // What was given up is not sent when its turn comes.
    drop(occupied);
    client.oneshot(get()).await.unwrap();
    assert_eq!(handle.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_below_the_gate_bounds_each_attempt() {
    let (gate, handle) = gate(1);
    let hung_once = AtomicBool::new(false);
    let hangs_once = Arc::new(move |request| {
        let again = hung_once.swap(true, SeqCst);
        async move {
            if !again {
                std::future::pending::<()>().await;
            }
            serve(request).await
        }
    });
    let client = ServiceBuilder::new()
        .layer(retry().classify(retry_errors(|error: &BoxError| error.is::<Elapsed>())))
        .layer(gate)
        .timeout(secs(5))
        .service_fn(move |request| hangs_once(request));
    let start = Instant::now();
    let response = client.oneshot(get()).await.unwrap();
    assert_eq!(Attempts::of(response.extensions()).get(), 2);
    // The attempt that hung, the wait, and the attempt that was answered.
    assert_eq!(start.elapsed(), secs(5) + secs(1) + WORK);
    drop(response);
    assert_eq!((handle.refused(), handle.in_flight()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn load_shed_outside_turns_away_what_would_wait_for_a_permit() {
    let (gate, _) = gate(1);
    let client = ServiceBuilder::new().load_shed().service(stack(gate));
    let mut first = client.clone();
    let working = first.ready().await.unwrap().call(get());
    let shed = client.clone().oneshot(get()).await.unwrap_err();
    assert!(shed.is::<Overloaded>());
    drop(working.await.unwrap());
    client.oneshot(get()).await.unwrap();
}

/// While a retry waits, its place is anybody's, so nothing needs to be shed.
#[tokio::test(start_paused = true)]
async fn load_shed_outside_does_not_shed_for_a_retry_that_waits() {
    let (gate, handle) = gate(1);
    let client = ServiceBuilder::new().load_shed().service(stack(gate));
    let retrying = tokio::spawn(client.clone().oneshot(refused()));
    sleep(ms(500)).await;
    assert_eq!((handle.refused(), handle.in_flight()), (1, 0));
    client.oneshot(get()).await.unwrap();
    retrying.abort();
}

/// The client that is below it is always ready.
#[tokio::test(start_paused = true)]
async fn load_shed_and_a_buffer_below_the_gate_change_nothing() {
    let (gate, handle) = gate(2);
    let client = ServiceBuilder::new()
        .layer(retry())
        .layer(gate)
        .load_shed()
        .buffer(2)
        .service_fn(serve);
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..10 {
        jobs.spawn(read(client.clone().oneshot(get())));
    }
    let start = Instant::now();
    assert!(jobs.join_all().await.iter().all(Result::is_ok));
    assert_eq!(start.elapsed(), WORK * 5, "two at a time");
    assert_eq!((handle.accepted(), handle.in_flight()), (10, 0));
}

/// A bounded queue: what finds it full is turned away.
#[tokio::test(start_paused = true)]
async fn a_buffer_under_load_shed_is_a_bounded_queue() {
    let (gate, handle) = gate(1);
    let client = ServiceBuilder::new()
        .load_shed()
        .buffer(3)
        .service(stack(gate));
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..10 {
        jobs.spawn(read(client.clone().oneshot(get())));
    }
    let results = jobs.join_all().await;
    let (served, shed): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert!(
        shed.iter()
            .all(|shed| shed.as_ref().unwrap_err().is::<Overloaded>())
    );
    assert!((3..=5).contains(&served.len()), "{} served", served.len());
    assert_eq!(handle.accepted(), served.len() as u64);
    assert_eq!(handle.in_flight(), 0);
}

/// It counts requests with their waits and retries; the gate counts attempts.
#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_outside_bounds_requests_not_attempts() {
    let (gate, handle) = gate(5);
    let mut client = ServiceBuilder::new()
        .concurrency_limit(1)
        .service(stack(gate));
    let mut retrying = task::spawn(client.ready().await.unwrap().call(refused()));
    assert_pending!(retrying.poll());
    assert_eq!(handle.in_flight(), 0, "it waits between attempts");
    let mut second = task::spawn(client.ready());
    assert_pending!(second.poll());
    drop(retrying);
    assert!(second.is_woken());
    assert_ready_ok!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn a_concurrency_limit_below_bounds_attempts_beside_the_gate() {
    let (gate, handle) = gate(5);
    let client = ServiceBuilder::new()
        .layer(retry())
        .layer(gate)
        .concurrency_limit(2)
        .service_fn(serve);
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..10 {
        jobs.spawn(read(client.clone().oneshot(get())));
    }
    let start = Instant::now();
    jobs.join_all().await;
    assert_eq!(start.elapsed(), WORK * 5, "two at a time");
    assert_eq!((handle.accepted(), handle.in_flight()), (10, 0));
}

/// Answers as they come: each is read, and its permit is free for the next.
#[tokio::test(start_paused = true)]
async fn call_all_unordered_drives_a_batch() {
    let (gate, handle) = gate(3);
    let client = ServiceBuilder::new()
        .layer(retry())
        .layer(gate)
        .service(refuses_once());
    let mut answers = client
        .call_all(stream::iter((0..30).map(|_| get())))
        .unordered();
    let mut done = 0;
    while let Some(answer) = answers.next().await {
        answer.unwrap().into_body().collect().await.unwrap();
        assert!(handle.in_flight() <= 3);
        done += 1;
    }
    assert_eq!((done, handle.accepted(), handle.refused()), (30, 30, 1));
    assert_eq!(handle.in_flight(), 0);
}

/// In order, answers wait to be read behind one that is late, and their permits with them. If it
/// was refused, it waits for one of these: unless they end with the head, or because nobody reads.
#[tokio::test(start_paused = true)]
async fn call_all_in_order_needs_permits_that_end_before_the_bodies_are_read() {
    let never = Duration::MAX;
    for (release_at, idle, ends) in [
        (ReleaseAt::BodyEnd, never, false),
        (ReleaseAt::BodyEnd, secs(1), true),
        (ReleaseAt::Headers, never, true),
    ] {
        let (gate, handle) = gate(3);
        let client = ServiceBuilder::new()
            .layer(retry())
            .layer(gate.release_at(release_at).body_idle(idle))
            .map_response(|answer: Response<Full<Bytes>>| answer.map(|_| TestBody::of(&["done"])))
            .service(refuses_once());
        let mut answers = client.call_all(stream::iter((0..30).map(|_| get())));
        let all = async {
            while let Some(answer) = answers.next().await {
                answer.unwrap().into_body().collect().await.unwrap();
            }
        };
        let ended = timeout(secs(600), all).await.is_ok();
        assert_eq!(ended, ends, "{release_at:?} {idle:?}");
        drop(answers);
        assert_eq!(handle.in_flight(), 0);
    }
}

/// What becomes of the order turned round: the gate sees one slow success, and a place is occupied
/// while a retry waits.
#[tokio::test(start_paused = true)]
async fn a_gate_outside_the_retries_does_not_see_refusals() {
    let (gate, handle) = gate(1);
    let server = script([status(429), status(429)]);
    let client = ServiceBuilder::new()
        .layer(gate)
        .layer(retry())
        .service(server);
    let retrying = tokio::spawn(read(client.oneshot(get())));
    sleep(ms(1500)).await;
    assert_eq!(handle.in_flight(), 1, "nobody else is let through");
    retrying.await.unwrap().unwrap();
    assert_eq!((handle.accepted(), handle.refused()), (1, 0));
}

/// Passes readiness through, and calls a clone.
#[derive(Clone)]
struct CallsAClone<S>(S);

impl<S: Service<Req> + Clone> Service<Req> for CallsAClone<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, Req>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        self.0.clone().oneshot(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_calls_a_clone_waits_for_a_second_permit() {
    let (gate, handle) = gate(1);
    let stack = stack(gate);
    let mut client = CallsAClone(stack.clone());
    let answer = client.ready().await.unwrap().call(get());
    assert!(timeout(secs(600), answer).await.is_err());
    assert_eq!(handle.in_flight(), 1);
    drop(client);

    let always_ready = tower::service_fn(move |request| stack.clone().oneshot(request));
    let mut client = CallsAClone(always_ready);
    let answer = client.ready().await.unwrap().call(get());
    read(answer).await.unwrap();
    assert_eq!((handle.accepted(), handle.in_flight()), (1, 0));
}
