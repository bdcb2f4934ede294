//! A mirror of a fixed window that the server tells of.

use super::super::Tuning;
use super::unit::fits;

/// What is left of the server's window, as far as it told, and what was charged since.
#[derive(Clone, Copy, Debug)]
pub(super) struct CostWindow {
    left: f64,
    limit: f64,
    /// When it has certainly ended. `None` if that was never told.
    until: Option<f64>,
    length: f64,
    /// Counts the windows.
    turn: u32,
}

impl CostWindow {
    pub(super) fn new(left: f64, limit: f64, tuning: &Tuning) -> Self {
        Self {
            left,
            limit,
            until: None,
            length: tuning.usual_window,
            turn: 0,
        }
    }

    pub(super) fn turn(&self) -> u32 {
        self.turn
    }

    /// Begins anew what has ended.
    fn roll(&mut self, now: f64) {
        let Some(until) = self.until.filter(|until| now + 1e-9 >= *until) else {
            return;
        };
        let more = ((now - until) / self.length).floor().max(0.0) + 1.0;
        self.until = Some(until + more * self.length);
        self.begin();
    }

    fn begin(&mut self) {
        self.left = self.limit;
        self.turn = self.turn.wrapping_add(1);
    }

    /// What is left.
    pub(super) fn level(&mut self, now: f64) -> f64 {
        self.roll(now);
        self.left
    }

    /// Adds what was found to be there, or was given back; takes it if that is negative. Returns by how much the level
    /// changed.
    pub(super) fn add(&mut self, now: f64, units: f64) -> f64 {
        let before = self.level(now);
        self.left = (self.left + units).min(self.limit);
        self.left - before
    }

    /// Takes in the size and the length of windows.
    pub(super) fn resize(&mut self, limit: f64, length: Option<f64>) {
        self.left += limit - self.limit;
        self.limit = limit;
        self.length = length.unwrap_or(self.length);
    }

    /// An answer tells that the window has ended `until` then. Ends are told late, so the earliest counts.
    pub(super) fn ends(&mut self, now: f64, until: f64, tuning: &Tuning) {
        self.roll(now);
        let Some(known) = self.until else {
            self.until = Some(until);
            return;
        };
        if until > known + tuning.max_late_reset {
            // The one that was known has ended, earlier than it seemed.
            self.begin();
            self.until = Some(until);
        } else {
            self.until = Some(known.min(until));
        }
    }

    /// How many requests of this `need` may go, beside what is `held` for others; or when one may. What exceeds
    /// the window goes when nothing else was taken of it.
    pub(super) fn available(&mut self, now: f64, need: f64, held: f64) -> Result<usize, f64> {
        let (left, need) = (self.level(now) - held, need.min(self.limit));
        match (fits(left, need), self.until) {
            (Some(slots), _) => Ok(slots),
            (None, Some(until)) => Err(until),
            // The refusal will tell.
            (None, None) => Ok(1),
        }
    }
}
