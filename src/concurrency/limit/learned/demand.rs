//! Whether the limit, or the program, decides how much is sent.

/// The time in which nobody waited: what is sent then says nothing of what the server takes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Demand {
    /// When the line was last empty, if nobody has come since.
    idle_since: Option<f64>,
    /// The seconds without anybody in the line, since the last measurement.
    idle: f64,
}

impl Demand {
    /// Whether nobody has come since the line was empty.
    pub(super) fn is_idle(&self) -> bool {
        self.idle_since.is_some()
    }

    /// Somebody waits.
    pub(super) fn on_wait(&mut self, now: f64) {
        if let Some(since) = self.idle_since.take() {
            self.idle += (now - since).max(0.0);
        }
    }

    /// One was sent, and `waiting` are left in the line.
    pub(super) fn on_send(&mut self, now: f64, waiting: usize) {
        self.on_wait(now);
        if waiting == 0 {
            self.idle_since = Some(now);
        }
    }

    /// Takes the idle seconds since this was last asked.
    pub(super) fn take_idle(&mut self, now: f64) -> f64 {
        if let Some(since) = &mut self.idle_since {
            self.idle += (now - *since).max(0.0);
            *since = now;
        }
        std::mem::take(&mut self.idle)
    }
}
