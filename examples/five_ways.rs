//! Five ways of writing a batch, all through one kind of client: a loop, `join_all`, `buffered`, a `JoinSet` and
//! `Batch`. Prints how many of the 500 answers each has, how long it took, and how often the API refused.
//!
//! `cargo run --example five_ways --features batch`
//!
//! The API is simulated. It works on five posts at a time, takes five to fifteen seconds for each, and answers the
//! sixth with status 429. The clock is tokio's, paused, so each run prints the same, at once.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tower::{Service, ServiceBuilder, ServiceExt as _};
use tower_throttle::{
    AdaptiveConcurrency, AdaptiveConcurrencyLayer, Batch, RetryOn429, RetryOn429Layer,
};

type Body = Full<Bytes>;
type Client = RetryOn429<AdaptiveConcurrency<Api>>;
/// The answer to each post, by its number.
type Answers = BTreeMap<usize, Bytes>;

const POSTS: usize = 500;
const PLACES: usize = 5;

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let table = [
        ("a loop", measured(one_by_one).await?),
        ("join_all", measured(all_joined).await?),
        ("buffered(64)", measured(buffered).await?),
        ("JoinSet", measured(spawned).await?),
        ("Batch", measured(batched).await?),
    ];
    println!(
        "{:<12} {:>7} {:>8} {:>8}",
        "", "answers", "seconds", "refused"
    );
    for (name, (answers, seconds, refused)) in &table {
        println!(
            "{name:<12} {:>7} {seconds:>8.0} {refused:>8}",
            answers.len()
        );
    }
    let (_, (first, ..)) = &table[0];
    if first.len() < POSTS || table.iter().any(|(_, (answers, ..))| answers != first) {
        return Err("an answer is missing, or differs".into());
    }
    Ok(())
}

/// One after another: 500 times as long as one.
async fn one_by_one(client: Client) -> Result<Answers, Box<dyn Error>> {
    let mut answers = Answers::new();
    for number in 0..POSTS {
        let response = client.clone().oneshot(post(number)).await?;
        answers.insert(number, response.into_body().collect().await?.to_bytes());
    }
    Ok(answers)
}

/// All at once, in one task. Every post and every answer is in memory until the last answer is there.
async fn all_joined(client: Client) -> Result<Answers, Box<dyn Error>> {
    let sent = (0..POSTS).map(|number| send(client.clone(), number));
    Ok(join_all(sent).await.into_iter().collect::<Result<_, _>>()?)
}

/// At most 64 at once. A number to choose: below what the API works on it wastes time, and in order the slowest of
/// the 64 holds the others up.
async fn buffered(client: Client) -> Result<Answers, Box<dyn Error>> {
    let sent = stream::iter(0..POSTS).map(|number| send(client.clone(), number));
    Ok(sent.buffered(64).try_collect().await?)
}

/// A task for each. What it was for has to be handed through the task, and each answer through two errors.
async fn spawned(client: Client) -> Result<Answers, Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    for number in 0..POSTS {
        tasks.spawn(send(client.clone(), number));
    }
    let mut answers = Answers::new();
    while let Some(ended) = tasks.join_next().await {
        let (number, answer) = ended??;
        answers.insert(number, answer);
    }
    Ok(answers)
}

/// A bounded number of posts in memory, bodies read, and what is not a 2xx is an error. With a journal it would send
/// no post twice when it runs again.
async fn batched(client: Client) -> Result<Answers, Box<dyn Error>> {
    let results = Batch::new(&client)
        .on_progress(|progress| {
            if progress.done() % 250 == 0 {
                eprintln!("{progress}");
            }
        })
        .run(stream::iter((0..POSTS).map(post)));
    let results = results.map_ok(|(number, response)| (number, response.into_body()));
    Ok(results.try_collect().await?)
}

async fn send(client: Client, number: usize) -> Result<(usize, Bytes), Infallible> {
    let response = client.oneshot(post(number)).await?;
    Ok((number, response.into_body().collect().await?.to_bytes()))
}

fn post(number: usize) -> Request<Body> {
    Request::new(Full::from(format!("post {number}")))
}

/// What a way gives through a client of its own: the answers, the seconds that it took, and how many posts the API
/// refused.
async fn measured<F>(way: impl FnOnce(Client) -> F) -> Result<(Answers, f64, usize), Box<dyn Error>>
where
    F: Future<Output = Result<Answers, Box<dyn Error>>>,
{
    let api = Api::default();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(1))
        .layer(AdaptiveConcurrencyLayer::new().seed(1))
        .service(api.clone());
    let start = Instant::now();
    let answers = way(client).await?;
    Ok((
        answers,
        start.elapsed().as_secs_f64(),
        api.refused.load(Relaxed),
    ))
}

/// The API. Clones are the same one.
#[derive(Clone, Default)]
struct Api {
    busy: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

impl Api {
    async fn answer(self, post: Request<Body>) -> Result<Response<Body>, Infallible> {
        if self.busy.fetch_add(1, Relaxed) >= PLACES {
            self.busy.fetch_sub(1, Relaxed);
            self.refused.fetch_add(1, Relaxed);
            let mut refusal = Response::new(Body::default());
            *refusal.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            return Ok(refusal);
        }
        let text = post.into_body().collect().await?.to_bytes();
        let seed = text.iter().fold(0, |sum, byte| sum * 31 + u64::from(*byte));
        let seconds = 5.0 + 10.0 * fastrand::Rng::with_seed(seed).f64();
        sleep(Duration::from_secs_f64(seconds)).await;
        self.busy.fetch_sub(1, Relaxed);
        Ok(Response::new(Full::from([b"about ", &text[..]].concat())))
    }
}

impl Service<Request<Body>> for Api {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, post: Request<Body>) -> Self::Future {
        Box::pin(self.clone().answer(post))
    }
}
