//! The circuit breaker: whether the server accepts anything at all.

use super::admission::Admission;
use super::window::FixedWindow;
use super::{Circuit, Compact, Reason, Tuning};

/// Opens when a request is refused and none was accepted since the refusal before. Then single
/// probes are sent, at doubling intervals, and everything else waits.
///
/// The words are those of a circuit breaker: closed means that requests flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Breaker {
    state: State,
    window: FixedWindow,
    /// Requests accepted in all before the last probe.
    admitted: f64,
    /// Seconds between two probes.
    gap: f64,
    /// Mean time of a refusal, in seconds.
    refusal_time: f64,
    /// Why the state is what it is.
    why: Compact,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Requests flow.
    Closed,
    /// The quota may be spent. The next request is sent alone to find out. The others follow `slowly` or
    /// at once.
    Suspect { slowly: bool },
    /// That request was sent. The others wait until it would have been refused.
    Confirming { until: f64, slowly: bool },
    /// Nothing is sent before `until`. Then one request probes.
    Open { until: f64 },
    /// Request `seq` probes, since `since`.
    HalfOpen { seq: u64, since: f64 },
    /// The one that was sent alone was not refused. The others follow at an interval in which most
    /// refusals arrive, so that a refusal finds only some of them under way.
    Following {
        since: f64,
        /// How many were in flight then.
        from: usize,
        /// Whether it was a probe of a server that accepted nothing.
        probed: bool,
    },
}

impl Breaker {
    pub(super) fn new(tuning: &Tuning) -> Self {
        Self {
            state: State::Closed,
            window: FixedWindow::default(),
            admitted: 0.0,
            gap: 0.0,
            // Assumed until one was seen.
            refusal_time: tuning.first_refusal_time,
            why: Compact::default(),
        }
    }

    /// The state as others see it: one who sends a single request to find out lets the others wait for a moment,
    /// and is not open.
    pub(super) fn circuit(&self) -> Circuit {
        match self.state {
            State::Open { .. } => Circuit::Open,
            State::HalfOpen { .. } | State::Following { probed: true, .. } => Circuit::HalfOpen,
            _ => Circuit::Closed,
        }
    }

    pub(super) fn why(&self) -> Reason {
        self.why.into()
    }

    /// Says why it is another, where somebody else made it so.
    pub(super) fn explain(&mut self, why: Reason) {
        self.why = why.into();
    }

    /// Opens the breaker for as long as the server asked, or until its window is expected to end,
    /// or else for a short first wait.
    pub(super) fn open(&mut self, now: f64, admitted: f64, asked: Option<f64>, tuning: &Tuning) {
        self.window
            .on_exhausted(now, admitted, asked.is_some(), tuning);
        self.trip(now, asked, tuning);
    }

    fn trip(&mut self, now: f64, asked: Option<f64>, tuning: &Tuning) {
        let gap = tuning.first_gap;
        let (until, gap, why) = match (asked, self.window.expected(now, tuning)) {
            (Some(asked), _) => (now + asked, gap, Reason::Told),
            (None, Some((at, apart))) => (at, apart.max(gap) / 2.0, Reason::Window),
            (None, None) => (self.next_probe(now, gap, tuning), gap, Reason::Outage),
        };
        (self.gap, self.why) = (gap, why.into());
        self.state = State::Open { until };
    }

    fn next_probe(&self, now: f64, gap: f64, tuning: &Tuning) -> f64 {
        self.window.next_probe(now, gap, self.refusal_time, tuning)
    }

    /// Mean time of a refusal, in seconds.
    pub(super) fn refusal_time(&self) -> f64 {
        self.refusal_time
    }

    /// Records the time that a refusal took. A slow one counts at once.
    pub(super) fn observe_refusal_time(&mut self, seconds: f64, tuning: &Tuning) {
        let mean = (1.0 - tuning.refusal_time_weight) * self.refusal_time
            + tuning.refusal_time_weight * seconds;
        self.refusal_time = mean.max(seconds).min(tuning.max_refusal_time);
    }

    /// A request was accepted, as usual within `rtt` seconds: a refusal that once took longer than
    /// work does is forgotten.
    pub(super) fn on_accepted(&mut self, rtt: f64, tuning: &Tuning) {
        let excess = self.refusal_time - rtt.max(tuning.first_refusal_time);
        self.refusal_time -= excess.max(0.0) / tuning.refusal_time_memory.max(1.0);
    }

    /// Seconds after which a request without a refusal counts as accepted.
    pub(super) fn refusal_timeout(&self, tuning: &Tuning) -> f64 {
        (tuning.refusal_timeout * self.refusal_time).max(tuning.min_refusal_timeout)
    }

    /// Seconds after which a request was probably accepted: the interval of sends that follow.
    fn spacing(&self, tuning: &Tuning) -> f64 {
        (tuning.following_spacing * self.refusal_time).min(tuning.max_spacing)
    }

    /// Records the first request of all.
    pub(super) fn on_first_send(&mut self, now: f64, admitted: f64) {
        self.window.on_first_send(now, admitted);
    }

    /// What is known of the server's windows.
    pub(super) fn window(&self) -> &FixedWindow {
        &self.window
    }

    /// The same, to begin with what was known before.
    pub(super) fn window_mut(&mut self) -> &mut FixedWindow {
        &mut self.window
    }

    /// The server accepts nothing because it is out of order.
    pub(super) fn out_of_order(&mut self) {
        self.window.on_out_of_order();
    }

    /// The server takes `rate` requests per second more of this client, or fewer.
    pub(super) fn shift_window(&mut self, rate: f64) {
        self.window.shift(rate);
    }

    /// Whether the size of the server's windows is known, so that no pace is needed.
    pub(super) fn knows_window(&self, tuning: &Tuning) -> bool {
        self.window.is_known(tuning)
    }

    /// Whether accepted requests are worth counting.
    pub(super) fn counts_admissions(&self, tuning: &Tuning) -> bool {
        self.window.counts_admissions(tuning)
    }

    /// Returns how many more requests the server's window takes after `admitted` in all, if that is
    /// known. Opens the breaker until the next window if none.
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
            self.state = State::Suspect { slowly: false };
        }
        let left = self.window.remaining(admitted, tuning)?;
        if left < 1.0 {
            self.window.on_spent(now, tuning);
            self.trip(now, None, tuning);
            return None;
        }
        Some(left as usize)
    }

    /// Whether the server stopped accepting after as many requests in the last window.
    pub(super) fn was_refused_at(&self, admitted: f64, tuning: &Tuning) -> bool {
        self.window.was_refused_at(admitted, tuning)
    }

    /// Opens the breaker until the next window if a refusal after `admitted` requests in all is the
    /// known end of this one. Returns whether it is.
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
        self.why = Reason::Recovery.into();
        self.state = State::Closed;
    }

    /// Sends the next request alone: after a refusal, those that are sent until the next one
    /// arrives may all be refused. The others follow `slowly` where no ceiling explains the refusals.
    pub(super) fn suspect(&mut self, slowly: bool) {
        self.state = State::Suspect { slowly };
    }

    /// The probe came too early: the next one goes after `seconds`.
    pub(super) fn wait(&mut self, now: f64, seconds: f64) {
        self.window.on_probe_refused(now);
        self.why = Reason::ProbeRefused.into();
        self.state = State::Open {
            until: now + seconds,
        };
    }

    /// Whether one request may go to probe the server.
    pub(super) fn is_probe_due(&self, now: f64) -> bool {
        matches!(self.state, State::Open { until } if now + 1e-9 >= until)
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether one was accepted and the others follow one by one.
    pub(super) fn is_followed(&self) -> bool {
        matches!(self.state, State::Following { .. })
    }

    /// Whether request `seq` is the probe.
    pub(super) fn is_probe(&self, seq: u64) -> bool {
        matches!(self.state, State::HalfOpen { seq: probe, .. } if probe == seq)
    }

    /// The probe was refused. The next one comes twice as late.
    pub(super) fn probe_refused(&mut self, now: f64, asked: Option<f64>, tuning: &Tuning) {
        self.window.on_probe_refused(now);
        if matches!(self.state, State::HalfOpen { .. }) {
            let gap = (2.0 * self.gap).min(tuning.max_gap);
            self.gap = gap;
            let until = match (asked, self.window.expected(now, tuning)) {
                // The probe came when the server asked, and the learned window ends later.
                (Some(asked), Some((at, _))) if at > now + asked => at,
                // Probes that came when the server asked were refused repeatedly.
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
            self.why = Reason::ProbeRefused.into();
        }
    }

    /// The probe was answered, and the others may follow.
    pub(super) fn probe_accepted(&mut self, now: f64, in_flight: usize, tuning: &Tuning) {
        if let State::HalfOpen { since, .. } = self.state {
            self.window.on_renewed(since, self.admitted, tuning);
            self.why = Reason::ProbeHeld.into();
            self.state = State::Following {
                since: now,
                from: in_flight,
                probed: true,
            };
        }
    }

    /// The probe was given up by its caller. Another may be sent at once.
    pub(super) fn probe_lost(&mut self, now: f64) {
        if matches!(self.state, State::HalfOpen { .. }) {
            self.state = State::Open { until: now };
        }
    }

    /// Records a request that is sent after `admitted` were accepted.
    pub(super) fn on_send(&mut self, now: f64, seq: u64, admitted: f64, tuning: &Tuning) {
        match self.state {
            State::Open { .. } => {
                self.state = State::HalfOpen { seq, since: now };
                self.why = Reason::Probe.into();
                self.admitted = admitted;
            }
            State::Suspect { slowly } => {
                let until = now + self.spacing(tuning);
                self.state = State::Confirming { until, slowly };
            }
            _ => {}
        }
    }

    /// Returns how many more requests may be sent beside `in_flight`. Moves on to the next state
    /// when its time has come.
    pub(super) fn admission(
        &mut self,
        now: f64,
        in_flight: usize,
        limit: usize,
        tuning: &Tuning,
    ) -> Admission {
        let refusal_timeout = self.refusal_timeout(tuning);
        // A timer may be early by a fraction of a nanosecond.
        let due = |at: f64| now + 1e-9 >= at;
        match self.state {
            State::Closed => Admission::Unlimited,
            State::Suspect { .. } => Admission::AtMost(1),
            State::Confirming {
                until,
                slowly: false,
            } if due(until) => {
                self.close();
                Admission::Unlimited
            }
            State::Confirming { until, .. } if due(until) => {
                self.why = Reason::Recovery.into();
                self.state = State::Following {
                    since: until,
                    from: in_flight,
                    probed: false,
                };
                self.admission(now, in_flight, limit, tuning)
            }
            State::Confirming { until, .. } => Admission::NotBefore(until),
            State::Open { until } if due(until) => Admission::AtMost(1),
            State::Open { until } => Admission::NotBefore(until),
            State::HalfOpen { since, .. } if due(since + refusal_timeout) => {
                self.probe_accepted(now, in_flight, tuning);
                Admission::AtMost(1)
            }
            State::HalfOpen { since, .. } => Admission::NotBefore(since + refusal_timeout),
            State::Following { .. } if self.window.is_known(tuning) => {
                self.close();
                Admission::Unlimited
            }
            State::Following { .. } => self.follow(now, in_flight, limit, tuning),
        }
    }

    /// Returns how many may follow: one, two, four and so on.
    fn follow(&mut self, now: f64, in_flight: usize, limit: usize, tuning: &Tuning) -> Admission {
        let State::Following {
            since,
            from,
            probed,
        } = self.state
        else {
            return Admission::Unlimited;
        };
        let doubling = match (probed, self.window.was_told_to_wait()) {
            (false, _) => 1.0,
            (true, false) => tuning.following_doubling,
            (true, true) => tuning.following_doubling_asked,
        };
        let spacing = self.spacing(tuning);
        let doubled = ((now - since + 1e-9) / (spacing * doubling)).exp2();
        let more = (1.0 + doubling * (doubled - 1.0)) as usize;
        let most = from.saturating_add(more);
        if most >= limit {
            self.close();
            return Admission::Unlimited;
        }
        match most.saturating_sub(in_flight) {
            0 => {
                let ahead = in_flight.saturating_sub(from) as f64;
                let ahead = doubling * (1.0 + ahead / doubling).log2();
                // Answers may make room before that.
                Admission::NotBefore((since + ahead * spacing).min(now + tuning.max_following_wait))
            }
            more => Admission::AtMost(more),
        }
    }
}

#[cfg(test)]
mod tests;
