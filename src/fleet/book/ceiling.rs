//! The level at which members were refused, of a limit that nobody knows.

/// A ceiling is believed for twice this many periods when it is met first ...
const BELIEVED: f64 = 1.0;
/// ... and twice as long whenever it is met again, up to this many.
const BELIEVED_AT_MOST: f64 = 32.0;
/// After one was refuted, none is believed for this many periods.
const REFUTED: f64 = 120.0;

/// How many were in flight, of all members, when one of them was refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ceiling {
    at: Option<f64>,
    /// Until when it is believed.
    until: f64,
    /// For how many periods it was believed last.
    believed: f64,
    /// Refusals until then belong to the last lesson.
    lesson_until: f64,
    /// The most that were in flight with nobody refused.
    accepted: f64,
    /// Until when no ceiling is believed.
    refuted_until: f64,
}

impl Ceiling {
    /// How many places more than `places` stay below it.
    pub(super) fn room(&self, places: f64) -> f64 {
        self.at
            .map_or(f64::INFINITY, |at| (at - 1.0 - places).max(0.0))
    }

    /// Takes in how many are in flight.
    pub(super) fn watch(&mut self, now: f64, busy: f64) {
        if now >= self.until {
            self.at = None;
        }
        if now > self.lesson_until {
            self.accepted = self.accepted.max(busy);
        }
    }

    /// One was refused, with up to `busy` in flight. What is refused where more were accepted is not for its being in
    /// flight, nor is what is refused while a pace is kept.
    pub(super) fn meet(&mut self, now: f64, period: f64, busy: f64, paced: bool) {
        if now < self.lesson_until {
            return;
        }
        self.lesson_until = now + period;
        if busy <= self.accepted {
            self.accepted = busy;
            self.believed = 0.0;
            self.refuted_until = now + REFUTED * period;
        }
        if paced || now < self.refuted_until {
            self.at = None;
            return;
        }
        self.at = Some(self.at.map_or(busy, |at| at.min(busy)));
        self.believed = (2.0 * self.believed.max(BELIEVED)).min(BELIEVED_AT_MOST);
        self.until = now + self.believed * period;
    }
}
