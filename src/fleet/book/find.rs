//! A limit that nobody knows: what its leader and the refusals of the others say of it.

use super::found::KEEP_PACE;
use super::{Book, Entry};
use crate::fleet::report::Report;

/// A refusal takes at least this part of a follower's pace.
const MIN_CUT: f64 = 0.08;
/// ... and at most this.
const MAX_CUT: f64 = 0.2;

impl Book {
    /// Reads from a report what the limit is.
    pub(super) fn find(&mut self, now: f64, report: &Report, index: usize) {
        self.found.is_met |= report.refused > 0;
        if now >= self.found.rate_until {
            self.found.rate = None;
        }
        self.found.ceiling.watch(now, self.busy());
        if report.refused > 0 {
            let paced = self.found.rate.is_some();
            let level = self.level(report, index);
            self.found.ceiling.meet(now, report.period, level, paced);
        }
        if self.leader.as_ref() == Some(&report.id) {
            self.lead(now, report, index);
        } else if report.refused > 0 {
            self.cut(report, index);
        }
    }

    fn busy(&self) -> f64 {
        self.members.iter().map(|entry| entry.busy).sum()
    }

    /// The most that can have been in flight when this member was refused, with what was refused.
    fn level(&self, report: &Report, index: usize) -> f64 {
        let held = |entry: &Entry| entry.places.unwrap_or(0.0).max(entry.busy);
        let mine = self.members[index].places.unwrap_or(0.0);
        self.held_by_others(index, held) + mine.max(report.in_flight as f64 + 1.0)
    }

    /// The leader's own limit is a sample of all.
    fn lead(&mut self, now: f64, report: &Report, index: usize) {
        let used = self.held_by_others(index, |entry| entry.used);
        let entry = &self.members[index];
        let had = entry.places.filter(|_| report.led);
        // One that has no answer yet has found nothing.
        if let (Some(had), Some(has), true) = (had, report.places, report.used > 0.0) {
            self.found.find_places(had, has);
        }
        self.found.places = self.found.places.max(1.0);
        if let Some(rate) = report.rate {
            self.found.rate_until = now + KEEP_PACE * report.period;
            let had = entry.rate.filter(|_| report.led);
            self.found.find_rate(had, rate, used);
        }
    }

    /// A refusal of a follower says that all have too much.
    fn cut(&mut self, report: &Report, index: usize) {
        let entry = &self.members[index];
        let found = &mut self.found;
        match (&mut found.rate, entry.rate) {
            (Some(all), Some(rate)) if rate > 0.0 => {
                *all -= rate * (1.0 - report.used / rate).clamp(MIN_CUT, MAX_CUT);
            }
            _ => {
                // A burst that was refused was far too much; a single one is a place too many.
                let cut = (report.refused as f64).min(entry.places.unwrap_or(0.0)) / 2.0;
                found.places = (found.places - cut.floor().max(1.0)).max(1.0);
            }
        }
    }

    /// How many places beside its own a member may try.
    pub(super) fn spare(&self, entry: &Entry) -> Option<f64> {
        let leads = self.leader.as_ref() == Some(&entry.id);
        let has_turn = entry.places.is_some_and(|places| places >= 1.0);
        let spare = if has_turn {
            self.found.step().floor()
        } else {
            0.0
        };
        (leads && self.found.is_met).then_some(spare)
    }
}
