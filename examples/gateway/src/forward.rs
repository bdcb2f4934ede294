//! One request's way through the gateway.

use std::error::Error;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Full};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tower_throttle::message::Unsent;
use tower_throttle::queue::QueueError;
use tower_throttle::retry::Attempts;
use tracing::{info, warn};

use crate::buffer::{Memory, Unread};
use crate::config::Config;
use crate::headers;
use crate::keys;
use crate::priority::Wish;
use crate::refusal::Refusal;
use crate::upstream::{Place, Upstream};

/// The header that says how often a request was sent.
pub(crate) const ATTEMPTS: &str = "x-gateway-attempts";

/// The header of an answer that is a copy of an older refusal, since the API serves nobody.
pub(crate) const UNSENT: &str = "x-gateway-unsent";

/// What the requests of all upstreams share.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) config: Config,
    pub(crate) memory: Memory,
    /// Cancelled when no request is taken any more.
    pub(crate) stopping: CancellationToken,
    /// Cancelled when requests that have no answer yet will get none.
    pub(crate) closed: CancellationToken,
}

/// Answers a request whose path, without the upstream's name, is `path`.
///
/// If the client leaves, hyper drops this future, or the answer's body. Either ends the call to the
/// upstream, and gives its permit back.
pub(crate) async fn forward(
    desk: Arc<Desk>,
    upstream: Arc<Upstream>,
    path: String,
    request: Request,
) -> Response {
    let arrived = Instant::now();
    let method = request.method().clone();
    let mut place = upstream.enter();
    let result = match &mut place {
        None => Err(overloaded(&upstream)),
        Some(place) => tokio::select! {
            result = send(&desk, &upstream, place, &path, request) => result,
            () = desk.closed.cancelled() => Err(Refusal::ShuttingDown),
        },
    };
    let attempts = match &result {
        Ok(response) => Some(Attempts::of(response.extensions()).get()),
        Err(_) => None,
    };
    let is_copy = |response: &Response| response.headers().contains_key(UNSENT);
    let by = match &result {
        Ok(response) if !is_copy(response) => "upstream",
        _ => "gateway",
    };
    let response = result.unwrap_or_else(|refusal| {
        let name = &*upstream.target.name;
        warn!(
            upstream = name,
            code = refusal.code(),
            "{}",
            refusal.message()
        );
        refusal.into_response()
    });
    upstream.count(response.status(), by);
    // Neither headers nor the query: they may hold keys.
    info!(
        upstream = &*upstream.target.name,
        %method,
        path,
        status = response.status().as_u16(),
        by,
        attempts,
        after = ?arrived.elapsed(),
    );
    match place {
        Some(place) => hold(response, place.answered()),
        None => response,
    }
}

/// The answer to a request that comes on top of those that may wait.
fn overloaded(upstream: &Upstream) -> Refusal {
    let retry_after = upstream.turn_away();
    Refusal::Overloaded { retry_after }
}

/// Keeps a place until the answer's body ends or is dropped, by a closure that lives as long.
fn hold(response: Response, place: Place) -> Response {
    response.map(|body| {
        Body::new(body.map_err(move |error| {
            let upstream = place.upstream();
            warn!(upstream, "an answer broke off: {}", reasons(&error));
            error
        }))
    })
}

/// An error and what caused it.
fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Sends a request, until it is accepted or there is no hope.
async fn send(
    desk: &Desk,
    upstream: &Upstream,
    place: &mut Place,
    path: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let read = timeout(desk.config.body_timeout, desk.memory.read(body));
    let read = tokio::select! {
        read = read => read,
        () = desk.stopping.cancelled() => return Err(Refusal::ShuttingDown),
    };
    let (body, _held) = match read.map_err(|_| Refusal::BodyTimeout)? {
        Ok(read) => read,
        Err(Unread::TooLarge) => {
            let max = desk.config.max_body;
            return Err(Refusal::TooLarge { max });
        }
        Err(Unread::NoMemory) => return Err(overloaded(upstream)),
        Err(Unread::Broken) => return Err(Refusal::Malformed),
    };
    if !place.take() {
        return Err(overloaded(upstream));
    }
    let wish = Wish::read(&desk.config, &parts.headers, &body).ok_or(Refusal::Malformed)?;
    let uri = upstream
        .target
        .uri(path, parts.uri.query())
        .ok_or(Refusal::Malformed)?;
    let cost = upstream
        .provider
        .and_then(|provider| provider.cost(path, &body));
    let mut request = axum::http::Request::new(Full::new(body));
    *request.method_mut() = parts.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers::to_upstream(parts.headers, parts.version);
    request.extensions_mut().insert(wish);
    cost.map(|cost| request.extensions_mut().insert(cost));
    let key = keys::key(&request);

    let answer = timeout(desk.config.timeout, upstream.stack.clone().oneshot(request)).await;
    let answer = answer.map_err(|_| Refusal::Timeout)?;
    let response = answer.map_err(|error| match error {
        QueueError::Inner(error) if error.is_connect() => Refusal::Unreachable(reasons(&error)),
        QueueError::Inner(error) => Refusal::Failed(reasons(&error)),
        QueueError::Expired { needs } => Refusal::TooLate { retry_after: needs },
        // It waited for as long as it may.
        _ => Refusal::TooLate {
            retry_after: upstream.wait(&key, wish.class).unwrap_or_default(),
        },
    })?;
    Ok(to_client(response))
}

/// The API's answer as the client gets it.
fn to_client<B>(response: axum::http::Response<B>) -> Response
where
    B: axum::body::HttpBody<Data = axum::body::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let (mut parts, body) = response.into_parts();
    headers::remove_hop_by_hop(&mut parts.headers);
    let attempts = Attempts::of(&parts.extensions);
    parts.headers.insert(ATTEMPTS, attempts.get().into());
    if Unsent::of(&parts.extensions).is_some() {
        let circuit_open = HeaderValue::from_static("circuit_open");
        parts.headers.insert(UNSENT, circuit_open);
    }
    let mut response = Response::new(Body::new(body));
    *response.status_mut() = parts.status;
    *response.headers_mut() = parts.headers;
    response.extensions_mut().insert(attempts);
    response
}
