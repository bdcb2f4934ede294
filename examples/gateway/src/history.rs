//! What an upstream's times were during the last minutes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};

use crate::upstream::{Numbers, Upstream};

/// How often a sample is taken.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// How often the gates are looked at between two samples.
const BETWEEN: Duration = Duration::from_millis(50);

/// How many are kept: five minutes.
pub(crate) const KEPT: usize = 300;

/// How many of the last ones say how fast the upstream is.
const RECENT: usize = 10;

/// What was during one second.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Sample {
    /// Milliseconds since 1970, at its end.
    pub(crate) time: u64,
    /// At the end of the second.
    limit: usize,
    /// The most that there were at any moment.
    in_flight: usize,
    /// The most that there were at any moment.
    queued: usize,
    /// Accepted during the second.
    accepted: u64,
    /// Refused during the second.
    refused: u64,
    /// Turned away during the second.
    turned_away: u64,
    /// Whether there was a pause at the end of the second.
    paused: bool,
    /// Requests per second at the end of the second, if the gate keeps a pace.
    rate: Option<f64>,
}

/// The last samples.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<VecDeque<Sample>>);

impl History {
    /// The samples that were taken after this time.
    pub(crate) fn after(&self, time: u64) -> Vec<Sample> {
        let samples = self.lock();
        samples
            .iter()
            .filter(|sample| sample.time > time)
            .copied()
            .collect()
    }

    /// In what time as many requests will be answered, at the speed of the last seconds. One second
    /// if nothing was answered.
    pub(crate) fn time_for(&self, requests: usize) -> Duration {
        let samples = self.lock();
        let recent = samples.iter().rev().take(RECENT);
        let (seconds, accepted) = recent.fold((0, 0), |(seconds, accepted), sample| {
            (seconds + 1, accepted + sample.accepted)
        });
        if accepted == 0 {
            return EVERY;
        }
        EVERY.mul_f64(requests as f64 * f64::from(seconds) / accepted as f64)
    }

    fn push(&self, sample: Sample) {
        let mut samples = self.lock();
        if samples.len() == KEPT {
            samples.pop_front();
        }
        samples.push_back(sample);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.0.lock().expect("no holder panics")
    }
}

/// Takes samples, for ever.
///
/// Between two samples it looks at the gates again and again, so that what lasts for less than a second is seen
/// too.
pub(crate) async fn record(upstream: &Upstream) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = upstream.numbers();
    let (mut in_flight, mut queued) = (0, 0);
    loop {
        let tick = tokio::select! {
            _ = ticks.tick() => true,
            () = sleep(BETWEEN) => false,
        };
        let now = upstream.numbers();
        in_flight = now.gate.in_flight.max(in_flight);
        queued = now.queued.max(queued);
        if tick {
            upstream
                .history
                .push(sample(&before, &now, in_flight, queued));
            upstream.gates.forget_unused();
            before = now;
            (in_flight, queued) = (now.gate.in_flight, now.queued);
        }
    }
}

fn sample(before: &Numbers, now: &Numbers, in_flight: usize, queued: usize) -> Sample {
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Sample {
        time: time.as_millis() as u64,
        limit: now.gate.limit,
        in_flight,
        queued,
        accepted: now.gate.accepted - before.gate.accepted,
        refused: now.gate.refused - before.gate.refused,
        turned_away: now.turned_away - before.turned_away,
        paused: now.gate.pause_remaining.is_some(),
        rate: now.gate.rate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(accepted: &[u64]) -> History {
        let history = History::default();
        for (time, accepted) in (1..).zip(accepted) {
            history.push(Sample {
                time,
                limit: 5,
                in_flight: 5,
                queued: 0,
                accepted: *accepted,
                refused: 0,
                turned_away: 0,
                paused: false,
                rate: None,
            });
        }
        history
    }

    #[test]
    fn the_last_five_minutes_are_kept() {
        let history = filled(&[1; KEPT + 10]);
        let times: Vec<u64> = history.after(0).iter().map(|sample| sample.time).collect();
        assert_eq!(times.len(), KEPT);
        assert_eq!((times[0], times[KEPT - 1]), (11, KEPT as u64 + 10));
        assert_eq!(history.after(KEPT as u64 + 9).len(), 1);
        assert_eq!(history.after(KEPT as u64 + 10).len(), 0);
    }

    #[test]
    fn the_wait_is_told_by_the_speed_of_the_last_seconds() {
        assert_eq!(filled(&[]).time_for(100), Duration::from_secs(1));
        assert_eq!(filled(&[0, 0]).time_for(100), Duration::from_secs(1));
        assert_eq!(filled(&[10, 10]).time_for(100), Duration::from_secs(10));
        let mut slower = vec![1000; 5];
        slower.extend([4; RECENT]);
        assert_eq!(filled(&slower).time_for(20), Duration::from_secs(5));
    }
}
