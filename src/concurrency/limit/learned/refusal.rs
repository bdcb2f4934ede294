//! What a refusal teaches.

use std::time::Duration;

use http::StatusCode;

use super::pace::{Empty, Pace};
use super::window::Blame;
use super::{Learned, Mark, Sent, sent_at};
use crate::hint::{Hint, Verdict};

/// So many refusals at a level that the server took are no accident.
const CONTRADICTIONS: u8 = 3;
/// Fewer do where the server says to come back within so many seconds: what is in flight has no such
/// time, and a window's end is further off.
const TIMED_CONTRADICTIONS: u8 = 2;
const SOON: f64 = 2.0;

/// A refusal that begins an event.
struct Evidence {
    now: f64,
    /// How many were in flight when the request went, itself included.
    level: usize,
    /// Whether that is more than the server was seen to take.
    above: bool,
    /// When it went, and how many were admitted before it; and how many of those since the refusal
    /// before.
    mark: Mark,
    since: f64,
    /// How many more went meanwhile.
    behind: f64,
    /// The wait that the server asked for, in seconds.
    asked: Option<f64>,
}

impl Learned {
    pub(super) fn on_refused(&mut self, now: f64, sent: &Sent, status: StatusCode, hint: &Hint) {
        let sent_at = sent_at(sent, now, self.door.refusal_time());
        self.door.refusal_took((now - sent_at).max(0.001) as f32);
        let asked = hint
            .wait()
            .map(|wait| wait.as_secs_f64())
            .filter(|wait| *wait > 0.0 && *wait <= self.constants.max_wait);
        let admitted = sent.seq.saturating_sub(self.refused) as f64;
        self.refused += 1;
        if self.is_final(hint) {
            self.let_others_hear(sent.seq);
            return;
        }
        self.pausing = true;
        let max_wait = self.constants.max_wait;
        self.allowance
            .note(hint, sent.seq, sent_at, self.sent, now, max_wait);
        let trouble = is_trouble(status) && self.trouble.note(admitted, self.pace.is_some());
        if sent.in_flight == 1 && !trouble {
            // Alone, it met no ceiling.
            self.within = self.within.saturating_add(1);
            if asked.is_none() && self.pace.is_none() {
                self.window.refused_alone();
            }
        }
        if self.door.is_look(sent.seq) {
            self.door.look_refused(now, asked, &self.constants);
            self.was_shut = true;
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
        let settled = self.door.settled();
        let blame = self.window.blame(now, sent.in_flight, settled, trouble);
        // Where the quota of a window ends, one that looks above a ceiling meets that.
        let spent = self.door.knows_windows() && self.door.shut_there(admitted);
        if blame == Blame::Probe && !spent {
            self.window.probe_refused(&self.constants);
            self.pausing = false;
            return;
        }
        if !trouble && self.door.is_spent(now, admitted, asked, &self.constants) {
            self.pace = None;
            self.admitted = admitted;
            return;
        }
        let since = admitted - self.admitted;
        self.admitted = admitted;
        // Of a server that refuses at random, two refusals in a row are no sign.
        let spent = since <= 0.0 || self.door.shut_there(admitted);
        if spent && (!trouble || self.trouble.is_dense()) {
            self.door.shut(now, admitted, asked, &self.constants);
            if let Some(pace) = &mut self.pace {
                pace.empty(now);
            }
            return;
        }
        self.door.open();
        if self.pace.is_none() && !is_trouble(status) {
            self.door.doubt();
        }
        if asked.is_some() && self.pace.is_none() {
            self.door.shut(now, admitted, asked, &self.constants);
        }
        if trouble {
            self.on_trouble(blame, sent.in_flight.saturating_sub(1).max(1));
            return;
        }
        self.on_limit(&Evidence {
            now,
            level: sent.in_flight,
            above: blame == Blame::Above,
            mark: Mark {
                at: sent_at,
                admitted,
            },
            behind: self.sent.saturating_sub(sent.seq.saturating_add(1)) as f64,
            since,
            asked,
        });
    }

    /// Whether no wait that anybody accepts changes the answer. Then it is for the callers, and no
    /// evidence of anything.
    pub(super) fn is_final(&self, hint: &Hint) -> bool {
        let longest = Duration::from_secs_f64(self.constants.max_wait);
        hint.is_refusal() && hint.verdict(longest) != Verdict::Retry
    }

    /// The server let nobody in for good: that the others wait behind the door helps none of them.
    fn let_others_hear(&mut self, seq: u64) {
        self.pausing = false;
        if self.door.is_look(seq) {
            self.door.open();
        }
    }

    /// This client sent too much: too many at one time, or too many per time?
    fn on_limit(&mut self, refusal: &Evidence) {
        let Evidence { above, mark, .. } = *refusal;
        self.window.forget(refusal.now);
        if self.first.0 == 0.0 {
            self.first = (
                mark.admitted as f32,
                (mark.at - f64::from(self.first.1)).max(0.0) as f32,
            );
        }
        let contradicts = !above || self.window.holds(refusal.level);
        let soon = refusal.since < 16.0 + 4.0 * self.window.get() as f64;
        self.within = match (contradicts, soon) {
            (true, true) => self.within.saturating_add(1),
            (true, false) => 1,
            (false, true) => self.within,
            (false, false) => 0,
        };
        // A level at which one was refused, and that was passed since, is no ceiling.
        self.above = match above {
            true if refusal.level <= self.refused_level as usize => self.above.saturating_add(1),
            true => 1,
            false => 0,
        };
        self.refused_level = u32::try_from(refusal.level).unwrap_or(u32::MAX);
        let taken = refusal.level.saturating_sub(1).max(1);
        let is_ceiling = match &self.pace {
            None if refusal.asked.is_none() => !contradicts || self.within < CONTRADICTIONS,
            None if refusal.asked <= Some(SOON) => self.within < TIMED_CONTRADICTIONS,
            None => self.within < CONTRADICTIONS,
            Some(_) => self.above >= 2 && refusal.asked.is_none(),
        };
        if is_ceiling {
            self.window.cut(taken);
            self.pace = None;
            // Few requests measure no rate: the older mark tells more.
            let old = |last: Mark| mark.admitted - last.admitted >= 8.0;
            if above || self.empty.known().is_none_or(old) {
                self.empty = mark;
            }
            return;
        }
        self.window.stop();
        self.measure(refusal);
        let refuted = self.pace.as_ref().is_some_and(Pace::is_refuted);
        if refuted && refusal.asked.is_none() {
            self.pace = None;
            self.trouble.clear();
            self.within = 0;
            self.window.cut(taken);
        }
    }

    /// A look above a ceiling was let in. If that was found because a burst was refused but for one, it is
    /// a bucket that holds one, which takes what comes spaced.
    pub(super) fn on_look_let_in(&mut self, now: f64) {
        let (admitted, seconds) = self.first;
        // The look went so long after the one beside it.
        let spacing = f64::from(self.rtt) / self.constants.spread;
        let bucket = admitted == 1.0 && f64::from(seconds) < spacing;
        if bucket && self.above == 1 && self.pace.is_none() {
            self.pace = Some(Pace::spaced(now, spacing, &self.constants));
            self.above = 0;
            self.window.stop();
            self.make_room();
        }
    }

    /// A 503 or its like: the server is in trouble, and says nothing of a rate. Of a ceiling only if
    /// it refuses twice above what it took.
    fn on_trouble(&mut self, blame: Blame, level: usize) {
        let taken = self.window.taken();
        // Where nothing is known to be taken yet, each level is above that.
        if blame == Blame::Above && taken > 0 && self.trouble.is_ceiling(level, taken) {
            self.window.cut(level);
        }
    }

    /// The server's bucket was found empty.
    fn measure(&mut self, refusal: &Evidence) {
        let mark = refusal.mark;
        let Some(last) = std::mem::replace(&mut self.empty, mark).known() else {
            return;
        };
        let empty = Empty {
            now: refusal.now,
            took: refusal.now - mark.at,
            behind: refusal.behind,
            requests: mark.admitted - last.admitted,
            seconds: (mark.at - last.at).max(0.001),
            shut: std::mem::take(&mut self.was_shut),
            asked: refusal.asked,
        };
        match &mut self.pace {
            Some(pace) => pace.measure(&empty, &self.constants),
            None if empty.requests < 4.0 => {
                self.empty = last;
                return;
            }
            None => {
                let rate = empty.requests / empty.seconds;
                let (admitted, seconds) = self.first;
                let depth = f64::from(admitted) - rate * f64::from(seconds);
                self.pace = Some(Pace::new(&empty, depth, &self.constants));
            }
        }
        self.make_room();
    }
}

/// Whether a refusal speaks of the server, and not of what this client sent.
fn is_trouble(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 498)
}
