//! Retries of refused requests.

/// See the [module docs](self).
#[derive(Clone, Debug, Default)]
pub struct RetryOn429Layer {}

/// See the [module docs](self).
#[derive(Clone, Debug)]
pub struct RetryOn429<S> {
    _inner: S,
}

/// A request body that can be replayed.
#[derive(Debug)]
pub struct ReplayBody<B> {
    _inner: B,
}
