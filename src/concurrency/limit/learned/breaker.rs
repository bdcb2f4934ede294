//! The door: whether the server lets anything in at all.

use super::Constants;
use super::admission::Admission;
use super::window::FixedWindow;

/// The others follow no further apart than this, however long a refusal takes, in seconds.
const MAX_SPACING: f64 = 0.5;

/// So many times that distance after the door opened, and so on, the number that follows doubles.
const DOUBLING: f64 = 2.0;
/// The same after a wait that the server asked for: there are more such buckets than windows, and in a
/// short wait little flows into one.
const DOUBLING_ASKED: f64 = 4.0;

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

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            window: FixedWindow::default(),
            admitted: 0.0,
            gap: 0.0,
            // Until one was seen.
            refusal_time: 0.05,
        }
    }
}

impl Breaker {
    /// Shuts the door, for as long as the server asked, or until it is expected to open, or else for
    /// a first short while.
    pub(super) fn open(
        &mut self,
        now: f64,
        admitted: f64,
        asked: Option<f64>,
        constants: &Constants,
    ) {
        self.window.on_exhausted(now, admitted, asked.is_some());
        self.trip(now, asked, constants);
    }

    fn trip(&mut self, now: f64, asked: Option<f64>, constants: &Constants) {
        let gap = constants.first_gap;
        let (until, gap) = match (asked, self.window.expected(now, constants)) {
            (Some(asked), _) => (now + asked, gap),
            (None, Some((at, apart))) => (at, (apart / 2.0).max(gap / 2.0)),
            (None, None) => (self.next_probe(now, gap), gap),
        };
        self.gap = gap;
        self.state = State::Open { until };
    }

    fn next_probe(&self, now: f64, gap: f64) -> f64 {
        self.window.next_probe(now, gap, self.refusal_time)
    }

    /// How long a refusal takes, in seconds.
    pub(super) fn refusal_time(&self) -> f64 {
        self.refusal_time
    }

    /// Notes that a refusal took so many seconds. A slow one counts at once.
    pub(super) fn observe_refusal_time(&mut self, seconds: f64) {
        let mean = 0.8 * self.refusal_time + 0.2 * seconds;
        self.refusal_time = mean.max(seconds).min(5.0);
    }

    /// A request that was not refused after so many seconds was let in.
    pub(super) fn refusal_timeout(&self) -> f64 {
        (4.0 * self.refusal_time).max(0.1)
    }

    /// A request that was not refused after so many seconds was probably let in.
    fn spacing(&self) -> f64 {
        (1.5 * self.refusal_time).min(MAX_SPACING)
    }

    /// The very first request went.
    pub(super) fn on_first_send(&mut self, now: f64) {
        self.window.on_first_send(now);
    }

    /// Whether the size of the server's windows is known, so that no pace is needed.
    pub(super) fn knows_window(&self) -> bool {
        self.window.is_known()
    }

    /// Whether it is worth counting what is let in.
    pub(super) fn counts_admissions(&self) -> bool {
        self.window.counts_admissions()
    }

    /// How many more the server's window takes after `admitted` in all, if that is known. If none,
    /// the door shuts until the next one.
    pub(super) fn check_window(
        &mut self,
        now: f64,
        admitted: f64,
        constants: &Constants,
    ) -> Option<usize> {
        if matches!(self.state, State::Open { .. } | State::HalfOpen { .. }) {
            return None;
        }
        if self.window.is_probably_spent(admitted)
            && !matches!(self.state, State::Confirming { .. })
        {
            self.window.on_test_sent();
            self.state = State::Suspect;
        }
        let left = self.window.remaining(admitted)?;
        if left < 1.0 {
            self.window.on_spent(now);
            self.trip(now, None, constants);
            return None;
        }
        Some(left as usize)
    }

    /// Whether the server shut after as many the last time.
    pub(super) fn was_refused_at(&self, admitted: f64) -> bool {
        self.window.was_refused_at(admitted)
    }

    /// A request was refused after `admitted` in all: whether the window was known to be spent by
    /// then. If so the door shuts until the next one.
    pub(super) fn open_if_spent(
        &mut self,
        now: f64,
        admitted: f64,
        asked: Option<f64>,
        constants: &Constants,
    ) -> bool {
        let spent = self.window.end_if_spent(now, admitted, constants);
        if spent {
            self.trip(now, asked, constants);
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
    pub(super) fn probe_refused(&mut self, now: f64, asked: Option<f64>, constants: &Constants) {
        self.window.on_probe_refused(now);
        if matches!(self.state, State::HalfOpen { .. }) {
            let gap = (2.0 * self.gap).min(constants.max_gap);
            self.gap = gap;
            let until = match (asked, self.window.expected(now, constants)) {
                // It came as told, and what was learned says otherwise.
                (Some(asked), Some((at, _))) if at > now + asked => at,
                // Refused again and again when it was told to come, it comes later than told.
                (Some(asked), _) => {
                    let times = (gap / constants.first_gap / 4.0).clamp(1.0, 8.0);
                    now + (asked * times).min(constants.max_wait)
                }
                (None, Some((at, _))) if self.window.is_known() => at,
                (None, _) => self.next_probe(now, gap),
            };
            self.state = State::Open { until };
        }
    }

    /// The look was answered, and the others may follow.
    pub(super) fn probe_accepted(&mut self, now: f64, in_flight: usize) {
        if let State::HalfOpen { since, .. } = self.state {
            self.window.on_renewed(since, self.admitted);
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
    pub(super) fn on_send(&mut self, now: f64, seq: u64, admitted: f64) {
        match self.state {
            State::Open { .. } => {
                self.state = State::HalfOpen { seq, since: now };
                self.admitted = admitted;
            }
            State::Suspect => {
                let until = now + self.spacing();
                self.state = State::Confirming { until };
            }
            _ => {}
        }
    }

    /// How many may go with `in_flight` under way.
    pub(super) fn admission(&mut self, now: f64, in_flight: usize, limit: usize) -> Admission {
        let refusal_timeout = self.refusal_timeout();
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
                self.probe_accepted(now, in_flight);
                Admission::AtMost(1)
            }
            State::HalfOpen { since, .. } => Admission::NotBefore(since + refusal_timeout),
            State::Reopening { .. } if self.window.is_known() => {
                self.state = State::Closed;
                Admission::Unlimited
            }
            State::Reopening { since, from } => {
                let spacing = self.spacing();
                let doubling = if self.window.was_told_to_wait() {
                    DOUBLING_ASKED
                } else {
                    DOUBLING
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
                        Admission::NotBefore((since + ahead * spacing).min(now + 1.0))
                    }
                    more => Admission::AtMost(more),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
