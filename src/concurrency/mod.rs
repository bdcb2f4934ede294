//! Admission under a limit that is learned.

pub mod limit;

/// See the [module docs](self).
#[derive(Clone, Debug, Default)]
pub struct AdaptiveConcurrencyLayer {}

/// See the [module docs](self).
#[derive(Clone, Debug)]
pub struct AdaptiveConcurrency<S> {
    _inner: S,
}
