//! Two ways through a batch: all posts at once through a service, or a few workers with a queue.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};
use tower::{Service, ServiceExt};
use tower_throttle::queue::Prioritized;

use crate::output::Record;
use crate::posts::{Class, Post, Posts};
use crate::reasons::Told;
use crate::target::Target;
use crate::usage;
use crate::wire::{Sent, Ticket};

/// How many posts are held at once, be it in line, in flight or before another attempt, and how many bytes of them.
/// It bounds the memory that a batch of any size takes.
const MOST_HELD: usize = 2_048;
const MOST_BYTES_HELD: usize = 256 << 20;

/// The longest answer that is kept.
const LONGEST_ANSWER: usize = 16 << 20;

/// How often a worker sends a post before it is given up.
const WORKER_ATTEMPTS: u32 = 12;

/// What every job needs besides its post.
#[derive(Clone)]
pub(crate) struct Desk {
    /// Where to send.
    pub(crate) target: Arc<Target>,
    /// Where the records go. An error says that the input is at fault.
    pub(crate) records: mpsc::UnboundedSender<Result<Done, String>>,
    /// Turns true when no more posts are to be taken.
    pub(crate) stop: watch::Receiver<bool>,
    /// Reads from an answer's extensions how often its post was sent.
    pub(crate) attempts: fn(&Extensions) -> u32,
    /// The longest wait that is kept when the API asks for it.
    pub(crate) patience: Duration,
    /// Whether the API gives back the tokens that a request did not take.
    pub(crate) settles: bool,
}

/// A post that has its answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) record: Record,
    pub(crate) class: Class,
}

/// Submits all posts at once, each as a task with its own clone of the service; of a large batch, as many as are held.
///
/// A stop ends the tasks that have nothing in flight, be it that they wait to be sent for the
/// first time or again.
pub(crate) async fn all_at_once<S, B>(service: S, mut posts: Posts, desk: Desk)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Error + Send,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut jobs = JoinSet::new();
    let mut bytes = 0;
    loop {
        while jobs.len() < MOST_HELD && (bytes < MOST_BYTES_HELD || jobs.is_empty()) {
            if *desk.stop.borrow() {
                break;
            }
            let post = match posts.next() {
                Some(Ok(post)) => post,
                Some(Err(error)) => {
                    let _ = desk.records.send(Err(error));
                    break;
                }
                None => break,
            };
            bytes += post.body.len();
            jobs.spawn(one(service.clone(), post, desk.clone()));
        }
        // A panic is passed on.
        match jobs.join_next().await {
            Some(Ok(size)) => bytes -= size,
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
}

/// Sends a post, unless the batch is stopped before, and returns its size.
async fn one<S, B>(service: S, post: Post, desk: Desk) -> usize
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Error: Error,
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (ticket, mut in_flight) = Ticket::new();
    let request = desk.request(&post, ticket);
    let mut stop = desk.stop.clone();
    let stopped = async {
        // An error says that there is nobody left to stop this.
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        let _ = in_flight.wait_for(|in_flight| !in_flight).await;
    };
    let answered = async {
        let service = Prioritized::new(service, post.class.priority());
        let result = service.oneshot(request).await;
        desk.record(&post, result).await
    };
    tokio::select! {
        biased;
        record = answered => {
            // Without a reader the program is about to end.
            let _ = desk.records.send(Ok(record));
        }
        () = stopped => {}
    }
    post.body.len()
}

/// A few workers take posts from a queue. A refused post is put back at its end, and its worker
/// waits 2^n seconds and up to one more, n being how often the post was refused before.
pub(crate) async fn workers<S, B>(count: usize, service: S, posts: Posts, desk: Desk)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Error + Send,
    S::Future: Send,
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let queue = Arc::new(Mutex::new(Queue {
        posts,
        again: VecDeque::new(),
    }));
    let mut jobs = JoinSet::new();
    for _ in 0..count {
        let (service, mut desk, queue) = (service.clone(), desk.clone(), Arc::clone(&queue));
        jobs.spawn(async move {
            while !*desk.stop.borrow() {
                let next = queue.lock().expect("no holder panics").next();
                let (post, before) = match next {
                    Some(Ok(next)) => next,
                    Some(Err(error)) => {
                        let _ = desk.records.send(Err(error));
                        break;
                    }
                    None => break,
                };
                let request = desk.request(&post, Ticket::new().0);
                let result = service.clone().oneshot(request).await;
                let mut done = desk.record(&post, result).await;
                let attempts = before + 1;
                done.record.attempts = attempts;
                if is_refusal(done.record.status) && attempts < WORKER_ATTEMPTS {
                    let again = (post, attempts);
                    queue
                        .lock()
                        .expect("no holder panics")
                        .again
                        .push_back(again);
                    let wait = f64::from(before).exp2() + fastrand::f64();
                    tokio::select! {
                        () = sleep(Duration::from_secs_f64(wait)) => {}
                        _ = desk.stop.wait_for(|stop| *stop) => {}
                    }
                } else {
                    let _ = desk.records.send(Ok(done));
                }
            }
        });
    }
    finish(jobs).await;
}

/// The posts that are left, and behind them those that were refused, with how often they were sent.
struct Queue {
    posts: Posts,
    again: VecDeque<(Post, u32)>,
}

impl Iterator for Queue {
    type Item = Result<(Post, u32), String>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.posts.next() {
            Some(post) => Some(post.map(|post| (post, 0))),
            None => self.again.pop_front().map(Ok),
        }
    }
}

fn is_refusal(status: Option<u16>) -> bool {
    matches!(status, Some(429 | 503))
}

/// Waits for all tasks, and passes a panic on.
async fn finish(mut jobs: JoinSet<()>) {
    while let Some(ended) = jobs.join_next().await {
        if let Err(error) = ended {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

impl Desk {
    fn request(&self, post: &Post, ticket: Ticket) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(post.body.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.target.uri.clone();
        *request.headers_mut() = self.target.headers.clone();
        let extensions = request.extensions_mut();
        extensions.insert(ticket);
        if let Some(cost) = post.cost {
            extensions.insert(cost);
        }
        request
    }

    /// Reads an answer to its end.
    async fn record<B, E>(&self, post: &Post, result: Result<Response<B>, E>) -> Done
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
        E: Error,
    {
        let mut record = Record {
            id: post.id.clone(),
            status: None,
            // An error carries no count; one attempt there was.
            attempts: 1,
            latency_ms: None,
            body: Value::Null,
            told: Told::default(),
        };
        match result {
            Err(error) => record.body = chain(&error).into(),
            Ok(response) => {
                // The head is kept until the body is read: it holds the attempt's place in the count.
                let (head, body) = response.into_parts();
                let sent = head.extensions.get::<Sent>().copied();
                match read(body, sent).await {
                    Ok(body) => {
                        record.status = Some(head.status.as_u16());
                        record.body = text_or_json(&body);
                    }
                    Err(error) => record.body = error.into(),
                }
                if self.settles && record.succeeded() {
                    usage::settle(&head.extensions, &record.body);
                }
                record.attempts = (self.attempts)(&head.extensions);
                record.latency_ms = sent.map(|sent| milliseconds(sent.at.elapsed()));
                record.told = Told::of(&head.extensions, self.patience);
            }
        }
        let class = post.class;
        Done { record, class }
    }
}

/// A time to a tenth of a millisecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

/// Reads a body, as long as its attempt may take.
async fn read<B>(body: B, sent: Option<Sent>) -> Result<Bytes, String>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let whole = Limited::new(body, LONGEST_ANSWER).collect();
    let read = match sent.and_then(|sent| Some((sent.at, sent.timeout?))) {
        None => whole.await,
        Some((at, timeout)) => match timeout_at(at + timeout, whole).await {
            Ok(read) => read,
            Err(_) => return Err(format!("timed out after {timeout:?}")),
        },
    };
    read.map(|body| body.to_bytes())
        .map_err(|error| chain(&*error))
}

/// An error and its causes: hyper-util's own message says only that connecting failed.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

fn text_or_json(body: &[u8]) -> Value {
    serde_json::from_slice(body)
        .unwrap_or_else(|_| String::from_utf8_lossy(body).into_owned().into())
}

#[cfg(test)]
mod tests;
