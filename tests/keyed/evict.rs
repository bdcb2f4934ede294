//! How long a key is kept.

use futures_util::TryStreamExt;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tokio::time::{Instant, sleep};
use tower::{Layer, ServiceExt};
use tower_throttle::keyed::KeyedHandle;

use crate::support::{Answer, Api, Client, by_path, client, retry_after, secs, status, to};

async fn send(client: &Client, key: &str) {
    client.clone().oneshot(to(key)).await.unwrap();
}

fn knows(gates: &KeyedHandle<String>, key: &str) -> bool {
    gates.get(&key.to_owned()).is_some()
}

#[tokio::test(start_paused = true)]
async fn an_idle_key_is_forgotten_when_a_new_one_comes() {
    let layer = by_path(1).idle(secs(100));
    let (client, gates) = (client(&layer, Api::serving(secs(0))), layer.handle());
    send(&client, "a").await;
    sleep(secs(100)).await;
    send(&client, "b").await;
    assert!(knows(&gates, "a"), "it was used after the last sweep");
    send(&client, "b").await;
    sleep(secs(100)).await;
    assert!(knows(&gates, "a"), "nothing runs in the background");
    send(&client, "c").await;
    assert!(!knows(&gates, "a"));
    assert!(knows(&gates, "b") && knows(&gates, "c"));
}

#[tokio::test(start_paused = true)]
async fn too_many_keys_make_room_by_those_not_used_for_longest() {
    let layer = by_path(1).max_keys(16);
    let (client, gates) = (client(&layer, Api::serving(secs(0))), layer.handle());
    for number in 0..16 {
        send(&client, &number.to_string()).await;
    }
    send(&client, "0").await;
    assert_eq!(gates.len(), 16);
    send(&client, "new").await;
    // An eighth, and the one that is too many.
    assert_eq!(gates.len(), 14);
    assert!(knows(&gates, "0") && knows(&gates, "new") && knows(&gates, "4"));
    assert!(!knows(&gates, "1") && !knows(&gates, "3"));
}

#[tokio::test(start_paused = true)]
async fn the_number_of_keys_is_bounded_whatever_comes() {
    for max in [0, 1, 2, 7, 8, 100] {
        let layer = by_path(1).max_keys(max);
        let (client, gates) = (client(&layer, Api::serving(secs(0))), layer.handle());
        for number in 0..1_000 {
            send(&client, &number.to_string()).await;
            assert!(gates.len() <= max.max(1));
            assert!(knows(&gates, &number.to_string()), "the newest stays");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_with_a_request_in_flight_or_in_line_is_kept() {
    let layer = by_path(1).max_keys(1).idle(secs(1));
    let (client, gates) = (
        client(
            &layer,
            Api::new(|request| {
                let time = if request.uri().path() == "/a" {
                    1_000
                } else {
                    0
                };
                (secs(time), status(200))
            }),
        ),
        layer.handle(),
    );
    let start = Instant::now();
    let first = tokio::spawn(client.clone().oneshot(to("a")));
    let second = tokio::spawn(client.clone().oneshot(to("a")));
    for number in 0..20 {
        sleep(secs(10)).await;
        send(&client, &number.to_string()).await;
        assert!(knows(&gates, "a"));
    }
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(start.elapsed(), secs(2_000), "one gate for both");
    sleep(secs(10)).await;
    send(&client, "x").await;
    send(&client, "y").await;
    assert!(!knows(&gates, "a"));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_kept_while_a_body_holds_its_permit() {
    let layer = by_path(1).max_keys(1);
    // Without a length: the permit is held to the end.
    let streaming = Api::serving(secs(0)).map_response(|answer: Answer| {
        let frames = answer.into_body().into_data_stream();
        answer_of(StreamBody::new(frames.map_ok(Frame::data)))
    });
    let (client, gates) = (layer.layer(streaming), layer.handle());
    let answer = client.clone().oneshot(to("a")).await.unwrap();
    assert_eq!(gates.total().in_flight, 1);
    for key in ["b", "c"] {
        let answer = client.clone().oneshot(to(key)).await.unwrap();
        answer.into_body().collect().await.unwrap();
        assert!(knows(&gates, "a"));
    }
    answer.into_body().collect().await.unwrap();
    assert_eq!(gates.total().in_flight, 0);
    for key in ["d", "e"] {
        let answer = client.clone().oneshot(to(key)).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
    assert!(!knows(&gates, "a"));
    assert_eq!(
        gates.total().accepted,
        5,
        "those of keys that are forgotten too"
    );
}

fn answer_of<B>(body: B) -> http::Response<B> {
    http::Response::new(body)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_paused_is_kept_until_the_pause_is_over() {
    let layer = by_path(1).max_keys(2).idle(secs(10));
    let api = Api::new(|request| match request.uri().path() {
        "/a" => (secs(0), retry_after(100)),
        _ => (secs(0), status(200)),
    });
    let (client, gates) = (client(&layer, api), layer.handle());
    send(&client, "a").await;
    for number in 0..9 {
        sleep(secs(10)).await;
        send(&client, &number.to_string()).await;
        assert!(knows(&gates, "a"));
    }
    sleep(secs(20)).await;
    send(&client, "x").await;
    assert!(!knows(&gates, "a"));
}

#[tokio::test(start_paused = true)]
async fn a_key_is_kept_while_somebody_has_its_handle() {
    let layer = by_path(1).max_keys(1);
    let (client, gates) = (client(&layer, Api::serving(secs(0))), layer.handle());
    send(&client, "a").await;
    let handle = gates.get(&"a".to_owned()).unwrap();
    send(&client, "b").await;
    send(&client, "a").await;
    assert_eq!(handle.accepted(), 2);
    drop(handle);
    send(&client, "c").await;
    send(&client, "d").await;
    assert!(!knows(&gates, "a"));
}

#[tokio::test(start_paused = true)]
async fn many_keys_in_use_are_all_kept() {
    let layer = by_path(1).max_keys(10);
    let (client, gates) = (client(&layer, Api::serving(secs(100))), layer.handle());
    let sent: Vec<_> = (0..500)
        .map(|number| tokio::spawn(client.clone().oneshot(to(&number.to_string()))))
        .collect();
    sleep(secs(1)).await;
    assert_eq!(gates.len(), 500);
    for task in sent {
        task.await.unwrap().unwrap();
    }
    for number in 0..100 {
        send(&client, &format!("new{number}")).await;
    }
    assert!(gates.len() <= 10, "{}", gates.len());
}
