//! What the latest attempts cost, and what became of them.

use std::collections::VecDeque;

use super::super::judge::{DISTANCES, explained};
use super::unit::Unit;
use crate::cost::Cost;

/// How many attempts are kept.
const KEPT: usize = 1024;

/// An attempt whose cost is known.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    seq: u64,
    /// When it was charged, in seconds.
    at: f64,
    cost: Cost,
    /// What the latest cost on average then, by unit.
    means: [f64; 3],
    refused: bool,
}

/// The latest attempts, in the order in which they were let through.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts(VecDeque<Attempt>);

/// How well the refusals are explained by what was sent before, counted in two ways: by the part of the uncertainty
/// about who is refused that this takes away.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Explained {
    pub(super) by_requests: f64,
    pub(super) by_cost: f64,
}

impl Attempts {
    fn find(&self, seq: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&seq, |attempt| attempt.seq)
    }

    pub(super) fn on_cost(&mut self, now: f64, seq: u64, cost: Cost, means: [f64; 3]) {
        match self.find(seq) {
            Ok(at) => self.0[at].cost = cost,
            Err(at) => {
                let attempt = Attempt {
                    seq,
                    at: now,
                    cost,
                    means,
                    refused: false,
                };
                self.0.insert(at, attempt);
                if self.0.len() > KEPT {
                    self.0.pop_front();
                }
            }
        }
    }

    pub(super) fn on_refused(&mut self, seq: u64) {
        if let Ok(at) = self.find(seq) {
            self.0[at].refused = true;
        }
    }

    /// How many were refused.
    pub(super) fn refused(&self) -> u32 {
        let refused = self.0.iter().filter(|attempt| attempt.refused);
        refused.count() as u32
    }

    /// When an attempt was charged, and what it cost.
    pub(super) fn get(&self, seq: u64) -> Option<(f64, Cost)> {
        let attempt = &self.0[self.find(seq).ok()?];
        Some((attempt.at, attempt.cost))
    }

    /// The first refusal that is known.
    pub(super) fn first_refused(&self) -> Option<u64> {
        Some(self.0.iter().find(|attempt| attempt.refused)?.seq)
    }

    /// What those cost that were accepted between two.
    pub(super) fn accepted_between(&self, first: u64, last: u64, unit: Unit) -> f64 {
        let from = self.find(first.saturating_add(1)).unwrap_or_else(|at| at);
        let to = self.find(last).unwrap_or_else(|at| at).max(from);
        let accepted = self.0.range(from..to).filter(|attempt| !attempt.refused);
        accepted.map(|attempt| unit.of(attempt.cost)).sum()
    }

    /// How well each way to count explains the refusals. `None` of fewer than three.
    pub(super) fn explained(&self, unit: Unit) -> Option<Explained> {
        let first = self.0.iter().position(|attempt| attempt.refused)?;
        if self.refused() < 3 {
            return None;
        }
        let by = |unit: Unit| explained(&mut self.excesses(first, unit));
        let near = DISTANCES.map(|distance| explained(&mut self.nearness(first, distance)));
        Some(Explained {
            by_requests: near.into_iter().fold(by(Unit::Requests), f64::max),
            by_cost: by(unit),
        })
    }

    /// How much dearer the refused ones were than the mean of those sent then, as a sum of logarithms. A limit that counts
    /// costs refuses a request in proportion to its cost, and one that counts requests does not: it is the likelihood of the
    /// one over that of the other.
    pub(super) fn dearness(&self, unit: Unit) -> f64 {
        let refused = self.0.iter().filter(|attempt| attempt.refused);
        let dearer = |attempt: &Attempt| {
            let mean = attempt.means[unit as usize].max(1.0);
            (unit.of(attempt.cost).max(1.0) / mean).ln()
        };
        refused.map(dearer).sum()
    }

    /// How soon each attempt after the `first` refusal came after the one that was accepted at a `distance` before it, and
    /// whether it was refused.
    fn nearness(&self, first: usize, distance: usize) -> Vec<(f64, bool)> {
        let mut accepted = Vec::with_capacity(self.0.len());
        let mut measured = Vec::with_capacity(self.0.len());
        for (index, attempt) in self.0.iter().enumerate() {
            if index > first {
                let before = accepted.len().checked_sub(distance);
                let near = before.map_or(f64::MIN, |before| accepted[before] - attempt.at);
                measured.push((near, attempt.refused));
            }
            if !attempt.refused {
                accepted.push(attempt.at);
            }
        }
        measured
    }

    /// How far, at each attempt after the `first` refusal, what was accepted since the last one exceeds the rate; and
    /// whether it was refused.
    fn excesses(&self, first: usize, unit: Unit) -> Vec<(f64, bool)> {
        let count = |attempt: &Attempt| unit.of(attempt.cost);
        let attempts = self.0.range(first..);
        let last = attempts.clone().rfind(|attempt| attempt.refused);
        let (began, ended) = (self.0[first].at, last.map_or(0.0, |last| last.at));
        let between = attempts
            .clone()
            .filter(|attempt| !attempt.refused && attempt.at < ended);
        let rate = between.map(count).sum::<f64>() / (ended - began).max(1e-3);
        let (mut empty_at, mut taken) = (began, 0.0);
        attempts
            .skip(1)
            .map(|attempt| {
                let excess = taken + count(attempt) - rate * (attempt.at - empty_at);
                if attempt.refused {
                    (empty_at, taken) = (attempt.at, 0.0);
                } else {
                    taken += count(attempt);
                }
                (excess, attempt.refused)
            })
            .collect()
    }
}
