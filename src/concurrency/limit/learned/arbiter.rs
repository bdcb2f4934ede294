//! What a refusal teaches.

use std::time::Duration;

use http::StatusCode;

use super::in_flight::Attribution;
use super::pacer::{Pacer, RateSample};
use super::{FirstBurst, Learned, Mark, Sent, sent_at};
use crate::hint::{Hint, Verdict};

/// So many refusals at a level that the server took are no accident.
const CONTRADICTIONS: u32 = 3;
/// Fewer do where the server says to come back within so many seconds: what is in flight has no such
/// time, and a window's end is further off.
const TIMED_CONTRADICTIONS: u32 = 2;
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
        let sent_at = sent_at(sent, now, self.breaker.refusal_time());
        self.breaker
            .observe_refusal_time((now - sent_at).max(0.001));
        let asked = hint
            .wait()
            .map(|wait| wait.as_secs_f64())
            .filter(|wait| *wait > 0.0 && *wait <= self.constants.max_wait);
        let admitted = sent.seq.saturating_sub(self.refused) as f64;
        self.refused += 1;
        if self.is_final(hint) {
            self.release_waiters(sent.seq);
            return;
        }
        self.pausing = true;
        let max_wait = self.constants.max_wait;
        self.advertised
            .observe(hint, sent.seq, sent_at, self.sent, now, max_wait);
        let overload =
            blames_server(status) && self.overload.observe(admitted, self.pacer.is_some());
        if sent.in_flight == 1 && !overload {
            // Alone, it met no ceiling.
            self.contradictions = self.contradictions.saturating_add(1);
            if asked.is_none() && self.pacer.is_none() {
                self.limit.refused_alone();
            }
        }
        if self.breaker.is_probe(sent.seq) {
            self.breaker.probe_refused(now, asked, &self.constants);
            self.probe_was_refused = true;
            self.recovery_epoch = self.sent;
            if let Some(pacer) = &mut self.pacer {
                pacer.drain(now);
            }
            return;
        }
        if sent.seq < self.recovery_epoch {
            return;
        }
        self.recovery_epoch = self.sent;
        let refusal_timeout = self.breaker.refusal_timeout();
        let attribution = self
            .limit
            .attribute(now, sent.in_flight, refusal_timeout, overload);
        // Where the quota of a window ends, one that looks above a ceiling meets that.
        let spent = self.breaker.knows_window() && self.breaker.was_refused_at(admitted);
        if attribution == Attribution::Probe && !spent {
            self.limit.probe_refused(&self.constants);
            self.pausing = false;
            return;
        }
        if !overload
            && self
                .breaker
                .open_if_spent(now, admitted, asked, &self.constants)
        {
            self.pacer = None;
            self.admitted_at_refusal = admitted;
            return;
        }
        let since = admitted - self.admitted_at_refusal;
        self.admitted_at_refusal = admitted;
        // Of a server that refuses at random, two refusals in a row are no sign.
        let spent = since <= 0.0 || self.breaker.was_refused_at(admitted);
        if spent && (!overload || self.overload.is_dense()) {
            self.breaker.open(now, admitted, asked, &self.constants);
            if let Some(pacer) = &mut self.pacer {
                pacer.drain(now);
            }
            return;
        }
        self.breaker.close();
        if self.pacer.is_none() && !blames_server(status) {
            self.breaker.suspect();
        }
        if asked.is_some() && self.pacer.is_none() {
            self.breaker.open(now, admitted, asked, &self.constants);
        }
        if overload {
            self.on_overload(attribution, sent.in_flight.saturating_sub(1).max(1));
            return;
        }
        self.on_limit(&Evidence {
            now,
            level: sent.in_flight,
            above: attribution == Attribution::Above,
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
    fn release_waiters(&mut self, seq: u64) {
        self.pausing = false;
        if self.breaker.is_probe(seq) {
            self.breaker.close();
        }
    }

    /// This client sent too much: too many at one time, or too many per time?
    fn on_limit(&mut self, refusal: &Evidence) {
        let Evidence { above, mark, .. } = *refusal;
        self.limit.forget_proven(refusal.now);
        if self.first_burst.is_none() && mark.admitted > 0.0 {
            self.first_burst = Some(FirstBurst {
                admitted: mark.admitted,
                seconds: (mark.at - self.first_send).max(0.0),
            });
        }
        let contradicts = !above || self.limit.has_ceiling_at(refusal.level);
        let soon = refusal.since < 16.0 + 4.0 * self.limit.get() as f64;
        self.contradictions = match (contradicts, soon) {
            (true, true) => self.contradictions.saturating_add(1),
            (true, false) => 1,
            (false, true) => self.contradictions,
            (false, false) => 0,
        };
        // A level at which one was refused, and that was passed since, is no ceiling.
        self.ceiling_hits = match above {
            true if refusal.level <= self.refused_level as usize => {
                self.ceiling_hits.saturating_add(1)
            }
            true => 1,
            false => 0,
        };
        self.refused_level = u32::try_from(refusal.level).unwrap_or(u32::MAX);
        let proven = refusal.level.saturating_sub(1).max(1);
        let is_ceiling = match &self.pacer {
            None if refusal.asked.is_none() => !contradicts || self.contradictions < CONTRADICTIONS,
            None if refusal.asked <= Some(SOON) => self.contradictions < TIMED_CONTRADICTIONS,
            None => self.contradictions < CONTRADICTIONS,
            Some(_) => self.ceiling_hits >= 2 && refusal.asked.is_none(),
        };
        if is_ceiling {
            self.limit.cut(proven);
            self.pacer = None;
            // Few requests measure no rate: the older mark tells more.
            let old = |last: Mark| mark.admitted - last.admitted >= 8.0;
            if above || self.exhausted.is_none_or(old) {
                self.exhausted = Some(mark);
            }
            return;
        }
        self.limit.stop();
        self.measure(refusal);
        let refuted = self.pacer.as_ref().is_some_and(Pacer::is_refuted);
        if refuted && refusal.asked.is_none() {
            self.pacer = None;
            self.overload.clear();
            self.contradictions = 0;
            self.limit.cut(proven);
        }
    }

    /// A look above a ceiling was let in. If that was found because a burst was refused but for one, it is
    /// a bucket that holds one, which takes what comes spaced.
    pub(super) fn on_probe_accepted(&mut self, now: f64) {
        // The look went so long after the one beside it.
        let spacing = self.rtt.unwrap_or(0.0) / self.constants.spread;
        let bucket = self
            .first_burst
            .is_some_and(|burst| burst.admitted == 1.0 && burst.seconds < spacing);
        if bucket && self.ceiling_hits == 1 && self.pacer.is_none() {
            self.pacer = Some(Pacer::spaced(now, spacing, &self.constants));
            self.ceiling_hits = 0;
            self.limit.stop();
            self.make_room_for_pacer();
        }
    }

    /// A 503 or its like: the server is in trouble, and says nothing of a rate. Of a ceiling only if
    /// it refuses twice above what it took.
    fn on_overload(&mut self, attribution: Attribution, level: usize) {
        let proven = self.limit.proven_level();
        // Where nothing is known to be taken yet, each level is above that.
        if attribution == Attribution::Above
            && proven > 0
            && self.overload.test_ceiling(level, proven)
        {
            self.limit.cut(level);
        }
    }

    /// The server's bucket was found empty.
    fn measure(&mut self, refusal: &Evidence) {
        let mark = refusal.mark;
        let Some(last) = self.exhausted.replace(mark) else {
            return;
        };
        let sample = RateSample {
            now: refusal.now,
            took: refusal.now - mark.at,
            behind: refusal.behind,
            requests: mark.admitted - last.admitted,
            seconds: (mark.at - last.at).max(0.001),
            shut: std::mem::take(&mut self.probe_was_refused),
            asked: refusal.asked,
        };
        match &mut self.pacer {
            Some(pacer) => pacer.measure(&sample, &self.constants),
            None if sample.requests < 4.0 => {
                self.exhausted = Some(last);
                return;
            }
            None => {
                let rate = sample.requests / sample.seconds;
                let depth = self
                    .first_burst
                    .map_or(0.0, |burst| burst.admitted - rate * burst.seconds);
                self.pacer = Some(Pacer::new(&sample, depth, &self.constants));
            }
        }
        self.make_room_for_pacer();
    }
}

/// Whether a refusal speaks of the server, and not of what this client sent.
fn blames_server(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 498)
}
