//! Programs that send in other ways than all at once from the start, and servers that are far away.

use std::convert::Infallible;
use std::time::Duration;

use http::Response;
use sim::Server;
use sim::costs::Costs;
use sim::hints::Style;
use sim::server::Body;
use sim::work::rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_throttle::{
    AdaptiveConcurrency, AdaptiveConcurrencyLayer, QueueLayer, RetryOn429, RetryOn429Layer,
};

use crate::support::{Req, cost, job, mixed, send_all, server};

const PER_MINUTE: f64 = 120_000.0;
const BURST: f64 = 12_000.0;
const STYLES: [Style; 3] = [Style::None, Style::RetryAfter, Style::OpenAi];

type CostFn = fn(&Req) -> tower_throttle::cost::Cost;

/// Both layers with their defaults, and told what requests cost.
fn client<S>(service: S) -> RetryOn429<AdaptiveConcurrency<S, CostFn>> {
    let gate = AdaptiveConcurrencyLayer::new().seed(1).cost(cost as CostFn);
    RetryOn429Layer::new().seed(1).layer(gate.layer(service))
}

/// The seconds that these requests take at best when the bucket is full.
fn best(requests: &[Req]) -> f64 {
    let tokens: u64 = requests.iter().map(|request| cost(request).total()).sum();
    (tokens as f64 - BURST).max(0.0) * 60.0 / PER_MINUTE + 4.0
}

/// Log-normal, 800 in the mean, and 6,000 at most.
fn uneven(jobs: usize) -> Vec<Req> {
    let costs = Costs::LogNormal {
        mean: 800.0,
        sigma: 1.0,
    };
    let draw = |id| {
        job(costs
            .draw(&mut rng(5, id as u64), id, jobs)
            .total()
            .min(6_000))
    };
    (0..jobs).map(draw).collect()
}

#[tokio::test(start_paused = true)]
async fn one_service_in_one_task_is_as_fast_as_a_clone_for_each() {
    for hints in STYLES {
        let api = server(PER_MINUTE, BURST, hints);
        let mut client = client(api.clone());
        let requests = mixed(1_000);
        let (start, best) = (Instant::now(), best(&requests));
        let mut tasks = JoinSet::new();
        for request in requests {
            tasks.spawn(client.ready().await.unwrap().call(request));
        }
        while let Some(answer) = tasks.join_next().await {
            assert_eq!(answer.unwrap().unwrap().status(), 200);
        }
        let (ratio, refused) = (start.elapsed().as_secs_f64() / best, api.refused());
        println!("{hints:?}: {ratio:.3}, {refused} refused");
        assert!(ratio <= 1.05, "{hints:?}: {ratio}");
        let most = if hints == Style::OpenAi { 3 } else { 20 };
        assert!(refused <= most, "{hints:?}: {refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_time_is_no_evidence_of_a_rate_of_tokens() {
    for hints in STYLES {
        for idle in [60, 600, 28_800] {
            let api = server(PER_MINUTE, BURST, hints);
            let client = client(api.clone());
            for batch in 0..4 {
                let requests = uneven(500);
                let best = best(&requests);
                let ratio = send_all(&client, requests).await / best;
                assert!(ratio <= 1.15, "{hints:?}, {idle} s, {batch}: {ratio}");
                sleep(Duration::from_secs(idle)).await;
            }
            assert!(
                api.refused() <= 40,
                "{hints:?}, {idle} s: {}",
                api.refused()
            );
        }
    }
}

/// The API at the other end of a network that takes this long, each way.
fn far(
    api: Server,
    away: Duration,
) -> impl Service<Req, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send {
    service_fn(move |request: Req| {
        let api = api.clone();
        async move {
            sleep(away).await;
            let answer = api.oneshot(request).await;
            sleep(away).await;
            answer
        }
    })
}

/// What is still on its way to the server when that tells what is left is in the mirror, and not in what is told.
#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_is_not_left() {
    for hints in [Style::OpenAi, Style::Anthropic] {
        for away in [0, 10, 50, 200] {
            for (requests, most) in [(mixed(1_000), 2), (uneven(1_000), 6)] {
                let api = server(PER_MINUTE, BURST, hints);
                let best = best(&requests);
                let client = client(far(api.clone(), Duration::from_millis(away)));
                let ratio = send_all(&client, requests).await / best;
                let refused = api.refused();
                println!("{hints:?}, {away} ms: {ratio:.3}, {refused} refused");
                assert!(ratio <= 1.02, "{hints:?}, {away} ms: {ratio}");
                assert!(refused <= most, "{hints:?}, {away} ms: {refused}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_announced_cost_is_not_refused_far_away() {
    for hints in [Style::OpenAi, Style::Anthropic] {
        // How long the way is shows the first refusal. Until then a shorter one is assumed.
        for (away, most) in [(10, 0), (50, 0), (200, 25)] {
            let api = server(PER_MINUTE, BURST, hints);
            let queue = QueueLayer::new().cost(cost);
            let gated = AdaptiveConcurrencyLayer::new().seed(1);
            let inner = gated.layer(far(api.clone(), Duration::from_millis(away)));
            let client = queue.layer(RetryOn429Layer::new().seed(1).layer(inner));
            send_all(&client, mixed(1_000)).await;
            println!("{hints:?}, {away} ms: {} refused", api.refused());
            assert!(
                api.refused() <= most,
                "{hints:?}, {away} ms: {}",
                api.refused()
            );
        }
    }
}
