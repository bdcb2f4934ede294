//! Callers that go away.

use std::time::Duration;

use fastrand::Rng;
use http::Method;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::{Client, Seen, Setup};
use crate::fault::{Answer, Fault, Source};
use crate::scenario::GUARD;
use crate::server::Server;
use crate::server::Version::{self, Http1, Http2};
use crate::table::check_row;

const CALLERS: u32 = 10_000;

/// How long the server works on a request.
const WORK: Duration = Duration::from_millis(5);

/// Within how long callers give up: about the time that all of them take.
const LONGEST: Duration = Duration::from_millis(2500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_random_moments_over_http1() {
    run(Http1, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_random_moments_over_http2() {
    run(Http2, 2).await;
}

async fn run(version: Version, seed: u64) {
    // A few give up while a refused answer is read, or before it is tried again.
    let server = Server::start(version, |id, attempt| match (id % 1000, attempt) {
        (500, 1) => Fault::Answer(Answer::new(429, Source::Drip)),
        _ => Fault::Limited(WORK),
    })
    .await;
    let client = Client::new(server.address, version, Setup::Defaults, None);
    let mut rng = Rng::with_seed(seed);
    let mut callers = JoinSet::new();
    for id in 0..CALLERS {
        let patience = rng.bool().then(|| LONGEST.mul_f64(rng.f64()));
        let (client, method) = (
            client.clone(),
            [Method::GET, Method::POST][id as usize % 2].clone(),
        );
        callers.spawn(async move {
            let seen = client.send_within(patience.unwrap_or(GUARD), id, method);
            (id, patience.is_some(), seen.await)
        });
    }
    let all = timeout(GUARD, callers.join_all())
        .await
        .expect("all are served");
    client.assert_at_rest();
    let mut gave_up = 0;
    for (id, impatient, seen) in all {
        let done = server.ledger.of(id).worked;
        match seen {
            Seen::Served => assert_eq!(done, 1, "{id}"),
            Seen::TimedOut if impatient => {
                gave_up += 1;
                assert!(done <= 1, "{id}: done {done} times");
            }
            other => panic!("{id}: {other:?}"),
        }
    }
    let now = client.handle.snapshot();
    println!("over HTTP/{version}, {gave_up} of {CALLERS} gave up; {now:?}");
    assert!(gave_up > CALLERS / 10, "{gave_up}");
    for id in CALLERS..CALLERS + 100 {
        assert_eq!(
            client.send_within(GUARD, id, Method::GET).await,
            Seen::Served
        );
    }
    client.assert_at_rest();
    let name = "10,000 callers, half of them gone at a random moment: the others";
    check_row(name, "1.1, 2", "200", "200", "200");
}
