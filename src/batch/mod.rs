//! A batch.

mod builder;
mod error;
mod handle;
mod job;
mod journal;
mod key;
mod order;
mod progress;
mod rate;
mod results;
mod run;
mod shared;
mod source;
mod work;

pub use self::builder::{AcceptFn, Batch};
pub use self::error::{BatchError, BodyTooLarge, BoxError};
pub use self::handle::BatchHandle;
#[cfg(feature = "journal")]
pub use self::journal::{Fsync, JsonLines};
pub use self::journal::{Journal, NoJournal, Recalled};
pub use self::key::{ByIndex, ByRequest, InPairs, KeyOf};
pub use self::progress::Progress;
pub use self::results::Results;
pub use self::source::Requests;
pub use self::work::BatchResult;
