//! What tells requests apart.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::HeaderMap;

/// A number for a kind of request. What is refused for good of one account may be served of another.
pub(crate) fn route(kind: impl Hash, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    credentials(headers).for_each(|part| part.hash(&mut hasher));
    hasher.finish()
}

/// The headers in which clients send what they are known by.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// What a request is known by: the values of these headers, each with a number for its name. They are read
/// whether they are marked as sensitive or not.
pub(crate) fn credentials(headers: &HeaderMap) -> impl Iterator<Item = (usize, &[u8])> {
    CREDENTIALS.iter().enumerate().flat_map(|(number, name)| {
        let values = headers.get_all(*name).into_iter();
        values.map(move |value| (number, value.as_bytes()))
    })
}
