//! The answers that are the gateway's own.

use std::time::Duration;

use axum::Json;
use axum::http::header::{HeaderName, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytesize::ByteSize;
use serde_json::json;

/// The header that tells the gateway's own answers from the upstream's; its value is the code.
pub(crate) const REFUSAL: HeaderName = HeaderName::from_static("x-gateway-refusal");

/// Retry-After has whole seconds, and a wait of less than one is one.
const ROUND_UP: Duration = Duration::from_nanos(999_999_999);

/// Why the gateway itself answers a request.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Too many wait already.
    Overloaded { retry_after: Duration },
    /// The request would be sent after its deadline, or waited for as long as it may.
    TooLate { retry_after: Duration },
    /// The body is larger than what is kept.
    TooLarge { max: ByteSize },
    /// The body did not come in time.
    BodyTimeout,
    /// The body broke off, or the path makes no sound address.
    Malformed,
    /// No connection to the upstream, so nothing was sent.
    Unreachable(String),
    /// The upstream failed after something was sent.
    Failed(String),
    /// No answer in time.
    Timeout,
    /// The gateway is about to end.
    ShuttingDown,
    /// Neither an upstream's address nor one of the gateway's own.
    NotFound,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLate { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unreachable(_) | Self::Failed(_) => StatusCode::BAD_GATEWAY,
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotFound => StatusCode::NOT_FOUND,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Overloaded { .. } => "gateway_overloaded",
            Self::TooLate { .. } => "gateway_too_late",
            Self::TooLarge { .. } => "gateway_body_too_large",
            Self::BodyTimeout => "gateway_body_timeout",
            Self::Malformed => "gateway_malformed_request",
            Self::Unreachable(_) => "gateway_upstream_unreachable",
            Self::Failed(_) => "gateway_upstream_failed",
            Self::Timeout => "gateway_timeout",
            Self::ShuttingDown => "gateway_shutting_down",
            Self::NotFound => "gateway_not_found",
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Overloaded { .. } => {
                "Too many requests wait in the gateway. This one was not sent to the API; send it \
                 again after the time in Retry-After."
                    .to_owned()
            }
            Self::TooLate { .. } => {
                "The request cannot be sent in the time that it has. It was not sent to the API, or was \
                 refused; Retry-After says how long the line takes."
                    .to_owned()
            }
            Self::TooLarge { max } => format!("The gateway keeps bodies of up to {max}."),
            Self::BodyTimeout => "The request's body did not come in time.".to_owned(),
            Self::Malformed => "The request could not be read.".to_owned(),
            Self::Unreachable(why) => {
                format!("The API cannot be reached; nothing was sent to it: {why}")
            }
            Self::Failed(why) => {
                format!("The API failed, and may have done the request's work: {why}")
            }
            Self::Timeout => "The API did not answer in time.".to_owned(),
            Self::ShuttingDown => "The gateway is shutting down.".to_owned(),
            Self::NotFound => "The gateway forwards /v1/... and /NAME/v1/... only.".to_owned(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded { retry_after } => Some(*retry_after),
            Self::TooLate { retry_after } => Some(*retry_after + ROUND_UP),
            // About as long as a restart takes.
            Self::ShuttingDown => Some(Duration::from_secs(5)),
            _ => None,
        }
    }
}

impl IntoResponse for Refusal {
    /// In the form of the OpenAI API's errors, which the clients of most AI APIs can read.
    fn into_response(self) -> Response {
        let body = json!({ "error": {
            "message": self.message(),
            "type": "gateway_error",
            "param": null,
            "code": self.code(),
        }});
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(REFUSAL, HeaderValue::from_static(self.code()));
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, wait.as_secs().into());
        }
        response
    }
}
