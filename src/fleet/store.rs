//! Where a fleet's book lies.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::book::Book;
use super::report::{Grant, Report, Row};

/// Keeps the [`Book`] of a fleet where all its members can write to it.
///
/// [`redis::Redis`](super::redis::Redis) is one, with the feature `redis`. [`Local`] is another, in memory. A third
/// does for each report what [`Book::sync`] does, at once or not at all, by a clock of its own.
pub trait Store: Send + Sync + 'static {
    /// Why a call failed.
    type Error: fmt::Display + Send;

    /// Takes a member's report in, and returns what it has from now on. It is dropped if it takes too long.
    ///
    /// # Errors
    ///
    /// If the store is out of reach. The member then keeps what it has.
    fn sync(&self, report: &Report) -> impl Future<Output = Result<Grant, Self::Error>> + Send;

    /// Returns the table of members.
    ///
    /// # Errors
    ///
    /// If the store is out of reach.
    fn members(&self) -> impl Future<Output = Result<Vec<Row>, Self::Error>> + Send;
}

/// A [`Book`] in memory, for several gates of one process, and for tests. Clones share it.
#[derive(Clone, Debug)]
pub struct Local {
    book: Arc<Mutex<Book>>,
    epoch: Instant,
}

impl Local {
    /// Creates an empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, change: impl FnOnce(&mut Book, f64) -> T) -> T {
        let now = self.epoch.elapsed().as_secs_f64() * 1000.0;
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut book, now)
    }

    /// Forgets everything, as a store does that is killed and comes back empty.
    pub fn clear(&self) {
        self.with(|book, _| *book = Book::default());
    }
}

impl Default for Local {
    fn default() -> Self {
        Self {
            book: Arc::default(),
            epoch: Instant::now(),
        }
    }
}

impl Store for Local {
    type Error = Infallible;

    async fn sync(&self, report: &Report) -> Result<Grant, Infallible> {
        Ok(self.with(|book, now| book.sync(now, report)))
    }

    async fn members(&self) -> Result<Vec<Row>, Infallible> {
        Ok(self.with(|book, _| book.members()))
    }
}
