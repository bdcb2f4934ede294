//! Responses of the kinds that servers send, and of kinds that are nearly those.

use http::{HeaderMap, StatusCode};

use super::choices::Choices;
use super::{body, headers};

/// Stands where servers put what is nobody else's business.
pub const SECRET: &str = "s3cr3t";

const STATUSES: [u16; 22] = [
    429, 400, 403, 429, 503, 529, 408, 420, 425, 498, 509, 409, 413, 418, 401, 402, 404, 422, 500,
    502, 200, 301,
];

/// A response, and whether its body is complete JSON.
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Option<Vec<u8>>,
    pub whole: bool,
}

pub fn response(choices: &mut Choices<'_>) -> Response {
    let status = if choices.once_in(16) {
        100 + choices.below(900)
    } else {
        usize::from(STATUSES[choices.below(STATUSES.len())])
    };
    let mut headers = HeaderMap::new();
    for _ in 0..choices.below(6) {
        headers::append(&mut headers, choices);
    }
    let (body, whole) = body::body(choices);
    Response {
        status: StatusCode::from_u16(status as u16).unwrap(),
        headers,
        body,
        whole,
    }
}
