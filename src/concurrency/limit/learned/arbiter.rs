//! The arbiter: decides what a refusal shows, and which belief ends.

use std::time::Duration;

use http::StatusCode;

use super::in_flight::Attribution;
use super::overload::Kind;
use super::pacer::{Pacer, RateSample};
use super::{Fate, FirstBurst, Learned, Mark, Sent, sent_at};
use crate::hint::{Hint, Verdict};

/// A refusal that starts a recovery epoch.
struct Evidence {
    now: f64,
    /// The number of the refused request.
    seq: u64,
    /// Requests in flight when it was sent, itself included.
    level: usize,
    /// Whether that is more than the server was seen to accept.
    above: bool,
    /// When it was sent, and how many were accepted before it.
    mark: Mark,
    /// Requests accepted since the refusal before.
    since: f64,
    /// Requests sent after it.
    behind: f64,
    /// The wait that the server asked for, in seconds, and that everybody obeys.
    asked: Option<f64>,
    /// The same, obeyed or not.
    told: Option<f64>,
}

impl Learned {
    pub(super) fn on_refused(&mut self, now: f64, sent: &Sent, status: StatusCode, hint: &Hint) {
        let sent_at = sent_at(sent, now, self.breaker.refusal_time());
        self.breaker
            .observe_refusal_time((now - sent_at).max(self.tuning.min_seconds), &self.tuning);
        self.history.on_outcome(sent.seq, Fate::Refused);
        let admitted = sent.seq.saturating_sub(self.refused) as f64;
        self.refused += 1;
        if self.is_final(hint) {
            self.release_waiters(sent.seq);
            return;
        }
        self.advertised
            .observe(hint, sent.seq, sent_at, self.sent, now, &self.tuning);
        let limited = self.means_limit(sent.seq, status, admitted);
        if limited {
            self.advertised.on_limit();
        }
        // What comes at random from a server that blames the client is the refused request's own.
        self.pausing = limited || blames_server(status);
        let asked = self.asked(hint);
        if sent.in_flight == 1 && limited {
            // A single request met no ceiling.
            self.contradictions = self.contradictions.saturating_add(1);
            if asked.is_none() && self.pacer.is_none() {
                self.limit.refused_alone(&self.tuning);
            }
        }
        let mark = Mark {
            at: sent_at,
            admitted,
        };
        if self.train_refused(sent.seq, sent.in_flight, now, mark) {
            self.pausing = asked.is_some() && !self.trains.is_under_way();
            return;
        }
        if self.breaker.is_probe(sent.seq) {
            if !blames_server(status) {
                self.refusals.on_together();
            }
            self.on_breaker_probe_refused(now, asked, blames_server(status) && !limited);
            return;
        }
        if sent.seq < self.recovery_epoch {
            return;
        }
        self.recovery_epoch = self.sent;
        let refusal_timeout = self.breaker.refusal_timeout(&self.tuning);
        let attribution = self
            .limit
            .attribute(now, sent.in_flight, refusal_timeout, !limited);
        // At the end of a window's quota, a probe meets that and not the ceiling.
        let spent = self.breaker.knows_window(&self.tuning)
            && self.breaker.was_refused_at(admitted, &self.tuning);
        if attribution == Attribution::Probe && !spent {
            self.explained_by_level(sent.seq);
            self.limit.probe_refused(&self.tuning);
            self.pausing = false;
            return;
        }
        let asked = asked.map(|asked| self.advertised(now, asked));
        if limited
            && self
                .breaker
                .open_if_spent(now, admitted, asked, &self.tuning)
        {
            self.pacer = None;
            self.admitted_at_refusal = admitted;
            return;
        }
        let since = admitted - self.admitted_at_refusal;
        self.admitted_at_refusal = admitted;
        // Of a server that refuses at random, two refusals in a row are no sign.
        let spent = since <= 0.0 || self.breaker.was_refused_at(admitted, &self.tuning);
        if spent && (limited || self.is_dense(status)) {
            if since <= 0.0 && !blames_server(status) {
                self.refusals.on_together();
            }
            self.breaker.open(now, admitted, asked, &self.tuning);
            if let Some(pacer) = &mut self.pacer {
                pacer.drain(now, &self.tuning);
            }
            return;
        }
        self.refusals.on_alone();
        self.breaker.close();
        if self.pacer.is_none() && limited && !blames_server(status) {
            self.breaker.suspect();
        }
        if asked.is_some() && self.pacer.is_none() {
            self.breaker.open(now, admitted, asked, &self.tuning);
        }
        if !limited {
            let level = sent.in_flight.saturating_sub(1).max(1);
            if blames_server(status) {
                self.on_overload(attribution, level);
            } else if attribution == Attribution::Above {
                // What comes at random is refused at any level: this may be a ceiling.
                self.explained_by_level(sent.seq);
                self.limit.cut(level, &self.tuning);
            }
            return;
        }
        let kind = if blames_server(status) {
            Kind::Server
        } else {
            Kind::Client
        };
        let paced = self.pacer.is_some();
        self.on_limit(&Evidence {
            now,
            seq: sent.seq,
            level: sent.in_flight,
            above: attribution == Attribution::Above,
            mark: Mark {
                at: sent_at,
                admitted,
            },
            behind: self.sent.saturating_sub(sent.seq.saturating_add(1)) as f64,
            since,
            asked,
            told: hint.wait().map(|wait| wait.as_secs_f64()),
        });
        self.begin_train(now, (sent_at, kind), !paced);
    }

    /// Whether a refusal means that this client sent too much.
    fn means_limit(&mut self, seq: u64, status: StatusCode, admitted: f64) -> bool {
        let paced = self.pacer.is_some();
        if blames_server(status) {
            self.overload.observe(admitted, paced, &self.tuning)
        } else if seq < self.recovery_epoch {
            // Only the first refusal of an event is evidence of how many come at random.
            self.history.on_outcome(seq, Fate::Unknown);
            self.limited.means_limit()
        } else {
            self.limited.observe(admitted, paced, &self.tuning)
        }
    }

    /// The number in flight explains a refusal, so no rate and no chance need do so.
    fn explained_by_level(&mut self, seq: u64) {
        self.history.on_outcome(seq, Fate::Unknown);
        self.limited.retract(&self.tuning);
    }

    /// Whether nearly everything is refused with such a status.
    fn is_dense(&self, status: StatusCode) -> bool {
        let test = if blames_server(status) {
            &self.overload
        } else {
            &self.limited
        };
        test.is_dense(&self.tuning)
    }

    /// Everybody is asked to wait. Returns the seconds after which one request is sent.
    fn advertised(&mut self, now: f64, asked: f64) -> f64 {
        if !self.advertised.is_unknown() {
            // The quota says the same, and more exactly.
            return asked;
        }
        let refusal_time = self.breaker.refusal_time();
        self.advertised_wait
            .on_advertised(now, asked, refusal_time, &self.tuning)
    }

    /// The seconds for which a refusal asks everybody to wait.
    fn asked(&self, hint: &Hint) -> Option<f64> {
        let wait = hint.wait()?.as_secs_f64();
        let binds = self.pausing && self.advertised_wait.binds();
        (binds && wait > 0.0 && wait <= self.tuning.max_wait).then_some(wait)
    }

    /// The one request that an open breaker let through was refused; `overloaded` if that blames the
    /// server.
    fn on_breaker_probe_refused(&mut self, now: f64, asked: Option<f64>, overloaded: bool) {
        if let Some(rest) = self.advertised_wait.on_refused(now, &self.tuning) {
            self.breaker.wait(now, rest);
        } else {
            // A wait was obeyed, and in vain: perhaps it is that of one request alone.
            let asked = asked.map(|asked| self.advertised(now, asked));
            self.breaker.probe_refused(now, asked, &self.tuning);
        }
        self.probe_was_refused = true;
        self.recovery_epoch = self.sent;
        if let Some(pacer) = &mut self.pacer {
            pacer.drain(now, &self.tuning);
        }
        if overloaded {
            // What a server accepts while it is out of order says nothing of its limits.
            self.exhausted = None;
            self.history.forget();
        }
    }

    /// Whether no wait that a retry accepts changes the answer. Such a refusal is for the callers,
    /// and is no evidence.
    pub(super) fn is_final(&self, hint: &Hint) -> bool {
        let longest = Duration::from_secs_f64(self.tuning.max_wait);
        hint.is_refusal() && hint.verdict(longest) != Verdict::Retry
    }

    /// A final refusal: that others wait behind an open breaker helps none of them.
    fn release_waiters(&mut self, seq: u64) {
        self.pausing = false;
        if self.breaker.is_probe(seq) {
            self.breaker.close();
        }
    }

    /// This client sent too much: too many requests at one time, or too many per time?
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
        let soon = refusal.since
            < self.tuning.recent_requests + self.tuning.recent_rounds * self.limit.get() as f64;
        self.contradictions = match (contradicts, soon) {
            (true, true) => self.contradictions.saturating_add(1),
            (true, false) => 1,
            (false, true) => self.contradictions,
            (false, false) => 0,
        };
        // A level that was refused and then passed is no ceiling.
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
            None if refusal.told.is_none() => {
                !contradicts || f64::from(self.contradictions) < self.tuning.contradictions
            }
            None if refusal.told <= Some(self.tuning.short_wait) => {
                f64::from(self.contradictions) < self.tuning.timed_contradictions
            }
            None => f64::from(self.contradictions) < self.tuning.contradictions,
            Some(_) => {
                f64::from(self.ceiling_hits) >= self.tuning.ceiling_refusals
                    && refusal.asked.is_none()
            }
        };
        // A server that says when to come back counts by time.
        let timed = self.pacer.is_none() && refusal.told.is_some();
        if !is_ceiling && !timed && !self.is_rate_plausible(refusal.now, refusal.level) {
            return;
        }
        if is_ceiling {
            self.explained_by_level(refusal.seq);
            self.limit.cut(proven, &self.tuning);
            self.pacer = None;
            // A small number of requests measures no rate: the older mark tells more.
            let old =
                |last: Mark| mark.admitted - last.admitted >= self.tuning.fresh_sample_requests;
            if above || self.exhausted.is_none_or(old) {
                self.exhausted = Some(mark);
            }
            return;
        }
        self.limit.stop(&self.tuning);
        self.measure(refusal);
        let refuted = self
            .pacer
            .as_ref()
            .is_some_and(|pacer| pacer.is_refuted(&self.tuning));
        if refuted && refusal.asked.is_none() {
            self.pacer = None;
            self.overload.clear();
            self.contradictions = 0;
            self.limit.cut(proven, &self.tuning);
        }
    }

    /// A probe above a ceiling was accepted. If the ceiling was found because only one request of
    /// the first burst was accepted, the server uses a bucket of one, which accepts what is spaced.
    pub(super) fn on_probe_accepted(&mut self, now: f64) {
        // The interval between the probe and the request beside it.
        let spacing = self.rtt.unwrap_or(0.0) / (2.0 * self.tuning.probe_spread);
        let bucket = self
            .first_burst
            .is_some_and(|burst| burst.admitted == 1.0 && burst.seconds < spacing);
        if bucket && self.ceiling_hits == 1 && self.pacer.is_none() {
            self.pacer = Some(Pacer::spaced(now, spacing, &self.tuning));
            self.ceiling_hits = 0;
            self.limit.stop(&self.tuning);
            self.make_room_for_pacer();
        }
    }

    /// A 503 or its like speaks of the server and not of a rate. It shows a ceiling only if the
    /// server refuses twice above what it accepted.
    fn on_overload(&mut self, attribution: Attribution, level: usize) {
        let proven = self.limit.proven_level();
        // While nothing is proven, each level is above that.
        if attribution == Attribution::Above
            && proven > 0
            && self.overload.test_ceiling(level, proven)
        {
            self.limit.cut(level, &self.tuning);
        }
    }

    /// The server's bucket was found empty: measures its rate.
    fn measure(&mut self, refusal: &Evidence) {
        let mark = refusal.mark;
        let idle = self.demand.take_idle(refusal.now);
        let Some(last) = self.exhausted.replace(mark) else {
            return;
        };
        let sample = RateSample {
            now: refusal.now,
            took: refusal.now - mark.at,
            behind: refusal.behind,
            requests: mark.admitted - last.admitted,
            seconds: (mark.at - last.at).max(self.tuning.min_seconds),
            after_closure: std::mem::take(&mut self.probe_was_refused),
            asked: refusal.asked,
        };
        if idle > self.tuning.max_idle_part * sample.seconds {
            // The server had time to fill its bucket, and how deep that is nobody knows.
            if let Some(pacer) = &mut self.pacer {
                pacer.fall_back(&sample, &self.tuning);
            }
            return;
        }
        match &mut self.pacer {
            Some(pacer) => pacer.measure(&sample, &self.tuning),
            None if sample.requests < self.tuning.min_sample_requests => {
                self.exhausted = Some(last);
                return;
            }
            None => {
                let rate = sample.requests / sample.seconds;
                let depth = self
                    .first_burst
                    .map_or(0.0, |burst| burst.admitted - rate * burst.seconds);
                self.pacer = Some(Pacer::new(&sample, depth, &self.tuning));
                // From here on the pace must explain what is refused.
                self.history.forget();
            }
        }
        self.make_room_for_pacer();
    }
}

/// Whether a refusal speaks of the server, and not of what this client sent.
fn blames_server(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 498)
}
