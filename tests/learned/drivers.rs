//! The layers as programs drive them, on the paused clock: not each request from a clone and a task of
//! its own. No answer tells how long its body is, so each holds its place until it is read, or has not
//! been read for a second.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use http::Request;
use http_body_util::{BodyExt, Full};
use sim::server::Answers;
use sim::{Arrival, Fate, Server};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tower::buffer::Buffer;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

type Answer = <Client as Service<Request<Full<Bytes>>>>::Response;
type Client = RetryOn429<AdaptiveConcurrency<Server>>;

/// Works on a number of requests at one time, and refuses others at once.
#[derive(Clone, Debug)]
struct Api(Server);

impl Api {
    fn new(places: usize, latency: Duration) -> Self {
        let takes = latency.as_secs_f64();
        let server = Server::new(move |Arrival { busy, .. }| Fate::taken_if(busy < places, takes));
        Self(server.answers(Answers::Chunked, 0.0))
    }

    fn client(&self) -> Client {
        ServiceBuilder::new()
            .layer(RetryOn429Layer::new().seed(1))
            .layer(AdaptiveConcurrencyLayer::new().seed(1))
            .service(self.0.clone())
    }
}

fn request() -> Request<Full<Bytes>> {
    Request::new(Full::from("{}"))
}

fn requests(count: usize) -> impl Iterator<Item = Request<Full<Bytes>>> {
    std::iter::repeat_with(request).take(count)
}

async fn read(answer: Answer) {
    assert_eq!(answer.status(), 200);
    answer.into_body().collect().await.unwrap();
}

async fn read_all(answers: Vec<Answer>) {
    for answer in answers {
        read(answer).await;
    }
}

/// How a program drives the layers.
#[derive(Clone, Copy, Debug)]
enum Driver {
    /// A clone and a task for each request.
    Clones,
    /// One task waits until the service is ready, and spawns each call.
    OneTask,
    /// Clones of tower's `Buffer`.
    Buffer,
    /// `call_all(requests).unordered()`.
    CallAll,
    /// `.buffered(64)`, and the bodies after every 64 heads.
    Buffered,
    /// All heads, and then all bodies.
    JoinAll,
    /// A loop that keeps its answers.
    Kept,
}

impl Driver {
    async fn drive(self, mut client: Client, count: usize) {
        let heads = |client: Client| {
            let head = move |request| client.clone().oneshot(request);
            requests(count).map(head)
        };
        let mut tasks = JoinSet::new();
        match self {
            Self::Clones => {
                for head in heads(client) {
                    tasks.spawn(async move { read(head.await.unwrap()).await });
                }
            }
            Self::OneTask => {
                for request in requests(count) {
                    let answer = client.ready().await.unwrap().call(request);
                    tasks.spawn(async move { read(answer.await.unwrap()).await });
                }
            }
            Self::Buffer => {
                let buffer = Buffer::new(client, 64);
                for request in requests(count) {
                    let answer = buffer.clone().oneshot(request);
                    tasks.spawn(async move { read(answer.await.unwrap()).await });
                }
            }
            Self::CallAll => {
                let answers = client.call_all(stream::iter(requests(count)));
                let mut answers = answers.unordered();
                while let Some(answer) = answers.next().await {
                    read(answer.unwrap()).await;
                }
            }
            Self::Buffered => {
                let answers = stream::iter(heads(client)).buffered(64).map(Result::unwrap);
                let mut answers = answers.chunks(64);
                while let Some(answers) = answers.next().await {
                    read_all(answers).await;
                }
            }
            Self::JoinAll => {
                let answers = join_all(heads(client)).await.into_iter();
                read_all(answers.map(Result::unwrap).collect()).await;
            }
            Self::Kept => {
                let mut kept = Vec::new();
                for _ in 0..count {
                    kept.push(client.ready().await.unwrap().call(request()).await.unwrap());
                }
                read_all(kept).await;
            }
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
    }

    /// How many seconds it takes until all are served and read, at most an hour.
    async fn takes(self, api: Api, count: usize) -> f64 {
        let began = Instant::now();
        let all = self.drive(api.client(), count);
        let ended = timeout(Duration::from_secs(3600), all).await;
        assert!(ended.is_ok(), "{self:?} hangs");
        assert_eq!(api.0.log().accepted.len(), count, "{self:?}");
        began.elapsed().as_secs_f64()
    }
}

const TWO_SECONDS: Duration = Duration::from_secs(2);

/// Those that read what they get, and those that do not.
const READS: [Driver; 4] = [
    Driver::Clones,
    Driver::OneTask,
    Driver::Buffer,
    Driver::CallAll,
];
const KEEPS: [Driver; 3] = [Driver::Buffered, Driver::JoinAll, Driver::Kept];

/// The seven round trips in which the limit grows from 4 to more than all of them.
#[tokio::test(start_paused = true)]
async fn without_a_limit_a_thousand_requests_take_as_long_from_one_task_as_from_clones() {
    for driver in READS {
        let took = driver.takes(Api::new(usize::MAX, TWO_SECONDS), 1000).await;
        assert!((14.0..14.5).contains(&took), "{driver:?}: {took}");
    }
}

/// 64 at a time would take 32 s, and one at a time 2,000.
#[tokio::test(start_paused = true)]
async fn without_a_limit_answers_that_are_kept_hold_up_little() {
    for (driver, most) in KEEPS.into_iter().zip([38.0, 17.0, 2001.0]) {
        let took = driver.takes(Api::new(usize::MAX, TWO_SECONDS), 1000).await;
        assert!(took < most, "{driver:?}: {took}");
    }
}

/// The best is 5 s, or 25 for the loop that makes one request at a time. Each answer that is not read
/// holds its place for up to a second, twenty times as long as the work takes.
#[tokio::test(start_paused = true)]
async fn at_a_limit_every_driver_ends() {
    let most = |driver| match driver {
        Driver::Buffered | Driver::JoinAll => 25.0,
        Driver::Kept => 40.0,
        _ => 5.2,
    };
    for driver in READS.into_iter().chain(KEEPS) {
        let took = driver.takes(Api::new(5, TWO_SECONDS / 40), 500).await;
        assert!(took < most(driver), "{driver:?}: {took}");
    }
}
