//! The circuit breaker: who cannot be served is told at once, by the API's own last word.

mod probes;
mod routes;

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::limit::ConcurrencyLimitLayer;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::message::{Unsent, UnsentCause};
use tower_throttle::retry::{Attempts, RetryHandle};
use tower_throttle::{AdaptiveConcurrencyLayer, Hint, RetryOn429Layer};

use crate::support::*;

type Answer = Response<Full<Bytes>>;

/// Answers an attempt by its number.
type Answers = Box<dyn FnMut(usize) -> Answer + Send>;

/// An API that says what it is told to, after a while, and counts what was sent.
#[derive(Clone)]
struct Api {
    answer: Arc<Mutex<Answers>>,
    latency: Duration,
    sent: Arc<Mutex<Vec<Instant>>>,
}

impl Api {
    fn new(latency: Duration, answer: impl FnMut(usize) -> Answer + Send + 'static) -> Self {
        Self {
            answer: Arc::new(Mutex::new(Box::new(answer))),
            latency,
            sent: Arc::default(),
        }
    }

    fn sent(&self) -> Vec<Instant> {
        self.sent.lock().unwrap().clone()
    }

    fn service(
        &self,
    ) -> impl Service<
        Req,
        Response = Answer,
        Error = Infallible,
        Future = impl Future<Output = Result<Answer, Infallible>> + Send,
    > + Clone
    + Send
    + 'static {
        let api = self.clone();
        tower::service_fn(move |_: Req| {
            let api = api.clone();
            let number = {
                let mut sent = api.sent.lock().unwrap();
                sent.push(Instant::now());
                sent.len() - 1
            };
            async move {
                sleep(api.latency).await;
                let answer = (api.answer.lock().unwrap())(number);
                Ok(answer)
            }
        })
    }
}

fn over_cap() -> Answer {
    retry_after(3600)
}

/// Runs `jobs` at once, and gives each answer with the time at which it came.
async fn run<S, B>(client: &S, jobs: usize) -> Vec<(Duration, StatusCode, Option<Unsent>, u32)>
where
    S: Service<Req, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..jobs {
        let job = client.clone().oneshot(get());
        tasks.spawn(async move {
            let response = job.await.unwrap();
            let extensions = response.extensions();
            let unsent = Unsent::of(extensions).copied();
            let attempts = Attempts::of(extensions).get();
            (start.elapsed(), response.status(), unsent, attempts)
        });
    }
    tasks.join_all().await
}

#[tokio::test(start_paused = true)]
async fn q3_who_waits_for_a_dead_api_is_told_after_the_outage() {
    for (status, wait) in [(429, None), (503, None), (429, Some("60"))] {
        let api = Api::new(ms(35), move |_| {
            let mut answer = crate::support::status(status);
            if let Some(wait) = wait {
                let headers = answer.headers_mut();
                headers.insert("retry-after", wait.parse().unwrap());
            }
            answer
        });
        let client = ServiceBuilder::new()
            .layer(RetryOn429Layer::new())
            .layer(AdaptiveConcurrencyLayer::new())
            .service(api.service());
        let answers = run(&client, 500).await;
        let last = answers.iter().map(|answer| answer.0).max().unwrap();
        assert!(last <= secs(370), "{status} {wait:?}: {last:?}");
        assert!(
            answers.iter().all(|answer| answer.1 == status),
            "its own word"
        );
        let unsent = answers.iter().filter(|answer| answer.2.is_some()).count();
        assert!(
            unsent >= 450,
            "{unsent} of 500 were told without being sent again"
        );
        let sent = api.sent().len();
        assert!(
            sent <= 500,
            "{status} {wait:?}: {sent} requests in five minutes"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn q3_without_a_gate_as_well() {
    let api = Api::new(ms(35), |_| status(429));
    let client = RetryOn429Layer::new().seed(1).layer(api.service());
    let answers = run(&client, 50).await;
    let last = answers.iter().map(|answer| answer.0).max().unwrap();
    assert!(last <= secs(301), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn b02_a_quota_that_is_used_up_costs_few_requests() {
    let api = Api::new(ms(100), |number| {
        if number < 100 {
            status(200)
        } else {
            over_cap()
        }
    });
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(api.service());
    let answers = run(&client, 1100).await;
    let served = answers.iter().filter(|answer| answer.1 == 200).count();
    assert_eq!(served, 100);
    let sent = api.sent().len() - served;
    assert!(sent <= 130, "{sent} of 1,000 were sent into the wall");
    let last = answers.iter().map(|answer| answer.0).max().unwrap();
    assert!(last <= secs(5), "{last:?}");

    // One probes now and then: here when the server said.
    let wall = *api.sent().last().unwrap();
    for _ in 0..36 {
        sleep(secs(200)).await;
        client.clone().oneshot(get()).await.unwrap();
    }
    let probes: Vec<_> = api.sent().into_iter().filter(|at| *at > wall).collect();
    assert!(
        (1..=2).contains(&probes.len()),
        "{} probes in two hours",
        probes.len()
    );
}

#[tokio::test(start_paused = true)]
async fn those_in_line_below_and_those_in_backoff_are_woken() {
    // One place; the first holds it for ten seconds and is refused for good, and so is the second.
    let api = Api::new(secs(10), |_| over_cap());
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(ConcurrencyLimitLayer::new(1))
        .service(api.service());
    let answers = run(&client, 10).await;
    assert_eq!(api.sent().len(), 2);
    let told: Vec<_> = answers.iter().filter(|answer| answer.2.is_some()).collect();
    assert_eq!(told.len(), 8);
    assert!(
        told.iter()
            .all(|answer| answer.0 < ms(20_001) && answer.3 == 0)
    );

    // Refused for now, it backs off for a minute; others learn meanwhile that it is for good.
    let api = Api::new(ms(1), |number| {
        if number == 0 {
            retry_after(60)
        } else {
            over_cap()
        }
    });
    let service = RetryOn429Layer::new().layer(api.service());
    let waiting = tokio::spawn(service.clone().oneshot(get()));
    sleep(secs(61)).await;
    let start = Instant::now();
    drop(run(&service, 2).await);
    let answer = timeout(ms(200), waiting).await.unwrap().unwrap().unwrap();
    assert!(start.elapsed() < secs(10));
    assert_eq!(answer.status(), 429);
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_the_apis_own_last_word() {
    let api = Api::new(ms(1), |_| {
        Response::builder()
            .status(429)
            .header("retry-after", "3600")
            .header("content-type", "application/json")
            .header("content-length", "15")
            .header("set-cookie", "session=of-another")
            .header("x-request-id", "first")
            .body(Full::from(r#"{"why":"quota"}"#))
            .unwrap()
    });
    let service = RetryOn429Layer::new().layer(api.service());
    run(&service, 2).await;
    sleep(secs(600)).await;
    let response = service.clone().oneshot(get()).await.unwrap();
    assert_eq!(api.sent().len(), 2);
    assert_eq!(response.status(), 429);
    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["content-length"], "15");
    assert_eq!(headers["x-request-id"], "first");
    assert!(!headers.contains_key("set-cookie"));
    assert_eq!(Attempts::of(response.extensions()).get(), 0);
    let unsent = Unsent::of(response.extensions()).unwrap();
    assert_eq!(unsent.cause(), UnsentCause::CircuitOpen);
    assert_eq!(unsent.last_refused().unwrap().as_secs(), 600);
    assert!(unsent.since().unwrap() >= secs(600));
    let wait = Hint::of(response.extensions()).unwrap().wait().unwrap();
    assert_eq!(wait.as_secs(), 3000, "what is left of the hour");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, r#"{"why":"quota"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_long_is_copied_without_its_length() {
    let long = "x".repeat(100_000);
    let inner = bodies([long.clone(), long]);
    let service = RetryOn429Layer::new().drain(1000, secs(1)).layer(inner);
    service.clone().oneshot(get()).await.unwrap();
    service.clone().oneshot(get()).await.unwrap();
    let response = service.oneshot(get()).await.unwrap();
    assert!(Unsent::of(response.extensions()).is_some());
    assert!(!response.headers().contains_key("content-length"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!((1000..=4096).contains(&body.len()), "{}", body.len());
}

/// Refusals for good with these bodies, which come in frames of 1,000 bytes.
fn bodies(bodies: impl IntoIterator<Item = String>) -> Script<Response<TestBody>> {
    script(bodies.into_iter().map(|body| {
        let length = body.len();
        let mut frames = TestBody::default();
        for chunk in body.as_bytes().chunks(1000) {
            let data = Bytes::copy_from_slice(chunk);
            frames.frames.push_back(Ok(http_body::Frame::data(data)));
        }
        let response = Response::builder()
            .status(429)
            .header("retry-after", "3600")
            .header("content-length", length);
        response.body(frames).unwrap()
    }))
}

#[tokio::test(start_paused = true)]
async fn time_in_which_nobody_tries_is_no_outage() {
    let api = Api::new(ms(1), |number| {
        if number % 2 == 0 {
            status(429)
        } else {
            status(500)
        }
    });
    let layer = RetryOn429Layer::new().max_outage(secs(300));
    let service = layer.layer(api.service());
    for _ in 0..10 {
        // Refused, then answered by something that is neither an acceptance nor a refusal.
        assert_eq!(service.clone().oneshot(get()).await.unwrap().status(), 500);
        sleep(secs(3600)).await;
    }
    assert!(!layer.handle().is_open());
    assert_eq!(api.sent().len(), 20, "each was sent again");
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_given_up_add_up_to_an_outage() {
    let api = Api::new(ms(1), |_| status(429));
    let layer = RetryOn429Layer::new().max_outage(secs(300));
    let service = layer.layer(api.service());
    let start = Instant::now();
    while !layer.handle().is_open() {
        let _ = timeout(secs(20), service.clone().oneshot(get())).await;
        assert!(start.elapsed() < secs(700), "never opened");
    }
    assert!(start.elapsed() >= secs(300), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn errors_have_no_copy_but_end_all_the_same() {
    let inner = tower::service_fn(|_: Req| async {
        sleep(ms(10)).await;
        Err::<Answer, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
    });
    let layer = RetryOn429Layer::new().classify(tower_throttle::retry::retry_unprocessed(
        |_: &std::io::Error| true,
    ));
    let service = layer.layer(inner);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    (0..20).for_each(|_| drop(tasks.spawn(service.clone().oneshot(get()))));
    for ended in tasks.join_all().await {
        assert_eq!(
            ended.unwrap_err().kind(),
            std::io::ErrorKind::ConnectionRefused
        );
    }
    assert!(start.elapsed() < secs(331), "{:?}", start.elapsed());
    assert!(!layer.handle().is_open());
}

#[tokio::test(start_paused = true)]
async fn switched_off_everybody_is_sent() {
    let api = Api::new(ms(1), |_| over_cap());
    let layer = RetryOn429Layer::new().circuit_breaker(false);
    let answers = run(&layer.layer(api.service()), 20).await;
    assert_eq!(api.sent().len(), 20);
    assert!(answers.iter().all(|answer| answer.2.is_none()));
    let _: RetryHandle = layer.handle();
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_granted_is_given_back_by_a_copy() {
    let api = Api::new(ms(1), |_| over_cap());
    let layer = RetryOn429Layer::new();
    let gate = AdaptiveConcurrencyLayer::new();
    let client = ServiceBuilder::new()
        .layer(layer.clone())
        .layer(gate.clone())
        .service(api.service());
    let mut ready = client.clone();
    ready.ready().await.unwrap();
    assert_eq!(gate.handle().in_flight(), 1);
    run(&client, 2).await;
    assert!(layer.handle().is_open());
    // Ready it was, and ready it stays.
    let response = ready.ready().await.unwrap().call(get()).await.unwrap();
    assert!(Unsent::of(response.extensions()).is_some());
    assert_eq!(gate.handle().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_answer_of_a_layer_below_is_not_sent_again() {
    // Two retry layers, one above the other: what the lower one did not send, the upper one returns.
    let api = Api::new(ms(1), |_| over_cap());
    let client = ServiceBuilder::new()
        .layer(
            RetryOn429Layer::new()
                .max_server_wait(secs(86_400))
                .circuit_breaker(false),
        )
        .layer(RetryOn429Layer::new())
        .service(api.service());
    let lower = client.get_ref().clone();
    run(&lower, 2).await;
    let start = Instant::now();
    let response = client.oneshot(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), start.elapsed()), (429, ms(0)));
}
