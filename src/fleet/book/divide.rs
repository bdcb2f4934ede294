//! Who has how much of a limit.

use super::share;
use super::{ALIKE, Book, Entry};
use crate::fleet::report::{Capacity, Report};

/// Periods in which members may have more than there is, after one brought what others had got meanwhile.
const SETTLE: f64 = 1.0;

impl Book {
    /// Gives a member its fair share, and no more than the others leave.
    pub(super) fn divide(&mut self, now: f64, report: &Report, index: usize) {
        let all = if self.capacity.is_known() {
            self.capacity
        } else {
            self.found.capacity()
        };
        let learns = self.capacity.is_known() && now < self.learns_until;
        let most = |fair: f64, held: Option<f64>| {
            if learns {
                fair.min(held.unwrap_or(0.0))
            } else {
                fair
            }
        };
        let places = all.places.map(|total| {
            let left = total
                - self.held_by_others(index, |entry| entry.places.unwrap_or(0.0).max(entry.busy));
            let fair = self.fair_places(now, report.period, total, index);
            most(fair, report.places).min(left).max(0.0)
        });
        if self.capacity.is_known() && self.is_over(report, index) {
            self.over_until = now + SETTLE * report.period;
        }
        self.members[index].places = places;
        let rate = all.rate.map(|total| {
            let left = total - self.held_by_others(index, |entry| entry.rate.unwrap_or(0.0));
            let fair = share::rate(total, &self.wants_of_rate(), index);
            most(fair, report.rate).min(left).max(0.0)
        });
        self.members[index].rate = rate;
    }

    /// Whether what a member brings and what the others have is more than there is: it was out of reach, and its share
    /// was given to others.
    fn is_over(&self, report: &Report, index: usize) -> bool {
        let over = |held: f64, mine: Option<f64>, total: Option<f64>| {
            let sum = mine.map(|mine| held + mine);
            sum.zip(total)
                .is_some_and(|(sum, total)| sum > total * (1.0 + ALIKE))
        };
        let Capacity { places, rate, .. } = self.capacity;
        let held = |of: fn(&Entry) -> Option<f64>| {
            self.held_by_others(index, |entry| of(entry).unwrap_or(0.0))
        };
        over(held(|entry| entry.places), report.places, places)
            || over(held(|entry| entry.rate), report.rate, rate)
    }

    pub(super) fn held_by_others(&self, index: usize, held: impl Fn(&Entry) -> f64) -> f64 {
        let entries = self.members.iter().enumerate();
        entries
            .filter(|(other, _)| *other != index)
            .map(|(_, entry)| held(entry))
            .sum()
    }
}
