use std::convert::Infallible;
use std::future::{Future, ready};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use http::StatusCode;
use tokio::time::Instant;
use tower::{ServiceBuilder, service_fn};

use super::*;
use crate::posts::Id;
use crate::wire::{Wire, WireError};

type Answer = Result<Response<Full<Bytes>>, Infallible>;

fn posts(count: u32) -> Posts {
    let post = |number: u32| Post {
        id: Id::Number(number.into()),
        body: Bytes::from(number.to_string()),
        class: Class::default(),
        cost: None,
    };
    Box::new((0..count).map(move |number| Ok(post(number))))
}

fn answer(status: u16, body: &'static str) -> Answer {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    Ok(response)
}

type Records = mpsc::UnboundedReceiver<Result<Done, String>>;

/// A desk, the records that come from it, and the switch that stops it.
fn desk() -> (Desk, Records, watch::Sender<bool>) {
    let (sender, records) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let desk = Desk {
        target: Arc::new(Target::embedded(http::Uri::from_static(
            "http://localhost/",
        ))),
        records: sender,
        stop: stopped,
        attempts: |_| 1,
        patience: Duration::from_secs(120),
        settles: false,
    };
    (desk, records, stop)
}

async fn all(mut records: Records) -> Vec<Record> {
    let mut found = Vec::new();
    while let Some(done) = records.recv().await {
        found.push(done.expect("the input is sound").record);
    }
    found
}

/// Stops a desk after a while.
fn stop_after(stop: watch::Sender<bool>, wait: Duration) {
    tokio::spawn(async move {
        sleep(wait).await;
        stop.send_replace(true);
        // Kept, so that a receiver does not take the end of the sender for an end of the program.
        std::future::pending::<()>().await;
    });
}

#[tokio::test(start_paused = true)]
async fn every_post_is_sent_once_and_recorded_as_it_completes() {
    let slow_first = service_fn(|request: Request<Full<Bytes>>| async move {
        let body = request.into_body().collect().await.expect("infallible");
        let number: u64 = String::from_utf8_lossy(&body.to_bytes())
            .parse()
            .expect("n");
        sleep(Duration::from_millis(100 - 10 * number)).await;
        answer(200, "{\"ok\":true}")
    });
    let (desk, records, _stop) = desk();
    all_at_once(Wire::new(slow_first, None), posts(3), desk).await;
    let records = all(records).await;
    let ids: Vec<_> = records.iter().map(|record| record.id.to_string()).collect();
    assert_eq!(ids, ["2", "1", "0"], "in completion order");
    let first = &records[0];
    assert_eq!((first.status, first.attempts), (Some(200), 1));
    assert_eq!(first.latency_ms, Some(80.0));
    assert_eq!(first.body["ok"], true);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_what_is_in_flight_finish_and_nothing_else() {
    let slow = service_fn(|_| async {
        sleep(Duration::from_secs(1)).await;
        answer(200, "done")
    });
    let wire = Wire::new(slow, None);
    let counts = wire.counts();
    let stack = ServiceBuilder::new().concurrency_limit(2).service(wire);
    let (desk, records, stop) = desk();
    stop_after(stop, Duration::from_millis(1500));
    let started = Instant::now();
    all_at_once(stack, posts(20), desk).await;
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    assert_eq!(all(records).await.len(), 4);
    assert_eq!((counts.in_flight(), counts.peak()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_a_retry() {
    #[derive(Clone)]
    struct Hourly;
    impl<R: Clone, A, E> tower::retry::Policy<R, A, E> for Hourly {
        type Future = tokio::time::Sleep;
        fn retry(&mut self, _: &mut R, _: &mut Result<A, E>) -> Option<Self::Future> {
            Some(sleep(Duration::from_secs(3600)))
        }
        fn clone_request(&mut self, request: &R) -> Option<R> {
            Some(request.clone())
        }
    }
    let wire = Wire::new(service_fn(|_| ready(answer(429, ""))), None);
    let counts = wire.counts();
    let stack = ServiceBuilder::new().retry(Hourly).service(wire);
    let (desk, records, stop) = desk();
    stop_after(stop, Duration::from_secs(5));
    let started = Instant::now();
    all_at_once(stack, posts(3), desk).await;
    assert_eq!(started.elapsed(), Duration::from_secs(5));
    assert_eq!(all(records).await, []);
    assert_eq!((counts.refused(), counts.in_flight()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_as_in_flight_until_it_is_read() {
    let wire = Wire::new(service_fn(|_| ready(answer(200, "body"))), None);
    let counts = wire.counts();
    let response = wire.oneshot(Request::new(Full::default())).await;
    assert_eq!(counts.in_flight(), 1);
    drop(response);
    assert_eq!((counts.in_flight(), counts.peak()), (0, 1));
}

/// A service that refuses the first `refusals` requests.
fn refusing(
    refusals: u32,
) -> impl Service<
    Request<Full<Bytes>>,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future = impl Future<Output = Answer> + Send,
> + Clone
+ Send
+ 'static {
    let seen = Arc::new(AtomicU32::new(0));
    service_fn(move |_| {
        let refused = seen.fetch_add(1, Relaxed) < refusals;
        ready(answer(if refused { 429 } else { 200 }, ""))
    })
}

#[tokio::test(start_paused = true)]
async fn a_worker_puts_a_refused_post_back_and_waits() {
    let (desk, records, _stop) = desk();
    let started = Instant::now();
    workers(1, Wire::new(refusing(1), None), posts(3), desk).await;
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert!(waited <= Duration::from_secs(2), "{waited:?}");
    let records = all(records).await;
    let sent: Vec<_> = records
        .iter()
        .map(|record| (record.id.to_string(), record.attempts))
        .collect();
    let expected = [("1", 1), ("2", 1), ("0", 2)];
    assert_eq!(
        sent,
        expected.map(|(id, attempts)| (id.to_owned(), attempts))
    );
}

#[tokio::test(start_paused = true)]
async fn a_worker_waits_longer_for_a_post_that_is_refused_again() {
    let (desk, records, _stop) = desk();
    let started = Instant::now();
    workers(5, Wire::new(refusing(3), None), posts(1), desk).await;
    let waited = started.elapsed().as_secs_f64();
    // The other workers find the post at once, or nothing at all and end.
    assert!(waited <= 1.0 + 2.0 + 4.0 + 3.0, "{waited}");
    assert_eq!(all(records).await[0].attempts, 4);
}

#[tokio::test(start_paused = true)]
async fn a_worker_gives_a_post_up_in_the_end() {
    let (desk, records, _stop) = desk();
    workers(1, Wire::new(refusing(u32::MAX), None), posts(1), desk).await;
    let records = all(records).await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].status, Some(429));
    assert_eq!(records[0].attempts, WORKER_ATTEMPTS);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_worker_ends_its_wait() {
    let (desk, records, stop) = desk();
    stop_after(stop, Duration::from_millis(500));
    let started = Instant::now();
    workers(5, Wire::new(refusing(u32::MAX), None), posts(9), desk).await;
    assert_eq!(started.elapsed(), Duration::from_millis(500));
    assert_eq!(all(records).await, []);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_a_record_too() {
    let broken = service_fn(|_| {
        ready(Err::<Response<Full<Bytes>>, _>(std::io::Error::other(
            "no route",
        )))
    });
    let (desk, records, _stop) = desk();
    all_at_once(Wire::new(broken, None), posts(1), desk).await;
    let records = all(records).await;
    assert_eq!(records[0].status, None);
    assert_eq!(records[0].body, "no route");
    assert!(!records[0].succeeded());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_given_up_in_its_head_and_in_its_body() {
    let second = Some(Duration::from_secs(1));
    let started = Instant::now();
    let silent = service_fn(|_| std::future::pending::<Answer>());
    let (desk, records, _stop) = desk();
    all_at_once(Wire::new(silent, second), posts(1), desk).await;
    assert_eq!(all(records).await[0].body, "timed out after 1s");
    assert_eq!(started.elapsed(), Duration::from_secs(1));

    let halting = service_fn(|_| {
        let (sender, body) = http_body_util::channel::Channel::<Bytes, Infallible>::new(1);
        // Its end would be an error.
        std::mem::drop(tokio::spawn(async move {
            let _sender = sender;
            std::future::pending::<()>().await;
        }));
        ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let (desk, records, _stop) = self::desk();
    all_at_once(Wire::new(halting, second), posts(1), desk).await;
    let records = all(records).await;
    assert_eq!(records[0].body, "timed out after 1s");
    assert_eq!(records[0].status, None);
    assert_eq!(started.elapsed(), Duration::from_secs(2));
    let error = WireError::<Infallible>::TimedOut(Duration::from_millis(1_500));
    assert_eq!(error.to_string(), "timed out after 1.5s");
}

#[tokio::test(start_paused = true)]
async fn a_large_batch_is_held_in_part() {
    let slow = service_fn(|_| async {
        sleep(Duration::from_secs(1)).await;
        answer(200, "done")
    });
    let wire = Wire::new(slow, None);
    let counts = wire.counts();
    let (desk, records, _stop) = desk();
    all_at_once(wire, posts(3_000), desk).await;
    assert_eq!(counts.peak(), MOST_HELD as u64);
    assert_eq!(all(records).await.len(), 3_000);
}

#[tokio::test(start_paused = true)]
async fn an_input_that_breaks_is_an_error() {
    let broken = std::iter::once(Err("gone".to_owned()));
    let (desk, mut records, _stop) = desk();
    all_at_once(Wire::new(refusing(0), None), Box::new(broken), desk).await;
    assert_eq!(records.recv().await, Some(Err("gone".to_owned())));
    assert_eq!(records.recv().await, None);
}

#[test]
fn a_body_is_kept_as_json_or_as_text() {
    assert_eq!(text_or_json(b"[1]"), serde_json::json!([1]));
    assert_eq!(text_or_json(b"<html>"), "<html>");
    assert_eq!(text_or_json(b"\xff"), "\u{fffd}");
}
