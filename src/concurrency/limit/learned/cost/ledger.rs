//! The requests in flight, and what each was charged.

use std::collections::VecDeque;

use super::unit::Unit;
use crate::cost::Cost;

/// How many requests are kept. What is older counts as charged, and its answer corrects nothing.
const KEPT: usize = 4096;

/// What was left right after a request was charged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) at: f64,
    /// Less what was corrected until then.
    pub(super) level: f64,
    /// Of which window.
    pub(super) turn: u32,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
struct Record {
    seq: u64,
    /// `None` until it is known.
    cost: Option<Cost>,
    /// What was left of each quota when it was charged, by unit. `None` where nothing was known.
    levels: [Option<Mark>; 4],
    /// Whether it ended.
    ended: bool,
}

/// The requests in flight, in the order in which they were let through.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    records: VecDeque<Record>,
    /// How many of them have no cost yet.
    uncharged: usize,
    /// The output that they were charged.
    output: u64,
}

impl Record {
    /// The output that it was charged and that did not end.
    fn output(&self) -> u64 {
        let cost = self.cost.filter(|_| !self.ended);
        cost.and_then(Cost::output_tokens).unwrap_or(0)
    }
}

impl Ledger {
    fn find(&self, seq: u64) -> Result<usize, usize> {
        self.records.binary_search_by_key(&seq, |record| record.seq)
    }

    /// A request was let through.
    pub(super) fn insert(&mut self, seq: u64) {
        let Err(at) = self.find(seq) else { return };
        self.uncharged += 1;
        let record = Record {
            seq,
            cost: None,
            levels: [None; 4],
            ended: false,
        };
        self.records.insert(at, record);
        if self.records.len() > KEPT {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(first) = self.records.pop_front() {
            self.uncharged -= usize::from(first.cost.is_none() && !first.ended);
            self.output -= first.output();
        }
    }

    /// What a request costs, and what was left then.
    pub(super) fn charge(&mut self, seq: u64, cost: Cost, levels: [Option<Mark>; 4]) {
        let Ok(at) = self.find(seq) else { return };
        let record = &mut self.records[at];
        self.uncharged -= usize::from(record.cost.is_none() && !record.ended);
        self.output -= record.output();
        (record.cost, record.levels) = (Some(cost), levels);
        self.output += record.output();
    }

    /// A request was refused: it cost nothing.
    pub(super) fn give_back(&mut self, seq: u64) {
        if let Ok(at) = self.find(seq) {
            let record = &mut self.records[at];
            self.output -= record.output();
            record.cost = record.cost.map(|_| Cost::FREE);
        }
    }

    /// A request ended.
    pub(super) fn end(&mut self, seq: u64) {
        let Ok(at) = self.find(seq) else { return };
        let record = &mut self.records[at];
        self.uncharged -= usize::from(record.cost.is_none() && !record.ended);
        self.output -= record.output();
        record.ended = true;
        while self.records.front().is_some_and(|first| first.ended) {
            self.records.pop_front();
        }
    }

    /// What was left of a quota when a request was charged.
    pub(super) fn mark(&self, seq: u64, unit: Unit) -> Option<Mark> {
        let at = self.find(seq).ok()?;
        self.records[at].levels[unit as usize]
    }

    /// The number of the next request, as far as is known.
    pub(super) fn next(&self) -> u64 {
        self.records.back().map_or(0, |last| last.seq + 1)
    }

    /// How many were let through whose cost is not known yet.
    pub(super) fn uncharged(&self) -> usize {
        self.uncharged
    }

    /// What the server may not have counted yet of those in flight: those that were charged after this time, and the output of
    /// the others, which some servers count when an answer ends.
    pub(super) fn uncounted(&self, time: f64, unit: Unit) -> f64 {
        let at = |record: &Record| record.levels[unit as usize].map(|mark| mark.at);
        let latest = self.records.iter().rev();
        let latest = latest
            .take_while(|record| at(record).is_none_or(|at| at > time))
            .filter(|record| at(record).is_some());
        let mut output = if unit.counts_output() { self.output } else { 0 };
        let mut sum = 0.0;
        for record in latest {
            sum += record.cost.map_or(0.0, |cost| unit.of(cost));
            output = output.saturating_sub(record.output());
        }
        sum + output as f64
    }

    /// What those cost that were let through after a request.
    pub(super) fn charged_since(&self, seq: u64, unit: Unit) -> f64 {
        let from = self.find(seq.saturating_add(1)).unwrap_or_else(|at| at);
        let later = self.records.range(from..);
        later
            .filter_map(|record| record.cost)
            .map(|cost| unit.of(cost))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_in_flight_may_not_be_counted_yet_and_all_that_is_on_its_way() {
        let mut ledger = Ledger::default();
        let mark = |at| {
            Some(Mark {
                at,
                level: 0.0,
                turn: 0,
            })
        };
        for (seq, at) in [(0, 1.0), (1, 2.0), (2, 3.0)] {
            ledger.insert(seq);
            ledger.charge(seq, Cost::input(100).and_output(10), [mark(at); 4]);
        }
        let uncounted = |ledger: &Ledger, unit| ledger.uncounted(2.5, unit);
        assert_eq!(uncounted(&ledger, Unit::Tokens), 110.0 + 2.0 * 10.0);
        assert_eq!(uncounted(&ledger, Unit::Output), 3.0 * 10.0);
        assert_eq!(uncounted(&ledger, Unit::Input), 100.0);
        ledger.end(1);
        assert_eq!(uncounted(&ledger, Unit::Tokens), 110.0 + 10.0);
        ledger.give_back(0);
        ledger.end(0);
        assert_eq!(uncounted(&ledger, Unit::Tokens), 110.0);
    }
}
