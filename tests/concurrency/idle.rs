//! A place comes back when the server's work is done: with the head of an answer that is short, and from
//! a body that nobody reads while others wait.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, Channel, Full};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, assert_ready_ok};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::Learned;
use tower_throttle::concurrency::{DEFAULT_BODY_IDLE, GuardedBody, SHORT_BODY};

use crate::support::*;

type Streamed = Channel<Bytes, Infallible>;
type Sender = http_body_util::channel::Sender<Bytes, Infallible>;

const TICK: Duration = Duration::from_millis(1);
/// The shortest time between two checks of the bodies.
const GRAIN: Duration = Duration::from_millis(125);

/// How many places are taken once an answer's head is there.
async fn held_after_the_head<B>(response: Response<B>) -> usize
where
    B: http_body::Body + Send + 'static,
{
    let layer = fixed(1);
    let mut response = Some(response);
    let service = layer.layer(tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
    }));
    let _response = service.oneshot(Request::new(())).await.unwrap();
    layer.handle().in_flight()
}

fn of_length(length: usize) -> Response<Full<Bytes>> {
    Response::new(Full::from(vec![0; length]))
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_known_to_be_short_gives_its_place_back_with_the_head() {
    let short = usize::try_from(SHORT_BODY).unwrap();
    for (length, held) in [(1, 0), (short, 0), (short + 1, 1)] {
        let response = of_length(length);
        assert_eq!(held_after_the_head(response).await, held, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_content_length_tells_as_much_as_the_body() {
    let streamed = |length: &str| {
        let (sender, body) = Streamed::new(1);
        let builder = Response::builder().header("content-length", length);
        (sender, builder.body(body).unwrap())
    };
    for (length, held) in [
        ("0", 0),
        ("65536", 0),
        ("65537", 1),
        ("99999999999999999999999", 1),
        ("none", 1),
        ("", 1),
        ("-1", 1),
    ] {
        let (_sender, response) = streamed(length);
        assert_eq!(held_after_the_head(response).await, held, "{length:?}");
    }
    // What the body itself says is more exact.
    let mut long = of_length(100_000);
    long.headers_mut().insert("content-length", 5.into());
    assert_eq!(held_after_the_head(long).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_short_answer_with_a_hint_and_a_failed_one_give_it_back_as_well() {
    for status in [200, 404, 500, 503] {
        let mut response = of_length(10);
        *response.status_mut() = status.try_into().unwrap();
        let headers = response.headers_mut();
        headers.insert("x-ratelimit-limit", 10.into());
        headers.insert("x-ratelimit-remaining", 9.into());
        assert_eq!(held_after_the_head(response).await, 0, "{status}");
    }
}

/// A response whose body is fed by the test.
async fn streamed(layer: &AdaptiveConcurrencyLayer) -> (Sender, GuardedBody<Streamed>) {
    let (sender, body) = Channel::new(8);
    let mut response = Some(Response::new(body));
    let service = layer.layer(tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
    }));
    let response = service.oneshot(Request::new(())).await.unwrap();
    (sender, response.into_body())
}

/// How long one more request waits for a place, if it gets one within ten minutes.
async fn wait(layer: &AdaptiveConcurrencyLayer) -> Option<Duration> {
    let (mut service, _server) = gated(layer);
    let start = Instant::now();
    let ready = timeout(Duration::from_secs(600), service.ready()).await;
    ready.is_ok().then(|| start.elapsed())
}

fn assert_waits(waited: Option<Duration>, expected: Duration) {
    let waited = waited.expect("it waits for ever");
    let latest = expected + GRAIN + TICK;
    assert!((expected..=latest).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_was_never_polled_gives_its_place_to_one_who_waits() {
    let layer = fixed(1);
    let (mut sender, mut body) = streamed(&layer).await;
    assert_waits(wait(&layer).await, DEFAULT_BODY_IDLE);
    assert_eq!(layer.handle().in_flight(), 0);
    // It goes on without a place, and has none to give back.
    sender.send_data(Bytes::from_static(b"late")).await.unwrap();
    body.frame().await.unwrap().unwrap();
    assert_eq!(layer.handle().in_flight(), 0);
    let (second, _server) = gated(&layer);
    let second = assert_ready_ok!(ready(second).poll());
    drop(sender);
    assert!(body.frame().await.is_none());
    drop(body);
    assert_eq!(layer.handle().in_flight(), 1, "the second's own");
    drop(second);
    assert_eq!(layer.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_while_nobody_waits() {
    let layer = fixed(1);
    let (_sender, _body) = streamed(&layer).await;
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(layer.handle().in_flight(), 1);
    assert_waits(wait(&layer).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_came_before_the_head_gets_the_place_too() {
    let layer = fixed(1);
    let service = layer.layer(tower::service_fn(|_: Request<()>| async {
        sleep(Duration::from_millis(2500)).await;
        Ok::<_, Infallible>(answer(200))
    }));
    let first = tokio::spawn(service.oneshot(Request::new(())));
    settle().await;
    assert_waits(wait(&layer).await, Duration::from_millis(3500));
    drop(first.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_starves_nobody() {
    let layer = fixed(1);
    let (mut sender, mut body) = streamed(&layer).await;
    sender.send_data(Bytes::from_static(b"1")).await.unwrap();
    sender.send_data(Bytes::from_static(b"2")).await.unwrap();
    sleep(Duration::from_millis(700)).await;
    body.frame().await.unwrap().unwrap();
    // It has something to do with the frame, for minutes.
    assert_waits(wait(&layer).await, DEFAULT_BODY_IDLE);
    body.frame().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_read_holds_its_place() {
    let layer = fixed(1);
    let (mut sender, mut body) = streamed(&layer).await;
    let reader = tokio::spawn(async move { while body.frame().await.is_some() {} });
    let (service, _server) = gated(&layer);
    let mut second = ready(service);
    assert_pending!(second.poll());
    for _ in 0..600 {
        sleep(Duration::from_millis(900)).await;
        sender.send_data(Bytes::from_static(b"x")).await.unwrap();
        assert_pending!(second.poll());
    }
    assert_eq!(layer.handle().in_flight(), 1);
    drop(sender);
    reader.await.unwrap();
    assert_ready_ok!(second.poll());
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_for_the_server_holds_its_place_for_a_minute() {
    let layer = fixed(1);
    let (mut sender, mut body) = streamed(&layer).await;
    // Thinks for 50 s each time.
    let reader = tokio::spawn(async move {
        while body.frame().await.is_some() {}
        body
    });
    settle().await;
    let (service, _server) = gated(&layer);
    let mut second = ready(service);
    assert_pending!(second.poll());
    for _ in 0..3 {
        sleep(Duration::from_secs(50)).await;
        assert_pending!(second.poll());
        sender.send_data(Bytes::from_static(b"x")).await.unwrap();
        settle().await;
    }
    drop(second);
    // And then for ever.
    assert_waits(wait(&layer).await, 60 * DEFAULT_BODY_IDLE);
    reader.abort();
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_walks_away_after_waiting_is_noticed_at_its_last_frame() {
    let layer = fixed(1);
    let (mut sender, mut body) = streamed(&layer).await;
    let (service, _server) = gated(&layer);
    let mut second = ready(service);
    assert_pending!(second.poll());
    assert!(timeout(Duration::from_secs(5), body.frame()).await.is_err());
    sender.send_data(Bytes::from_static(b"x")).await.unwrap();
    body.frame().await.unwrap().unwrap();
    let start = Instant::now();
    second.await.unwrap();
    assert_waits(Some(start.elapsed()), DEFAULT_BODY_IDLE);
}

#[tokio::test(start_paused = true)]
async fn body_idle_sets_the_time_and_max_means_never() {
    for idle in [0, 10, 3000].map(Duration::from_millis) {
        let layer = fixed(1).body_idle(idle);
        let (_sender, _body) = streamed(&layer).await;
        let waited = wait(&layer).await.expect("it waits for ever");
        assert!(
            waited <= idle + idle / 8 + 2 * TICK,
            "{waited:?} for {idle:?}"
        );
    }
    let layer = fixed(1).body_idle(Duration::MAX);
    let (_sender, body) = streamed(&layer).await;
    assert_eq!(wait(&layer).await, None);
    drop(body);
    assert_waits(wait(&layer).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn bodies_are_given_up_one_for_one_and_those_read_are_not() {
    let layer = fixed(3);
    let handle = layer.handle();
    let (_sender, _unread) = streamed(&layer).await;
    let (_sender, _unread_too) = streamed(&layer).await;
    let (_sender, mut read) = streamed(&layer).await;
    let reader = tokio::spawn(async move { read.frame().await.is_some() });
    let (service, _server) = gated(&layer);
    let mut waiters: Vec<_> = (0..4).map(|_| ready(service.clone())).collect();
    waiters
        .iter_mut()
        .for_each(|waiter| assert_pending!(waiter.poll()));
    sleep(DEFAULT_BODY_IDLE + GRAIN + TICK).await;
    let polls = waiters.iter_mut().map(|waiter| waiter.poll());
    let through: Vec<_> = polls.filter(std::task::Poll::is_ready).collect();
    assert_eq!(through.len(), 2);
    assert_eq!((handle.in_flight(), handle.waiting()), (3, 2));
    reader.abort();
}

/// A server with five places, whose answers do not tell how long they are.
fn five_places() -> impl Service<
    Request<()>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
> + Clone
+ Send
+ 'static {
    let places = Arc::new(Semaphore::new(5));
    tower::service_fn(move |_: Request<()>| {
        let places = Arc::clone(&places);
        async move {
            let _place = places.acquire().await;
            sleep(Duration::from_millis(50)).await;
            Ok(answer(200))
        }
    })
}

const JOBS: usize = 500;

fn layers() -> [AdaptiveConcurrencyLayer; 2] {
    [
        fixed(5),
        AdaptiveConcurrencyLayer::with_limit(Learned::new()),
    ]
}

#[tokio::test(start_paused = true)]
async fn buffered_answers_that_are_read_afterwards_end() {
    for layer in layers() {
        let service = layer.layer(five_places());
        let jobs = stream::iter(0..JOBS).map(|_| service.clone().oneshot(Request::new(())));
        let mut answers = jobs.buffered(64);
        let all = async {
            while let Some(answer) = answers.next().await {
                answer.unwrap().into_body().collect().await.unwrap();
            }
        };
        timeout(Duration::from_secs(600), all).await.expect("hangs");
        assert_eq!(layer.handle().in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn joined_answers_that_are_read_afterwards_end() {
    for layer in layers() {
        let service = layer.layer(five_places());
        let jobs = (0..JOBS).map(|_| service.clone().oneshot(Request::new(())));
        let all = timeout(Duration::from_secs(600), join_all(jobs));
        for answer in all.await.expect("hangs") {
            answer.unwrap().into_body().collect().await.unwrap();
        }
        assert_eq!(layer.handle().in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_keeps_its_answers_ends() {
    for layer in layers() {
        let mut service = layer.layer(five_places());
        let mut kept = Vec::new();
        let all = async {
            for _ in 0..JOBS {
                let service = service.ready().await.unwrap();
                kept.push(service.call(Request::new(())).await.unwrap());
            }
        };
        timeout(Duration::from_secs(600), all).await.expect("hangs");
        assert!(kept.iter().all(|answer| !answer.body().is_end_stream()));
        drop(kept);
        assert_eq!(layer.handle().in_flight(), 0);
    }
}
