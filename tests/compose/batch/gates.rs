//! A batch over the gates, lines and classes of this crate.

use futures_util::{StreamExt as _, stream};
use tower::ServiceExt as _;
use tower_throttle::batch::{Batch, BatchError};
use tower_throttle::cost::{Cost, FromExtensions};
use tower_throttle::keyed::{Host, KeyedLayer};
use tower_throttle::{Priority, QueueError, QueueLayer, ThrottleExt as _};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_pause_holds_the_batch_until_it_ends() {
    let calls = Calls::default();
    let (client, gate) = gated(&calls, 5);
    gate.pause(secs(60));
    let mut results = Batch::new(&client).run(stream::iter(requests([1_000; 5])));
    assert!(now(&mut results).is_none());
    assert_eq!((calls.sent(), results.progress().waiting()), (0, 5));
    assert_eq!(timed(results.count()).await, (5, 61.0));
}

#[tokio::test(start_paused = true)]
async fn a_gate_for_each_host_lets_a_batch_wait_by_host() {
    let calls = Calls::default();
    let template = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1)).seed(1);
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(1))
        .layer(KeyedLayer::new(Host::of::<Req>).gates(move |_: &Host| template.clone()))
        .service(api(&calls));
    let hosts = ["a", "b", "a", "b"];
    let requests = hosts.map(|host| {
        let request = Request::post(format!("http://{host}.test/1000"));
        request.body(Full::default()).unwrap()
    });
    let results = Batch::new(&client).ordered().run(stream::iter(requests));
    let ((), took) = timed(results.for_each(async |result| drop(result.unwrap()))).await;
    assert_eq!((calls.peak(), took), (2, 2.0));
}

#[tokio::test(start_paused = true)]
async fn a_queue_says_of_each_request_why_it_was_not_sent() {
    let calls = Calls::default();
    let (client, _) = gated(&calls, 1);
    let client = QueueLayer::new().max_wait(ms(1_500)).layer(client);
    let results = Batch::new(&client).run(stream::iter(requests([1_000; 4])));
    let results: Vec<_> = results.collect().await;
    let waited = results.iter().filter(|result| {
        matches!(
            result,
            Err(BatchError::Client {
                error: QueueError::TimedOut { .. },
                ..
            })
        )
    });
    assert_eq!((results.len(), waited.count(), calls.sent()), (4, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_interactive_request_goes_before_a_batch() {
    let (client, _) = gated(&Calls::default(), 5);
    let batch = client.clone().priority(Priority::BATCH);
    let results = Batch::new(&batch).run(stream::iter(requests([1_000; 500])));
    let rest = tokio::spawn(results.count());
    sleep(ms(1)).await;
    let interactive = client.priority(Priority::INTERACTIVE).oneshot(to(1_000));
    let (_, took) = timed(interactive).await;
    assert!(took < 2.1, "{took}");
    assert_eq!(rest.await.unwrap(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_cost_is_known_before_the_request_is_sent() {
    // A quota of 100 tokens a minute, which the answers tell.
    let calls = Calls::default();
    let client = {
        let inner = api(&calls);
        let left = Arc::new(std::sync::Mutex::new(100_u64));
        let api = service_fn(move |request: Req| {
            let (inner, left) = (inner.clone(), Arc::clone(&left));
            let cost = request.extensions().get::<Cost>().unwrap().total();
            async move {
                let mut response = inner.oneshot(request).await?;
                let mut left = left.lock().unwrap();
                *left = left.saturating_sub(cost);
                let headers = response.headers_mut();
                headers.insert("x-ratelimit-limit-tokens", 100.into());
                headers.insert("x-ratelimit-remaining-tokens", (*left).into());
                headers.insert("x-ratelimit-reset-tokens", "60s".parse().unwrap());
                Ok::<_, &'static str>(response)
            }
        });
        AdaptiveConcurrencyLayer::new()
            .seed(1)
            .cost(FromExtensions)
            .layer(api)
    };
    let requests = [10, 85, 5].map(|cost| {
        let mut request = to(10);
        request.extensions_mut().insert(Cost::tokens(cost));
        request
    });
    let mut results = Batch::new(&client)
        .cost(FromExtensions)
        .ahead(1)
        .run(stream::iter(requests));
    for _ in 0..3 {
        results.next().await.unwrap().unwrap();
    }
    // All three fit the quota, so none waits. Without the cost, the gate reserves as much as the dearest took.
    assert_eq!(results.progress().elapsed(), ms(30));
}

/// A consumer that comes back once a second, beside interactive requests through the same gate.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_rarely_polled_holds_what_is_in_flight_until_then() {
    let (client, gate) = gated(&Calls::default(), 4);
    let batch = client.clone().priority(Priority::BATCH);
    let mut results = Batch::new(&batch).run(stream::iter(requests([100; 100])));
    assert!(now(&mut results).is_none());
    // The four are answered, and keep their permits until the batch is polled.
    sleep(secs(60)).await;
    assert_eq!((gate.in_flight(), results.progress().in_flight()), (4, 4));

    let interactive = client.priority(Priority::INTERACTIVE);
    let others = tokio::spawn(async move {
        let mut waits = Vec::new();
        for _ in 0..20 {
            let (response, took) = timed(interactive.clone().oneshot(to(100))).await;
            response.unwrap();
            waits.push(took);
        }
        waits
    });
    let (mut answered, start) = (0, Instant::now());
    while answered < 100 {
        sleep(secs(1)).await;
        // All that is there, and no more.
        while let Some(Some(result)) = now(&mut results) {
            result.unwrap();
            answered += 1;
        }
    }
    let took = start.elapsed().as_secs_f64();
    let mut waits = others.await.unwrap();
    waits.sort_by(f64::total_cmp);
    println!(
        "{took} s; interactive: half of them {:.2} s, {:.2} s at most",
        waits[10], waits[19]
    );
    // Four of the batch each second, and not forty. A permit that it is granted and does not take is passed on to the
    // interactive request after 10 ms; one of 17 is the batch's.
    assert!(
        took <= 26.0 && waits[10] <= 0.12 && waits[19] <= 3.02,
        "{took} {waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_select_that_takes_another_branch_loses_nothing() {
    let (client, _) = gated(&Calls::default(), 3);
    let mut results = Batch::new(&client).run(stream::iter(requests([100; 50])));
    let (mut keys, mut ticks, mut tick) = (Vec::new(), 0, tokio::time::interval(ms(7)));
    loop {
        tokio::select! {
            result = results.next() => match result {
                Some(result) => keys.push(result.unwrap().0),
                None => break,
            },
            _ = tick.tick() => ticks += 1,
        }
    }
    keys.sort_unstable();
    assert_eq!(keys, (0..50).collect::<Vec<_>>());
    assert!(ticks >= 1_700 / 7, "{ticks}");
}
