//! Where answers are kept over a restart.

#[cfg(feature = "journal")]
mod json_lines;
#[cfg(feature = "journal")]
mod record;

use std::convert::Infallible;

use bytes::Bytes;
use http::Response;

use super::error::BoxError;

#[cfg(feature = "journal")]
pub use self::json_lines::{Fsync, JsonLines};

/// Keeps the accepted answers of a batch, so that a batch that runs again after a crash sends only the rest.
///
/// A batch asks it before a request is sent ([`recall`](Self::recall)), and hands it each accepted answer
/// ([`record`](Self::record)) as soon as its body is read, in the order in which answers come.
///
/// Both run within the batch's poll, so they should be quick. `JsonLines` is a file, with the feature `journal`.
///
/// # Examples
///
/// Answers that are kept in memory, from one batch to the next:
///
/// ```
/// use std::collections::HashMap;
/// use std::convert::Infallible;
///
/// use bytes::Bytes;
/// use http::Response;
/// use tower_throttle::batch::Journal;
///
/// #[derive(Default)]
/// struct Memory(HashMap<usize, Response<Bytes>>);
///
/// impl Journal<usize> for Memory {
///     type Error = Infallible;
///
///     fn recall(&mut self, key: &usize) -> Result<Option<Response<Bytes>>, Infallible> {
///         Ok(self.0.get(key).cloned())
///     }
///
///     fn record(&mut self, key: &usize, response: &Response<Bytes>) -> Result<(), Infallible> {
///         self.0.insert(*key, response.clone());
///         Ok(())
///     }
/// }
/// ```
pub trait Journal<K> {
    /// Why an answer could not be kept or found.
    type Error: Into<BoxError>;

    /// Returns the answer that was recorded for this key. `None` if there is none: the request is sent.
    ///
    /// # Errors
    ///
    /// If it cannot be told. The request is not sent then: see
    /// [`NotRecalled`](super::BatchError::NotRecalled).
    fn recall(&mut self, key: &K) -> Result<Option<Response<Bytes>>, Self::Error>;

    /// Records an accepted answer.
    ///
    /// # Errors
    ///
    /// If it was not recorded. The answer is not lost: it is in the error
    /// [`NotRecorded`](super::BatchError::NotRecorded), and the batch goes on.
    fn record(&mut self, key: &K, response: &Response<Bytes>) -> Result<(), Self::Error>;

    /// Makes safe what was recorded. Called once, when the batch has ended. By default it does nothing.
    ///
    /// # Errors
    ///
    /// If that failed. It becomes the last item of the batch: [`Sync`](super::BatchError::Sync).
    fn sync(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// Nothing is recorded. The default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoJournal;

impl<K> Journal<K> for NoJournal {
    type Error = Infallible;

    fn recall(&mut self, _: &K) -> Result<Option<Response<Bytes>>, Infallible> {
        Ok(None)
    }

    fn record(&mut self, _: &K, _: &Response<Bytes>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Left in the extensions of an answer that came out of a [`Journal`] and not from the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recalled;
