//! Whether growth pays: how long answers take at each level.

use super::Tuning;

/// Levels are told apart by octaves; the first of these is that of less than four in flight, the last
/// that of 128 and more.
const OCTAVES: usize = 7;

/// Logarithms of latencies, by the number of requests that were in flight.
///
/// Logarithms, because latencies of one API spread over factors: their mean is the geometric one,
/// which a few very long answers do not move.
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
    /// Welford's update, forgetting what is older than the memory.
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
    /// Notes an answer that took `latency` seconds, sent with `level` in flight.
    pub(super) fn observe(&mut self, level: usize, latency: f64, tuning: &Tuning) {
        self.octaves[octave(level)].add(latency.max(1e-6).ln(), tuning.latency_memory);
    }

    /// Whether answers at `level` take so much longer than those at lower levels that more requests
    /// in flight get little more done.
    ///
    /// Half of the evidence is used up with that: what was chance is soon found out.
    pub(super) fn test_slower(&mut self, level: usize, tuning: &Tuning) -> bool {
        let octave = octave(level);
        let here = self.octaves[octave];
        let below = self.octaves[..octave]
            .iter()
            .fold(Spread::default(), |all, one| all.with(*one));
        // The first answers from a level are its shortest: a few of them say that it is quick.
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

    /// The least level of the octave of `level`.
    pub(super) fn floor(level: usize) -> usize {
        2 << octave(level)
    }
}
