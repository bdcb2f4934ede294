//! The last refusal, kept so that others can be answered with a copy of it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, SET_COOKIE, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Version};
use tokio::time::Instant;

use crate::hint::Hint;
use crate::message::Unsent;

/// The head of a refused answer, and as much of its body as was read.
pub(super) struct LastRefusal {
    /// When it came.
    at: Instant,
    status: StatusCode,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
    hint: Hint,
}

impl LastRefusal {
    /// Copies an answer. `body` is what was read of its body.
    pub(super) fn of(parts: &Parts, body: Bytes, hint: &Hint, at: Instant) -> Self {
        let mut headers = parts.headers.clone();
        // A session of another request is none of this one's business.
        headers.remove(SET_COOKIE);
        // How the original was framed. A length stays where it is true of what was read.
        headers.remove(TRANSFER_ENCODING);
        let told = headers.get(CONTENT_LENGTH).map(HeaderValue::as_bytes);
        if told.is_some_and(|told| told != body.len().to_string().as_bytes()) {
            headers.remove(CONTENT_LENGTH);
        }
        Self {
            at,
            status: parts.status,
            version: parts.version,
            headers,
            body,
            hint: hint.clone(),
        }
    }

    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    /// A copy for another request. The hint says what is left of the wait.
    pub(super) fn copy(&self, unsent: Unsent) -> (Parts, Bytes) {
        let (mut parts, ()) = Response::new(()).into_parts();
        parts.status = self.status;
        parts.version = self.version;
        parts.headers = self.headers.clone();
        let age = unsent.last_refused.unwrap_or_default();
        parts.extensions.insert(self.hint.aged(age));
        parts.extensions.insert(unsent);
        (parts, self.body.clone())
    }
}

/// The answer of a closed layer that has seen no refusal.
pub(super) fn unavailable(unsent: Unsent) -> (Parts, Bytes) {
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = StatusCode::SERVICE_UNAVAILABLE;
    parts.extensions.insert(unsent);
    (parts, Bytes::new())
}
