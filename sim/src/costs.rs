//! What the jobs of a run cost.

use std::ops::RangeInclusive;

use fastrand::Rng;

use crate::limits::{Cost, Unit};
use crate::work::log_normal;

/// How what each job costs is drawn.
#[derive(Clone, Debug)]
pub enum Costs {
    /// Each of these alike, as input.
    Uniform(RangeInclusive<u32>),
    /// Log-normal, as input: the mean, and the spread.
    LogNormal { mean: f64, sigma: f64 },
    /// One in `nth` is `dear`, at random, and the others are `cheap`.
    Mixed { cheap: u32, dear: u32, nth: u32 },
    /// The jobs in as many parts, in order, all of a part alike.
    Phases(Vec<u32>),
    /// Input and output, log-normal each with this spread: the means of both.
    Split { input: f64, output: f64, sigma: f64 },
    /// From a trace, in turn.
    Given(Vec<Cost>),
}

impl Costs {
    /// What the job `id` of `jobs` costs.
    pub fn draw(&self, rng: &mut Rng, id: usize, jobs: usize) -> Cost {
        let natural = |drawn: f64| drawn.round().max(1.0) as u32;
        match self {
            Self::Uniform(range) => rng.u32(range.clone()).into(),
            Self::LogNormal { mean, sigma } => natural(log_normal(rng, *mean, *sigma)).into(),
            Self::Mixed { cheap, dear, nth } => {
                let dearest = rng.u32(..*nth) == 0;
                if dearest { *dear } else { *cheap }.into()
            }
            Self::Phases(parts) => parts[(id * parts.len() / jobs).min(parts.len() - 1)].into(),
            Self::Split {
                input,
                output,
                sigma,
            } => Cost {
                input: natural(log_normal(rng, *input, *sigma)),
                output: natural(log_normal(rng, *output, *sigma)),
            },
            Self::Given(costs) => costs[id % costs.len()],
        }
    }

    /// The mean that a job takes of a unit.
    pub fn mean(&self, unit: Unit) -> f64 {
        if unit == Unit::Requests {
            return 1.0;
        }
        let counted = unit != Unit::Output;
        let of_input = |mean: f64| if counted { mean } else { 0.0 };
        let of = |costs: &mut dyn Iterator<Item = f64>| {
            let (sum, n) = costs.fold((0.0, 0.0), |(sum, n), cost| (sum + cost, n + 1.0));
            sum / n
        };
        match self {
            Self::Uniform(range) => of_input(f64::from(range.start() + range.end()) / 2.0),
            Self::LogNormal { mean, .. } => of_input(*mean),
            Self::Mixed { cheap, dear, nth } => {
                let more = f64::from(dear - cheap) / f64::from(*nth);
                of_input(f64::from(*cheap) + more)
            }
            Self::Phases(parts) => of_input(of(&mut parts.iter().map(|cost| f64::from(*cost)))),
            Self::Split { input, output, .. } => {
                let (input, output) = (of_input(*input), *output);
                if unit == Unit::Input {
                    input
                } else {
                    input + output
                }
            }
            Self::Given(costs) => of(&mut costs.iter().map(|cost| unit.of(*cost))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::rng;

    #[test]
    fn costs_have_the_means_that_they_say() {
        let all = [
            Costs::Uniform(50..=800),
            Costs::LogNormal {
                mean: 800.0,
                sigma: 1.0,
            },
            Costs::Mixed {
                cheap: 200,
                dear: 6_000,
                nth: 10,
            },
            Costs::Phases(vec![200, 3_000, 200]),
            Costs::Split {
                input: 900.0,
                output: 200.0,
                sigma: 0.8,
            },
            Costs::Given(vec![Cost {
                input: 5,
                output: 7,
            }]),
        ];
        let jobs = 60_000;
        for costs in all {
            for unit in Unit::ALL {
                let drawn = (0..jobs).map(|id| costs.draw(&mut rng(3, id as u64), id, jobs));
                let mean = drawn.map(|cost| unit.of(cost)).sum::<f64>() / jobs as f64;
                let expected = costs.mean(unit);
                assert!(
                    (mean - expected).abs() <= 0.03 * expected,
                    "{costs:?} {unit:?}: {mean}, {expected}"
                );
            }
        }
    }
}
