//! What becomes of requests that are refused.

use std::time::Duration;

use http::{Request, Response};
use sim::{Arrival, Fate, Server};
use tower::{Layer, ServiceExt, service_fn};
use tower_throttle::RetryOn429Layer;
use tower_throttle::observe::{Event, GiveUpReason, Source};
use tower_throttle::retry::RetryBudget;

use crate::support::{Lines, get};

fn refusing(refusals: usize) -> Server {
    Server::new(move |Arrival { number, .. }| {
        if number < refusals {
            Fate::refused(429).header("retry-after", 2)
        } else {
            Fate::served(0.5)
        }
    })
}

/// The lines of one request through the retries.
async fn told(layer: RetryOn429Layer, api: Server) -> Vec<String> {
    let lines = Lines::default();
    let client = layer.seed(1).observe(lines.clone()).layer(api);
    client.oneshot(get()).await.unwrap();
    lines.take()
}

#[tokio::test(start_paused = true)]
async fn a_retry_says_when_and_why() {
    assert_eq!(
        told(RetryOn429Layer::new(), refusing(1)).await,
        [
            "paused for 2.00 s: the server asked for it",
            "attempt 2 in 2.15 s: it was refused",
            "pause over: its time has passed",
            "done after 2 attempts",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_says_why() {
    let cases = [
        (
            RetryOn429Layer::new().max_attempts(1),
            GiveUpReason::MaxAttempts,
        ),
        (
            RetryOn429Layer::new().max_elapsed(Duration::from_secs(1)),
            GiveUpReason::OutOfTime,
        ),
        (
            RetryOn429Layer::new().max_server_wait(Duration::from_secs(1)),
            GiveUpReason::ForGood,
        ),
        (
            RetryOn429Layer::new().budget(RetryBudget::new(0)),
            GiveUpReason::Budget,
        ),
    ];
    for (layer, why) in cases {
        let lines = told(layer, refusing(9)).await;
        assert_eq!(
            lines.last().unwrap(),
            &format!("gave up after 1 attempt: {why}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_answers_without_sending() {
    let lines = Lines::default();
    let layer = RetryOn429Layer::new().seed(1).observe(lines.clone());
    let api = Server::new(|_: Arrival<'_>| Fate::refused(429).header("x-should-retry", "false"));
    let client = layer.layer(api);
    for _ in 0..3 {
        client.clone().oneshot(get()).await.unwrap();
    }
    let found = lines.take();
    println!("{found:#?}");
    assert!(
        found.iter().all(|line| line.starts_with("gave up")),
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn two_refusals_for_good_open_the_circuit_and_an_answer_closes_it() {
    let lines = Lines::default();
    let layer = RetryOn429Layer::new().seed(1).observe(lines.clone());
    let api = Server::new(|Arrival { number, .. }| {
        if number < 2 {
            Fate::refused(429).header("retry-after", 600)
        } else {
            Fate::served(0.5)
        }
    });
    let client = layer.layer(api);
    for wait in [0, 0, 0, 700] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        client.clone().oneshot(get()).await.unwrap();
    }
    assert_eq!(
        lines.take(),
        [
            "gave up after 1 attempt: the server said that no wait will help",
            "circuit breaker closed -> open: the server said that no wait will help",
            "gave up after 1 attempt: nothing was accepted for too long",
            "gave up after 0 attempts: the circuit breaker is open",
            "circuit breaker open -> closed: the server accepts again",
            "done after 1 attempt",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_and_the_host_are_told() {
    let lines = Lines::default();
    let shown = lines.clone();
    let layer = RetryOn429Layer::new().observe(move |_: Source<'_>, event: &Event<'_>| {
        if let Event::GaveUp { server, status, .. } = event {
            shown.push(format!("{server:?} {status:?} {event}"));
        }
    });
    let client = layer.layer(service_fn(async |_: Request<String>| {
        Err::<Response<String>, _>(std::io::Error::other("broken"))
    }));
    let request = Request::get("http://api.example/")
        .body(String::new())
        .unwrap();
    client.oneshot(request).await.unwrap_err();
    assert_eq!(
        lines.take(),
        ["Some(\"api.example\") None gave up after 1 attempt: it came to an error"]
    );
}
