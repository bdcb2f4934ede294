//! Admission under a limit that is learned.

mod body;
mod classify;
mod future;
mod gate;
mod handle;
mod layer;
pub mod limit;
mod service;
mod snapshot;

pub use self::body::{GuardedBody, ReleaseAt};
pub use self::classify::Classified;
pub use self::future::ResponseFuture;
pub use self::handle::Handle;
pub use self::layer::AdaptiveConcurrencyLayer;
pub use self::service::AdaptiveConcurrency;
pub use self::snapshot::{Snapshot, Watch};
