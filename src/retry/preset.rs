//! What usually goes wrong besides refusals.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::iter::successors;

use http::StatusCode;

use super::classify::{Classify, Decision, Head};

/// How far an error's sources are followed.
const MAX_DEPTH: usize = 32;

/// Retries what usually goes wrong besides refusals, as far as that is safe.
///
/// ```
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::Preset;
///
/// let layer = RetryOn429Layer::new().classify(Preset::idempotent_failures());
/// # let _ = layer;
/// ```
///
/// In a pair with others, of which the first that has an opinion decides:
///
/// ```
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::{Preset, retry_errors};
///
/// # type Error = std::io::Error;
/// let timed_out = |error: &Error| error.kind() == std::io::ErrorKind::TimedOut;
/// let layer = RetryOn429Layer::new()
///     .classify((Preset::idempotent_failures(), retry_errors(timed_out)));
/// # let _ = layer;
/// ```
///
/// A boxed error implements no [`Error`] of its own, so it is passed on by hand:
///
/// ```
/// use tower::BoxError;
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::{Head, Preset};
///
/// let layer = RetryOn429Layer::new().classify(|result: Result<Head<'_>, &BoxError>| {
///     Preset::idempotent_failures().decide(result.map_err(|error| &**error as _))
/// });
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Preset(());

impl Preset {
    /// Retries failures that pass, if the request may be repeated.
    ///
    /// | what | which requests |
    /// |---|---|
    /// | the statuses 500, 502 and 504 | those that [may be repeated](Decision::Retry) |
    /// | a connection that was reset, aborted or closed before the answer, or lost its network | the same |
    /// | no connection: it was refused; with a client's feature also no address, no TLS, no tunnel | all: nothing was sent |
    /// | a request that the client had not begun to send when its connection ended, with a client's feature | all |
    /// | HTTP/2's `REFUSED_STREAM`, and a `GOAWAY` that excludes the stream, with the feature `http2` | all: the server says that it did nothing |
    ///
    /// What happened is looked for in the error and its [sources](Error::source). Without features these
    /// are I/O errors. The feature `hyper-util` adds hyper's errors and those of hyper-util's client;
    /// `reqwest` does the same, as reqwest's errors are made of them.
    ///
    /// Not retried are timeouts, of which the server may not have noticed anything, and the errors of a
    /// request's own body.
    ///
    /// A client that follows redirects, as reqwest does, may have sent the request to one server before it
    /// finds no connection to another. A `POST` that is answered by a `303` is then sent twice. Switch
    /// the redirects off for such an API.
    #[must_use]
    pub const fn idempotent_failures() -> Self {
        Self(())
    }

    /// Decides about a status, or an error of any type.
    #[must_use]
    pub fn decide(self, result: Result<Head<'_>, &(dyn Error + 'static)>) -> Decision {
        match result.map(|head| head.status()) {
            Ok(
                StatusCode::INTERNAL_SERVER_ERROR
                | StatusCode::BAD_GATEWAY
                | StatusCode::GATEWAY_TIMEOUT,
            ) => Decision::Retry,
            Ok(_) => Decision::Default,
            Err(error) => failure(error),
        }
    }
}

impl<E: Error + 'static> Classify<E> for Preset {
    fn classify(&self, result: Result<Head<'_>, &E>) -> Decision {
        self.decide(result.map_err(|error| error as _))
    }
}

/// What an error of a chain tells.
enum Evidence {
    /// The server did nothing.
    Unprocessed,
    /// The connection broke.
    Broken,
    /// The request itself is at fault.
    #[cfg(feature = "hyper-util")]
    Request,
}

fn failure(error: &(dyn Error + 'static)) -> Decision {
    let mut decision = Decision::Default;
    for error in successors(Some(error), |error| inside(*error)).take(MAX_DEPTH) {
        match evidence(error) {
            Some(Evidence::Unprocessed) => return Decision::RetryUnprocessed,
            Some(Evidence::Broken) => decision = Decision::Retry,
            #[cfg(feature = "hyper-util")]
            Some(Evidence::Request) => return Decision::Default,
            None => {}
        }
    }
    decision
}

/// The error that an error is made of. An [`io::Error`] leaves out the one that it wraps.
fn inside<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let io = error.downcast_ref::<io::Error>();
    match io.and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn evidence(error: &(dyn Error + 'static)) -> Option<Evidence> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return of_io(error);
    }
    #[cfg(feature = "http2")]
    if let Some(error) = error.downcast_ref::<h2::Error>() {
        return of_http2(error);
    }
    #[cfg(feature = "hyper-util")]
    if let Some(error) = error.downcast_ref::<hyper::Error>() {
        return of_hyper(error);
    }
    #[cfg(feature = "hyper-util")]
    if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
        return error.is_connect().then_some(Evidence::Unprocessed);
    }
    None
}

fn of_io(error: &io::Error) -> Option<Evidence> {
    match error.kind() {
        // Only the attempt to connect can be refused.
        ErrorKind::ConnectionRefused => Some(Evidence::Unprocessed),
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::NotConnected
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof
        // These can also befall a connection in use.
        | ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown => Some(Evidence::Broken),
        _ => None,
    }
}

#[cfg(feature = "hyper-util")]
fn of_hyper(error: &hyper::Error) -> Option<Evidence> {
    if error.is_user() {
        Some(Evidence::Request)
    } else if error.is_canceled() || error.is_closed() {
        // hyper says either of requests that it had not begun to send.
        Some(Evidence::Unprocessed)
    } else if error.is_incomplete_message() {
        Some(Evidence::Broken)
    } else {
        None
    }
}

#[cfg(feature = "http2")]
fn of_http2(error: &h2::Error) -> Option<Evidence> {
    // RFC 9113, sections 8.7 and 6.8.
    let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
    if error.is_remote() && (error.is_go_away() || refused) {
        return Some(Evidence::Unprocessed);
    }
    error.get_io().and_then(of_io)
}
