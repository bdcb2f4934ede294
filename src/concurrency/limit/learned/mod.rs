//! The default limit: finds any API's limit.

mod allowance;
mod constants;
mod door;
mod growth;
mod pace;
mod period;
mod window;

use std::time::Duration;

use http::StatusCode;

use self::allowance::Allowance;
pub use self::constants::Constants;
use self::door::{Door, Leave};
use self::growth::Growth;
use self::pace::Pace;
use self::window::{Blame, Window};
use super::{DEFAULT_INITIAL, DEFAULT_MAX, DEFAULT_MIN, Headroom, Limit, Load, Now, Outcome, Sent};
use crate::hint::Hint;

/// Learns what an API allows.
#[derive(Clone, Debug)]
pub struct Learned {
    constants: Constants,
    window: Window,
    growth: Growth,
    pace: Option<Pace>,
    door: Door,
    allowance: Allowance,
    /// Requests let through, and of those refused.
    sent: u64,
    refused: u64,
    /// Refusals of requests with a lower number belong to the last event.
    recovered_at: u64,
    /// When the server's bucket was last found empty, and how many it had admitted by then.
    empty: Option<Mark>,
    first: Option<Mark>,
    /// How many were admitted by the last refusal.
    admitted: f64,
    /// Refusals in a row that blamed the window.
    above: u32,
    within: u32,
    /// A level above which a server in trouble refused once.
    suspect: Option<usize>,
    /// Refusals in a row by a server in trouble, with next to none admitted between them.
    dense: u32,
    /// Seconds that a refusal takes, and an answer.
    refusal_time: f64,
    rtt: f64,
    pausing: bool,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: f64,
    admitted: f64,
}

impl Learned {
    /// Starts at 4, within 1 and 1000, knowing nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::with_constants(Constants::default())
    }

    /// The same with other constants, to see what they do.
    #[must_use]
    pub fn with_constants(constants: Constants) -> Self {
        Self {
            constants,
            window: Window::new(DEFAULT_INITIAL, DEFAULT_MIN, DEFAULT_MAX),
            growth: Growth::default(),
            pace: None,
            door: Door::default(),
            allowance: Allowance::default(),
            sent: 0,
            refused: 0,
            recovered_at: 0,
            empty: None,
            first: None,
            admitted: 0.0,
            above: 0,
            within: 0,
            suspect: None,
            dense: 0,
            refusal_time: 0.05,
            rtt: 0.0,
            pausing: false,
        }
    }

    /// The pace in requests per second, if the API was found to limit that.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        self.pace.as_ref().map(Pace::rate)
    }

    /// A request that was not refused by then was let in.
    fn settled(&self) -> f64 {
        (4.0 * self.refusal_time).max(0.1)
    }

    /// Where little is in flight, nothing is to be learned from most answers but how long they take,
    /// and of that a part is enough.
    #[inline]
    fn is_idle(&self, sent: &Sent, hint: &Hint, load: Load) -> bool {
        let idle = load.waiting == 0 && 2 * sent.in_flight < self.window.get();
        idle && sent.seq % IDLE_SAMPLES != 0 && hint.is_empty()
    }

    /// Nothing but the window limits what is sent.
    #[inline]
    fn is_unlimited(&self) -> bool {
        self.pace.is_none() && self.door.is_open() && self.allowance.is_unknown()
    }

    fn headroom_within(&mut self, window: usize, now: &Now, load: Load) -> Headroom {
        let mut slots = window.saturating_sub(load.in_flight);
        if slots == 0 {
            return Headroom::of(window, load);
        }
        let not_before = |at: f64| Headroom {
            slots: 0,
            opens_at: Some(Duration::try_from_secs_f64(at).unwrap_or_default()),
        };
        // Half of the window in use is no growth, and needs no spreading.
        if 2 * load.in_flight >= window {
            if let Some(at) = self.window.next_send(self.rtt, &self.constants) {
                if now.get().as_secs_f64() + 1e-9 < at {
                    return not_before(at);
                }
                slots = 1;
            }
        }
        if !self.door.is_open() {
            let settled = self.settled();
            match self.door.leave(
                now.get().as_secs_f64(),
                load.in_flight,
                window,
                self.refusal_time,
                settled,
            ) {
                Leave::Free => {}
                Leave::Few(few) => slots = slots.min(few),
                Leave::NotBefore(at) => return not_before(at),
            }
        }
        if !self.allowance.is_unknown() {
            if let Some((left, at)) = self.allowance.left(self.sent, now.get().as_secs_f64()) {
                if left == 0 {
                    return not_before(at);
                }
                slots = slots.min(left);
            }
        }
        if let Some(pace) = &mut self.pace {
            let (left, at) = pace.left(now.get().as_secs_f64(), load.waiting > 0);
            if left == 0 {
                return not_before(at);
            }
            slots = slots.min(left);
        }
        Headroom {
            slots,
            opens_at: None,
        }
    }

    fn note_send(&mut self, now: f64, load: Load) {
        let (seq, settled) = (self.sent, self.settled());
        self.door.on_send(now, seq);
        self.window.on_send(now, load.in_flight, settled);
        self.allowance.on_send(now);
        if let Some(pace) = &mut self.pace {
            pace.on_send(now, settled, self.rtt, &self.constants);
        }
    }

    fn on_accepted(&mut self, now: &Now, sent: &Sent, hint: &Hint, load: Load) {
        let now = now.get().as_secs_f64();
        if let Some(at) = sent.at {
            let latency = now - at.as_secs_f64();
            self.rtt = if self.rtt == 0.0 {
                latency
            } else {
                0.9 * self.rtt + 0.1 * latency
            };
            self.growth.add(sent.in_flight, latency);
        }
        self.allowance
            .note(hint, sent.seq, sent_at(sent, now, self.rtt), self.sent, now);
        let binds = load.waiting > 0 && load.in_flight + 1 >= self.window.get();
        let recent = sent.seq >= self.recovered_at;
        self.window.on_accepted(
            sent.in_flight,
            binds,
            recent,
            load.waiting,
            &self.growth,
            &self.constants,
        );
    }

    fn on_refused(&mut self, now: f64, sent: &Sent, status: StatusCode, hint: &Hint) {
        let sent_at = sent_at(sent, now, self.refusal_time);
        let took = (now - sent_at).max(0.001);
        self.refusal_time = took.max(0.8 * self.refusal_time + 0.2 * took).min(5.0);
        let asked = hint
            .wait()
            .map(|wait| wait.as_secs_f64())
            .filter(|wait| *wait > 0.0);
        let admitted = sent.seq.saturating_sub(self.refused) as f64;
        self.refused += 1;
        self.pausing = true;
        self.allowance.note(hint, sent.seq, sent_at, self.sent, now);
        if self.door.is_look(sent.seq) {
            self.door.look_refused(now, asked, &self.constants);
            self.recovered_at = self.sent;
            if let Some(pace) = &mut self.pace {
                pace.empty(now);
            }
            return;
        }
        if sent.seq < self.recovered_at {
            return;
        }
        self.recovered_at = self.sent;
        let blame = self.window.blame(now, sent.in_flight, self.settled());
        if blame == Blame::Probe {
            self.window.probe_refused(&self.constants);
            self.pausing = false;
            return;
        }
        let since = admitted - self.admitted;
        self.admitted = admitted;
        if since <= 0.0 {
            self.door.shut(now, asked, &self.constants);
            if let Some(pace) = &mut self.pace {
                pace.empty(now);
            }
            return;
        }
        self.door.open();
        if asked.is_some() && self.pace.is_none() {
            self.door.shut(now, asked, &self.constants);
        }
        let level = sent.in_flight.saturating_sub(1).max(1);
        if status != StatusCode::TOO_MANY_REQUESTS {
            self.on_trouble(blame, level, since);
            return;
        }
        self.window.forget(now);
        let mark = Mark {
            at: sent_at,
            admitted,
        };
        let above = blame == Blame::Above;
        let contradicts = !above || self.window.holds(sent.in_flight);
        let soon = since < 16.0 + 4.0 * self.window.get() as f64;
        self.within = match (contradicts, soon) {
            (true, true) => self.within + 1,
            (true, false) => 1,
            (false, true) => self.within,
            (false, false) => 0,
        };
        self.above = if above { self.above + 1 } else { 0 };
        let ceiling = match &self.pace {
            None => self.within < CONTRADICTIONS,
            Some(_) => self.above >= 2 && asked.is_none(),
        };
        if ceiling {
            self.window.cut(level);
            self.pace = None;
            if above
                || self
                    .empty
                    .is_none_or(|last| admitted - last.admitted >= 8.0)
            {
                self.empty = Some(mark);
                self.first = self.first.or(self.empty);
            }
            return;
        }
        self.window.stop();
        self.measure(mark, asked, now);
        if self.pace.as_ref().is_some_and(Pace::is_refuted) {
            self.pace = None;
            self.within = 0;
            self.window.cut(level);
        }
    }

    /// A 503 or its like: the server is in trouble, and says nothing of a rate. Of a ceiling only if
    /// it refuses twice above what it took, or more than it takes.
    fn on_trouble(&mut self, blame: Blame, level: usize, since: f64) {
        self.dense = if since <= 3.0 { self.dense + 1 } else { 0 };
        let again = self
            .suspect
            .is_some_and(|suspect| self.window.taken() <= suspect);
        if (blame == Blame::Above && again) || self.dense >= CONTRADICTIONS {
            self.window.cut(level);
            self.suspect = None;
            self.dense = 0;
        } else if blame == Blame::Above {
            self.suspect = Some(level);
        }
    }

    /// The server's bucket was found empty.
    fn measure(&mut self, mark: Mark, asked: Option<f64>, now: f64) {
        let Some(last) = self.empty.replace(mark) else {
            self.first = Some(mark);
            return;
        };
        let (requests, seconds) = (
            mark.admitted - last.admitted,
            (mark.at - last.at).max(0.001),
        );
        let constants = &self.constants;
        match &mut self.pace {
            Some(pace) => pace.measure(requests, seconds, now, asked, constants),
            None if requests < 4.0 => {
                self.empty = Some(last);
                return;
            }
            None => {
                let rate = requests / seconds;
                // What the bucket held at first may be spent at once again, if the server tells when.
                let full = asked.and(self.first);
                let depth = full.map_or(0.0, |first| first.admitted - rate * first.at);
                self.pace = Some(Pace::new(requests, seconds, now, asked, depth, constants));
            }
        }
        let rate = self.rate().unwrap_or(0.0);
        self.window.widen(2.0 * rate * self.rtt + 4.0);
    }
}

/// When a request was sent: `usual` seconds before its answer, if that was not noted.
fn sent_at(sent: &Sent, now: f64, usual: f64) -> f64 {
    sent.at.map_or(now - usual, |at| at.as_secs_f64())
}

/// Of the answers while little is in flight, one in so many is looked at.
const IDLE_SAMPLES: u64 = 16;

/// So many refusals at a level that the server took are no accident.
const CONTRADICTIONS: u32 = 3;

impl Default for Learned {
    fn default() -> Self {
        Self::new()
    }
}

impl Limit for Learned {
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom {
        let window = self.window.get();
        if 2 * load.in_flight < window && self.is_unlimited() {
            return Headroom::of(window, load);
        }
        self.headroom_within(window, now, load)
    }

    fn on_send(&mut self, now: &Now, load: Load) {
        if self.window.minds(load.in_flight) || !self.is_unlimited() {
            self.note_send(now.get().as_secs_f64(), load);
        }
        self.sent += 1;
    }

    fn wants_time(&self, seq: u64, load: Load) -> bool {
        seq % IDLE_SAMPLES == 0 || 2 * load.in_flight >= self.window.get() || !self.is_unlimited()
    }

    fn on_outcome(&mut self, now: &Now, sent: &Sent, outcome: Outcome<'_>, load: Load) {
        match outcome {
            Outcome::Accepted(hint) if self.is_idle(sent, hint, load) => {}
            Outcome::Accepted(hint) => self.on_accepted(now, sent, hint, load),
            Outcome::Refused { status, hint } => {
                self.on_refused(now.get().as_secs_f64(), sent, status, hint)
            }
            Outcome::Failed if self.door.is_look(sent.seq) => {
                self.door
                    .look_refused(now.get().as_secs_f64(), None, &self.constants);
            }
            Outcome::Ignored if self.door.is_look(sent.seq) => {
                self.door.look_lost(now.get().as_secs_f64());
            }
            Outcome::Failed | Outcome::Ignored => {}
        }
    }

    fn pause_for(&mut self, _: &Now, hint: &Hint) -> Option<Duration> {
        hint.wait().filter(|_| self.pausing)
    }

    fn limit(&self) -> usize {
        self.window.get()
    }

    fn set_limit(&mut self, limit: usize) {
        self.window.set(limit);
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.window.set_bounds(min, max);
    }
}
