//! A route that is refused harms no other.

use super::*;

/// A route that has no quota, whose requests cannot be copied, says nothing of others.
#[tokio::test(start_paused = true)]
async fn a_dead_route_of_uploads_harms_no_other_route() {
    let api = Api::new(|_, path| match path {
        "/dead" => (over_cap(), ms(1)),
        _ => (status(200), ms(1)),
    });
    let layer = RetryOn429Layer::new();
    let client = layer.layer(api.service());
    let request = |path| {
        let builder = Request::post(format!("http://api.test{path}"));
        builder
            .body(SingleUse::new(Full::<Bytes>::default()))
            .unwrap()
    };
    for _ in 0..2 {
        client.clone().oneshot(request("/dead")).await.unwrap();
    }
    let answer = client.clone().oneshot(request("/live")).await.unwrap();
    assert_eq!(answer.status(), 200, "it is told of the other route");
}

/// The same where there is but one attempt.
#[tokio::test(start_paused = true)]
async fn a_dead_route_harms_no_other_where_nothing_is_retried() {
    let api = Api::new(|_, path| match path {
        "/dead" => (over_cap(), ms(1)),
        _ => (status(200), ms(1)),
    });
    let client = RetryOn429Layer::new().max_attempts(1).layer(api.service());
    open(&client, "/dead").await;
    let answer = client.clone().oneshot(to("/live")).await.unwrap();
    assert_eq!(answer.status(), 200, "it is told of the other route");
}

/// The same at the last of several attempts.
#[tokio::test(start_paused = true)]
async fn a_dead_route_harms_no_other_at_its_last_attempt() {
    let api = Api::new(|number, path| match path {
        "/dead" if number % 2 == 0 => (status(429), ms(1)),
        "/dead" => (over_cap(), ms(1)),
        _ => (status(200), ms(1)),
    });
    let client = RetryOn429Layer::new().max_attempts(2).layer(api.service());
    for _ in 0..4 {
        let dead = || client.clone().oneshot(to("/dead"));
        let _ = tokio::join!(dead(), dead());
    }
    let answer = client.clone().oneshot(to("/live")).await.unwrap();
    assert_eq!(answer.status(), 200, "it is told of the other route");
}

/// A route that is always refused beside one that is served: how many of 2,300 GETs are answered within
/// that time.
async fn served_beside_a_refused_route<S, B>(client: S, patience: Duration) -> usize
where
    S: Service<Req, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    let evict = tokio::spawn(client.clone().oneshot(to("/evict")));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    while start.elapsed() < secs(230) {
        tasks.spawn(timeout(patience, client.clone().oneshot(to("/get"))));
        sleep(ms(100)).await;
    }
    evict.abort();
    let all = tasks.join_all().await;
    all.iter().filter(|answer| answer.is_ok()).count()
}

fn with_a_refused_route() -> Api {
    Api::new(|_, path| match path {
        "/evict" => (retry_after(10), ms(5)),
        _ => (status(200), ms(5)),
    })
}

#[tokio::test(start_paused = true)]
async fn a_route_that_is_always_refused_leaves_others_their_pace() {
    for patience in [secs(1), secs(5), secs(15), secs(60)] {
        let client = ServiceBuilder::new()
            .layer(RetryOn429Layer::new())
            .layer(AdaptiveConcurrencyLayer::new())
            .service(with_a_refused_route().service());
        let served = served_beside_a_refused_route(client, patience).await;
        assert!(served > 1_900, "{served} of 2,300 within {patience:?}");
    }
}

/// The same without a gate.
#[tokio::test(start_paused = true)]
#[ignore = "each wait of the refused route pauses all who share the layer: 759 of 2,300 within a second"]
async fn without_a_gate_a_refused_route_leaves_others_their_pace() {
    for patience in [secs(1), secs(5), secs(15), secs(60)] {
        let client = RetryOn429Layer::new().layer(with_a_refused_route().service());
        let served = served_beside_a_refused_route(client, patience).await;
        assert!(served > 1_900, "{served} of 2,300 within {patience:?}");
    }
}
