//! How fast those in line are let through.

use std::time::Duration;

use crate::concurrency::limit::Now;

/// A span is over after this many, or after twice as many as may be in flight: requests that go in step would else
/// seem faster than they are.
const LEAST: u32 = 16;

/// Fewer tell nothing.
const TOLD: u32 = 4;

/// Some requests that went one after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    began: Duration,
    count: u32,
}

/// Counts those who waited and were let through. Time in which nobody waited does not count.
#[derive(Debug, Default)]
pub(super) struct Flow {
    former: Option<Span>,
    current: Option<Span>,
    /// When the last one went.
    last: Duration,
    /// Since when nobody waits.
    idle_since: Option<Duration>,
}

impl Flow {
    /// One who waited goes.
    pub(super) fn on_grant(&mut self, now: &Now, limit: usize) {
        let now = now.get();
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let enough = limit.saturating_mul(2).max(LEAST);
        let span = self.current.get_or_insert(Span {
            began: now,
            count: 0,
        });
        // A span ends between two steps: where the gap is no less than the mean one.
        let gap = now.saturating_sub(self.last);
        let took = self.last.saturating_sub(span.began);
        if span.count >= enough && gap * span.count >= took {
            self.former = Some(*span);
            *span = Span {
                began: self.last,
                count: 0,
            };
        }
        // The first step belongs to the time before.
        if now > span.began {
            span.count += 1;
        }
        self.last = now;
    }

    /// Nobody waits any more.
    pub(super) fn on_idle(&mut self, now: &Now) {
        self.idle_since = Some(now.get());
    }

    /// Somebody waits.
    pub(super) fn on_wait(&mut self, now: &Now) {
        let Some(since) = self.idle_since.take() else {
            return;
        };
        let idle = now.get().saturating_sub(since);
        for span in [&mut self.former, &mut self.current].into_iter().flatten() {
            span.began += idle;
        }
        self.last += idle;
    }

    /// How many go per second, as far as is known.
    pub(super) fn rate(&self, now: &Now) -> Option<f64> {
        let current = self.current?;
        let began = self.former.unwrap_or(current).began;
        let count = current.count + self.former.map_or(0, |span| span.count);
        let until = self.idle_since.unwrap_or_else(|| now.get());
        let span = self.last.saturating_sub(began);
        let since = until.saturating_sub(self.last);
        // Between two steps it does not stand still.
        let stands_still = since > 2 * span;
        let took = span + if stands_still { since } else { Duration::ZERO };
        let took = took.as_secs_f64();
        (count >= TOLD && took > 0.0).then(|| f64::from(count) / took)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Now {
        Now::at(Duration::from_millis(millis))
    }

    #[test]
    fn requests_that_go_in_step_do_not_seem_faster_than_they_are() {
        let mut flow = Flow::default();
        for step in 0..5 {
            for _ in 0..40 {
                flow.on_grant(&at(step * 4000), 40);
            }
        }
        let rate = flow.rate(&at(18_000)).unwrap();
        assert!((rate - 10.0).abs() < 0.1, "{rate}");
    }

    #[test]
    fn time_in_which_nobody_waits_does_not_count() {
        let mut flow = Flow::default();
        for (second, count) in [(0, 10), (3600, 20)] {
            flow.on_wait(&at(second * 1000));
            for nth in 0..count {
                flow.on_grant(&at(second * 1000 + nth * 100), 4);
            }
            flow.on_idle(&at(second * 1000 + count * 100));
        }
        let rate = flow.rate(&at(10_000_000)).unwrap();
        assert!((rate - 10.0).abs() < 1.0, "{rate}");
    }

    #[test]
    fn a_standstill_is_noticed_and_a_start_tells_nothing() {
        let mut flow = Flow::default();
        assert_eq!(flow.rate(&at(0)), None);
        for nth in 0..4 {
            flow.on_grant(&at(nth * 100), 4);
        }
        assert_eq!(flow.rate(&at(400)), None);
        flow.on_grant(&at(400), 4);
        assert!(flow.rate(&at(500)).unwrap() > 9.0);
        assert!(flow.rate(&at(40_000)).unwrap() < 0.2);
    }
}
