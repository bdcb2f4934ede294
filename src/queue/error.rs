//! The error.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a request behind a [`QueueLayer`](super::QueueLayer) has no response.
///
/// [`Inner`](Self::Inner) is the error of the service below. All others are the layer's own: the request was
/// not sent, or it was refused and would have been sent again too late.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError<E> {
    /// As many wait as [`max_waiting`](super::QueueLayer::max_waiting) allows, or a request of a higher class
    /// took this one's seat.
    Full,
    /// The request waited for [`max_wait`](super::QueueLayer::max_wait).
    TimedOut {
        /// How long it waited.
        waited: Duration,
        /// How many would have gone before it. `None` if no gate was asked, such as behind a `Buffer`.
        ahead: Option<usize>,
    },
    /// The request cannot be sent by its [`deadline`](super::QueueLayer::deadline).
    Expired {
        /// How long the whole wait takes, as far as the gate can tell; at least as long as it lasted.
        needs: Duration,
    },
    /// The error of the inner service.
    Inner(E),
}

impl<E> QueueError<E> {
    /// The error of the inner service, if it is one.
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Inner(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for QueueError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("too many requests wait"),
            Self::TimedOut { waited, ahead } => {
                write!(f, "the request waited for {waited:?}")?;
                ahead.map_or(Ok(()), |ahead| write!(f, ", and {ahead} were ahead of it"))
            }
            Self::Expired { needs } => {
                write!(
                    f,
                    "the request cannot be sent by its deadline: the wait takes {needs:?}"
                )
            }
            Self::Inner(error) => error.fmt(f),
        }
    }
}

/// The source of [`QueueError::Inner`] is that of the error in it, as its text is that error's.
impl<E: Error> Error for QueueError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Inner(error) => error.source(),
            _ => None,
        }
    }
}
