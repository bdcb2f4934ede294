//! The circuit breaker: who cannot be served is told at once, by the API's own last word.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::*;
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
    let client = RetryOn429Layer::new().layer(api.service());
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

/// A layer whose circuit is open, and how many requests its API has seen.
async fn opened(answer: impl FnMut(usize) -> Answer + Send + 'static) -> (RetryOn429Layer, Api) {
    let api = Api::new(ms(1), answer);
    let layer = RetryOn429Layer::new();
    run(&layer.layer(api.service()), 2).await;
    assert!(layer.handle().is_open());
    (layer, api)
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn probes_go_one_at_a_time_at_doubling_distances_up_to_a_minute() {
    let (layer, api) = opened(|_| {
        let builder = Response::builder().status(429);
        let body = Full::from(r#"{"error":{"code":"insufficient_quota"}}"#);
        builder.body(body).unwrap()
    })
    .await;
    let service = layer.layer(api.service());
    let start = Instant::now();
    while start.elapsed() < secs(300) {
        // Three at once, ten times a second: never are two of them sent.
        run(&service, 3).await;
        sleep(ms(100)).await;
    }
    let sent = api.sent();
    let gaps: Vec<_> = sent[1..]
        .windows(2)
        .map(|two| (two[1] - two[0]).as_secs())
        .collect();
    assert_eq!(gaps, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn one_acceptance_closes_it_for_all() {
    let (layer, api) = opened(|number| if number < 2 { over_cap() } else { status(200) }).await;
    let service = layer.layer(api.service());
    assert_eq!(service.clone().oneshot(get()).await.unwrap().status(), 429);
    sleep(secs(3600)).await;
    assert_eq!(service.clone().oneshot(get()).await.unwrap().status(), 200);
    assert!(!layer.handle().is_open());
    let answers = run(&service, 100).await;
    assert!(answers.iter().all(|answer| answer.1 == 200));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_lets_another_go() {
    let api = Api::new(
        secs(5),
        |number| if number < 2 { over_cap() } else { status(200) },
    );
    let layer = RetryOn429Layer::new();
    let service = layer.layer(api.service());
    run(&service, 2).await;
    sleep(secs(3600)).await;
    let lost = timeout(secs(1), service.clone().oneshot(get())).await;
    assert!(lost.is_err(), "it was sent, and given up");
    assert_eq!(service.oneshot(get()).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_in_another_way_does_not_close_it() {
    let (layer, api) = opened(|number| if number < 2 { over_cap() } else { status(500) }).await;
    let service = layer.layer(api.service());
    sleep(secs(3600)).await;
    assert_eq!(service.clone().oneshot(get()).await.unwrap().status(), 500);
    assert!(layer.handle().is_open());
    assert_eq!(service.clone().oneshot(get()).await.unwrap().status(), 429);
    assert_eq!(api.sent().len(), 3, "the next probe has its distance");
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_between_two_refusals_for_good_keeps_it_closed() {
    let api = Api::new(ms(1), |number| {
        if number % 2 == 0 {
            over_cap()
        } else {
            status(200)
        }
    });
    let layer = RetryOn429Layer::new();
    let service = layer.layer(api.service());
    for _ in 0..100 {
        service.clone().oneshot(get()).await.unwrap();
    }
    assert!(!layer.handle().is_open());
    assert_eq!(api.sent().len(), 100);
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn a_dead_route_beside_a_live_one_is_soon_known_to_be_one() {
    let layer = RetryOn429Layer::new();
    let live = layer.layer(Api::new(ms(50), |_| status(200)).service());
    let dead = layer.layer(Api::new(ms(50), |_| over_permanent()).service());
    let mut unsent = 0;
    let mut random = 1u64;
    for _ in 0..2000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let is_live = random >> 33 & 3 == 0;
        let service = if is_live {
            live.clone().boxed_clone()
        } else {
            dead.clone().boxed_clone()
        };
        let response = service.oneshot(get()).await.unwrap();
        if is_live && response.status() != 200 {
            unsent += 1;
        }
        sleep(ms(200)).await;
    }
    assert!(
        unsent <= 10,
        "{unsent} of 500 on the live route were not sent"
    );
}

/// Two models of one API, of which one has no quota at all: a path for each.
fn model(name: &str) -> Req {
    let uri = format!("http://api.test/v1/models/{name}:generate?key=secret");
    http::Request::post(uri).body(Full::default()).unwrap()
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn jobs_of_a_live_route_are_not_lost_to_a_dead_one() {
    for (live_latency, wait) in [(ms(50), None), (secs(10), None), (secs(10), Some(3600))] {
        let sent = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&sent);
        let inner = tower::service_fn(move |request: Req| {
            let is_dead = request.uri().path().contains("dead");
            *counter.lock().unwrap() += usize::from(is_dead);
            async move {
                sleep(if is_dead { ms(20) } else { live_latency }).await;
                Ok::<_, Infallible>(match (is_dead, wait) {
                    (false, _) => status(200),
                    (true, None) => over_permanent(),
                    (true, Some(wait)) => retry_after(wait),
                })
            }
        });
        let retry = RetryOn429Layer::new();
        let client = ServiceBuilder::new()
            .layer(retry.clone())
            .layer(AdaptiveConcurrencyLayer::new())
            .service(inner);
        let mut jobs = JoinSet::new();
        for number in 0..600 {
            // The dead ones come first, and then by turns.
            let name = if number < 100 || number % 2 == 0 {
                "dead"
            } else {
                "live"
            };
            let job = client.clone().oneshot(model(name));
            jobs.spawn(async move { (name, job.await.unwrap().status().as_u16()) });
        }
        let ended = jobs.join_all().await;
        let lost = ended.iter().filter(|end| **end == ("live", 429)).count();
        assert_eq!(lost, 0, "{live_latency:?} {wait:?}: lost of 250");
        let dead = ended.iter().filter(|end| **end == ("dead", 429)).count();
        assert_eq!(dead, 350);
        assert!(!retry.handle().is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_for_each_resource_hides_no_dead_api() {
    let api = Api::new(ms(20), |_| over_cap());
    let client = RetryOn429Layer::new().layer(api.service());
    let start = Instant::now();
    for number in 0..1000 {
        let response = client
            .clone()
            .oneshot(model(&format!("{number}")))
            .await
            .unwrap();
        assert_eq!(response.status(), 429);
    }
    assert!(api.sent().len() <= 8, "{} were sent", api.sent().len());
    assert!(start.elapsed() <= secs(1));
}

/// Refused for good, as its body says.
#[cfg(feature = "json")]
fn over_permanent() -> Answer {
    let body = Full::from(r#"{"error":{"code":"insufficient_quota"}}"#);
    Response::builder().status(429).body(body).unwrap()
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
async fn a_service_found_ready_while_it_was_open_sends_when_it_has_closed() {
    let (layer, api) = opened(|number| if number < 2 { over_cap() } else { status(200) }).await;
    let mut early = layer.layer(api.service());
    early.ready().await.unwrap();
    sleep(secs(3600)).await;
    layer.layer(api.service()).oneshot(get()).await.unwrap();
    early.ready().await.unwrap();
    let response = early.call(get()).await.unwrap();
    assert_eq!((response.status().as_u16(), api.sent().len()), (200, 4));
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
