//! The door: whether the server lets anything in at all.

use super::Tuning;
use super::admission::Admission;
use super::window::FixedWindow;

/// Shut when a request was refused and none was let in since the one refused before it; then one
/// looks, at doubling distances, and nobody else goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Breaker {
    state: State,
    window: FixedWindow,
    /// How many were let in before the last look.
    admitted: f64,
    /// The time between two looks.
    gap: f64,
    /// How long a refusal takes, in seconds.
    refusal_time: f64,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is known against sending.
    Closed,
    /// Perhaps nothing is left: one goes to test that.
    Suspect,
    /// It went, and the others wait until it is known not to be refused.
    Confirming { until: f64 },
    /// Nobody goes until then; then one does.
    Open { until: f64 },
    /// One is on its way to look.
    HalfOpen { seq: u64, since: f64 },
    /// The look was not refused: the others follow, one after another and no longer than a refusal
    /// takes apart, so that a refusal finds few of them under way.
    Reopening { since: f64, from: usize },
}

impl Breaker {
    pub(super) fn new(tuning: &Tuning) -> Self {
        Self {
            state: State::Closed,
            window: FixedWindow::default(),
            admitted: 0.0,
            gap: 0.0,
            // Until one was seen.
            refusal_time: tuning.first_refusal_time,
        }
    }

    /// Shuts the door, for as long as the server asked, or until it is expected to open, or else for
    /// a first short while.
    pub(super) fn open(&mut self, now: f64, admitted: f64, asked: Option<f64>, tuning: &Tuning) {
        self.window
            .on_exhausted(now, admitted, asked.is_some(), tuning);
        self.trip(now, asked, tuning);
    }

    fn trip(&mut self, now: f64, asked: Option<f64>, tuning: &Tuning) {
        let gap = tuning.first_gap;
        let (until, gap) = match (asked, self.window.expected(now, tuning)) {
            (Some(asked), _) => (now + asked, gap),
            (None, Some((at, apart))) => (at, apart.max(gap) / 2.0),
            (None, None) => (self.next_probe(now, gap, tuning), gap),
        };
        self.gap = gap;
        self.state = State::Open { until };
    }

    fn next_probe(&self, now: f64, gap: f64, tuning: &Tuning) -> f64 {
        self.window.next_probe(now, gap, self.refusal_time, tuning)
    }

    /// How long a refusal takes, in seconds.
    pub(super) fn refusal_time(&self) -> f64 {
        self.refusal_time
    }

    /// Notes that a refusal took so many seconds. A slow one counts at once.
    pub(super) fn observe_refusal_time(&mut self, seconds: f64, tuning: &Tuning) {
        let mean = (1.0 - tuning.refusal_time_weight) * self.refusal_time
            + tuning.refusal_time_weight * seconds;
        self.refusal_time = mean.max(seconds).min(tuning.max_refusal_time);
    }

    /// A request that was not refused after so many seconds was let in.
    pub(super) fn refusal_timeout(&self, tuning: &Tuning) -> f64 {
        (tuning.refusal_timeout * self.refusal_time).max(tuning.min_refusal_timeout)
    }

    /// A request that was not refused after so many seconds was probably let in.
    fn spacing(&self, tuning: &Tuning) -> f64 {
        (tuning.reopening_spacing * self.refusal_time).min(tuning.max_spacing)
    }

    /// The very first request went.
    pub(super) fn on_first_send(&mut self, now: f64) {
        self.window.on_first_send(now);
    }

    /// Whether the size of the server's windows is known, so that no pace is needed.
    pub(super) fn knows_window(&self, tuning: &Tuning) -> bool {
        self.window.is_known(tuning)
    }

    /// Whether it is worth counting what is let in.
    pub(super) fn counts_admissions(&self, tuning: &Tuning) -> bool {
        self.window.counts_admissions(tuning)
    }

    /// How many more the server's window takes after `admitted` in all, if that is known. If none,
    /// the door shuts until the next one.
    pub(super) fn check_window(
        &mut self,
        now: f64,
        admitted: f64,
        tuning: &Tuning,
    ) -> Option<usize> {
        if matches!(self.state, State::Open { .. } | State::HalfOpen { .. }) {
            return None;
        }
        if self.window.is_probably_spent(admitted, tuning)
            && !matches!(self.state, State::Confirming { .. })
        {
            self.window.on_test_sent();
            self.state = State::Suspect;
        }
        let left = self.window.remaining(admitted, tuning)?;
        if left < 1.0 {
            self.window.on_spent(now, tuning);
            self.trip(now, None, tuning);
            return None;
        }
        Some(left as usize)
    }

    /// Whether the server shut after as many the last time.
    pub(super) fn was_refused_at(&self, admitted: f64, tuning: &Tuning) -> bool {
        self.window.was_refused_at(admitted, tuning)
    }

    /// A request was refused after `admitted` in all: whether the window was known to be spent by
    /// then. If so the door shuts until the next one.
    pub(super) fn open_if_spent(
        &mut self,
        now: f64,
        admitted: f64,
        asked: Option<f64>,
        tuning: &Tuning,
    ) -> bool {
        let spent = self.window.end_if_spent(now, admitted, tuning);
        if spent {
            self.trip(now, asked, tuning);
        }
        spent
    }

    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// One was refused. The next may be as well, and those that would go until that is heard.
    pub(super) fn suspect(&mut self) {
        self.state = State::Suspect;
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether the look was let in, and the others follow one by one.
    pub(super) fn is_reopening(&self) -> bool {
        matches!(self.state, State::Reopening { .. })
    }

    /// Whether `seq` is the request that went to look.
    pub(super) fn is_probe(&self, seq: u64) -> bool {
        matches!(self.state, State::HalfOpen { seq: probe, .. } if probe == seq)
    }

    /// The look was refused: the next one comes twice as late.
    pub(super) fn probe_refused(&mut self, now: f64, asked: Option<f64>, tuning: &Tuning) {
        self.window.on_probe_refused(now);
        if matches!(self.state, State::HalfOpen { .. }) {
            let gap = (2.0 * self.gap).min(tuning.max_gap);
            self.gap = gap;
            let until = match (asked, self.window.expected(now, tuning)) {
                // It came as told, and what was learned says otherwise.
                (Some(asked), Some((at, _))) if at > now + asked => at,
                // Refused again and again when it was told to come, it comes later than told.
                (Some(asked), _) => {
                    let times = (gap / tuning.first_gap / tuning.stretch_after)
                        .min(tuning.max_stretch)
                        .max(1.0);
                    now + (asked * times).min(tuning.max_wait)
                }
                (None, Some((at, _))) if self.window.is_known(tuning) => at,
                (None, _) => self.next_probe(now, gap, tuning),
            };
            self.state = State::Open { until };
        }
    }

    /// The look was answered, and the others may follow.
    pub(super) fn probe_accepted(&mut self, now: f64, in_flight: usize, tuning: &Tuning) {
        if let State::HalfOpen { since, .. } = self.state {
            self.window.on_renewed(since, self.admitted, tuning);
            self.state = State::Reopening {
                since: now,
                from: in_flight,
            };
        }
    }

    /// The look was given up by its caller, and another may go at once.
    pub(super) fn probe_lost(&mut self, now: f64) {
        if matches!(self.state, State::HalfOpen { .. }) {
            self.state = State::Open { until: now };
        }
    }

    /// Notes a request that goes, when `admitted` were let in.
    pub(super) fn on_send(&mut self, now: f64, seq: u64, admitted: f64, tuning: &Tuning) {
        match self.state {
            State::Open { .. } => {
                self.state = State::HalfOpen { seq, since: now };
                self.admitted = admitted;
            }
            State::Suspect => {
                let until = now + self.spacing(tuning);
                self.state = State::Confirming { until };
            }
            _ => {}
        }
    }

    /// How many may go with `in_flight` under way.
    pub(super) fn admission(
        &mut self,
        now: f64,
        in_flight: usize,
        limit: usize,
        tuning: &Tuning,
    ) -> Admission {
        let refusal_timeout = self.refusal_timeout(tuning);
        // A deadline is met when it is reached to the nanosecond, which is how far a clock reads.
        let due = |at: f64| now + 1e-9 >= at;
        match self.state {
            State::Closed => Admission::Unlimited,
            State::Suspect => Admission::AtMost(1),
            State::Confirming { until } if due(until) => {
                self.state = State::Closed;
                Admission::Unlimited
            }
            State::Confirming { until } => Admission::NotBefore(until),
            State::Open { until } if due(until) => Admission::AtMost(1),
            State::Open { until } => Admission::NotBefore(until),
            State::HalfOpen { since, .. } if due(since + refusal_timeout) => {
                self.probe_accepted(now, in_flight, tuning);
                Admission::AtMost(1)
            }
            State::HalfOpen { since, .. } => Admission::NotBefore(since + refusal_timeout),
            State::Reopening { .. } if self.window.is_known(tuning) => {
                self.state = State::Closed;
                Admission::Unlimited
            }
            State::Reopening { since, from } => {
                let spacing = self.spacing(tuning);
                let doubling = if self.window.was_told_to_wait() {
                    tuning.reopening_doubling_asked
                } else {
                    tuning.reopening_doubling
                };
                let doubled = ((now - since + 1e-9) / (spacing * doubling)).exp2();
                let more = (1.0 + doubling * (doubled - 1.0)) as usize;
                if from.saturating_add(more) >= limit {
                    self.state = State::Closed;
                    return Admission::Unlimited;
                }
                match from.saturating_add(more).saturating_sub(in_flight) {
                    0 => {
                        let ahead = in_flight.saturating_sub(from) as f64;
                        let ahead = doubling * (1.0 + ahead / doubling).log2();
                        // Answers make room sooner than time does.
                        Admission::NotBefore(
                            (since + ahead * spacing).min(now + tuning.max_reopening_wait),
                        )
                    }
                    more => Admission::AtMost(more),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
