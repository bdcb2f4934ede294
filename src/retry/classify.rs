//! What is retried besides refusals.

use http::{HeaderMap, StatusCode};

/// Decides about answers and errors that the built-in rules do not retry, or retry wrongly.
///
/// `E` is the inner service's error. Implemented for closures, for the ready-made
/// [`Preset`](super::Preset), [`retry_server_errors`], [`retry_errors`] and [`retry_unprocessed`], and for
/// pairs, of which the second is asked when the first answers [`Decision::Default`].
///
/// It is asked about every answer, so it must be quick. It sees what came of one attempt only;
/// the bounds of the layer apply to whatever it decides.
///
/// ```
/// use http::StatusCode;
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::{Decision, Head};
///
/// # type Error = std::io::Error;
/// let layer = RetryOn429Layer::new().classify(|result: Result<Head<'_>, &Error>| match result {
///     Ok(head) if head.status() == StatusCode::BAD_GATEWAY => Decision::Retry,
///     Ok(_) => Decision::Default,
///     Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Decision::Retry,
///     Err(_) => Decision::Default,
/// });
/// # let _ = layer;
/// ```
///
/// # The type in a struct
///
/// A closure has no type that can be written down. A function pointer has one, and so has a box, for a closure
/// that captures something:
///
/// ```
/// use tower_throttle::retry::{Decision, Head, RetryOn429, RetryOn429Layer};
///
/// # type Client = ();
/// # type Error = std::io::Error;
/// type OwnClassifier = Box<dyn Fn(Result<Head<'_>, &Error>) -> Decision + Send + Sync>;
///
/// struct Api {
///     client: RetryOn429<Client, OwnClassifier>,
/// }
///
/// impl Api {
///     fn new(client: Client, status: http::StatusCode) -> Self {
///         let classify: OwnClassifier = Box::new(move |result| match result {
///             Ok(head) if head.status() == status => Decision::Retry,
///             _ => Decision::Default,
///         });
///         let retries = RetryOn429Layer::new().classify(classify);
///         Self {
///             client: tower::Layer::layer(&retries, client),
///         }
///     }
/// }
/// # Api::new((), http::StatusCode::BAD_GATEWAY).client;
/// ```
///
/// Where the service is all that matters, `tower::util::BoxCloneService` hides all of it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not classify errors of type `{E}`",
    label = "the inner service has errors of type `{E}`",
    note = "expected a closure `|result: Result<Head<'_>, &{E}>| -> Decision`, or a ready-made classifier",
    note = "`Preset`, for a `BoxError`, needs a closure: `|result: Result<Head<'_>, &BoxError>| Preset::idempotent_failures().decide(result.map_err(|error| &**error as _))`"
)]
pub trait Classify<E> {
    /// Decides about the outcome of one attempt.
    fn classify(&self, result: Result<Head<'_>, &E>) -> Decision;
}

/// The part of a response that a [`Classify`] sees.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    status: StatusCode,
    headers: &'a HeaderMap,
}

/// What is to be done with the outcome of one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// What the layer does without a classifier: retry refusals, return everything else.
    #[default]
    Default,
    /// Return it, even if it is a refusal.
    Accept,
    /// Retry it, within the layer's bounds.
    ///
    /// An outcome that is no refusal is retried only if the request may be repeated: its method is
    /// idempotent ([RFC 9110, section 9.2.2]) or it carries an `Idempotency-Key`. A server that
    /// forbids the retry (`x-should-retry: false`) or asks for too long a wait still ends it.
    ///
    /// [RFC 9110, section 9.2.2]: https://www.rfc-editor.org/rfc/rfc9110.html#section-9.2.2
    Retry,
    /// Retry it like a refusal, whatever the method: the server did not act on the request.
    ///
    /// For failures that prove this, such as a connection that could not be made. For any other, a
    /// `POST` may be done twice.
    RetryUnprocessed,
    /// Return it at once, as a refusal that no wait will end: an account that is locked, a plan that is
    /// used up, an address that is banned.
    ///
    /// It is not retried, whatever the server says of waiting, and pauses nobody. It counts as refused
    /// for good, even if its status is that of an accepted answer. A
    /// [hook](super::RetryOn429Layer::on_refusal) is still asked.
    RefusedForGood,
}

/// Retries nothing but refusals: the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct RefusalsOnly;

/// Retries server errors as well. See [`retry_server_errors`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerErrors(());

/// Retries chosen errors as well. See [`retry_errors`] and [`retry_unprocessed`].
#[derive(Clone, Copy)]
pub struct Errors<F> {
    chosen: F,
    decision: Decision,
}

/// Retries every 5xx answer but 501 and 505, which will not change.
///
/// 503 and 529 are refusals, and retried in any case.
#[must_use]
pub const fn retry_server_errors() -> ServerErrors {
    ServerErrors(())
}

/// Retries the errors of the inner service of which `retry` is true, if the request may be repeated
/// (see [`Decision::Retry`]).
///
/// ```
/// use std::io;
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::{retry_errors, retry_server_errors};
///
/// let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
/// let layer = RetryOn429Layer::new().classify((retry_server_errors(), retry_errors(refused)));
/// # let _ = layer;
/// ```
pub const fn retry_errors<F>(retry: F) -> Errors<F> {
    Errors {
        chosen: retry,
        decision: Decision::Retry,
    }
}

/// Retries the errors of the inner service of which `unprocessed` is true, whatever the method: they
/// must prove that the server did not act on the request (see [`Decision::RetryUnprocessed`]).
///
/// [`Preset`](super::Preset) knows those of hyper-util's client and of reqwest.
///
/// ```
/// use std::io;
/// use tower_throttle::RetryOn429Layer;
/// use tower_throttle::retry::{retry_errors, retry_unprocessed};
///
/// let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
/// let reset = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionReset;
/// let layer = RetryOn429Layer::new().classify((retry_unprocessed(refused), retry_errors(reset)));
/// # let _ = layer;
/// ```
pub const fn retry_unprocessed<F>(unprocessed: F) -> Errors<F> {
    Errors {
        chosen: unprocessed,
        decision: Decision::RetryUnprocessed,
    }
}

impl Decision {
    /// Whether it allows another attempt, given whether the request may be done twice.
    pub(super) fn allows(self, repeatable: impl FnOnce() -> bool) -> bool {
        match self {
            Self::Retry => repeatable(),
            Self::RetryUnprocessed => true,
            Self::Default | Self::Accept | Self::RefusedForGood => false,
        }
    }
}

impl<'a> Head<'a> {
    /// A response's status and headers.
    #[must_use]
    pub const fn new(status: StatusCode, headers: &'a HeaderMap) -> Self {
        Self { status, headers }
    }

    /// The response's status code.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The response's headers.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }
}

impl std::fmt::Debug for Head<'_> {
    /// Shows no header: their values may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Head")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl<F> std::fmt::Debug for Errors<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Errors")
            .field("decision", &self.decision)
            .finish_non_exhaustive()
    }
}

impl<E, F> Classify<E> for F
where
    F: Fn(Result<Head<'_>, &E>) -> Decision,
{
    fn classify(&self, result: Result<Head<'_>, &E>) -> Decision {
        self(result)
    }
}

impl<E> Classify<E> for RefusalsOnly {
    fn classify(&self, _: Result<Head<'_>, &E>) -> Decision {
        Decision::Default
    }
}

impl<E> Classify<E> for ServerErrors {
    fn classify(&self, result: Result<Head<'_>, &E>) -> Decision {
        match result.map(|head| head.status()) {
            Ok(StatusCode::NOT_IMPLEMENTED | StatusCode::HTTP_VERSION_NOT_SUPPORTED) => {
                Decision::Default
            }
            Ok(status) if status.is_server_error() => Decision::Retry,
            _ => Decision::Default,
        }
    }
}

impl<E, F: Fn(&E) -> bool> Classify<E> for Errors<F> {
    fn classify(&self, result: Result<Head<'_>, &E>) -> Decision {
        match result {
            Err(error) if (self.chosen)(error) => self.decision,
            _ => Decision::Default,
        }
    }
}

impl<E, A: Classify<E>, B: Classify<E>> Classify<E> for (A, B) {
    fn classify(&self, result: Result<Head<'_>, &E>) -> Decision {
        match self.0.classify(result) {
            Decision::Default => self.1.classify(result),
            decision => decision,
        }
    }
}
