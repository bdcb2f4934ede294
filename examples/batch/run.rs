//! Two ways through a batch: all posts at once through a service, or a few workers with a queue.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, Request, Response, StatusCode, Uri};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::{Service, ServiceExt};

use crate::output::Record;
use crate::posts::Post;
use crate::wire::{SentAt, Ticket};

/// The longest answer that is kept.
const LONGEST_ANSWER: usize = 16 << 20;

/// How often a worker sends a post before it is given up.
const WORKER_ATTEMPTS: u32 = 12;

/// What every job needs besides its post.
#[derive(Clone)]
pub(crate) struct Desk {
    /// Where to send.
    pub(crate) uri: Uri,
    /// Where the records go.
    pub(crate) records: mpsc::UnboundedSender<Record>,
    /// Turns true when no more posts are to be taken.
    pub(crate) stop: watch::Receiver<bool>,
    /// Reads from an answer's extensions how often its post was sent.
    pub(crate) attempts: fn(&Extensions) -> u32,
}

/// Submits all posts at once, each as a task with its own clone of the service.
///
/// A stop ends the tasks that have nothing in flight, be it that they wait to be sent for the
/// first time or again.
pub(crate) async fn all_at_once<S, B>(service: S, posts: Vec<Post>, desk: Desk)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Error + Send,
    S::Future: Send,
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let mut jobs = JoinSet::new();
    for post in posts {
        let (service, mut desk) = (service.clone(), desk.clone());
        jobs.spawn(async move {
            let (ticket, mut in_flight) = Ticket::new();
            let request = desk.request(&post, ticket);
            let stopped = async {
                // An error says that there is nobody left to stop this.
                if desk.stop.wait_for(|stop| *stop).await.is_err() {
                    std::future::pending::<()>().await;
                }
                let _ = in_flight.wait_for(|in_flight| !in_flight).await;
            };
            let answered = async {
                let result = service.oneshot(request).await;
                record(&post, result, desk.attempts).await
            };
            tokio::select! {
                biased;
                record = answered => {
                    // Without a reader the program is about to end.
                    let _ = desk.records.send(record);
                }
                () = stopped => {}
            }
        });
    }
    finish(jobs).await;
}

/// A few workers take posts from a queue. A refused post is put back at its end, and its worker
/// waits 2^n seconds and up to one more, n being how often the post was refused before.
pub(crate) async fn workers<S, B>(count: usize, service: S, posts: Vec<Post>, desk: Desk)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + 'static,
    S::Error: Error + Send,
    S::Future: Send,
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let posts = posts.into_iter().map(|post| (post, 0_u32));
    let queue = Arc::new(Mutex::new(posts.collect::<VecDeque<_>>()));
    let mut jobs = JoinSet::new();
    for _ in 0..count {
        let (service, mut desk, queue) = (service.clone(), desk.clone(), Arc::clone(&queue));
        jobs.spawn(async move {
            while !*desk.stop.borrow() {
                let next = queue.lock().expect("no holder panics").pop_front();
                let Some((post, before)) = next else { break };
                let request = desk.request(&post, Ticket::new().0);
                let result = service.clone().oneshot(request).await;
                let mut record = record(&post, result, desk.attempts).await;
                record.attempts = before + 1;
                if is_refusal(record.status) && record.attempts < WORKER_ATTEMPTS {
                    let again = (post, record.attempts);
                    queue.lock().expect("no holder panics").push_back(again);
                    let wait = f64::from(before).exp2() + fastrand::f64();
                    tokio::select! {
                        () = sleep(Duration::from_secs_f64(wait)) => {}
                        _ = desk.stop.wait_for(|stop| *stop) => {}
                    }
                } else {
                    let _ = desk.records.send(record);
                }
            }
        });
    }
    finish(jobs).await;
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
        *request.uri_mut() = self.uri.clone();
        let json = http::HeaderValue::from_static("application/json");
        request
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, json);
        request.extensions_mut().insert(ticket);
        request
    }
}

/// Reads an answer to its end.
async fn record<B, E>(
    post: &Post,
    result: Result<Response<B>, E>,
    attempts: fn(&Extensions) -> u32,
) -> Record
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: Error,
{
    let id = post.id.clone();
    let response = match result {
        Ok(response) => response,
        Err(error) => {
            return Record {
                id,
                status: None,
                // An error carries no count; one attempt there was.
                attempts: 1,
                latency_ms: None,
                body: chain(&error).into(),
            };
        }
    };
    // The head is kept until the body is read: it holds the attempt's place in the count.
    let (head, body) = response.into_parts();
    let (status, body) = match Limited::new(body, LONGEST_ANSWER).collect().await {
        Ok(body) => (Some(head.status), text_or_json(&body.to_bytes())),
        Err(error) => (None, chain(&*error).into()),
    };
    let sent = head.extensions.get::<SentAt>();
    Record {
        id,
        status: status.as_ref().map(StatusCode::as_u16),
        attempts: attempts(&head.extensions),
        latency_ms: sent.map(|sent| (sent.0.elapsed().as_secs_f64() * 1e4).round() / 10.0),
        body,
    }
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
