//! Retries of refused requests.

mod attempts;
mod backoff;
mod body;
mod budget;
mod classify;
mod drain;
mod future;
mod idempotency;
mod judge;
mod layer;
mod pause;
mod plan;
mod policy;
mod replay;
mod service;

pub use attempts::Attempts;
pub use backoff::{Backoff, Jitter};
pub use body::ResponseBody;
pub use budget::RetryBudget;
pub use classify::{
    Classify, Decision, Errors, Head, RefusalsOnly, ServerErrors, retry_errors, retry_server_errors,
};
pub use future::ResponseFuture;
pub use idempotency::IdempotencyKey;
pub use layer::RetryOn429Layer;
pub use replay::{ReplayBody, ReplayError, SingleUse};
pub use service::RetryOn429;
