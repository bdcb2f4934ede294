//! A share that changes: more or less of a limit is this client's.

use super::{Learned, Now};

impl Learned {
    /// Moves the in-flight limit by `places`, and whatever is known of requests per second by `rate`.
    pub(super) fn shift_by(&mut self, now: &Now, places: isize, rate: f64) {
        if places != 0 {
            self.limit.shift(places);
        }
        if rate != 0.0 && rate.is_finite() {
            self.shift_rate(now.get().as_secs_f64(), rate);
        }
    }

    fn shift_rate(&mut self, now: f64, rate: f64) {
        if let Some(mark) = &mut self.exhausted {
            // The next refusal measures as if the share had been this one since the last.
            mark.admitted -= rate * (now - mark.at).max(0.0);
        }
        self.breaker.shift_window(rate);
        if let Some(pacer) = &mut self.pacer {
            pacer.shift(now, rate, &self.tuning);
            self.make_room_for_pacer();
        }
    }
}
