//! What the body of an error says.

use std::time::Duration;

use super::dialect::Dialect;
use super::quota::Quota;
use super::reference::Reference;

#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod keys;
#[cfg(feature = "json")]
mod prefix;
#[cfg(feature = "json")]
mod prose;
#[cfg(feature = "json")]
mod rates;
#[cfg(feature = "json")]
mod reader;
#[cfg(feature = "json")]
mod xml;

/// What the body of an error says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// A code or a text of a refusal for now: enough to tell a 400 or a 403 that is one.
    pub(super) refusal: bool,
    /// A code of a refusal that no wait will change.
    pub(super) permanent: bool,
    /// A code, or the numbers, of a request that is refused for good for what it is.
    pub(super) of_request: bool,
    /// A code of a mistake in the request.
    pub(super) mistake: bool,
    /// A code of a quota of a day.
    pub(super) daily: bool,
    /// The longest wait it asks for.
    pub(super) wait: Option<Duration>,
    /// The latest time at which it says that something resets.
    pub(super) reset: Option<Duration>,
    /// It speaks of GitHub's secondary rate limit.
    pub(super) secondary_limit: bool,
    /// What the headers of an answer behind this one tell.
    pub(super) quotas: Vec<Quota>,
    /// A limit and its window that a text tells of.
    pub(super) rate: Option<Quota>,
}

/// Reads an error's body, or as much of it as is there.
#[cfg(feature = "json")]
pub(super) fn read(body: &[u8], dialect: &Dialect, reference: &Reference<'_>) -> ErrorBody {
    reader::Reader::new(dialect, reference).read(body)
}

/// Reading bodies is not compiled in.
#[cfg(not(feature = "json"))]
pub(super) fn read(_: &[u8], _: &Dialect, _: &Reference<'_>) -> ErrorBody {
    ErrorBody::default()
}
