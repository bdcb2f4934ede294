//! What the layers do, and why: events for logs, metrics and people.
mod event;
mod observer;
mod reason;
mod timeline;

pub use self::event::Event;
pub(crate) use self::observer::Observers;
pub use self::observer::{DEFAULT_NAME, Observer, Source, SourceKind};
pub use self::reason::{By, Ending, GiveUpReason, RetryReason};
pub use self::timeline::Timeline;
pub use crate::concurrency::limit::{Circuit, Reason};
