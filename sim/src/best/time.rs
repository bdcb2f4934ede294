//! How jobs ended, and the time that counts.

use std::collections::BTreeMap;

use crate::work::Arrivals;

/// How a job ended.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    pub batch: usize,
    pub arrived: f64,
    /// When its accepted attempt began. That of a job that has none is when it ended.
    pub sent: f64,
    pub at: f64,
    pub done: bool,
}

/// When the last of them ended.
pub fn last(finished: &[Finished]) -> f64 {
    finished.iter().map(|job| job.at).fold(0.0, f64::max)
}

/// Which share of the best makespan is added to a mean time from arrival to end. Without it, answers that
/// take a millisecond would make a ratio of nothing.
const ALLOWANCE: f64 = 0.1;

/// What is added to a mean wait until a job is sent, for the same reason.
const SECOND: f64 = 1.0;

/// The time that counts, which idle time does not hide: of batches the sum, of a burst what follows the
/// trickle, of random arrivals the mean time from arrival to end (and a share of the best makespan), of steady
/// ones the mean wait until they are sent (and a second), else the makespan.
pub fn time(arrivals: &Arrivals, finished: &[Finished], best: f64) -> f64 {
    match arrivals {
        Arrivals::AllAtOnce | Arrivals::Given(_) => last(finished),
        Arrivals::TrickleThenBurst { trickle, every } => last(finished) - *trickle as f64 * every,
        Arrivals::Poisson { .. } => {
            let sum: f64 = finished.iter().map(|job| job.at - job.arrived).sum();
            sum / finished.len() as f64 + ALLOWANCE * best
        }
        Arrivals::Batches { .. } => batches(finished),
        Arrivals::Steady { .. } => {
            let sum: f64 = finished.iter().map(|job| job.sent - job.arrived).sum();
            sum / finished.len() as f64 + SECOND
        }
    }
}

fn batches(finished: &[Finished]) -> f64 {
    let mut spans: BTreeMap<usize, f64> = BTreeMap::new();
    for job in finished {
        let span = spans.entry(job.batch).or_default();
        *span = span.max(job.at - job.arrived);
    }
    spans.values().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_counts_is_not_the_idle_time() {
        let job = |batch, arrived, sent, at| Finished {
            batch,
            arrived,
            sent,
            at,
            done: true,
        };
        let finished = [job(0, 0.0, 1.0, 5.0), job(1, 100.0, 103.0, 107.0)];
        let of = |arrivals| time(&arrivals, &finished, 50.0);
        let (sizes, gap) = (vec![1], 95.0);
        assert_eq!(of(Arrivals::AllAtOnce), 107.0);
        assert_eq!(of(Arrivals::Batches { sizes, gap }), 5.0 + 7.0);
        assert_eq!(of(Arrivals::Poisson { per_second: 0.01 }), 6.0 + 5.0);
        assert_eq!(of(Arrivals::Steady { every: 100.0 }), 2.0 + 1.0);
        let (trickle, every) = (1, 100.0);
        assert_eq!(of(Arrivals::TrickleThenBurst { trickle, every }), 7.0);
    }
}
