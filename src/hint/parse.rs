//! From a response to its hint.

use std::cell::LazyCell;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};

use super::codes::Meaning;
use super::dialect::Dialect;
use super::error_body::{self, ErrorBody};
use super::quota::Quota;
use super::rate_limit;
use super::reference::Reference;
use super::response::{Hint, Verdict};
use super::retry_after::{self, Ordered};
use super::status::{Evidence, Standing};

/// GitHub asks for at least this much after a secondary limit that came without a hint ("Rate
/// limits for the REST API").
const SECONDARY_LIMIT_WAIT: Duration = Duration::from_secs(60);

/// Midnight Pacific Time, when Google's daily quotas begin anew, by UTC: 8 o'clock in winter, and an
/// hour too late in summer.
const PACIFIC_MIDNIGHT: u64 = 8;

/// The dialect of [`Hint::parse`].
static DEFAULT: Dialect = Dialect::new();

impl Hint {
    /// Reads a response's status and headers, and its body as far as it was read.
    ///
    /// `body` may be a prefix: what is in it counts, even if its JSON breaks off. No more than its
    /// first 64 KiB are looked at. `received` is the time of receipt by the local clock; it serves
    /// to read absolute times when the response has no usable `Date` header.
    ///
    /// A provider whose statuses and codes mean something of their own has a [`Dialect`].
    #[must_use]
    pub fn parse(
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        received: SystemTime,
    ) -> Self {
        DEFAULT.parse(status, headers, body, received)
    }
}

impl Dialect {
    /// Reads a response as [`Hint::parse`] does, in this dialect.
    #[must_use]
    pub fn parse(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        received: SystemTime,
    ) -> Hint {
        parse(self, status, headers, body, || received)
    }

    /// Like [`Dialect::parse`] without a body, with a clock that is read only if an absolute time needs
    /// it. `None` if the response says nothing of limits.
    #[inline]
    pub(crate) fn parse_any(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        received: impl FnOnce() -> SystemTime,
    ) -> Option<Hint> {
        if status.as_u16() < 400 && !rate_limit::any(headers) {
            return None;
        }
        Some(parse(self, status, headers, None, received)).filter(|hint| !hint.is_empty())
    }
}

/// Reads a response's status and headers, and its body as far as it was read.
fn parse(
    dialect: &Dialect,
    status: StatusCode,
    headers: &HeaderMap,
    body: Option<&[u8]>,
    received: impl FnOnce() -> SystemTime,
) -> Hint {
    let received = LazyCell::new(received);
    let reference = Reference::new(headers, &received);
    let quotas = rate_limit::quotas(headers, &reference);
    if status.as_u16() < 400 {
        return Hint {
            quotas,
            ..Hint::default()
        };
    }
    let ordered = retry_after::read(headers, dialect, &reference);
    let standing = dialect.standing(status);
    if standing == Standing::Never && ordered.should_retry != Some(true) {
        return Hint {
            verdict: ordered
                .should_retry
                .map_or(Verdict::Accepted, |_| Verdict::Forbidden),
            quotas,
            ..Hint::default()
        };
    }
    let body = body.map(|body| error_body::read(body, dialect, &reference));
    let error = Error {
        status,
        standing,
        ordered,
        body: body.unwrap_or_default(),
        quotas,
    };
    error.hint(&reference)
}

/// A response that may be a refusal, read.
struct Error {
    status: StatusCode,
    standing: Standing,
    ordered: Ordered,
    body: ErrorBody,
    quotas: Vec<Quota>,
}

impl Error {
    fn hint(mut self, reference: &Reference<'_>) -> Hint {
        // Headers of an answer behind this one say what this one's do not.
        if self.quotas.is_empty() {
            self.quotas.append(&mut self.body.quotas);
        }
        let should_retry = self.ordered.should_retry;
        let refusal = self.standing.is_refusal(Evidence {
            should_retry,
            headers: self.ordered.wait.is_some()
                || self.ordered.code == Some(Meaning::Temporary)
                || (!self.body.mistake && self.quotas.iter().any(Quota::may_have_refused)),
            body: self.body.refusal,
        });
        if refusal && self.quotas.is_empty() {
            self.quotas.extend(self.body.rate.take());
        }
        let permanent = self.body.permanent || self.ordered.code == Some(Meaning::Permanent);
        let of_request = self.body.of_request || self.ordered.code == Some(Meaning::Request);
        let verdict = match should_retry {
            Some(true) => Verdict::Retry,
            Some(false) => Verdict::Forbidden,
            None if !refusal => Verdict::Accepted,
            None if permanent || of_request => Verdict::Permanent,
            None => Verdict::Retry,
        };
        // Where no wait helps, the hint has none.
        let wait = (verdict == Verdict::Retry)
            .then(|| self.ordered.wait.or_else(|| self.implied_wait(reference)))
            .flatten();
        Hint {
            refusal,
            verdict,
            of_request: verdict == Verdict::Permanent && !permanent,
            wait,
            quotas: self.quotas,
        }
    }

    /// The wait that follows from the body or from the state of the quotas.
    fn implied_wait(&self, reference: &Reference<'_>) -> Option<Duration> {
        let latest =
            |wait: fn(&Quota) -> Option<Duration>| self.quotas.iter().filter_map(wait).max();
        let orphan = || {
            (self.status == StatusCode::TOO_MANY_REQUESTS)
                .then(|| latest(Quota::orphaned_reset))
                .flatten()
        };
        self.body
            .wait
            .or(self.body.reset)
            .or_else(|| latest(Quota::wait_if_exhausted))
            .or_else(|| {
                self.body
                    .daily
                    .then(|| reference.until_hour(PACIFIC_MIDNIGHT))
            })
            .or_else(orphan)
            .or_else(|| self.body.secondary_limit.then_some(SECONDARY_LIMIT_WAIT))
    }
}
