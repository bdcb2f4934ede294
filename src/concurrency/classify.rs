//! How an answer counts.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::{HeaderMap, StatusCode};

use super::limit::Outcome;
use crate::hint::{Dialect, Hint};

/// How an answer counts for the limit: what a hook given to
/// [`AdaptiveConcurrencyLayer::classify`](super::AdaptiveConcurrencyLayer::classify) says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Classified {
    /// Served: the limit may grow.
    Accepted,
    /// Refused for lack of quota or capacity: the limit shrinks, and a wait that the answer asks for
    /// pauses everybody.
    Refused,
    /// Refused, and no wait will help: the limit learns nothing, and nobody is paused. The answer's
    /// [`Hint`] says so as well, so that a retry above passes the answer on.
    RefusedForGood,
    /// Failed in a way that says nothing of a limit.
    Failed,
}

impl Classified {
    /// A refusal is what [`Hint::is_refusal`] says; any other 5xx is a failure. So is a 401 or a 407:
    /// it is answered before the work, and as a rule before the limits.
    #[inline]
    pub(super) fn by_default(status: StatusCode, hint: &Hint) -> Self {
        match status.as_u16() {
            0..=399 => Self::Accepted,
            _ if hint.is_refusal() => Self::Refused,
            401 | 407 | 500..=599 => Self::Failed,
            _ => Self::Accepted,
        }
    }

    #[inline]
    pub(super) fn outcome(self, status: StatusCode, hint: &Hint) -> Outcome<'_> {
        match self {
            Self::Accepted => Outcome::Accepted(hint),
            Self::Refused | Self::RefusedForGood => Outcome::Refused { status, hint },
            Self::Failed => Outcome::Failed,
        }
    }
}

type Hook = dyn Fn(StatusCode, &HeaderMap) -> Option<Classified> + Send + Sync;

/// How answers are read: the hook, if there is one, and the dialect.
#[derive(Clone, Default)]
pub(super) struct Classifier {
    hook: Option<Arc<Hook>>,
    dialect: Dialect,
}

impl Classifier {
    pub(super) fn set_hook(
        &mut self,
        hook: impl Fn(StatusCode, &HeaderMap) -> Option<Classified> + Send + Sync + 'static,
    ) {
        self.hook = Some(Arc::new(hook));
    }

    pub(super) fn set_dialect(&mut self, dialect: Dialect) {
        self.dialect = dialect;
    }

    /// What an answer's head says of limits. `None` if that is nothing.
    #[inline]
    pub(super) fn read(&self, status: StatusCode, headers: &HeaderMap) -> Option<Hint> {
        self.dialect.parse_any(status, headers, SystemTime::now)
    }

    /// How an answer counts by its head, and whether its body may say otherwise.
    #[inline]
    pub(super) fn classify(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        hint: &Hint,
    ) -> (Classified, bool) {
        match self.hook.as_ref().and_then(|hook| hook(status, headers)) {
            Some(said) => (said, false),
            None => {
                let body_decides = self.dialect.body_decides(status) && !hint.is_refusal();
                (Classified::by_default(status, hint), body_decides)
            }
        }
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("has_hook", &self.hook.is_some())
            .field("dialect", &self.dialect)
            .finish()
    }
}
