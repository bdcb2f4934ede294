//! The fixed window: when a server that accepts nothing will accept again.

mod quota;
mod resume;

use self::quota::WindowQuota;
use super::Tuning;

/// The lengths that people choose for windows, in seconds.
pub(super) const ROUND: [f64; 14] = [
    1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 3600.0,
];

/// What was seen of the starts of the server's windows.
///
/// A window's quota comes back all at once and at regular intervals. Two starts tell the length, as
/// exactly as the probes came close to them, and each later one tells it better.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FixedWindow {
    /// When the server stopped accepting.
    exhausted_at: Option<f64>,
    /// When a probe was last refused.
    refused_at: Option<f64>,
    start: Option<WindowStart>,
    /// The length of a window, in seconds.
    length: Option<f64>,
    /// Whether one of the two starts is only assumed.
    assumed: bool,
    /// Seconds for which the server last accepted nothing.
    last_closure: f64,
    /// Whether the server asked for a wait then.
    asked: bool,
    /// Whether the breaker opened because the quota was known to be spent.
    unrefused: bool,
    /// Whether the next probe tests that the windows are no shorter.
    probes_early: bool,
    /// Whether a request was sent beyond the count of the last window.
    tested: bool,
    /// Whether the server was out of order since it stopped accepting.
    out_of_order: bool,
    quota: WindowQuota,
}

/// The start of a window.
#[derive(Clone, Copy, Debug)]
struct WindowStart {
    at: f64,
    /// Requests accepted in all before it.
    admitted: f64,
    /// Seconds by which it may have been earlier.
    uncertainty: f64,
    /// Whether it is that of the first request of all, with which a window may begin.
    assumed: bool,
    /// Whether an earlier run saw it: the windows of this one may begin at other times.
    earlier: bool,
}

impl WindowStart {
    fn earliest(&self) -> f64 {
        self.at - self.uncertainty
    }
}

impl FixedWindow {
    /// Records the first request of all, after `admitted` that were forgotten.
    pub(super) fn on_first_send(&mut self, now: f64, admitted: f64) {
        self.start.get_or_insert(WindowStart {
            at: now,
            admitted,
            uncertainty: 0.0,
            assumed: true,
            earlier: false,
        });
    }

    /// The server accepts nothing more, after `admitted` requests in all; `asked` if it asked for a
    /// wait.
    pub(super) fn on_exhausted(&mut self, now: f64, admitted: f64, asked: bool, tuning: &Tuning) {
        self.asked = asked;
        self.exhausted_at = Some(now);
        self.probes_early = false;
        self.on_probe_refused(now);
        if let Some(start) = self.start {
            self.quota.observe(admitted - start.admitted, tuning);
            let outlived = |length| (now - start.at) / length > tuning.outlived;
            if self.length.is_some_and(outlived) {
                self.quota.forget_agreement();
            }
        }
    }

    /// The server accepts nothing because it is out of order.
    pub(super) fn on_out_of_order(&mut self) {
        self.out_of_order = true;
    }

    /// Whether the server asked for a wait when it stopped accepting.
    pub(super) fn was_told_to_wait(&self) -> bool {
        self.asked
    }

    /// A probe was refused.
    pub(super) fn on_probe_refused(&mut self, now: f64) {
        if std::mem::take(&mut self.probes_early) {
            // The windows are as long as was known.
            return;
        }
        self.refused_at = Some(now);
        self.unrefused = false;
    }

    /// A probe sent at `at`, after `admitted` requests in all, was accepted.
    pub(super) fn on_renewed(&mut self, at: f64, admitted: f64, tuning: &Tuning) {
        let mut start = WindowStart {
            at,
            admitted,
            uncertainty: at - self.refused_at.unwrap_or(at),
            assumed: false,
            earlier: false,
        };
        self.tested = false;
        if std::mem::take(&mut self.out_of_order) {
            self.on_outage_end(start, tuning);
            return;
        }
        let before = self.start.replace(start);
        if let (true, Some(mut length), Some(before)) = (self.unrefused, self.length, before) {
            if std::mem::take(&mut self.probes_early) {
                length = shorter(length, tuning).unwrap_or(length);
                self.length = Some(length);
            }
            // It was expected, and may have started a while before.
            let uncertainty = at - (before.earliest() + length);
            start.uncertainty = uncertainty.clamp(0.0, before.uncertainty);
            self.start = Some(start);
            self.quota.on_next_window();
            return;
        }
        let last_closure = at - self.exhausted_at.unwrap_or(at);
        let worth = if self.asked {
            tuning.min_closure_asked
        } else {
            tuning.min_closure
        };
        if last_closure < worth && !self.is_known(tuning) {
            self.start = None;
            self.length = None;
            self.quota.forget_agreement();
            return;
        }
        if self.asked {
            // Waits are told in whole seconds, rounded up.
            start.uncertainty = start.uncertainty.min(tuning.asked_uncertainty);
            self.start = Some(start);
        }
        self.last_closure = last_closure.max(tuning.min_closure);
        match before {
            // That it begins at another time says nothing of its length, unless it is longer. The next one is refused
            // once more, so that it can be measured.
            Some(before) if before.earlier => {
                self.quota.forget_agreement();
                let least = last_closure - start.uncertainty;
                self.length = self.length.filter(|length| least <= *length);
            }
            Some(before) => self.measure(&before, &start, last_closure, tuning),
            None => self.length = None,
        }
    }

    /// A window began, after the server had accepted nothing for a while: measures the length of the one `before`.
    fn measure(
        &mut self,
        before: &WindowStart,
        start: &WindowStart,
        closure: f64,
        tuning: &Tuning,
    ) {
        let known = self.length.take();
        self.assumed = before.assumed;
        if closure >= tuning.min_closure_part * (start.at - before.at) {
            self.length = distance(before, start, tuning.min_window);
        }
        let vague = before.uncertainty + start.uncertainty;
        let differs = |(known, length): (f64, f64)| (known - length).abs() > vague;
        if known.zip(self.length).is_some_and(differs) {
            self.quota.forget_agreement();
        }
    }

    /// An outage ended at `start`, which tells nothing of windows. Known ones come again.
    fn on_outage_end(&mut self, start: WindowStart, tuning: &Tuning) {
        (self.unrefused, self.probes_early) = (false, false);
        let known = self.is_known(tuning);
        self.start = known.then_some(start);
        if !known {
            self.length = None;
            self.quota.forget_agreement();
        }
    }

    /// When to probe first, and the interval of the probes after it, if the past tells.
    pub(super) fn expected(&self, now: f64, tuning: &Tuning) -> Option<(f64, f64)> {
        let sure = !self.assumed || self.quota.has_agreed();
        let start = self.start.filter(|_| sure)?;
        let length = self.length?;
        let shorter = shorter(length, tuning).filter(|_| self.probes_early);
        let length = shorter.unwrap_or(length);
        let uncertainty = start.uncertainty;
        let (early, longest) = if !self.is_known(tuning) {
            // What was no window must not cost much.
            let longest = tuning.unproven_wait * self.last_closure;
            (uncertainty, longest.min(tuning.max_wait))
        } else if uncertainty > tuning.exact_start * length {
            (tuning.early_probe * uncertainty, tuning.max_wait)
        } else {
            (0.0, tuning.max_wait)
        };
        let at = start.at - early + length;
        (at > now && at - now <= longest).then_some((at, tuning.overdue_spacing * uncertainty))
    }

    /// When to probe next, about `gap` after `now`: at the end of a window of round length, if one
    /// is near. The server saw the last start up to `one_way` seconds later.
    pub(super) fn next_probe(&self, now: f64, gap: f64, one_way: f64, tuning: &Tuning) -> f64 {
        let near = gap / tuning.round_range..=tuning.round_range * gap;
        let round = self.start.and_then(|start| {
            let ends = ROUND.map(|round| start.at + round + one_way);
            ends.into_iter().find(|at| near.contains(&(at - now)))
        });
        round.unwrap_or(now + gap)
    }

    /// Whether both the length and the quota of the windows are known.
    pub(super) fn is_known(&self, tuning: &Tuning) -> bool {
        self.length.is_some() && self.quota.is_known(tuning)
    }

    /// Requests accepted in this window, after `admitted` in all, if the last count may be the
    /// quota.
    fn count(&self, admitted: f64, tuning: &Tuning) -> Option<f64> {
        let start = self.start.filter(|start| !start.assumed)?;
        self.quota
            .is_guessed(tuning)
            .then_some(admitted - start.admitted)
    }

    /// Whether accepted requests are worth counting.
    pub(super) fn counts_admissions(&self, tuning: &Tuning) -> bool {
        self.is_known(tuning) || self.count(0.0, tuning).is_some()
    }

    /// Whether as many were accepted as in the last window, and no request has tested that.
    pub(super) fn is_probably_spent(&self, admitted: f64, tuning: &Tuning) -> bool {
        let all = |count| count >= self.quota.size();
        !self.is_known(tuning) && !self.tested && self.count(admitted, tuning).is_some_and(all)
    }

    /// A request is sent to test whether that was the quota.
    pub(super) fn on_test_sent(&mut self) {
        self.tested = true;
    }

    /// Whether the server stopped accepting after as many requests in the last window.
    pub(super) fn was_refused_at(&self, admitted: f64, tuning: &Tuning) -> bool {
        let same = |count: f64| (count - self.quota.size()).abs() <= tuning.same_count;
        self.count(admitted, tuning).is_some_and(same)
    }

    /// Requests that this window still takes after `admitted` in all, if that is known.
    pub(super) fn remaining(&self, admitted: f64, tuning: &Tuning) -> Option<f64> {
        let start = self.start.filter(|_| self.is_known(tuning))?;
        Some(start.admitted + self.quota.allows() - admitted)
    }

    /// A window takes `rate` requests more for each of its seconds, or fewer.
    pub(super) fn shift(&mut self, rate: f64) {
        if let Some(length) = self.length {
            self.quota.shift(rate * length);
        }
    }

    /// This window was spent without a refusal.
    pub(super) fn on_spent(&mut self, now: f64, tuning: &Tuning) {
        self.exhausted_at = Some(now);
        self.unrefused = true;
        self.probes_early = self.quota.is_tested_next()
            && self
                .length
                .and_then(|length| shorter(length, tuning))
                .is_some();
        self.quota.on_spent();
    }

    /// Ends this window if a refusal after `admitted` requests in all is its known end. Returns
    /// whether it is.
    pub(super) fn end_if_spent(&mut self, now: f64, admitted: f64, tuning: &Tuning) -> bool {
        let Some(start) = self.start.filter(|_| self.is_known(tuning)) else {
            return false;
        };
        let spent = self.quota.on_refused(admitted - start.admitted, tuning);
        if spent {
            self.exhausted_at = Some(now);
            self.refused_at = Some(now);
            self.unrefused = true;
        }
        spent
    }
}

/// The next shorter round length. If one end was missed, two short windows seem to be one long one.
fn shorter(length: f64, tuning: &Tuning) -> Option<f64> {
    let below = |round: &f64| *round < tuning.shorter_window * length;
    ROUND.into_iter().rfind(below)
}

/// The interval between two starts in seconds: a round one if they may be that far apart, else the
/// least, and nothing if the first is only assumed.
fn distance(before: &WindowStart, after: &WindowStart, min_window: f64) -> Option<f64> {
    let (uncertainty, distance) = (
        (before.uncertainty + after.uncertainty),
        after.at - before.at,
    );
    let off = |round: &f64| (round - distance).abs();
    let round = ROUND
        .into_iter()
        .filter(|round| off(round) <= uncertainty)
        .min_by(|one, other| off(one).total_cmp(&off(other)));
    let least = distance - after.uncertainty;
    round
        .or((!before.assumed).then_some(least))
        .filter(|length| *length >= min_window)
}

#[cfg(test)]
mod tests;
