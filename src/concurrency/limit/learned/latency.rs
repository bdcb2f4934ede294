//! The latency trend: whether more requests in flight get more done.

use super::Tuning;

/// Levels are grouped by octaves: the first is less than four in flight, the last 128 and more.
const OCTAVES: usize = 7;

/// Logarithms of latencies, by the number of requests in flight.
///
/// Latencies of one API spread over factors: the mean of their logarithms is the geometric mean,
/// which rare very long answers do not move.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LatencyTrend {
    octaves: [Spread; OCTAVES],
}

#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    /// Welford's update, which forgets what is older than `memory` answers.
    fn add(&mut self, value: f64, memory: f64) {
        if self.count >= memory {
            self.squares *= 1.0 - 1.0 / memory;
        } else {
            self.count += 1.0;
        }
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    fn with(self, other: Self) -> Self {
        let count = self.count + other.count;
        if count == 0.0 {
            return self;
        }
        let off = other.mean - self.mean;
        Self {
            count,
            mean: self.mean + off * other.count / count,
            squares: self.squares + other.squares + off * off * self.count * other.count / count,
        }
    }

    /// The variance of the mean.
    fn error(self) -> f64 {
        self.squares / (self.count - 1.0).max(1.0) / self.count.max(1.0)
    }
}

fn octave(level: usize) -> usize {
    (level.max(2).ilog2() as usize - 1).min(OCTAVES - 1)
}

impl LatencyTrend {
    /// Records an answer that took `latency` seconds, sent at `level`.
    pub(super) fn observe(&mut self, level: usize, latency: f64, tuning: &Tuning) {
        self.octaves[octave(level)].add(latency.max(1e-6).ln(), tuning.latency_memory);
    }

    /// Returns whether answers at `level` are so much slower than at lower levels that more
    /// requests in flight get little more done.
    ///
    /// A positive result consumes part of the evidence, so that chance is soon found out.
    pub(super) fn test_slower(&mut self, level: usize, tuning: &Tuning) -> bool {
        let octave = octave(level);
        let here = self.octaves[octave];
        let below = self.octaves[..octave]
            .iter()
            .fold(Spread::default(), |all, one| all.with(*one));
        // The first answers from a level are its shortest, and would say that it is quick.
        if here.count < tuning.latency_samples || below.count < tuning.latency_samples_below {
            return false;
        }
        let noise = (here.error() + below.error()).sqrt() * tuning.confidence;
        let slower = here.mean - below.mean > noise.max(tuning.slower.ln());
        if slower {
            let here = &mut self.octaves[octave];
            here.count *= tuning.latency_evidence_kept;
            here.squares *= tuning.latency_evidence_kept;
        }
        slower
    }

    /// The lowest level of the octave of `level`.
    pub(super) fn floor(level: usize) -> usize {
        2 << octave(level)
    }
}
