//! What the layers do, and why: events for logs, metrics and people.
mod event;
#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod reason;
mod timeline;
#[cfg(feature = "tracing")]
mod tracing;

pub use self::event::Event;
#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
pub(crate) use self::observer::Observers;
pub use self::observer::{DEFAULT_NAME, Observer, Source, SourceKind};
pub use self::reason::{By, Ending, GiveUpReason, RetryReason};
pub use self::timeline::Timeline;
#[cfg(feature = "tracing")]
pub use self::tracing::Tracing;
pub use crate::concurrency::limit::{Circuit, Reason};
