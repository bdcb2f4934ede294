//! Fixed windows of tokens of which only refusals tell, by the wait that they ask for.

use super::super::Tuning;
use super::super::window::ROUND;
use super::learned::Shown;
use super::unit::Unit;
use crate::cost::Cost;

/// What was seen of the server's windows.
///
/// A refusal that asks for a wait tells when its window ends. What was accepted until then is bounded on both sides: it
/// fitted, and the refused request did not. Two windows in a row that are equally long, and that may have taken equally
/// many tokens but took other numbers of requests, are windows of tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LearnedWindow {
    /// When this window ends, if that was told.
    ends: Option<f64>,
    /// When it began, if it was seen from then on.
    began: Option<f64>,
    /// The number of its first request.
    first: u64,
    /// What was charged in it.
    spent: Spent,
    /// Whether it refused a request.
    refused: bool,
    /// What the last whole window took, and how long it was.
    last: Option<(Took, f64)>,
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    requests: f64,
    tokens: f64,
}

/// What a window took before it refused.
#[derive(Clone, Copy, Debug)]
struct Took {
    requests: f64,
    /// Tokens, between these.
    least: f64,
    most: f64,
}

/// A quota of windows.
#[derive(Clone, Copy, Debug)]
struct Known {
    length: f64,
    /// Tokens that a window takes, between these.
    least: f64,
    most: f64,
    /// Windows until one more request than fits is sent, and from then on to the next such test.
    test_in: f64,
    test_every: f64,
}

/// What is known of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    pub(super) limit: f64,
    pub(super) length: f64,
    pub(super) until: f64,
    /// Whether the refusal was that of this window, and not of the one before.
    pub(super) is_spent: bool,
}

impl LearnedWindow {
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// A request is charged. Returns what the window takes that begins with it, if it is known.
    pub(super) fn on_cost(&mut self, now: f64, seq: u64, cost: Cost, dearest: f64) -> Option<f64> {
        let mut limit = None;
        if let Some(ended) = self.ends.filter(|ends| now + 1e-9 >= *ends) {
            limit = self.begin(now, ended, dearest);
            self.first = seq;
        }
        self.spent.requests += 1.0;
        self.spent.tokens += Unit::Tokens.of(cost);
        limit
    }

    fn begin(&mut self, now: f64, ended: f64, dearest: f64) -> Option<f64> {
        let spent = std::mem::take(&mut self.spent);
        let refused = std::mem::take(&mut self.refused);
        self.began = Some(ended);
        let Some(known) = &mut self.known else {
            self.ends = None;
            return None;
        };
        let passed = ((now - ended) / known.length).floor().max(0.0);
        self.began = Some(ended + passed * known.length);
        self.ends = self.began.map(|began| began + known.length);
        if !refused && spent.tokens > known.least {
            // The test was accepted.
            known.least = spent.tokens;
            (known.test_in, known.test_every) = (0.0, 1.0);
        }
        if known.most <= known.least {
            known.most = f64::INFINITY;
        }
        known.test_in -= 1.0;
        Some(if known.test_in < 0.0 {
            known.test_in = known.test_every;
            known.least + dearest.min((known.most - known.least) / 2.0)
        } else {
            known.least
        })
    }

    /// Takes a refusal in of a request of this cost, after which those `behind` it were accepted: their number, and what they
    /// cost. Returns what is known of the window, if anything is.
    pub(super) fn on_refused(
        &mut self,
        shown: Shown,
        cost: Cost,
        behind: (f64, f64),
        dearest: f64,
        tuning: &Tuning,
    ) -> Option<Learned> {
        let cost = Unit::Tokens.of(cost);
        let is_of_this = shown.seq >= self.first;
        if is_of_this {
            self.spent.requests -= 1.0;
            self.spent.tokens -= cost;
        }
        let Some(asked) = shown.asked.filter(|asked| *asked > tuning.short_wait) else {
            // At the very end of a window, its wait is as short as that of a bucket.
            let late = self
                .ends
                .is_some_and(|ends| ends - shown.now <= tuning.max_late_reset);
            if !late {
                *self = Self::default();
            }
            return None;
        };
        let until = shown.now + asked;
        if !is_of_this {
            return self.learned(false);
        }
        let least = (self.spent.tokens - behind.1).max(0.0);
        let took = Took {
            requests: self.spent.requests - behind.0,
            least,
            most: least + cost,
        };
        self.refused = true;
        if self.known.is_some() {
            self.refine(took, tuning);
        } else if !self
            .ends
            .is_some_and(|ends| (until - ends).abs() < tuning.max_late_reset)
        {
            self.compare(took, until, dearest, tuning);
            self.began = None;
            self.ends = None;
        }
        self.ends = Some(self.ends.map_or(until, |ends| ends.min(until)));
        self.learned(true)
    }

    fn learned(&self, is_spent: bool) -> Option<Learned> {
        let known = self.known?;
        Some(Learned {
            limit: known.least,
            length: known.length,
            until: self.ends?,
            is_spent,
        })
    }

    /// Compares a window with the one before it.
    fn compare(&mut self, took: Took, until: f64, dearest: f64, tuning: &Tuning) {
        let length = self.began.and_then(|began| round(until - began));
        let Some(length) = length.filter(|_| took.least > tuning.cost_window_wait * dearest) else {
            self.last = None;
            return;
        };
        let before = self.last.replace((took, length));
        let Some((before, _)) = before.filter(|(_, before)| *before == length) else {
            return;
        };
        let (least, most) = (before.least.max(took.least), before.most.min(took.most));
        let same_requests = (before.requests - took.requests).abs() <= tuning.same_count;
        if least <= most && !same_requests {
            self.known = Some(Known {
                length,
                least,
                most,
                test_in: 1.0,
                test_every: 1.0,
            });
        }
    }

    /// A window whose quota was known refused a request.
    fn refine(&mut self, took: Took, tuning: &Tuning) {
        let Some(known) = &mut self.known else { return };
        if took.most <= known.least {
            // It takes less now.
            (known.least, known.most) = (took.least, took.most);
            return;
        }
        known.least = known.least.max(took.least);
        known.most = known.most.min(took.most).max(known.least);
        known.test_every = (2.0 * known.test_every).min(tuning.max_test_windows);
        known.test_in = known.test_every;
    }
}

/// The length that people choose for windows of tokens, to which this comes within the second that waits are rounded to.
fn round(length: f64) -> Option<f64> {
    let near = |round: &f64| (length - round).abs() <= 1.0 && *round >= 10.0;
    ROUND.into_iter().find(near)
}
