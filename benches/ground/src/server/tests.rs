use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use sim::api::{Random, Which};
use sim::hints::Style;
use sim::schedule::Schedule;
use tower::Service as _;

use super::*;
use crate::vector;

fn job(latency: f64) -> Job {
    Job {
        id: 0,
        arrives: 0.0,
        cost: 1.into(),
        expected: 1.into(),
        latency,
        client: 0,
        batch: 0,
    }
}

async fn ask(server: &Server, job: Job) -> (u16, f64, http::HeaderMap) {
    let mut request = Request::new(Full::<Bytes>::default());
    request.extensions_mut().insert(job);
    let sent = server.now();
    let response = server.clone().call(request).await.expect("an answer");
    (
        response.status().as_u16(),
        server.now() - sent,
        response.headers().clone(),
    )
}

fn one_place() -> Scenario {
    Scenario::new("one", "one", 1, 2.0).in_flight(Schedule::always(1.0))
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_quick_and_occupies_nothing() {
    let server = of(&one_place(), 1);
    let (first, second) = tokio::join!(ask(&server, job(2.0)), ask(&server, job(2.0)));
    assert_eq!((first.0, second.0), (200, 429));
    assert!((first.1 - 2.0).abs() < 0.002 && (second.1 - REFUSAL).abs() < 0.002);
    assert_eq!(server.in_flight(), 0);
    assert_eq!((server.log().accepted.len(), server.log().refused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_refuses_all_and_is_no_limit_of_the_clients() {
    let mut scenario = one_place();
    scenario.api.outage = Some((0.0, 10.0));
    let server = of(&scenario, 1);
    assert_eq!(ask(&server, job(2.0)).await.0, 503);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(ask(&server, job(2.0)).await.0, 200);
    assert_eq!((server.log().disturbed, server.log().refused), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_knee_makes_all_slower() {
    let mut scenario = Scenario::new("knee", "knee", 1, 2.0);
    scenario.api.knee = Some(1.0);
    let server = of(&scenario, 1);
    let (first, second) = tokio::join!(ask(&server, job(2.0)), ask(&server, job(2.0)));
    assert!((first.1 - 2.0).abs() < 0.002 && (second.1 - 4.0).abs() < 0.002);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_a_bucket_says_when_to_come_back() {
    let scenario = Scenario::new("bucket", "bucket", 1, 1.0);
    let server = of(&scenario.bucket(6.0, 1.0).hints(Style::RetryAfter), 1);
    assert_eq!(ask(&server, job(1.0)).await.0, 200);
    let refused = ask(&server, job(1.0)).await;
    assert_eq!(refused.0, 429);
    assert_eq!(refused.2["retry-after"], "9");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_request_costs_the_clients_patience() {
    let drops = vector::condition("drops-at-high-concurrency");
    let server = of(&drops, 1);
    let mut six = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let server = server.clone();
        six.spawn(async move { ask(&server, job(0.1)).await });
    }
    let answers = six.join_all().await;
    let timed_out: Vec<f64> = answers.iter().filter(|a| a.0 == 408).map(|a| a.1).collect();
    assert!(
        timed_out.len() == 1 && (timed_out[0] - 1.0).abs() < 0.002,
        "{timed_out:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn some_are_refused_whatever_the_load() {
    let mut scenario = one_place();
    let mut random = Random::of(0.0, 429);
    (random.which, random.retry_after) = (Which::Every(2), Some(1.0));
    scenario.api.random = Some(random);
    let server = of(&scenario, 1);
    assert_eq!(ask(&server, job(2.0)).await.0, 200);
    let (status, _, headers) = ask(&server, job(2.0)).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (429, &"1".parse().expect("a value"))
    );
    assert_eq!((server.log().disturbed, server.log().refused), (1, 0));
    scenario.work.hopeless = 1;
    let server = of(&scenario, 1);
    let (status, _, headers) = ask(&server, job(2.0)).await;
    assert_eq!(
        (status, &headers["retry-after"]),
        (429, &"10".parse().expect("a value"))
    );
}
