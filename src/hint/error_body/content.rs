//! What the body of an error says.

use std::time::Duration;

use crate::hint::quota::Quota;

/// What the body of an error says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::hint) struct ErrorBody {
    /// A code or a text of a refusal for now: enough to tell a 400 or a 403 that is one.
    pub(in crate::hint) refusal: bool,
    /// A code of a refusal that no wait will change.
    pub(in crate::hint) permanent: bool,
    /// A code, or the numbers, of a request that is refused for good for what it is.
    pub(in crate::hint) of_request: bool,
    /// A code of a mistake in the request.
    pub(in crate::hint) mistake: bool,
    /// A code of a quota of a day.
    pub(in crate::hint) daily: bool,
    /// The longest wait it asks for.
    pub(in crate::hint) wait: Option<Duration>,
    /// The latest time at which it says that something resets.
    pub(in crate::hint) reset: Option<Duration>,
    /// It speaks of GitHub's secondary rate limit.
    pub(in crate::hint) secondary_limit: bool,
    /// What the headers of an answer behind this one tell.
    pub(in crate::hint) quotas: Vec<Quota>,
    /// A limit and its window that a text tells of.
    pub(in crate::hint) rate: Option<Quota>,
}
