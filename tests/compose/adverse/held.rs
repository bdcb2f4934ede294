//! What is held, and for how long.

use super::*;

/// A response future that has given its answer and is kept does not count as pending.
#[tokio::test(start_paused = true)]
async fn a_future_that_is_done_and_kept_is_not_pending() {
    let api = Api::new(|_, _| (status(200), ms(1)));
    let layer = RetryOn429Layer::new();
    let mut client = layer.layer(api.service());
    let mut call = pin!(client.ready().await.unwrap().call(get()));
    call.as_mut().await.unwrap();
    assert_eq!(layer.handle().pending(), 0);
    layer.handle().close();
    timeout(secs(60), layer.handle().drained())
        .await
        .expect("drained");
}

/// One that has given a copy and is kept holds no permit.
#[tokio::test(start_paused = true)]
async fn a_future_that_gave_a_copy_and_is_kept_holds_no_permit() {
    let api = Api::new(|_, _| (used_up(), ms(1)));
    let layer = RetryOn429Layer::new();
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(4));
    let client = stack(&layer, &gate, &api);
    let mut ready = client.clone();
    ready.ready().await.unwrap();
    open(&client, "/").await;
    let mut call = pin!(ready.call(to("/")));
    assert!(is_copy(&call.as_mut().await.unwrap()));
    assert_eq!(gate.handle().in_flight(), 0);
    timeout(secs(60), gate.handle().drained())
        .await
        .expect("drained");
}

/// An API that refuses in many ways, after any time, and one path nearly always.
fn erratic(seed: u64) -> Api {
    let mut server = fastrand::Rng::with_seed(seed + 1000);
    Api::new(move |_, path| {
        let latency = ms(server.u64(0..300));
        let answer = match (path, server.u32(0..20)) {
            ("/dead", 0..16) => used_up(),
            (_, 0..3) => status(429),
            (_, 3) => retry_after(server.u64(0..3)),
            (_, 4) => over_cap(),
            (_, 5) => status(500),
            (_, 6) => status(503),
            _ => status(200),
        };
        (answer, latency)
    })
}

fn retries(seed: u64) -> RetryOn429Layer {
    let layer = RetryOn429Layer::new().seed(seed);
    if seed % 3 == 0 {
        layer.max_time(secs(3))
    } else {
        layer
    }
}

fn gate(seed: u64) -> AdaptiveConcurrencyLayer {
    match seed % 4 {
        0 => AdaptiveConcurrencyLayer::with_limit(Fixed::new(1)),
        1 => AdaptiveConcurrencyLayer::with_limit(Fixed::new(3)),
        _ => AdaptiveConcurrencyLayer::new(),
    }
    .seed(seed)
}

async fn nothing_is_held(layer: &RetryOn429Layer, gate: &AdaptiveConcurrencyLayer, seed: u64) {
    timeout(secs(1), gate.handle().drained())
        .await
        .expect("gate");
    assert_eq!(gate.handle().in_flight(), 0, "{seed}");
    timeout(secs(1), layer.handle().drained())
        .await
        .expect("retries");
}

/// Whether somebody is served in time, whatever was learned.
async fn is_served<S, B>(client: &S) -> bool
where
    S: Service<Req, Response = Response<B>, Error = Infallible> + Clone,
{
    let start = Instant::now();
    let mut served = false;
    while !served && start.elapsed() < secs(4000) {
        let answer = client.clone().oneshot(to("/a")).await.unwrap();
        served = answer.status() == 200;
        sleep(secs(1)).await;
    }
    served
}

/// Whatever is dropped whenever: all permits come back, and those who stay are served.
#[tokio::test(start_paused = true)]
async fn requests_given_up_at_any_moment_leave_nothing_behind() {
    for seed in 0..60 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (api, layer, gate) = (erratic(seed), retries(seed), gate(seed));
        let client = stack(&layer, &gate, &api);
        let mut tasks = JoinSet::new();
        let mut kept = Vec::new();
        for _ in 0..300 {
            let path = ["/dead", "/a", "/b", "/c"][rng.usize(0..4)];
            let (give_up, parks) = (ms(rng.u64(0..2000)), rng.u32(0..10));
            let mut service = client.clone();
            match parks {
                // Polled once and left alone.
                0 => {
                    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                    if Service::<Req>::poll_ready(&mut service, &mut context).is_pending() {
                        kept.push(service);
                    }
                }
                // Found ready more than once, and then perhaps called.
                1 => {
                    tasks.spawn(async move {
                        let called = timeout(give_up, async {
                            service.ready().await.unwrap();
                            sleep(ms(20)).await;
                            service.ready().await.unwrap();
                            service.call(to(path)).await.unwrap()
                        });
                        called.await.ok()
                    });
                }
                2..6 => {
                    tasks.spawn(async move { Some(service.oneshot(to(path)).await.unwrap()) });
                }
                _ => {
                    tasks.spawn(async move {
                        let answer = timeout(give_up, service.oneshot(to(path))).await;
                        answer.ok().map(Result::unwrap)
                    });
                }
            }
            if rng.u32(0..3) == 0 {
                sleep(ms(rng.u64(0..100))).await;
            }
        }
        let all = timeout(secs(3600), tasks.join_all()).await;
        let snapshot = gate.handle().snapshot();
        assert!(all.is_ok(), "{seed}: {snapshot:?} {layer:?}");
        drop(kept);
        nothing_is_held(&layer, &gate, seed).await;
        assert!(
            is_served(&client).await,
            "{seed}: nobody is served any more"
        );
    }
}

/// `Buffer` between, above, and both; a circuit that opens and closes under it.
#[tokio::test(start_paused = true)]
async fn buffers_above_and_between_lose_nobody() {
    let api = Api::new(|number, path| match path {
        "/dead" if number < 300 => (used_up(), ms(10)),
        _ => (status(200), ms(10)),
    });
    let layer = RetryOn429Layer::new();
    let gate = AdaptiveConcurrencyLayer::new();
    let client = ServiceBuilder::new()
        .layer(BufferLayer::<Req>::new(8))
        .layer(layer.clone())
        .layer(BufferLayer::<Req>::new(8))
        .layer(gate.clone())
        .service(api.service());
    let mut tasks = JoinSet::new();
    for number in 0..400 {
        let path = if number % 3 == 0 { "/dead" } else { "/live" };
        let call = Box::pin(client.clone().oneshot(to(path)));
        tasks.spawn(async move { call.await.map(|answer| (path, answer.status())) });
    }
    let all = timeout(secs(3600), tasks.join_all()).await.expect("a hang");
    let lost = all
        .iter()
        .flatten()
        .filter(|(path, status)| *path == "/live" && *status != 200);
    assert_eq!(lost.count(), 0);
    timeout(secs(1), gate.handle().drained())
        .await
        .expect("gate");
}

/// Two retry layers, one within the other, around one gate.
#[tokio::test(start_paused = true)]
async fn nested_layers_end() {
    let api = Api::new(|_, _| (status(429), ms(10)));
    let (outer, inner) = (RetryOn429Layer::new(), RetryOn429Layer::new());
    let gate = AdaptiveConcurrencyLayer::new();
    let client = ServiceBuilder::new()
        .layer(outer.clone())
        .layer(gate.clone())
        .layer(inner.clone())
        .layer(AdaptiveConcurrencyLayer::new())
        .service(api.service());
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        tasks.spawn(client.clone().oneshot(get()));
    }
    timeout(secs(7200), tasks.join_all()).await.expect("a hang");
    assert!(start.elapsed() < secs(1000), "{:?}", start.elapsed());
    assert!(api.count() < 500, "{}", api.count());
    assert_eq!(gate.handle().in_flight(), 0);
}

/// Bodies that are read late, polled once and parked, or dropped half-way, in turn.
#[tokio::test(start_paused = true)]
async fn bodies_treated_badly_hold_nobody_up_for_long() {
    let inner = tower::service_fn(|_: Request<()>| async {
        sleep(ms(50)).await;
        let (sender, body) = http_body_util::channel::Channel::<Bytes, Infallible>::new(1);
        tokio::spawn(async move {
            let mut sender = sender;
            for _ in 0..20 {
                if sender.send_data(Bytes::from_static(b"x")).await.is_err() {
                    break;
                }
                sleep(ms(10)).await;
            }
        });
        Ok::<_, Infallible>(Response::new(body))
    });
    let gate = AdaptiveConcurrencyLayer::with_limit(Fixed::new(4));
    let client = gate.layer(inner);
    let start = Instant::now();
    let mut kept = Vec::new();
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let answer = timeout(secs(300), client.clone().oneshot(Request::new(()))).await;
        let mut body = answer.expect("a hang").unwrap().into_body();
        match number % 4 {
            0 => kept.push(body),
            1 => {
                let mut frame = body.frame();
                let _ =
                    std::future::poll_fn(|cx| Poll::Ready(pin!(&mut frame).poll(cx).is_ready()))
                        .await;
                kept.push(body);
            }
            2 => drop(body.frame().await),
            _ => {
                tasks.spawn(async move {
                    sleep(secs(30)).await;
                    body.collect().await.unwrap();
                });
            }
        }
    }
    assert!(start.elapsed() < secs(400), "{:?}", start.elapsed());
    drop(kept);
    tasks.join_all().await;
    timeout(secs(61), gate.handle().drained())
        .await
        .expect("drained");
    assert_eq!(gate.handle().in_flight(), 0);
}
