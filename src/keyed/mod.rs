//! placeholder
mod bound;
mod future;
mod handle;
mod key;
mod layer;
mod overflow;
mod service;
mod shared;
mod table;
mod ticket;

pub use self::future::ResponseFuture;
pub use self::handle::KeyedHandle;
#[cfg(feature = "json")]
pub use self::key::Model;
pub use self::key::{Account, Credential, Host, Target};
pub use self::layer::KeyedLayer;
pub use self::service::Keyed;
