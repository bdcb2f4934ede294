//! Why a replayable body could not be read on.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The error of a [`ReplayBody`](super::ReplayBody).
///
/// Clones share the inner body's error, as every attempt that reads as far must meet it.
#[derive(Clone, Debug)]
pub struct ReplayError {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Inner(Arc<dyn Error + Send + Sync>),
    Superseded,
    Forgotten,
}

impl ReplayError {
    pub(super) fn inner(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: Kind::Inner(error.into().into()),
        }
    }

    pub(super) const fn superseded() -> Self {
        Self {
            kind: Kind::Superseded,
        }
    }

    pub(super) const fn forgotten() -> Self {
        Self {
            kind: Kind::Forgotten,
        }
    }

    /// Whether another attempt has taken over the rest of the body.
    #[must_use]
    pub fn is_superseded(&self) -> bool {
        matches!(self.kind, Kind::Superseded)
    }

    /// Whether the body was longer than what is kept, so that its beginning is gone.
    #[must_use]
    pub fn is_forgotten(&self) -> bool {
        matches!(self.kind, Kind::Forgotten)
    }
}

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Inner(_) => "error reading the request body",
            Kind::Superseded => "request body is read by another attempt",
            Kind::Forgotten => "request body is too long to be read again",
        })
    }
}

impl Error for ReplayError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.kind {
            Kind::Inner(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
