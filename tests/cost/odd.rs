//! Costs that are odd hold nobody up for ever.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use sim::hints::Style;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_test::{assert_pending, task};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};
use tower_throttle::cost::{Charge, Cost};
use tower_throttle::keyed::KeyedLayer;
use tower_throttle::queue::Priority;
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer, RetryOn429Layer};

use crate::purse::Purse;
use crate::support::{Req, answer, cost, job, open, send_all, server};

type CostFn = fn(&Req) -> Cost;

fn queue()
-> QueueLayer<tower_throttle::queue::NoPriority, tower_throttle::queue::NoDeadline, CostFn> {
    QueueLayer::new().cost(cost as CostFn)
}

#[tokio::test(start_paused = true)]
async fn a_request_dearer_than_the_bucket_is_refused_and_holds_nobody_up_for_long() {
    for hints in [
        Style::OpenAi,
        Style::Anthropic,
        Style::RetryAfter,
        Style::None,
    ] {
        let api = server(60_000.0, 2_000.0, hints);
        let client = ServiceBuilder::new()
            .layer(queue())
            .layer(RetryOn429Layer::new().seed(1).max_attempts(3))
            .layer(AdaptiveConcurrencyLayer::new().seed(1))
            .service(api.clone());
        // Its quota is told by then.
        send_all(&client, vec![job(100)]).await;
        let dear = tokio::spawn(client.clone().oneshot(job(5_000)));
        tokio::task::yield_now().await;
        let start = Instant::now();
        let cheap = timeout(
            Duration::from_secs(600),
            send_all(&client, (0..100).map(|_| job(100)).collect()),
        );
        let took = cheap.await.expect("they are served");
        let refused = timeout(Duration::from_secs(600), dear)
            .await
            .expect("it ends");
        assert_eq!(refused.unwrap().unwrap().status(), 429, "{hints:?}");
        // 10,000 tokens, of which 2,000 are there, at 1,000 a second; before that, one time until the bucket is full.
        // Where nothing tells of tokens, its refusals are taken for a limit on requests at first.
        println!("{hints:?}: {took:.1} s, and {:.1?}", start.elapsed());
        let told = matches!(hints, Style::OpenAi | Style::Anthropic);
        let most = if told { 22.0 } else { 60.0 };
        assert!(took <= most, "{hints:?}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cost_of_nothing_waits_for_no_tokens() {
    let api = server(600.0, 2_000.0, Style::OpenAi);
    let free = |request: &Req| match cost(request) {
        cost if cost.total() == 0 => Cost::FREE,
        cost => cost,
    };
    let client = QueueLayer::new()
        .cost(free)
        .layer(AdaptiveConcurrencyLayer::new().seed(1).layer(api.clone()));
    send_all(&client, vec![job(100)]).await;
    send_all(&client, vec![job(1_900)]).await;
    // The bucket is empty for minutes. Each takes four seconds.
    let took = send_all(&client, (0..16).map(|_| job(0)).collect()).await;
    assert!(took <= 16.0, "{took}");
    // A request that waits for tokens is first in line.
    let dear = tokio::spawn({
        let client = client.clone();
        async move { send_all(&client, vec![job(1_000)]).await }
    });
    tokio::task::yield_now().await;
    let took = send_all(&client, vec![job(0)]).await;
    let dear = dear.await.unwrap();
    assert!(
        (60.0..110.0).contains(&took) && took <= dear + 5.0,
        "{took} {dear}"
    );
    assert_eq!(api.refused(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cost_of_zero_tokens_counts_as_one() {
    let purse = Purse::of(0);
    let client = QueueLayer::new()
        .cost(|_: &Req| Cost::tokens(0))
        .layer(purse.layer(|_: &Req| Cost::tokens(0)).layer(open()));
    let mut waits = task::spawn(client.oneshot(job(0)));
    assert_pending!(waits.poll());
}

#[tokio::test(start_paused = true)]
async fn a_cost_that_changes_between_attempts_is_charged_as_it_was_last() {
    let purse = Purse::of(1_000);
    let costs = Arc::new(AtomicU64::new(900));
    let told = Arc::clone(&costs);
    let gate = purse.layer(move |_: &Req| Cost::tokens(told.fetch_sub(400, Relaxed)));
    let refusals = Arc::new(AtomicU64::new(2));
    let api = service_fn(move |_: Req| {
        let refused = refusals.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        std::future::ready(Ok::<_, std::convert::Infallible>(match refused {
            Ok(_) => answer(429),
            Err(_) => answer(200),
        }))
    });
    let client = ServiceBuilder::new()
        .layer(QueueLayer::new().cost(|_: &Req| Cost::tokens(300)))
        .layer(RetryOn429Layer::new().seed(1))
        .layer(gate)
        .service(api);
    let response = client.oneshot(job(1)).await.unwrap();
    let charge = Charge::of(response.extensions()).unwrap();
    assert_eq!(charge.cost(), Cost::tokens(100));
    assert_eq!(purse.left(), 900);
}

/// A stack over an API that takes a second, whose gate counts nothing but costs.
macro_rules! stack {
    ($purse:expr, $keyed:expr) => {{
        let api = service_fn(|_: Req| async {
            sleep(Duration::from_secs(1)).await;
            Ok::<_, std::convert::Infallible>(answer(200))
        });
        let purse = $purse.clone();
        let keyed = KeyedLayer::new(|_: &Req| 0).gates(move |_| purse.layer(cost as CostFn));
        ServiceBuilder::new()
            .layer(QueueLayer::new().cost($keyed))
            .layer(RetryOn429Layer::new().seed(1))
            .layer(keyed)
            .service(api)
    }};
}

#[tokio::test(start_paused = true)]
async fn whatever_is_dropped_takes_its_announced_cost_along() {
    let mut rng = fastrand::Rng::with_seed(11);
    for _ in 0..50 {
        let purse = Purse::of(100);
        let client = stack!(purse, cost as CostFn);
        let mut tasks = Vec::new();
        let mut sent = Vec::new();
        for _ in 0..40 {
            // One in eight is dearer than all that there is.
            let costs = if rng.u8(..8) == 0 {
                101
            } else {
                rng.u32(1..=60)
            };
            let mut request = task::spawn(client.clone().oneshot(job(costs)));
            let _ = request.poll();
            tasks.push(request);
            if rng.bool() {
                drop(tasks.swap_remove(rng.usize(..tasks.len())));
            }
            for task in &mut tasks {
                let _ = task.poll();
            }
            let told = purse.told().into_iter();
            sent.extend(told.filter(|told| told.starts_with("sent")));
        }
        drop(tasks);
        assert!(!sent.is_empty());
        // Who was sent counts as sent, and nothing else is charged: the rest is there for others.
        let left = purse.left();
        assert!(left >= 0, "{left}");
        let next = timeout(Duration::from_secs(9), client.oneshot(job(left as u32)));
        assert_eq!(next.await.is_ok(), left > 0, "{left}");
        assert_eq!(purse.left(), 0);
    }
}

/// What two classes of equal weight got of the tokens, where the requests of one are ten times as dear.
#[tokio::test(start_paused = true)]
async fn classes_share_by_requests_whatever_these_cost() {
    let api = server(60_000.0, 2_000.0, Style::OpenAi);
    let class = |request: &Req| Priority::NORMAL.class(u32::from(cost(request).total() > 1_000));
    let client = ServiceBuilder::new()
        .layer(QueueLayer::new().priority(class).cost(cost as CostFn))
        .layer(RetryOn429Layer::new().seed(1))
        .layer(AdaptiveConcurrencyLayer::new().seed(1))
        .service(api.clone());
    let mut tasks = JoinSet::new();
    for costs in [150, 1_500].repeat(60) {
        let sent = client.clone().oneshot(job(costs));
        tasks.spawn(async move {
            sent.await.unwrap();
            costs
        });
    }
    let mut first = Vec::new();
    while first.len() < 60 {
        first.push(tasks.join_next().await.unwrap().unwrap());
    }
    let dear = first.iter().filter(|costs| **costs == 1_500).count();
    println!(
        "of the first 60, {dear} are dear; {} refused",
        api.refused()
    );
    assert!((25..=35).contains(&dear), "{dear}");
}
