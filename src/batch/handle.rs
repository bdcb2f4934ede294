//! The handle.

use std::fmt;
use std::sync::Arc;

use super::progress::Progress;
use super::shared::Shared;

/// Shows how far a batch is, and closes it, from outside of the task that polls it.
///
/// [`Results::handle`](super::Results::handle) makes one. Clones are handles of the same batch.
#[derive(Clone)]
pub struct BatchHandle {
    shared: Arc<Shared>,
}

impl BatchHandle {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns how far the batch is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.shared.progress()
    }

    /// Closes the batch: no further request is taken from the stream, and none is sent that still waits for the
    /// client to be ready. Those that were taken have the result [`NotSent`](super::BatchError::NotSent).
    ///
    /// What is in flight ends as it would have, its retries included. The stream of results ends after that.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Returns whether the batch was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}

impl fmt::Debug for BatchHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchHandle")
            .field("progress", &self.progress())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}
