//! What a refusal does to a share that stands still.

use std::time::Duration;

/// The longest time for which a share is held, however many were refused in a row.
const LONGEST: Duration = Duration::from_secs(8);

/// After a refusal nobody is sent until there is news, or for a while: a refusal may come within a millisecond,
/// and those who wait would all meet it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hold {
    until: Option<Duration>,
    /// Lessons in a row, with nothing accepted between.
    in_row: u32,
    /// Refusals of requests with a lower number belong to the last lesson (RFC 6582, section 3.2).
    epoch: u64,
}

impl Hold {
    /// One request was refused. `next` is the number of the one that is sent next. Returns whether that is a lesson
    /// of its own.
    pub(super) fn on_refused(
        &mut self,
        now: Duration,
        seq: u64,
        next: u64,
        first: Duration,
    ) -> bool {
        if seq < self.epoch {
            return false;
        }
        self.epoch = next;
        let wait = first.saturating_mul(1 << self.in_row.min(16)).min(LONGEST);
        self.in_row += 1;
        self.until = Some(now.saturating_add(wait));
        true
    }

    pub(super) fn on_accepted(&mut self) {
        self.in_row = 0;
    }

    /// There is news. It ends a hold, unless the server serves nobody.
    pub(super) fn on_news(&mut self) {
        if self.in_row < 2 {
            self.until = None;
        }
    }

    /// Until when nobody goes.
    pub(super) fn until(&self, now: Duration) -> Option<Duration> {
        self.until.filter(|until| now < *until)
    }

    /// Whether one may go at a time, to find out whether the server serves anybody.
    pub(super) fn is_probing(&self) -> bool {
        self.in_row >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn one_event_is_one_lesson_and_news_ends_it() {
        let mut hold = Hold::default();
        assert!(hold.on_refused(ms(0), 5, 8, ms(500)));
        assert!(
            !hold.on_refused(ms(1), 7, 8, ms(500)),
            "sent before the lesson"
        );
        assert_eq!(hold.until(ms(499)), Some(ms(500)));
        assert_eq!(hold.until(ms(500)), None);
        hold.on_news();
        assert_eq!(hold.until(ms(1)), None);
    }

    #[test]
    fn a_server_that_serves_nobody_is_probed_at_doubling_intervals() {
        let mut hold = Hold::default();
        let mut now = ms(0);
        for wait in [500, 1000, 2000, 4000, 8000, 8000] {
            assert!(hold.on_refused(now, 1, 1, ms(500)));
            hold.on_news();
            if wait > 500 {
                assert!(hold.is_probing());
                assert_eq!(hold.until(now), Some(now + ms(wait)));
            }
            now += ms(wait);
        }
        hold.on_accepted();
        assert!(!hold.is_probing());
    }
}
