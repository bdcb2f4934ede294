//! What comes of a batch when an API serves nobody, or refuses in a way of its own.
//!
//! `cargo test --test compose outages -- --nocapture | grep '^|'` prints the table of `docs/outages.md`. Time is
//! tokio's paused clock.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::*;

type Answer = Response<Full<Bytes>>;

/// What came of the jobs.
#[derive(Debug, Default)]
struct Outcome {
    sent: usize,
    served: usize,
    /// Jobs of which the work was done more than once.
    repeated: usize,
    first_told: Option<Duration>,
    last: Duration,
}

/// Answers an attempt, from the time since the start and the number of attempts before it: the answer, how
/// long it takes, and whether the work is done.
type Api = dyn Fn(Duration, usize) -> (Answer, Duration, bool);

/// Runs `jobs` at once against an API, and prints a row of the table.
async fn run(
    name: &str,
    jobs: usize,
    api: impl Fn(Duration, usize) -> (Answer, Duration, bool) + 'static,
) -> Outcome {
    let api: Rc<Api> = Rc::new(api);
    let (start, sent) = (Instant::now(), Rc::new(Cell::new(0)));
    let done = Rc::new(Cell::new(0));
    let inner = {
        let (sent, done) = (Rc::clone(&sent), Rc::clone(&done));
        tower::service_fn(move |_: Req| {
            let (answer, latency, works) = api(start.elapsed(), sent.get());
            sent.set(sent.get() + 1);
            done.set(done.get() + usize::from(works));
            async move {
                sleep(latency).await;
                Ok::<_, Infallible>(answer)
            }
        })
    };
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(inner);
    let mut outcome = Outcome::default();
    let local = LocalSet::new();
    let tasks: Vec<_> = (0..jobs)
        .map(|_| {
            let job = client.clone().oneshot(post("job"));
            local.spawn_local(async move {
                let answer = job.await.unwrap();
                (answer.status().as_u16() < 400, start.elapsed())
            })
        })
        .collect();
    local.await;
    for task in tasks {
        let (served, at) = task.await.unwrap();
        outcome.served += usize::from(served);
        if !served {
            outcome.first_told = Some(outcome.first_told.map_or(at, |first| first.min(at)));
        }
        outcome.last = outcome.last.max(at);
    }
    outcome.sent = sent.get();
    outcome.repeated = done.get().saturating_sub(jobs);
    let first = outcome
        .first_told
        .map_or("-".to_owned(), |at| format!("{:.1} s", at.as_secs_f64()));
    println!(
        "| {name} | {jobs} | {} | {} | {} | {first} | {:.1} s |",
        outcome.sent,
        outcome.served,
        outcome.repeated,
        outcome.last.as_secs_f64(),
    );
    outcome
}

fn json(status: u16, body: &'static str) -> Answer {
    let builder = Response::builder().status(status);
    builder.body(Full::from(body)).unwrap()
}

fn header(status: u16, name: &'static str, value: String) -> Answer {
    let builder = Response::builder().status(status).header(name, value);
    builder.body(Full::default()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn q3_everybody_is_told_of_a_dead_api_after_five_minutes() {
    for (name, status, wait) in [
        ("Q3: 429 to all", 429, None),
        ("Q3: 503 to all", 503, None),
        ("Q3: 429, Retry-After 60, to all", 429, Some(60)),
    ] {
        let outcome = run(name, 500, move |_, _| {
            let answer = match wait {
                Some(wait) => header(status, "retry-after", format!("{wait}")),
                None => crate::support::status(status),
            };
            (answer, ms(35), false)
        })
        .await;
        assert_eq!(outcome.served, 0);
        assert!(outcome.first_told.unwrap() >= secs(250), "{outcome:?}");
        assert!(outcome.last <= secs(370), "{outcome:?}");
        assert!(outcome.sent <= 500, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn b02_a_few_requests_learn_that_the_hour_is_used_up() {
    let outcome = run(
        "B02: 100 served, then 429, Retry-After 3600",
        1100,
        |_, sent| {
            let answer = if sent < 100 {
                status(200)
            } else {
                retry_after(3600)
            };
            (answer, ms(100), sent < 100)
        },
    )
    .await;
    assert_eq!(outcome.served, 100);
    assert!(outcome.sent <= 200, "{outcome:?}");
    assert!(outcome.last <= secs(5), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn b16_a_plan_that_is_used_up_is_told_at_once() {
    let body = r#"{"error":{"type":"usage_limit_reached","resets_in_seconds":13872}}"#;
    let outcome = run("B16: 429, `usage_limit_reached`", 20, move |_, _| {
        (json(429, body), ms(35), false)
    })
    .await;
    assert!(outcome.last <= secs(1), "{outcome:?}");
    assert!(outcome.sent <= 20, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn b07_a_ban_is_a_refusal_and_nobody_is_lost() {
    // Each request into the ban makes it longer, as Binance does.
    let until = Rc::new(Cell::new(secs(60)));
    let outcome = run(
        "B07: 418, Retry-After, from 0.5 s to 60 s",
        10_000,
        move |now, _| {
            if now < ms(500) || now >= until.get() {
                return (status(200), ms(50), true);
            }
            until.set(until.get().min(secs(120)).max(now + secs(10)));
            let left = (until.get() - now).as_secs() + 1;
            (header(418, "retry-after", format!("{left}")), ms(50), false)
        },
    )
    .await;
    assert_eq!(outcome.served, 10_000, "{outcome:?}");
    assert!(
        outcome.sent > 10_000,
        "the ban meets the batch: {outcome:?}"
    );
    assert!(outcome.last >= secs(60), "{outcome:?}");
    assert!(outcome.sent <= 10_000 + 600, "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn b08_refusals_that_only_the_body_tells_are_retried_and_slow_the_gate() {
    for (name, status, body) in [
        (
            "B08: 403, `userRateLimitExceeded`, above 10/s",
            403,
            r#"{"error":{"errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded"}],"code":403}}"#,
        ),
        (
            "B08: 400, `ThrottlingException`, above 10/s",
            400,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#,
        ),
    ] {
        let tokens = Cell::new(10.0);
        let last = Cell::new(Duration::ZERO);
        let outcome = run(name, 1000, move |now, _| {
            let filled = tokens.get() + 10.0 * (now - last.get()).as_secs_f64();
            last.set(now);
            tokens.set(f64::min(filled, 10.0));
            if tokens.get() >= 1.0 {
                tokens.set(tokens.get() - 1.0);
                (crate::support::status(200), ms(50), true)
            } else {
                (json(status, body), ms(50), false)
            }
        })
        .await;
        assert_eq!(outcome.served, 1000, "{outcome:?}");
        assert!(outcome.last <= secs(150), "{outcome:?}");
        assert!(outcome.sent <= 1150, "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn b05_work_that_a_gateway_gave_up_on_is_not_done_again() {
    let outcome = run("B05: 408 after 60 s of work", 1, |_, _| {
        (status(408), secs(60), true)
    })
    .await;
    assert_eq!((outcome.sent, outcome.repeated), (1, 0));
    assert!(outcome.last <= secs(61), "{outcome:?}");
}
