//! More than may wait.

use axum::http::StatusCode;
use bytesize::ByteSize;

use crate::common::{Patient, gateway, refusal};

#[tokio::test]
async fn more_than_may_wait_get_429_with_retry_after_until_there_is_room() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| {
        config.max_in_flight = 1;
        config.max_queue = 2;
    });
    let gateway = gateway.await;
    let mut taken = vec![gateway.in_background()];
    gateway.until_load(1, 0).await;
    taken.extend([gateway.in_background(), gateway.in_background()]);
    gateway.until_load(1, 2).await;

    for _ in 0..5 {
        let request = gateway.post("/v1/x").body("x").unwrap();
        let refused = gateway.fetch(request).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refusal(&refused), "gateway_overloaded");
        let wait: u64 = refused.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    assert_eq!(gateway.load().await, (1, 2));
    assert_eq!(gateway.status(0).await["turned_away"], 5);

    upstream.may.add_permits(1);
    gateway.until_load(1, 1).await;
    taken.push(gateway.in_background());
    upstream.may.add_permits(3);
    for answer in taken {
        assert_eq!(answer.await.unwrap().body(), "done");
    }
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn bodies_that_wait_share_a_bounded_memory() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| {
        config.max_body = ByteSize::kib(64);
        config.max_buffered = ByteSize::kib(100);
    });
    let gateway = gateway.await;
    let large = || gateway.post("/v1/x").body(vec![b'x'; 60 * 1024]).unwrap();
    let first = gateway.fetch(large());
    let others = async {
        gateway.until_load(1, 0).await;
        let refused = gateway.fetch(large()).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refusal(&refused), "gateway_overloaded");
        assert!(refused.headers().contains_key("retry-after"));
        // There is room for a small one.
        let small = gateway.in_background();
        gateway.until_load(2, 0).await;
        upstream.may.add_permits(2);
        assert_eq!(small.await.unwrap().body(), "done");
    };
    let (first, ()) = tokio::join!(first, others);
    assert_eq!(first.body(), "done");
    upstream.may.add_permits(1);
    assert_eq!(gateway.fetch(large()).await.body(), "done");
}
