//! Windows that an earlier run has found.

use std::time::Duration;

use super::{FixedWindow, Tuning, WindowStart};
use crate::concurrency::learnt::Window;

impl FixedWindow {
    /// What is known of the windows.
    pub(in super::super) fn found(&self, now: f64, tuning: &Tuning) -> Option<Window> {
        let (start, length) = (self.start?, self.length?);
        let seconds = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
        let quota = self.quota.size().round() as u64;
        let window = Window::new(seconds(length)?, quota, seconds((now - start.at).max(0.0))?);
        window.filter(|_| self.is_known(tuning))
    }

    /// Begins with windows that an earlier run has found: as if the last one had taken that number. The next that is
    /// refused after as many confirms it.
    pub(in super::super) fn resume(&mut self, now: f64, admitted: f64, window: Window) {
        let length = window.length().as_secs_f64();
        self.length = Some(length);
        // The end of a window that is not confirmed is waited for if it has been closed for long before.
        self.last_closure = length;
        self.start = Some(WindowStart {
            at: now - window.began().as_secs_f64(),
            admitted,
            uncertainty: 0.0,
            assumed: false,
            earlier: true,
        });
        self.quota.resume(window.quota() as f64);
    }
}
