//! What a provider means by its statuses and codes, where that differs from the rest.

use std::fmt;
use std::sync::Arc;

use http::StatusCode;

use super::codes::{self, Meaning};
use super::status::{self, Standing};

/// How answers are read: what statuses and codes mean in general, and what one provider means by its own.
///
/// The default follows the rules of the [module docs](super#what-decides). What is set here comes first.
/// Both layers take one: give a clone of it to each, which is cheap.
///
/// ```
/// use std::time::SystemTime;
/// use http::{HeaderMap, StatusCode};
/// use tower_throttle::hint::{DEFAULT_MAX_SERVER_WAIT, Dialect, Verdict};
///
/// let dialect = Dialect::new()
///     .permanent("account_closed")
///     .temporary("insufficient_quota")
///     .refusal(StatusCode::CONFLICT)
///     .no_refusal(StatusCode::REQUEST_TIMEOUT);
/// let hint = dialect.parse(StatusCode::CONFLICT, &HeaderMap::new(), None, SystemTime::now());
/// assert_eq!(hint.verdict(DEFAULT_MAX_SERVER_WAIT), Verdict::Retry);
/// ```
#[derive(Clone, Default)]
pub struct Dialect {
    /// `None` as long as nothing was set, so that the default costs nothing.
    own: Option<Arc<Own>>,
}

#[derive(Clone, Default)]
struct Own {
    codes: Vec<(Box<str>, Meaning)>,
    statuses: Vec<(StatusCode, Standing)>,
}

impl Dialect {
    /// The general rules, with nothing set.
    #[must_use]
    pub const fn new() -> Self {
        Self { own: None }
    }

    /// Takes an error's code for a temporary refusal, which is retried.
    ///
    /// Codes are compared exactly, case included. They are looked for in the body, and in the headers that
    /// carry one.
    /// With a 400, a 403, or a status given to [`refusal_by_body`](Dialect::refusal_by_body), such a
    /// code makes the answer a refusal.
    #[must_use]
    pub fn temporary(self, code: impl Into<String>) -> Self {
        self.with_code(code.into(), Meaning::Temporary)
    }

    /// Takes an error's code for a refusal for good, which no wait will change and which is not retried.
    ///
    /// Codes are compared exactly, case included. The code alone makes no answer a refusal: its status does,
    /// or its headers.
    #[must_use]
    pub fn permanent(self, code: impl Into<String>) -> Self {
        self.with_code(code.into(), Meaning::Permanent)
    }

    /// Takes each answer with this status for a refusal. Statuses below 400 never are.
    #[must_use]
    pub fn refusal(self, status: StatusCode) -> Self {
        self.with_status(status, Standing::Refusal)
    }

    /// Takes an answer with this status for a refusal if its headers or its body say so. Its body is
    /// then read to find out, within the bounds of [`drain`](crate::RetryOn429Layer::drain). Statuses below
    /// 400 never are.
    #[must_use]
    pub fn refusal_by_body(self, status: StatusCode) -> Self {
        self.with_status(status, Standing::ByBody)
    }

    /// Takes no answer with this status for a refusal.
    #[must_use]
    pub fn no_refusal(self, status: StatusCode) -> Self {
        self.with_status(status, Standing::Never)
    }

    /// Whether nothing was set.
    pub(crate) const fn is_default(&self) -> bool {
        self.own.is_none()
    }

    /// Whether an answer with this status that does not look like a refusal may be one for what its body
    /// says: GitHub's secondary rate limit is a 403 that only its message tells from any other, and AWS'
    /// `ThrottlingException` a 400 that only its code does.
    pub(crate) fn body_decides(&self, status: StatusCode) -> bool {
        cfg!(feature = "json")
            && status.as_u16() >= 400
            && self.standing(status) == Standing::ByBody
    }

    pub(super) fn standing(&self, status: StatusCode) -> Standing {
        let own = self.own.as_ref().and_then(|own| {
            let mut set = own.statuses.iter().rev();
            set.find(|&&(own, _)| own == status)
        });
        own.map_or_else(|| status::standing(status), |&(_, standing)| standing)
    }

    /// What a code means; `says` tells whether the error that it belongs to has a text.
    pub(super) fn meaning(&self, code: &str, says: impl Fn(&str) -> bool) -> Option<Meaning> {
        let own = self.own.as_ref().and_then(|own| {
            let mut set = own.codes.iter().rev();
            set.find(|(own, _)| **own == *code)
        });
        own.map_or_else(|| codes::meaning(code, says), |&(_, meaning)| Some(meaning))
    }

    fn with_code(mut self, code: String, meaning: Meaning) -> Self {
        self.own_mut().codes.push((code.into(), meaning));
        self
    }

    fn with_status(mut self, status: StatusCode, standing: Standing) -> Self {
        self.own_mut().statuses.push((status, standing));
        self
    }

    fn own_mut(&mut self) -> &mut Own {
        Arc::make_mut(self.own.get_or_insert_default())
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (codes, statuses) = match &self.own {
            Some(own) => (own.codes.as_slice(), own.statuses.as_slice()),
            None => Default::default(),
        };
        f.debug_struct("Dialect")
            .field("codes", &codes)
            .field("statuses", &statuses)
            .finish()
    }
}
