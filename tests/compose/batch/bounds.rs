//! What a batch may cost: time, and polls.

use futures_util::{StreamExt as _, stream};
use sim::limits::{Bucket, Opened};
use sim::{Arrival, Fate, Server};
use tokio::task::JoinSet;
use tower::ServiceExt as _;
use tower_throttle::batch::Batch;
use tower_throttle::{AdaptiveConcurrency, RetryOn429};

use super::*;

type Throttled = RetryOn429<AdaptiveConcurrency<Server>>;

const SEEDS: std::ops::Range<u64> = 0..12;
const JOBS: usize = 1_500;

/// How long a job takes: half of a second to three halves.
fn takes(seed: u64, number: usize) -> f64 {
    0.5 + fastrand::Rng::with_seed(seed << 32 | number as u64).f64()
}

/// The APIs: their names, and what they do with requests.
fn server(name: &str, seed: u64) -> Server {
    let taken = move |taken: bool, arrival: &Arrival<'_>| {
        Fate::taken_if(taken, takes(seed, arrival.number))
    };
    match name {
        "no limit" => Server::new(move |arrival| taken(true, &arrival)),
        "40 in flight" => Server::new(move |arrival| taken(arrival.busy < 40, &arrival)),
        "600 a minute" => {
            let mut bucket = Bucket::new(10.0, 20.0);
            Server::new(move |arrival| taken(bucket.take(arrival.now), &arrival))
        }
        _ => {
            let mut window = Opened::new(300, 60.0);
            Server::new(move |arrival| {
                let fate = taken(window.take(arrival.now), &arrival);
                fate.header_if_refused("retry-after", window.wait(arrival.now).ceil())
            })
        }
    }
}

fn client(server: &Server, seed: u64) -> Throttled {
    ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(seed))
        .layer(AdaptiveConcurrencyLayer::new().seed(seed))
        .service(server.clone())
}

async fn by_tasks(client: &Throttled) {
    let mut tasks = JoinSet::new();
    for _ in 0..JOBS {
        tasks.spawn(client.clone().oneshot(to("")));
    }
    while let Some(answer) = tasks.join_next().await {
        assert_eq!(answer.unwrap().unwrap().status(), 200);
    }
}

async fn by_batch(client: &Throttled) {
    let requests = stream::repeat_with(|| to("")).take(JOBS);
    let results = Batch::new(client).run(requests);
    results.for_each(async |result| drop(result.unwrap())).await;
}

/// `cargo test --features batch --test compose makespan -- --nocapture` prints the table of `guide::batch`.
#[tokio::test(start_paused = true)]
async fn the_makespan_is_that_of_a_task_for_each_request() {
    for name in [
        "no limit",
        "40 in flight",
        "600 a minute",
        "300 in windows of a minute",
    ] {
        let (mut tasks, mut batch, mut refused) = (0.0, 0.0, [0, 0]);
        for seed in SEEDS {
            let api = server(name, seed);
            tasks += timed(by_tasks(&client(&api, seed))).await.1;
            refused[0] += api.refused();
            let api = server(name, seed);
            batch += timed(by_batch(&client(&api, seed))).await.1;
            refused[1] += api.refused();
        }
        let seeds = SEEDS.count() as f64;
        let [tasks_refused, batch_refused] = refused.map(|all| all as f64 / seeds);
        println!(
            "| {name} | {:.2} s | {:.2} s | {tasks_refused:.1} | {batch_refused:.1} |",
            tasks / seeds,
            batch / seeds
        );
        assert!(batch <= 1.01 * tasks, "{name}: {batch} for {tasks}");
    }
}

/// With a poll of all for each event, it would be a million.
#[tokio::test(start_paused = true)]
async fn an_event_polls_one_request_and_not_all() {
    let polls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&polls);
    let client = service_fn(move |request: Req| {
        let polls = Arc::clone(&counted);
        let takes = request.uri().path()[1..].parse().unwrap();
        let mut sleep = Box::pin(sleep(ms(takes)));
        poll_fn(move |cx| {
            polls.fetch_add(1, SeqCst);
            sleep
                .poll_unpin(cx)
                .map(|()| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())))
        })
    });
    let results = Batch::new(&client).run(stream::iter(requests(1..=1_000)));
    assert_eq!(results.count().await, 1_000);
    // One to begin with and one at the end, but for those that come when tokio's budget of a poll is used up.
    let polls = polls.load(SeqCst);
    assert!(polls <= 2_300, "{polls}");
}
