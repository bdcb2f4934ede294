//! The arbiter: decides what a refusal shows, and which belief ends.

mod limit;

use std::time::Duration;

use http::StatusCode;

use super::in_flight::Attribution;
use super::overload::Kind;
use super::pacer::Pacer;
use super::{Fate, Learned, Mark, Sent, sent_at};
use crate::concurrency::limit::Reason;
use crate::hint::{Hint, Verdict};

/// What a refusal tells.
#[derive(Clone, Copy)]
struct Refusal {
    now: f64,
    /// When the request was sent, and how many were accepted before it.
    mark: Mark,
    /// Whether its status blames the server.
    blames_server: bool,
    /// Whether it means that this client sent too much.
    limited: bool,
    /// The wait that the server asked for, in seconds, and that everybody obeys.
    asked: Option<f64>,
    /// The same, obeyed or not.
    told: Option<f64>,
}

/// A refusal for a limit that starts a recovery epoch.
struct Evidence {
    refusal: Refusal,
    /// The number of the refused request.
    seq: u64,
    /// Requests in flight when it was sent, itself included.
    level: usize,
    /// Whether that is more than the server was seen to accept.
    above: bool,
    /// Requests accepted since the refusal before.
    since: f64,
    /// Requests sent after it.
    behind: f64,
}

impl Evidence {
    /// The level that the server is taken to accept.
    fn proven(&self) -> usize {
        self.level.saturating_sub(1).max(1)
    }
}

impl Learned {
    pub(super) fn on_refused(&mut self, now: f64, sent: &Sent, status: StatusCode, hint: &Hint) {
        let Some(refusal) = self.record_refusal(now, sent, status, hint) else {
            return;
        };
        if self.train_refused(sent.seq, sent.in_flight, now, refusal.mark) {
            self.pausing = refusal.asked.is_some() && !self.is_train_under_way();
        } else if self.breaker.is_probe(sent.seq) {
            if !refusal.blames_server {
                self.chance().refusals.on_together();
            }
            let overloaded = refusal.blames_server && !refusal.limited;
            self.on_breaker_probe_refused(now, refusal.asked, overloaded);
        } else if sent.seq >= self.recovery_epoch {
            self.recovery_epoch = self.sent;
            self.on_event(sent, refusal);
        }
    }

    /// Takes in what every refusal tells. `None` if it is final.
    fn record_refusal(
        &mut self,
        now: f64,
        sent: &Sent,
        status: StatusCode,
        hint: &Hint,
    ) -> Option<Refusal> {
        let sent_at = sent_at(sent, now, self.breaker.refusal_time());
        self.breaker
            .observe_refusal_time((now - sent_at).max(self.tuning.min_seconds), &self.tuning);
        self.history.on_outcome(sent.seq, Fate::Refused);
        let admitted = sent.seq.saturating_sub(self.refused) as f64;
        self.refused += 1;
        if self.is_final(hint) {
            self.release_waiters(sent.seq);
            return None;
        }
        self.advertised
            .observe(hint, sent.seq, sent_at, self.sent, now, &self.tuning);
        let blames_server = blames_server(status);
        let limited = self.means_limit(sent.seq, blames_server, admitted);
        if limited {
            self.advertised.on_limit();
        }
        // What comes at random from a server that blames the client is the refused request's own.
        self.pausing = limited || blames_server;
        let asked = self.asked(hint);
        if sent.in_flight == 1 && limited {
            // A single request met no ceiling.
            self.contradictions = self.contradictions.saturating_add(1);
            if asked.is_none() && self.pacer.is_none() {
                self.limit.refused_alone(&self.tuning);
            }
        }
        Some(Refusal {
            now,
            mark: Mark {
                at: sent_at,
                admitted,
            },
            blames_server,
            limited,
            asked,
            told: hint.wait().map(|wait| wait.as_secs_f64()),
        })
    }

    /// A refusal that starts a recovery epoch.
    fn on_event(&mut self, sent: &Sent, mut refusal: Refusal) {
        let Refusal { now, limited, .. } = refusal;
        let refusal_timeout = self.breaker.refusal_timeout(&self.tuning);
        let attribution = self
            .limit
            .attribute(now, sent.in_flight, refusal_timeout, !limited);
        // At the end of a window's quota, a probe meets that and not the ceiling.
        let spent = self.breaker.knows_window(&self.tuning)
            && self
                .breaker
                .was_refused_at(refusal.mark.admitted, &self.tuning);
        if attribution == Attribution::Probe && !spent {
            self.explained_by_level(sent.seq);
            self.limit.probe_refused(&self.tuning);
            self.pausing = false;
            return;
        }
        refusal.asked = refusal.asked.map(|asked| self.advertised(now, asked));
        let Some(since) = self.accepted_before(&refusal) else {
            return;
        };
        self.chance().refusals.on_alone();
        self.breaker.close();
        if self.pacer.is_none() && limited && !refusal.blames_server {
            let contradicts = attribution == Attribution::Within;
            let slowly = contradicts && self.is_little(since, sent.in_flight);
            self.breaker.suspect(slowly);
        }
        if refusal.asked.is_some() && self.pacer.is_none() {
            self.breaker
                .open(now, refusal.mark.admitted, refusal.asked, &self.tuning);
        }
        if limited {
            let paced = self.pacer.is_some();
            self.on_limit(&Evidence {
                refusal,
                seq: sent.seq,
                level: sent.in_flight,
                above: attribution == Attribution::Above,
                behind: self.sent.saturating_sub(sent.seq.saturating_add(1)) as f64,
                since,
            });
            let kind = if refusal.blames_server {
                Kind::Server
            } else {
                Kind::Client
            };
            self.begin_train(now, refusal.mark.at, kind, !paced);
            return;
        }
        let level = sent.in_flight.saturating_sub(1).max(1);
        if refusal.blames_server {
            self.on_overload(attribution, level);
        } else if attribution == Attribution::Above {
            // What comes at random is refused at any level: this may be a ceiling.
            self.explained_by_level(sent.seq);
            self.limit.cut(level, &self.tuning);
        }
    }

    /// Returns how many requests were accepted since the refusal before, unless the server accepts nothing
    /// now: then the breaker opens.
    fn accepted_before(&mut self, refusal: &Refusal) -> Option<f64> {
        let Refusal { now, asked, .. } = *refusal;
        let admitted = refusal.mark.admitted;
        if refusal.limited
            && self
                .breaker
                .open_if_spent(now, admitted, asked, &self.tuning)
        {
            self.drop_pace(Reason::Window);
            self.admitted_at_refusal = admitted;
            return None;
        }
        let since = admitted - self.admitted_at_refusal;
        self.admitted_at_refusal = admitted;
        // Of a server that refuses at random, two refusals in a row are no sign.
        let spent = since <= 0.0 || self.breaker.was_refused_at(admitted, &self.tuning);
        if !spent || !(refusal.limited || self.is_dense(refusal.blames_server)) {
            return Some(since);
        }
        if since <= 0.0 && !refusal.blames_server {
            self.chance().refusals.on_together();
        }
        self.breaker.open(now, admitted, asked, &self.tuning);
        if let Some(pacer) = &mut self.pacer {
            pacer.drain(now, &self.tuning);
        }
        None
    }

    /// Whether the server accepts so little that most of those would be refused that follow a refusal at once.
    fn is_little(&self, since: f64, in_flight: usize) -> bool {
        // One that contradicts a ceiling may be chance, or a place that was not yet free.
        self.contradictions > 0 && since < 2.0 * in_flight as f64
    }

    /// Whether a refusal means that this client sent too much.
    fn means_limit(&mut self, seq: u64, blames_server: bool, admitted: f64) -> bool {
        let paced = self.pacer.is_some();
        if blames_server {
            self.overload.observe(admitted, paced, &self.tuning)
        } else if seq >= self.recovery_epoch {
            self.limited.observe(admitted, paced, &self.tuning)
        } else {
            // Only the first refusal of an event is evidence of how many come at random.
            self.history.on_outcome(seq, Fate::Unknown);
            // Those that do come at random have no event in common: each speaks for a limit.
            let independent = self.limited.is_random();
            if independent {
                self.limited.observe(admitted, paced, &self.tuning);
            }
            self.limited.means_limit()
        }
    }

    /// The number in flight explains a refusal, so no rate and no chance need do so.
    fn explained_by_level(&mut self, seq: u64) {
        self.history.on_outcome(seq, Fate::Unknown);
        self.limited.retract(&self.tuning);
    }

    /// Whether nearly everything is refused that `blames_server`, or else this client.
    fn is_dense(&self, blames_server: bool) -> bool {
        let test = if blames_server {
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
            self.breaker.out_of_order();
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

    /// A probe above a ceiling was accepted. If the ceiling was found because only one request of
    /// the first burst was accepted, the server uses a bucket of one, which accepts what is spaced.
    pub(super) fn on_probe_accepted(&mut self, now: f64) {
        // The interval between the probe and the request beside it.
        let spacing = self.rtt.unwrap_or(0.0) / (2.0 * self.tuning.probe_spread);
        let bucket = self
            .opening
            .first_burst()
            .is_some_and(|burst| burst.admitted == 1.0 && burst.seconds < spacing);
        if bucket && self.ceiling_hits == 1 && self.pacer.is_none() {
            self.pacer = Some(Box::new(Pacer::spaced(now, spacing, &self.tuning)));
            self.pace_changed(Reason::Spacing);
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
}

/// Whether a refusal speaks of the server, and not of what this client sent.
pub(super) fn blames_server(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 498)
}
