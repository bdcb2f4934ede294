//! The circuit breaker's probe.

use super::*;

/// The probe of a time that is over keeps the waits of any other request.
#[tokio::test(start_paused = true)]
async fn a_probe_that_is_overtaken_by_an_acceptance_backs_off_like_others() {
    // Number 0 takes ten seconds and is served. 1 and 2 are refused for good; 3 is the probe.
    let api = Api::new(|number, _| match number {
        0 => (status(200), secs(10)),
        1 | 2 => (used_up(), ms(1)),
        3 => (status(429), secs(15)),
        _ => (status(429), ms(1)),
    });
    let layer = RetryOn429Layer::new().max_attempts(10);
    let client = layer.layer(api.service());
    let slow = tokio::spawn(client.clone().oneshot(get()));
    sleep(secs(1)).await;
    open(&client, "/a").await;
    assert!(layer.handle().is_open());
    sleep(secs(2)).await;
    let probe = tokio::spawn(client.clone().oneshot(get()));
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    assert!(!layer.handle().is_open());
    probe.await.unwrap().unwrap();
    let sent = api.times();
    let quick = sent[4..]
        .windows(2)
        .filter(|pair| pair[1] - pair[0] < ms(10))
        .count();
    assert!(quick <= 2, "{quick} of {} without a wait", sent.len());
}

/// A probe on which the server sits does not keep everybody out for ever.
#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_is_not_the_last() {
    let api = Api::new(|number, _| match number {
        0 | 1 => (used_up(), ms(1)),
        2 => (status(200), NEVER),
        _ => (status(200), ms(1)),
    });
    let layer = RetryOn429Layer::new();
    let client = layer.layer(api.service());
    open(&client, "/a").await;
    sleep(secs(2)).await;
    let _hangs = tokio::spawn(client.clone().oneshot(to("/a")));
    let mut copies = 0;
    for _ in 0..360 {
        sleep(secs(10)).await;
        let answer = client.clone().oneshot(to("/a")).await.unwrap();
        copies += usize::from(is_copy(&answer));
    }
    assert!(
        copies < 30,
        "{copies} copies in an hour, though the API works"
    );
}

/// A request that the server holds for long, such as a watch, does not hold up those of other routes.
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_the_probe_holds_up_no_other_route() {
    let api = Api::new(|_, path| match path {
        "/dead" => (used_up(), ms(1)),
        "/watch" => (status(200), NEVER),
        _ => (status(200), ms(1)),
    });
    let layer = RetryOn429Layer::new();
    let client = layer.layer(api.service());
    open(&client, "/dead").await;
    let _watch = tokio::spawn(client.clone().oneshot(to("/watch")));
    sleep(ms(10)).await;
    let live = timeout(secs(600), client.clone().oneshot(to("/live"))).await;
    assert!(live.is_ok(), "waits for ten minutes");
}

/// Those of other routes that wait for the probe hold no permits that it needs.
#[tokio::test(start_paused = true)]
async fn who_waits_for_the_probe_holds_no_permit() {
    let api = Api::new(|_, path| match path {
        "/dead" => (used_up(), ms(10)),
        _ => (status(200), ms(10)),
    });
    let layer = RetryOn429Layer::new();
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(2));
    let client = stack(&layer, &gate, &api);
    let _ = client.clone().oneshot(to("/dead")).await;
    let last = tokio::spawn(client.clone().oneshot(to("/dead")));
    tokio::task::yield_now().await;
    // Both permits are with services that are ready: one beside the last refusal, the other after it.
    let (mut one, mut two) = (client.clone(), client.clone());
    one.ready().await.unwrap();
    last.await.unwrap().unwrap();
    assert!(layer.handle().is_open());
    gate.handle().set_limit(1);
    let _ = two;
    two = client.clone();
    let probe = tokio::spawn(two.oneshot(to("/live")));
    tokio::task::yield_now().await;
    let waits = tokio::spawn(async move { one.call(to("/live")).await });
    let both = async { (probe.await.unwrap().unwrap(), waits.await.unwrap().unwrap()) };
    let both = timeout(secs(3600), both).await;
    assert!(both.is_ok(), "they wait for each other");
    assert_eq!(gate.handle().in_flight(), 0);
}

/// `max_time` holds for the request that is the probe, while it waits.
#[tokio::test(start_paused = true)]
async fn a_probe_in_line_is_told_when_its_time_is_over() {
    let api = Api::new(|_, _| (used_up(), ms(1)));
    let layer = RetryOn429Layer::new().max_time(secs(10));
    let gate = AdaptiveConcurrencyLayer::new();
    let client = stack(&layer, &gate, &api);
    open(&client, "/a").await;
    gate.handle().pause(secs(600));
    sleep(secs(2)).await;
    let start = Instant::now();
    let answer = client.clone().oneshot(to("/a")).await.unwrap();
    assert!(start.elapsed() < secs(15), "{:?}", start.elapsed());
    assert!(is_copy(&answer));
}

/// The probe waits in the gate's line, and the gate is closed: it comes out, and another may go.
#[tokio::test(start_paused = true)]
async fn a_probe_in_line_comes_out_when_the_gate_closes() {
    let api = Api::new(|_, _| (used_up(), ms(1)));
    let layer = RetryOn429Layer::new();
    let gate = AdaptiveConcurrencyLayer::new();
    let client = stack(&layer, &gate, &api);
    open(&client, "/a").await;
    gate.handle().pause(secs(600));
    sleep(secs(2)).await;
    let probe = tokio::spawn(client.clone().oneshot(to("/a")));
    let other = tokio::spawn(client.clone().oneshot(to("/b")));
    sleep(secs(1)).await;
    gate.handle().close();
    timeout(secs(1), probe).await.unwrap().unwrap().unwrap();
    timeout(secs(1), other).await.unwrap().unwrap().unwrap();
    timeout(secs(1), gate.handle().drained()).await.unwrap();
    timeout(secs(1), layer.handle().drained()).await.unwrap();
}

/// A probe that is dropped wakes those that wait for it, one after the other, and each sends once.
#[tokio::test(start_paused = true)]
async fn dropped_probes_wake_those_who_wait() {
    let api = Api::new(|_, path| match path {
        "/dead" => (used_up(), ms(1)),
        "/slow" => (status(200), NEVER),
        _ => (status(200), ms(1)),
    });
    let layer = RetryOn429Layer::new();
    let client = stack(&layer, &AdaptiveConcurrencyLayer::new(), &api);
    open(&client, "/dead").await;
    let slow: Vec<_> = (0..20)
        .map(|_| tokio::spawn(client.clone().oneshot(to("/slow"))))
        .collect();
    sleep(ms(1)).await;
    let live = tokio::spawn(client.clone().oneshot(to("/live")));
    sleep(ms(1)).await;
    assert_eq!(api.count(), 3, "one probe");
    for task in slow {
        task.abort();
        sleep(ms(1)).await;
    }
    timeout(secs(5), live).await.unwrap().unwrap().unwrap();
    assert!(!layer.handle().is_open());
}
