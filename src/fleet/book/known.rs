//! A limit that is stated or told.

use super::share;
use super::{ALIKE, Book, Entry};
use crate::fleet::report::Report;

/// For so many periods after a member brought what others had got meanwhile, members may have more than there is.
const SETTLE: f64 = 1.0;

impl Book {
    /// Gives a member its fair share, and no more than the others leave.
    pub(super) fn divide(&mut self, now: f64, report: &Report, index: usize) {
        let learns = now < self.learns_until;
        let most = |fair: f64, held: Option<f64>| {
            if learns {
                fair.min(held.unwrap_or(0.0))
            } else {
                fair
            }
        };
        let places = self.capacity.places.map(|total| {
            let left = total
                - self.held_by_others(index, |entry| entry.places.unwrap_or(0.0).max(entry.busy));
            let fair = self.fair_places(now, report.period, total, index);
            most(fair, report.places).min(left).max(0.0)
        });
        let rate = self.capacity.rate.map(|total| {
            let left = total - self.held_by_others(index, |entry| entry.rate.unwrap_or(0.0));
            let fair = share::rate(total, &self.wants(), index);
            most(fair, report.rate).min(left).max(0.0)
        });
        if self.is_over(report, index) {
            self.over_until = now + SETTLE * report.period;
        }
        let entry = &mut self.members[index];
        (entry.places, entry.rate) = (places, rate);
    }

    /// Whether what a member brings and what the others have is more than there is: it was out of reach, and its share
    /// was given to others.
    fn is_over(&self, report: &Report, index: usize) -> bool {
        let over = |held: f64, mine: Option<f64>, total: Option<f64>| {
            let sum = mine.map(|mine| held + mine);
            sum.zip(total)
                .is_some_and(|(sum, total)| sum > total * (1.0 + ALIKE))
        };
        let places = self.held_by_others(index, |entry| entry.places.unwrap_or(0.0));
        let rate = self.held_by_others(index, |entry| entry.rate.unwrap_or(0.0));
        over(places, report.places, self.capacity.places)
            || over(rate, report.rate, self.capacity.rate)
    }

    fn held_by_others(&self, index: usize, held: impl Fn(&Entry) -> f64) -> f64 {
        let entries = self.members.iter().enumerate();
        entries
            .filter(|(other, _)| *other != index)
            .map(|(_, entry)| held(entry))
            .sum()
    }
}
