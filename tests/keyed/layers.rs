//! Among other layers.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use http::HeaderName;
use tokio::time::{Instant, timeout};
use tower::buffer::Buffer;
use tower::load_shed::LoadShed;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::keyed::KeyedLayer;
use tower_throttle::retry::Attempts;

use crate::support::{Api, Req, by_path, client, gate, retry_after, secs, status, to, with_header};

#[tokio::test(start_paused = true)]
async fn a_refused_request_keeps_its_place_in_its_keys_line() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let api = Api::new(move |request| {
        let number = request.headers()["number"].to_str().unwrap().to_owned();
        let mut seen = seen.lock().unwrap();
        let is_first = number == "0" && !seen.contains(&number);
        seen.push(number);
        let answer = if is_first { status(429) } else { status(200) };
        (secs(1), answer)
    });
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(1))
        .layer(by_path(1))
        .service(api);
    let sent = (0..50).map(|number| {
        let mut request = to("a");
        request.headers_mut().insert("number", number.into());
        client.clone().oneshot(request)
    });
    for answer in join_all(sent).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    let order = order.lock().unwrap();
    let again = order.iter().rposition(|number| number == "0").unwrap();
    assert!(
        again <= 4,
        "sent again as number {again}, at the end it would be 50"
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_may_go_to_another_key() {
    const ATTEMPT: HeaderName = HeaderName::from_static("attempt");
    let layer = KeyedLayer::new(|request: &Req| {
        let attempt = request.headers().get(ATTEMPT);
        attempt.map_or_else(|| "0".to_owned(), |it| it.to_str().unwrap().to_owned())
    })
    .gates(|_| gate(1));
    let gates = layer.handle();
    let api = Api::new(|request| match request.headers().get(ATTEMPT) {
        Some(attempt) if attempt == "2" => (secs(1), status(200)),
        _ => (secs(0), retry_after(1)),
    });
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().attempt_header(ATTEMPT))
        .layer(layer)
        .service(api);
    let start = Instant::now();
    let answer = client.oneshot(to("a")).await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            Attempts::of(answer.extensions()).get()
        ),
        (200, 2)
    );
    assert!(start.elapsed() < secs(3));
    let numbers = |key: &str| {
        let gate = gates.get(&key.to_owned()).unwrap();
        (
            gate.accepted(),
            gate.refused(),
            gate.in_flight(),
            gate.waiting(),
        )
    };
    let first = if gates.get(&"1".to_owned()).is_some() {
        "1"
    } else {
        "0"
    };
    assert_eq!(numbers(first), (0, 1, 0, 0));
    assert_eq!(numbers("2"), (1, 0, 0, 0));
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn one_keys_end_is_not_the_others() {
    let api = Api::new(|request| {
        let key = request.headers()["authorization"].to_str().unwrap();
        if key == "spent" {
            let mut answer = status(429);
            *answer.body_mut() = r#"{"error":{"code":"insufficient_quota"}}"#.into();
            return (secs(0), answer);
        }
        (secs(0), status(200))
    });
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(by_path(4))
        .service(api);
    let send = async |key: &'static str| {
        let request = with_key(to("a"), key);
        client.clone().oneshot(request).await.unwrap().status()
    };
    for _ in 0..10 {
        assert_eq!(send("spent").await, 429);
    }
    for _ in 0..10 {
        assert_eq!(send("good").await, 200);
    }
}

#[cfg(feature = "json")]
fn with_key(mut request: Req, key: &'static str) -> Req {
    request
        .headers_mut()
        .insert("authorization", key.parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn a_buffer_above_serves_all_keys() {
    let layer = by_path(2).max_waiting(8);
    let client = Buffer::new(client(&layer, Api::serving(secs(1))), 100);
    let start = Instant::now();
    let sent = (0..40).map(|number| {
        let client = client.clone();
        async move { client.oneshot(to(["a", "b"][number % 2])).await.unwrap() }
    });
    timeout(secs(60), join_all(sent)).await.unwrap();
    assert_eq!(start.elapsed(), secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_paused_key_behind_a_buffer_delays_no_other_within_its_share() {
    let layer = by_path(2).max_waiting(40);
    let inner = client(&layer, Api::serving(secs(1)));
    inner.clone().oneshot(to("a")).await.unwrap();
    layer
        .handle()
        .get(&"a".to_owned())
        .unwrap()
        .pause(secs(100));
    let client = Buffer::new(inner, 100);
    for _ in 0..10 {
        tokio::spawn(client.clone().oneshot(to("a")));
    }
    tokio::task::yield_now().await;
    let start = Instant::now();
    client.clone().oneshot(to("b")).await.unwrap();
    assert_eq!(start.elapsed(), secs(1));
}

#[tokio::test(start_paused = true)]
async fn load_shed_above_sheds_what_the_bound_does_not_take() {
    let layer = by_path(1).max_waiting(3).max_share(1.0);
    let mut client = LoadShed::new(client(&layer, Api::serving(secs(1))));
    let mut sent = Vec::new();
    for _ in 0..10 {
        sent.push(tokio::spawn(client.ready().await.unwrap().call(to("a"))));
        tokio::task::yield_now().await;
    }
    let mut served = 0;
    for task in sent {
        served += usize::from(task.await.unwrap().is_ok());
    }
    assert_eq!(served, 4, "one in flight and three that waited");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_the_clients_own() {
    let layer = by_path(1);
    let api = Api::new(|_| (secs(0), with_header(status(404), "x-own", "1")));
    let answer = layer.layer(api).oneshot(to("a")).await.unwrap();
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers()["x-own"].as_bytes()
        ),
        (404, &b"1"[..])
    );
}
