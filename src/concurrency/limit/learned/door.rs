//! The door: whether the server lets anything in at all.

use super::Constants;
use super::period::Period;

/// The others follow no further apart than this, however long a refusal takes, in seconds.
const MAX_APART: f64 = 0.5;

/// So many times that distance after the door opened, and so on, the number that follows doubles.
const DOUBLING: f64 = 2.0;
/// The same after a wait that the server asked for: there are more such buckets than windows, and in a
/// short wait little flows into one.
const DOUBLING_ASKED: f64 = 4.0;

/// Shut when a request was refused and none was let in since the one refused before it; then one
/// looks, at doubling distances, and nobody else goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door {
    state: State,
    period: Period,
    /// How many were let in before the last look.
    admitted: f64,
    /// The time between two looks.
    gap: f32,
    /// How long a refusal takes, in seconds.
    refusal_time: f32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Nothing is known against sending.
    Open,
    /// Perhaps nothing is left: one goes to test that.
    Wary,
    /// It went, and the others wait until it is known not to be refused.
    Testing { until: f64 },
    /// Nobody goes until then; then one does.
    Shut { until: f64 },
    /// One is on its way to look.
    Looking { seq: u64, since: f64 },
    /// The look was not refused: the others follow, one after another and no longer than a refusal
    /// takes apart, so that a refusal finds few of them under way.
    Opening { since: f64, from: usize },
}

/// How many requests the door lets through.
pub(super) enum Leave {
    /// Any number.
    Free,
    /// That many.
    Few(usize),
    /// None before then.
    NotBefore(f64),
}

impl Default for Door {
    fn default() -> Self {
        Self {
            state: State::Open,
            period: Period::default(),
            admitted: 0.0,
            gap: 0.0,
            // Until one was seen.
            refusal_time: 0.05,
        }
    }
}

impl Door {
    /// Shuts the door, for as long as the server asked, or until it is expected to open, or else for
    /// a first short while.
    pub(super) fn shut(
        &mut self,
        now: f64,
        admitted: f64,
        asked: Option<f64>,
        constants: &Constants,
    ) {
        self.period.shut(now, admitted, asked.is_some());
        self.close(now, asked, constants);
    }

    fn close(&mut self, now: f64, asked: Option<f64>, constants: &Constants) {
        let gap = constants.first_gap;
        let (until, gap) = match (asked, self.period.expected(now, constants)) {
            (Some(asked), _) => (now + asked, gap),
            (None, Some((at, apart))) => (at, (apart / 2.0).max(gap / 2.0)),
            (None, None) => (self.next_look(now, gap), gap),
        };
        self.gap = gap as f32;
        self.state = State::Shut { until };
    }

    fn next_look(&self, now: f64, gap: f64) -> f64 {
        self.period
            .next_look(now, gap, f64::from(self.refusal_time))
    }

    /// How long a refusal takes, in seconds.
    pub(super) fn refusal_time(&self) -> f32 {
        self.refusal_time
    }

    /// Notes that a refusal took so many seconds. A slow one counts at once.
    pub(super) fn refusal_took(&mut self, seconds: f32) {
        let mean = 0.8 * self.refusal_time + 0.2 * seconds;
        self.refusal_time = mean.max(seconds).min(5.0);
    }

    /// A request that was not refused after so many seconds was let in.
    pub(super) fn settled(&self) -> f64 {
        (4.0 * f64::from(self.refusal_time)).max(0.1)
    }

    /// A request that was not refused after so many seconds was probably let in.
    fn apart(&self) -> f64 {
        (1.5 * f64::from(self.refusal_time)).min(MAX_APART)
    }

    /// The very first request went.
    pub(super) fn begin(&mut self, now: f64) {
        self.period.begin(now);
    }

    /// Whether the size of the server's windows is known, so that no pace is needed.
    pub(super) fn knows_windows(&self) -> bool {
        self.period.is_known()
    }

    /// Whether it is worth counting what is let in.
    pub(super) fn counts(&self) -> bool {
        self.period.counts()
    }

    /// How many more the server's window takes after `admitted` in all, if that is known. If none,
    /// the door shuts until the next one.
    pub(super) fn left(&mut self, now: f64, admitted: f64, constants: &Constants) -> Option<usize> {
        if matches!(self.state, State::Shut { .. } | State::Looking { .. }) {
            return None;
        }
        if self.period.is_suspect(admitted) && !matches!(self.state, State::Testing { .. }) {
            self.period.test();
            self.state = State::Wary;
        }
        let left = self.period.left(admitted)?;
        if left < 1.0 {
            self.period.spent(now);
            self.close(now, None, constants);
            return None;
        }
        Some(left as usize)
    }

    /// Whether the server shut after as many the last time.
    pub(super) fn shut_there(&self, admitted: f64) -> bool {
        self.period.shut_there(admitted)
    }

    /// A request was refused after `admitted` in all: whether the window was known to be spent by
    /// then. If so the door shuts until the next one.
    pub(super) fn is_spent(
        &mut self,
        now: f64,
        admitted: f64,
        asked: Option<f64>,
        constants: &Constants,
    ) -> bool {
        let spent = self.period.is_spent(now, admitted, constants);
        if spent {
            self.close(now, asked, constants);
        }
        spent
    }

    pub(super) fn open(&mut self) {
        self.state = State::Open;
    }

    /// One was refused. The next may be as well, and those that would go until that is heard.
    pub(super) fn doubt(&mut self) {
        self.state = State::Wary;
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open)
    }

    /// Whether the look was let in, and the others follow one by one.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.state, State::Opening { .. })
    }

    /// Whether `seq` is the request that went to look.
    pub(super) fn is_look(&self, seq: u64) -> bool {
        matches!(self.state, State::Looking { seq: look, .. } if look == seq)
    }

    /// The look was refused: the next one comes twice as late.
    pub(super) fn look_refused(&mut self, now: f64, asked: Option<f64>, constants: &Constants) {
        self.period.refused(now);
        if matches!(self.state, State::Looking { .. }) {
            let gap = (2.0 * f64::from(self.gap)).min(constants.max_gap);
            self.gap = gap as f32;
            let until = match (asked, self.period.expected(now, constants)) {
                // It came as told, and what was learned says otherwise.
                (Some(asked), Some((at, _))) if at > now + asked => at,
                // Refused again and again when it was told to come, it comes later than told.
                (Some(asked), _) => {
                    let times = (gap / constants.first_gap / 4.0).clamp(1.0, 8.0);
                    now + (asked * times).min(constants.max_wait)
                }
                (None, Some((at, _))) if self.period.is_known() => at,
                (None, _) => self.next_look(now, gap),
            };
            self.state = State::Shut { until };
        }
    }

    /// The look was answered, and the others may follow.
    pub(super) fn look_accepted(&mut self, now: f64, in_flight: usize) {
        if let State::Looking { since, .. } = self.state {
            self.period.opened(since, self.admitted);
            self.state = State::Opening {
                since: now,
                from: in_flight,
            };
        }
    }

    /// The look was given up by its caller, and another may go at once.
    pub(super) fn look_lost(&mut self, now: f64) {
        if matches!(self.state, State::Looking { .. }) {
            self.state = State::Shut { until: now };
        }
    }

    /// Notes a request that goes, when `admitted` were let in.
    pub(super) fn on_send(&mut self, now: f64, seq: u64, admitted: f64) {
        match self.state {
            State::Shut { .. } => {
                self.state = State::Looking { seq, since: now };
                self.admitted = admitted;
            }
            State::Wary => {
                let until = now + self.apart();
                self.state = State::Testing { until };
            }
            _ => {}
        }
    }

    /// How many may go with `in_flight` under way.
    pub(super) fn leave(&mut self, now: f64, in_flight: usize, window: usize) -> Leave {
        let settled = self.settled();
        // A deadline is met when it is reached to the nanosecond, which is how far a clock reads.
        let due = |at: f64| now + 1e-9 >= at;
        match self.state {
            State::Open => Leave::Free,
            State::Wary => Leave::Few(1),
            State::Testing { until } if due(until) => {
                self.state = State::Open;
                Leave::Free
            }
            State::Testing { until } => Leave::NotBefore(until),
            State::Shut { until } if due(until) => Leave::Few(1),
            State::Shut { until } => Leave::NotBefore(until),
            State::Looking { since, .. } if due(since + settled) => {
                self.look_accepted(now, in_flight);
                Leave::Few(1)
            }
            State::Looking { since, .. } => Leave::NotBefore(since + settled),
            State::Opening { .. } if self.period.is_known() => {
                self.state = State::Open;
                Leave::Free
            }
            State::Opening { since, from } => {
                let apart = self.apart();
                let doubling = if self.period.was_asked() {
                    DOUBLING_ASKED
                } else {
                    DOUBLING
                };
                let doubled = ((now - since + 1e-9) / (apart * doubling)).exp2();
                let more = (1.0 + doubling * (doubled - 1.0)) as usize;
                if from.saturating_add(more) >= window {
                    self.state = State::Open;
                    return Leave::Free;
                }
                match from.saturating_add(more).saturating_sub(in_flight) {
                    0 => {
                        let ahead = in_flight.saturating_sub(from) as f64;
                        let ahead = doubling * (1.0 + ahead / doubling).log2();
                        // Answers make room sooner than time does.
                        Leave::NotBefore((since + ahead * apart).min(now + 1.0))
                    }
                    few => Leave::Few(few),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
