//! Ordinary programs, and a hard one.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep, timeout};
use tower::util::BoxCloneSyncService;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::keyed::{Account, Host, Keyed, KeyedLayer};
use tower_throttle::spread::Spread;
use tower_throttle::{RetryOn429, RetryOn429Layer};

use crate::support::{Api, Req, by_path, client, gate, secs, status, to, with_header};

type ByHost = fn(&Req) -> Host;

/// A client that is kept in a struct by its own type.
struct Program {
    client: RetryOn429<Keyed<Api, Host, ByHost>>,
}

#[tokio::test(start_paused = true)]
async fn a_client_has_a_type_that_can_be_named() {
    let key: ByHost = Host::of;
    let program = Program {
        client: ServiceBuilder::new()
            .layer(RetryOn429Layer::new())
            .layer(KeyedLayer::new(key))
            .service(Api::serving(secs(1))),
    };
    let answer = program.client.clone().oneshot(to("a")).await.unwrap();
    assert_eq!(answer.status(), 200);
    let boxed = BoxCloneSyncService::new(program.client);
    tokio::spawn(boxed.oneshot(to("a"))).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_requests_goes_through_call_all() {
    let layer = by_path(5).max_waiting(20);
    let client = client(&layer, Api::serving(secs(1)));
    let requests = stream::iter((0..100).map(|number| to(["a", "b"][number % 2])));
    let start = Instant::now();
    let answers = client.call_all(requests).unordered().count().await;
    assert_eq!((answers, start.elapsed()), (100, secs(10)));
}

#[tokio::test(start_paused = true)]
async fn callers_that_give_up_leave_nothing_behind() {
    let layer = by_path(1).max_waiting(10);
    let client = client(&layer, Api::serving(secs(3)));
    for _ in 0..20 {
        let calls = (0..15).map(|_| timeout(secs(1), client.clone().oneshot(to("a"))));
        assert!(join_all(calls).await.iter().all(Result::is_err));
        let total = layer.handle().total();
        assert_eq!(
            (layer.handle().waiting(), total.waiting, total.in_flight),
            (0, 0, 0)
        );
    }
    let start = Instant::now();
    client.clone().oneshot(to("a")).await.unwrap();
    assert_eq!(start.elapsed(), secs(3));
}

#[tokio::test(start_paused = true)]
async fn the_loser_of_a_select_holds_nothing_up() {
    let layer = by_path(1);
    let client = client(&layer, Api::serving(secs(1)));
    let busy = tokio::spawn(client.clone().oneshot(to("a")));
    tokio::task::yield_now().await;
    let mut loser = Box::pin(client.clone().oneshot(to("a")));
    tokio::select! {
        _ = &mut loser => unreachable!(),
        () = sleep(Duration::from_millis(10)) => {}
    }
    let start = Instant::now();
    let other = timeout(secs(10), client.clone().oneshot(to("a"))).await;
    assert!(other.unwrap().is_ok());
    assert!(start.elapsed() <= secs(3), "{:?}", start.elapsed());
    busy.await.unwrap().unwrap();
    loser.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn keys_within_keys_each_have_their_limit() {
    let client = ServiceBuilder::new()
        .layer(KeyedLayer::new(Host::of::<Req>).gates(|_| gate(4)))
        .layer(KeyedLayer::new(Account::of::<Req>).gates(|_| gate(2)))
        .service(Api::serving(secs(1)));
    let start = Instant::now();
    let sent = (0..8).map(|number| {
        let mut request = to("a");
        let account = http::HeaderValue::from_static(["one", "two"][number % 2]);
        request.headers_mut().insert("authorization", account);
        client.clone().oneshot(request)
    });
    join_all(sent).await;
    assert_eq!(start.elapsed(), secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_spread_below_a_key_uses_that_keys_deployments() {
    let regions = [(); 2].map(|()| gate(1).layer(Api::serving(secs(1))));
    let client = by_path(10).layer(Spread::new(regions));
    let start = Instant::now();
    join_all(["a", "a", "b", "b"].map(|key| client.clone().oneshot(to(key)))).await;
    assert_eq!(start.elapsed(), secs(2));
}

#[test]
#[should_panic(expected = "from 0 to 1")]
fn a_share_that_is_no_number_panics() {
    let _ = by_path(1).max_share(f64::NAN);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_that_use_many_keys_leave_nothing_behind() {
    const TASKS: usize = 400;
    let layer = by_path(2)
        .max_waiting(7)
        .max_keys(5)
        .idle(Duration::from_millis(2))
        .alias(|key, headers| {
            let bucket = headers.get("bucket")?.to_str().ok()?;
            (key.len() == 2).then(|| bucket.to_owned())
        });
    let api = Api::new(|_| {
        let bucket = ["x", "y", "z"][fastrand::usize(..3)];
        let answer = match fastrand::u8(..10) {
            0 => status(429),
            _ => status(200),
        };
        let time = Duration::from_micros(fastrand::u64(..300));
        (time, with_header(answer, "bucket", bucket))
    });
    let client = client(&layer, api);
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    let key = fastrand::u8(b'a'..b'm') as char;
                    let path = if fastrand::bool() {
                        format!("{key}")
                    } else {
                        format!("{key}{key}")
                    };
                    let call = client.ready().await.unwrap().call(to(&path));
                    if fastrand::u8(..10) == 0 {
                        let _ = timeout(Duration::from_micros(fastrand::u64(..200)), call).await;
                    } else {
                        call.await.unwrap();
                    }
                }
            })
        })
        .collect();
    let all = timeout(secs(60), join_all(tasks))
        .await
        .expect("nobody waits for ever");
    assert!(all.iter().all(Result::is_ok));
    let total = layer.handle().total();
    assert_eq!(
        (layer.handle().waiting(), total.waiting, total.in_flight),
        (0, 0, 0)
    );
}
