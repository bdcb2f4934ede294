//! The latency trend: whether more requests in flight get more done.

use super::Tuning;

/// Levels are grouped by octaves: the first is less than four in flight, the last 1,024
/// and more.
const OCTAVES: usize = 10;

/// Logarithms of latencies, by the number of requests in flight.
///
/// Latencies of one API spread over factors: the mean of their logarithms is the geometric mean,
/// which rare very long answers do not move.
#[derive(Clone, Debug, Default)]
pub(super) struct LatencyTrend {
    /// As many as were used: there may be a limit for each of many keys, of most of which little is in flight.
    octaves: Vec<Spread>,
    /// The requests that were sent last with many in flight.
    many: Spread,
    /// Those that were sent first with half as many.
    half: Spread,
}

/// One of the two groups of requests that are compared.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cohort {
    Many,
    Half,
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

    /// Whether its answers took so much longer than the `others` that noise does not explain it.
    fn is_slower(self, others: Self, tuning: &Tuning) -> bool {
        let noise = (self.error() + others.error()).sqrt() * tuning.confidence;
        self.mean - others.mean > noise.max(tuning.slower.ln())
    }

    /// The variance of the mean.
    fn error(self) -> f64 {
        self.squares / (self.count - 1.0).max(1.0) / self.count.max(1.0)
    }
}

fn logarithm(latency: f64) -> f64 {
    latency.max(1e-6).ln()
}

fn octave(level: usize) -> usize {
    (level.max(2).ilog2() as usize - 1).min(OCTAVES - 1)
}

impl LatencyTrend {
    fn octave(&mut self, level: usize) -> &mut Spread {
        let octave = octave(level);
        if octave >= self.octaves.len() {
            self.octaves.reserve_exact(octave + 1 - self.octaves.len());
            self.octaves.resize(octave + 1, Spread::default());
        }
        &mut self.octaves[octave]
    }

    /// Records an answer that took `latency` seconds, sent at `level`.
    pub(super) fn observe(&mut self, level: usize, latency: f64, tuning: &Tuning) {
        self.octave(level)
            .add(logarithm(latency), tuning.latency_memory);
    }

    /// Whether answers at `level` took longer than those at lower levels did before, so that perhaps
    /// more requests in flight get no more done.
    pub(super) fn seems_slower(&self, level: usize, tuning: &Tuning) -> bool {
        let octave = octave(level);
        let Some(here) = self.octaves.get(octave) else {
            return false;
        };
        let below = self.octaves[..octave]
            .iter()
            .fold(Spread::default(), |all, one| all.with(*one));
        // The first answers from a level are its shortest, and would say that it is quick.
        here.count >= tuning.latency_samples
            && below.count >= tuning.latency_samples_below
            && here.is_slower(below, tuning)
    }

    pub(super) fn begin_comparison(&mut self) {
        (self.many, self.half) = Default::default();
    }

    /// Adds an answer to one of the groups that are compared.
    pub(super) fn observe_cohort(&mut self, cohort: Cohort, latency: f64, tuning: &Tuning) {
        let group = match cohort {
            Cohort::Many => &mut self.many,
            Cohort::Half => &mut self.half,
        };
        group.add(logarithm(latency), tuning.latency_memory);
    }

    /// Returns how many times as long answers take at the second level as at the first: 1 if that
    /// is noise, and `None` before each group has `enough` answers.
    pub(super) fn compare(
        &mut self,
        (half, level): (usize, usize),
        enough: f64,
        tuning: &Tuning,
    ) -> Option<f64> {
        if self.many.count < enough || self.half.count < enough {
            return None;
        }
        let slower = self.many.is_slower(self.half, tuning);
        let times = (self.many.mean - self.half.mean).exp();
        if slower {
            return Some(times);
        }
        // The calls are others than before, or the server is: only these answers count on.
        self.octaves.clear();
        *self.octave(half) = self.half;
        *self.octave(level) = self.many;
        Some(1.0)
    }
}
