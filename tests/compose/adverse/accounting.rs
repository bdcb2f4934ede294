//! What is counted.

use super::*;

/// What `Preset` may send again, it does not send twice where the work may be done.
#[tokio::test(start_paused = true)]
async fn a_post_is_never_done_twice() {
    // The work is done by every answer but 429, and by 503s that take long.
    let done: Arc<Mutex<Vec<usize>>> = Arc::default();
    let api = {
        let done = Arc::clone(&done);
        Api::new(move |number, path| {
            let job: usize = path[1..].parse().unwrap();
            let (answer, latency, works) = match number % 6 {
                0 => (status(200), secs(1), true),
                1 => (status(429), ms(1), false),
                2 => (status(500), ms(10), true),
                3 => (status(504), secs(30), true),
                4 => (status(408), secs(30), true),
                _ => (status(503), ms(1), false),
            };
            if works {
                done.lock().unwrap().push(job);
            }
            (answer, latency)
        })
    };
    let layer = RetryOn429Layer::new().classify(retry_server_errors());
    let client = stack(&layer, &AdaptiveConcurrencyLayer::new(), &api);
    let mut tasks = JoinSet::new();
    for job in 0..200 {
        let request = Request::post(format!("http://api.test/{job}"));
        tasks.spawn(
            client
                .clone()
                .oneshot(request.body(Full::<Bytes>::default()).unwrap()),
        );
    }
    tasks.join_all().await;
    let mut done = done.lock().unwrap().clone();
    done.sort_unstable();
    let all = done.len();
    done.dedup();
    assert_eq!(done.len(), all, "some were done twice");
}

/// The gate's counts are those of the server.
#[tokio::test(start_paused = true)]
async fn the_counts_are_the_server_s() {
    let api = Api::new(|number, _| match number % 4 {
        0 => (status(429), ms(5)),
        1 => (status(500), ms(5)),
        _ => (status(200), ms(5)),
    });
    let gate = AdaptiveConcurrencyLayer::new();
    let client = stack(&RetryOn429Layer::new(), &gate, &api);
    let mut tasks = JoinSet::new();
    for _ in 0..200 {
        let call = client.clone().oneshot(get());
        tasks.spawn(async move { Attempts::of(call.await.unwrap().extensions()).get() });
    }
    let attempts: u32 = tasks.join_all().await.into_iter().sum();
    assert_eq!(attempts as usize, api.count());
    let snapshot = gate.handle().snapshot();
    let of = |kind: fn(usize) -> bool| (0..api.count()).filter(|n| kind(n % 4)).count() as u64;
    assert_eq!(snapshot.accepted, of(|kind| kind > 1));
    assert_eq!(snapshot.refused, of(|kind| kind == 0));
}
