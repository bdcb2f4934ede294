//! One request of a batch, as a future.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::Response;
use http::response::Parts;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::error::{BodyTooLarge, BoxError};
use super::shared::Counted;
use crate::cost::{Cost, announce};
use crate::message::HttpResponse;

/// The body of what a client answers.
pub(super) type BodyOf<R> = <R as HttpResponse>::Body;

/// What is reserved for a body before any of it came: a server may announce more than it sends.
const RESERVED: usize = 64 * 1024;

pin_project! {
    /// Waits until a client is ready, sends a request, and reads the body of the answer.
    pub(super) struct Job<S, Req, K>
    where
        S: Service<Req>,
        S::Response: HttpResponse,
    {
        index: usize,
        // `None` when it is done.
        key: Option<K>,
        cost: Option<Cost>,
        max_body: usize,
        #[pin]
        state: State<S, Req, S::Future, BodyOf<S::Response>>,
        counted: Counted,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, B> {
        Waiting {
            service: S,
            // `None` when it was sent.
            request: Option<Req>,
        },
        Called {
            #[pin]
            response: F,
        },
        Reading {
            // `None` when the body is read.
            parts: Option<Parts>,
            #[pin]
            body: B,
            data: Vec<u8>,
        },
        Done,
    }
}

/// A request that has ended.
pub(super) struct Ended<K, E> {
    pub(super) index: usize,
    pub(super) key: K,
    pub(super) outcome: Outcome<E>,
}

/// What became of a request.
pub(super) enum Outcome<E> {
    Answered(Response<Bytes>),
    Failed(E),
    Unread(Box<Response<()>>, BoxError),
}

impl<S, Req, K> Job<S, Req, K>
where
    S: Service<Req>,
    S::Response: HttpResponse,
{
    pub(super) fn new(
        (index, key): (usize, K),
        (service, request): (S, Req),
        cost: Option<Cost>,
        max_body: usize,
        counted: Counted,
    ) -> Self {
        let state = State::Waiting {
            service,
            request: Some(request),
        };
        Self {
            index,
            key: Some(key),
            cost,
            max_body,
            state,
            counted,
        }
    }

    /// Gives the request up, if the client did not take it yet. It never ends then.
    pub(super) fn give_up(self: Pin<&mut Self>) -> Option<(usize, K)> {
        let mut this = self.project();
        if !matches!(this.state.as_mut().project(), StateProj::Waiting { .. }) {
            return None;
        }
        let key = this.key.take()?;
        this.counted.ended();
        this.state.set(State::Done);
        Some((*this.index, key))
    }
}

impl<S, Req, K> Future for Job<S, Req, K>
where
    S: Service<Req>,
    S::Response: HttpResponse,
    <BodyOf<S::Response> as Body>::Error: Into<BoxError>,
{
    type Output = Ended<K, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let outcome = loop {
            match this.state.as_mut().project() {
                StateProj::Waiting { service, request } => {
                    let mut poll = || service.poll_ready(cx);
                    let is_ready = ready!(match *this.cost {
                        Some(cost) => announce(cost, poll),
                        None => poll(),
                    });
                    if let Err(error) = is_ready {
                        break Outcome::Failed(error);
                    }
                    let request = request.take().expect("a request is called once");
                    let response = service.call(request);
                    this.counted.called();
                    this.state.set(State::Called { response });
                }
                StateProj::Called { response } => match ready!(response.poll(cx)) {
                    Err(error) => break Outcome::Failed(error),
                    Ok(response) => {
                        let (parts, body) = response.into_parts();
                        this.state.set(State::Reading {
                            parts: Some(parts),
                            body,
                            data: Vec::new(),
                        });
                    }
                },
                StateProj::Reading { parts, body, data } => {
                    let read = ready!(poll_body(body, data, *this.max_body, cx));
                    let parts = parts.take().expect("a body is read once");
                    let data = mem::take(data);
                    break Outcome::of(parts, read.map(|()| data));
                }
                StateProj::Done => return Poll::Pending,
            }
        };
        // What it holds of the client is given back before anybody hears of the outcome.
        this.state.set(State::Done);
        this.counted.ended();
        let key = this.key.take().expect("a request ends once");
        Poll::Ready(Ended {
            index: *this.index,
            key,
            outcome,
        })
    }
}

impl<E> Outcome<E> {
    fn of(parts: Parts, read: Result<Vec<u8>, BoxError>) -> Self {
        match read {
            // To the byte: a piece of the client's own buffer would keep all of that alive.
            Ok(data) => {
                let body = Bytes::from(data.into_boxed_slice());
                Self::Answered(Response::from_parts(parts, body))
            }
            Err(error) => Self::Unread(Box::new(Response::from_parts(parts, ())), error),
        }
    }
}

/// Reads a body to its end.
fn poll_body<B>(
    mut body: Pin<&mut B>,
    data: &mut Vec<u8>,
    max: usize,
    cx: &mut Context<'_>,
) -> Poll<Result<(), BoxError>>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    loop {
        let Some(frame) = ready!(body.as_mut().poll_frame(cx)) else {
            return Poll::Ready(Ok(()));
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) => return Poll::Ready(Err(error.into())),
        };
        // Trailers are left out.
        let Ok(mut piece) = frame.into_data() else {
            continue;
        };
        if piece.remaining() > max - data.len() {
            return Poll::Ready(Err(BodyTooLarge::new(max).into()));
        }
        if data.is_empty() {
            let rest = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
            data.reserve_exact(piece.remaining().saturating_add(rest.min(RESERVED)));
        }
        while piece.has_remaining() {
            let chunk = piece.chunk();
            data.extend_from_slice(chunk);
            let read = chunk.len();
            piece.advance(read);
        }
    }
}
