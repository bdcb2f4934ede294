//! Probes while the circuit breaker is open.

use super::*;

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
