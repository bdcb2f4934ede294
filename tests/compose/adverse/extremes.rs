//! Bounds that are extreme, and places without a runtime.

use super::*;

#[tokio::test(start_paused = true)]
async fn extreme_durations_do_not_panic() {
    for time in [
        Duration::ZERO,
        Duration::from_nanos(1),
        Duration::MAX - ms(1),
        Duration::MAX,
    ] {
        let api = Api::new(|number, _| match number % 5 {
            0 => (retry_after(u64::MAX), ms(1)),
            1 => (retry_after(1), ms(1)),
            2 => (status(429), ms(1)),
            3 => (status(503), ms(1)),
            _ => (status(200), ms(1)),
        });
        let base = RetryOn429Layer::new().max_attempts(3).drain(10, time);
        for layer in [
            base.clone(),
            base.clone().max_time(time),
            base.clone().max_outage(time),
            base.clone().max_elapsed(time),
            base.clone().backoff(Backoff::exponential(time, time)),
            base.clone().max_server_wait(time).max_elapsed(secs(60)),
        ] {
            let gate = AdaptiveConcurrencyLayer::new()
                .max_pause(time)
                .body_idle(time);
            let gated = stack(&layer, &gate, &api);
            let alone = layer.layer(api.service());
            for _ in 0..20 {
                let _ = timeout(secs(3600), gated.clone().oneshot(get())).await;
                let _ = timeout(secs(3600), alone.clone().oneshot(get())).await;
            }
            assert_eq!(gate.handle().in_flight(), 0);
        }
        let gate = AdaptiveConcurrencyLayer::new();
        gate.handle().pause(time);
        let client = gate.layer(api.service());
        let waits = timeout(secs(10), client.clone().oneshot(get())).await;
        assert_eq!(waits.is_ok(), time < secs(1));
        gate.handle().resume();
        timeout(secs(10), client.oneshot(get()))
            .await
            .unwrap()
            .unwrap();
    }
}

#[test]
fn outside_a_runtime_what_needs_no_wait_works() {
    let layer = RetryOn429Layer::new();
    let client = ServiceBuilder::new()
        .layer(layer.clone())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(script([status(200), used_up(), used_up()]));
    let call = || {
        let mut call = pin!(client.clone().oneshot(get()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match call.as_mut().poll(&mut context) {
            Poll::Ready(answer) => answer.unwrap(),
            Poll::Pending => panic!("waits"),
        }
    };
    assert_eq!(call().status(), 200);
    call();
    call();
    assert!(is_copy(&call()));
    layer.handle().close();
    assert!(is_copy(&call()));
}

/// What waits in a runtime that is dropped leaves the circuit and the gate to others.
#[test]
fn a_dropped_runtime_leaves_the_rest_alone() {
    let api = Api::new(|number, _| match number {
        0 | 1 => (used_up(), ms(1)),
        2 => (status(200), NEVER),
        _ => (status(200), ms(1)),
    });
    let layer = RetryOn429Layer::new();
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1));
    let client = stack(&layer, &gate, &api);
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap()
    };
    let first = runtime();
    first.block_on(async {
        open(&client, "/").await;
        sleep(secs(2)).await;
        tokio::spawn(client.clone().oneshot(to("/")));
        tokio::spawn(client.clone().oneshot(to("/b")));
        sleep(ms(1)).await;
    });
    let second = runtime();
    drop(first);
    second.block_on(async {
        assert_eq!(gate.handle().in_flight(), 0);
        let answer = timeout(secs(5), client.clone().oneshot(to("/")))
            .await
            .unwrap()
            .unwrap();
        let _ = answer;
        timeout(secs(1), gate.handle().drained()).await.unwrap();
        timeout(secs(1), layer.handle().drained()).await.unwrap();
    });
}
