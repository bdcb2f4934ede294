//! The error.

use std::error::Error;
use std::fmt;

use bytes::Bytes;
use http::Response;

/// An error of any type: a body's, a journal's, or that of a stream of requests.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request of a [`Batch`](super::Batch) has no accepted answer.
///
/// `K` is the type of the keys, and `E` that of the client's errors. An answer that was received is part of the
/// error, so none is lost. `Debug` shows of an answer its status and its length, and nothing that a server chose.
#[non_exhaustive]
pub enum BatchError<K, E> {
    /// The client failed.
    Client {
        /// The key of the request.
        key: K,
        /// The error of the client, as it is.
        error: E,
    },
    /// The answer is none that [`accept`](super::Batch::accept) takes: by default, its status is not a 2xx.
    NotAccepted {
        /// The key of the request.
        key: K,
        /// The answer with its body.
        response: Box<Response<Bytes>>,
    },
    /// The body of the answer could not be read. The error is a [`BodyTooLarge`], or the body's own.
    Body {
        /// The key of the request.
        key: K,
        /// The answer without its body.
        head: Box<Response<()>>,
        /// Why the body could not be read.
        error: BoxError,
    },
    /// The answer was accepted, and the [`Journal`](super::Journal) failed to record it.
    NotRecorded {
        /// The key of the request.
        key: K,
        /// The answer with its body.
        response: Box<Response<Bytes>>,
        /// The error of the journal.
        error: BoxError,
    },
    /// The journal could not say whether it has an answer. The request was not sent, as it may be paid for already.
    NotRecalled {
        /// The key of the request.
        key: K,
        /// The error of the journal.
        error: BoxError,
    },
    /// The batch was closed before the client took the request, so it was not sent.
    NotSent {
        /// The key of the request.
        key: K,
    },
    /// The stream of requests gave an error instead of a request.
    Source {
        /// The number of that item in the stream, counted from zero.
        index: usize,
        /// The error of the stream.
        error: BoxError,
    },
    /// The journal failed to make safe what it had recorded. This is the last item of a batch.
    Sync {
        /// The error of the journal.
        error: BoxError,
    },
}

impl<K, E> BatchError<K, E> {
    /// Returns the key of the request. `None` if there was no request.
    pub const fn key(&self) -> Option<&K> {
        match self {
            Self::Client { key, .. }
            | Self::NotAccepted { key, .. }
            | Self::Body { key, .. }
            | Self::NotRecorded { key, .. }
            | Self::NotRecalled { key, .. }
            | Self::NotSent { key } => Some(key),
            Self::Source { .. } | Self::Sync { .. } => None,
        }
    }

    /// Returns the answer, if one was received whole.
    pub fn response(&self) -> Option<&Response<Bytes>> {
        match self {
            Self::NotAccepted { response, .. } | Self::NotRecorded { response, .. } => {
                Some(response)
            }
            _ => None,
        }
    }

    /// Returns the answer itself, if one was received whole.
    pub fn into_response(self) -> Option<Response<Bytes>> {
        match self {
            Self::NotAccepted { response, .. } | Self::NotRecorded { response, .. } => {
                Some(*response)
            }
            _ => None,
        }
    }
}

impl<K: fmt::Debug, E: fmt::Debug> fmt::Debug for BatchError<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, error): (_, Option<&dyn fmt::Debug>) = match self {
            Self::Client { error, .. } => ("Client", Some(error)),
            Self::NotAccepted { .. } => ("NotAccepted", None),
            Self::Body { error, .. } => ("Body", Some(error)),
            Self::NotRecorded { error, .. } => ("NotRecorded", Some(error)),
            Self::NotRecalled { error, .. } => ("NotRecalled", Some(error)),
            Self::NotSent { .. } => ("NotSent", None),
            Self::Source { error, .. } => ("Source", Some(error)),
            Self::Sync { error } => ("Sync", Some(error)),
        };
        let mut debug = f.debug_struct(name);
        if let Some(key) = self.key() {
            debug.field("key", key);
        }
        if let Self::Source { index, .. } = self {
            debug.field("index", index);
        }
        if let Self::Body { head, .. } = self {
            debug.field("status", &head.status());
        }
        if let Some(response) = self.response() {
            debug.field("status", &response.status());
            debug.field("bytes", &response.body().len());
        }
        if let Some(error) = error {
            debug.field("error", error);
        }
        debug.finish()
    }
}

impl<K: fmt::Display, E: fmt::Display> fmt::Display for BatchError<K, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client { key, error } => write!(f, "request {key}: {error}"),
            Self::NotAccepted { key, response } => {
                write!(f, "request {key} was answered with {}", response.status())
            }
            Self::Body { key, error, .. } => {
                write!(f, "the answer to request {key} was not read: {error}")
            }
            Self::NotRecorded { key, error, .. } => {
                write!(f, "the answer to request {key} was not recorded: {error}")
            }
            Self::NotRecalled { key, error } => {
                write!(f, "the journal cannot say of request {key}: {error}")
            }
            Self::NotSent { key } => {
                write!(f, "request {key} was not sent: the batch was closed")
            }
            Self::Source { index, error } => {
                write!(f, "request {index} of the stream failed: {error}")
            }
            Self::Sync { error } => write!(f, "the journal was not made safe: {error}"),
        }
    }
}

/// The text of each variant includes that of its cause, so the source is that of the cause.
impl<K, E> Error for BatchError<K, E>
where
    K: fmt::Debug + fmt::Display,
    E: Error,
{
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Client { error, .. } => error.source(),
            Self::Body { error, .. }
            | Self::NotRecorded { error, .. }
            | Self::NotRecalled { error, .. }
            | Self::Source { error, .. }
            | Self::Sync { error } => error.source(),
            Self::NotAccepted { .. } | Self::NotSent { .. } => None,
        }
    }
}

/// An answer's body has more bytes than [`max_body`](super::Batch::max_body) allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyTooLarge {
    max: usize,
}

impl BodyTooLarge {
    pub(super) const fn new(max: usize) -> Self {
        Self { max }
    }

    /// Returns how many bytes are allowed.
    #[must_use]
    pub const fn max(&self) -> usize {
        self.max
    }
}

impl fmt::Display for BodyTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body has more than {} bytes", self.max)
    }
}

impl Error for BodyTooLarge {}
