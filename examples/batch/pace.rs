//! How fast posts are answered, and when the last will be.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// How far back the rate is taken.
const SPAN: Duration = Duration::from_secs(60);
/// What must have passed before anything is said.
const LEAST: Duration = Duration::from_secs(1);
/// How often a count is kept.
const EACH: Duration = Duration::from_secs(1);

/// The counts of the last minute.
#[derive(Debug)]
pub(crate) struct Pace {
    counts: VecDeque<(Instant, usize)>,
}

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            counts: VecDeque::from([(now, 0)]),
        }
    }

    /// Answers per second over the last minute, with `count` of them now.
    pub(crate) fn update(&mut self, now: Instant, count: usize) -> f64 {
        // One that is older than a minute stays as the begin of the minute.
        while self.counts.get(1).is_some_and(|(at, _)| now - *at >= SPAN) {
            self.counts.pop_front();
        }
        let (since, before) = self.counts[0];
        if now - self.counts[self.counts.len() - 1].0 >= EACH {
            self.counts.push_back((now, count));
        }
        let seconds = (now - since).as_secs_f64().max(1e-3);
        (count - before) as f64 / seconds
    }

    /// The time for `left` more, at this rate.
    pub(crate) fn estimate(&self, now: Instant, left: usize, rate: f64) -> Option<Duration> {
        let known = now - self.counts[0].0 >= LEAST && rate > 0.0;
        known
            .then(|| Duration::try_from_secs_f64(left as f64 / rate).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_counts() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut pace = Pace::new(start);
        assert_eq!(pace.estimate(start, 10, 5.0), None);
        for second in 1..=100 {
            assert_eq!(pace.update(at(second), 10 * second as usize), 10.0);
        }
        assert_eq!(
            pace.estimate(at(100), 500, 10.0),
            Some(Duration::from_secs(50))
        );
        // Half a minute without an answer halves it, and a whole one makes it nothing.
        for second in 101..=130 {
            pace.update(at(second), 1_000);
        }
        assert_eq!(pace.update(at(130), 1_000), 5.0);
        for second in 131..=160 {
            pace.update(at(second), 1_000);
        }
        assert_eq!(pace.update(at(160), 1_000), 0.0);
        assert_eq!(pace.estimate(at(160), 500, 0.0), None);
    }
}
