//! placeholder
mod layer;
mod service;
pub use self::layer::SpreadLayer;
pub use self::service::Spread;
