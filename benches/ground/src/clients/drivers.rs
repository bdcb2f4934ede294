//! Other ways in which programs drive a service than by a clone for each job.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt as _, stream};
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tower::buffer::Buffer;
use tower::util::Oneshot;
use tower::{BoxError, Service, ServiceExt as _};

use super::glue::Req;
use super::{Answer, Client};

/// How a program drives the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// One task waits until the service is ready, and spawns each call.
    OneTask,
    /// Clones of tower's `Buffer`.
    Buffer,
    /// `call_all(jobs).unordered()`: each answer is read before the next is taken.
    CallAll,
    /// `.buffered(64)`: the bodies are read after every 64 heads.
    Buffered,
    /// All heads, and then all bodies.
    JoinAll,
    /// Loops that keep their answers to the end, and never read them.
    Kept,
}

/// How many requests a program has under way that bounds them itself.
const AT_ONCE: usize = 64;

/// A job on its way to the service, and where its status is to go.
struct Item {
    request: Req,
    done: oneshot::Sender<Option<StatusCode>>,
}

/// An answer, and where its status is to go.
struct Answered<B> {
    response: Response<B>,
    done: oneshot::Sender<Option<StatusCode>>,
}

impl<B: Body> Answered<B> {
    async fn read(self) {
        let (head, body) = self.response.into_parts();
        let status = body.collect().await.is_ok().then_some(head.status);
        // Whoever waits for it may have lost patience.
        let _ = self.done.send(status);
    }
}

/// Reads an answer when it comes. If none does, its job is given up.
async fn read<B: Body, E>(answer: impl Future<Output = Result<Answered<B>, E>>) {
    if let Ok(answer) = answer.await {
        answer.read().await;
    }
}

/// Carries along with each request where its status is to go.
#[derive(Clone)]
struct Carrying<S>(S);

impl<S, B> Service<Item> for Carrying<S>
where
    S: Service<Req, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Answered<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Answered<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, Item { request, done }: Item) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let response = answer.await?;
            Ok(Answered { response, done })
        })
    }
}

/// A program that drives one service with all that it is given.
pub(super) struct Driven(mpsc::UnboundedSender<Item>);

impl Driven {
    /// `jobs` is how many it will be given. Those whose status never comes are given up.
    pub(super) fn client<S, B>(service: S, driver: Driver, jobs: usize) -> Arc<dyn Client>
    where
        S: Service<Req, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError> + fmt::Debug + Send + Sync + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
    {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let items = stream::poll_fn(move |cx| receiver.poll_recv(cx)).take(jobs);
        tokio::spawn(drive(Carrying(service), driver, items));
        Arc::new(Self(sender))
    }
}

impl Client for Driven {
    fn send(&self, request: Req) -> Answer {
        let (done, status) = oneshot::channel();
        // If nobody receives it, nobody sends a status.
        let _ = self.0.send(Item { request, done });
        Box::pin(async move { status.await.ok().flatten() })
    }
}

/// Ends early if the service fails.
async fn drive<S, B>(service: S, driver: Driver, items: impl Stream<Item = Item> + Send)
where
    S: Service<Item, Response = Answered<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + Send + Sync + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
{
    let items = std::pin::pin!(items);
    match driver {
        Driver::OneTask => call_in_one_task(service, items).await,
        Driver::Buffer => spawn_all(heads(Buffer::new(service, AT_ONCE), items)).await,
        Driver::CallAll => {
            let mut answers = service.call_all(items).unordered();
            while let Some(Ok(answer)) = answers.next().await {
                answer.read().await;
            }
        }
        Driver::Buffered => {
            let heads = heads(service, items).buffered(AT_ONCE);
            let mut heads = heads.chunks(AT_ONCE);
            while let Some(heads) = heads.next().await {
                read_in_turn(heads).await;
            }
        }
        Driver::JoinAll => {
            // As `join_all`, but it does not wait until all have arrived.
            let heads = heads(service, items).buffered(usize::MAX);
            read_in_turn(heads.collect().await).await;
        }
        Driver::Kept => keep(heads(service, items).buffer_unordered(AT_ONCE)).await,
    }
}

/// The heads of the answers, each to a clone of the service.
fn heads<S>(service: S, items: impl Stream<Item = Item>) -> impl Stream<Item = Oneshot<S, Item>>
where
    S: Service<Item> + Clone,
{
    items.map(move |item| service.clone().oneshot(item))
}

/// Waits in one task until the service is ready, and reads each answer in a task of its own.
async fn call_in_one_task<S, B>(mut service: S, mut items: Pin<&mut impl Stream<Item = Item>>)
where
    S: Service<Item, Response = Answered<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
{
    let mut calls = JoinSet::new();
    while let Some(item) = items.next().await {
        let Ok(service) = service.ready().await else {
            return;
        };
        calls.spawn(read(service.call(item)));
    }
    calls.join_all().await;
}

/// Waits for each head, and reads its answer, in a task of its own.
async fn spawn_all<F, B, E>(heads: impl Stream<Item = F>)
where
    F: Future<Output = Result<Answered<B>, E>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    E: Send + 'static,
{
    let mut heads = std::pin::pin!(heads);
    let mut calls = JoinSet::new();
    while let Some(head) = heads.next().await {
        calls.spawn(read(head));
    }
    calls.join_all().await;
}

/// Reads one answer after the other.
async fn read_in_turn<B: Body, E>(heads: Vec<Result<Answered<B>, E>>) {
    for answer in heads.into_iter().flatten() {
        answer.read().await;
    }
}

/// Reads no answer, and keeps all until the last head has come.
async fn keep<B, E>(mut heads: impl Stream<Item = Result<Answered<B>, E>> + Unpin) {
    let mut kept = Vec::new();
    while let Some(Ok(Answered { response, done })) = heads.next().await {
        let _ = done.send(Some(response.status()));
        kept.push(response);
    }
}
