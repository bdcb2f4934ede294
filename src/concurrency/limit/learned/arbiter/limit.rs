//! A refusal for a limit: is it one of requests in flight, or of requests per time?

use super::super::Reason;
use super::super::judge::judge;
use super::super::pacer::{Pacer, RateSample};
use super::super::{Learned, Mark};
use super::{Evidence, Refusal};

impl Learned {
    /// This client sent too much: too many requests at one time, or too many per time?
    pub(super) fn on_limit(&mut self, evidence: &Evidence) {
        let Refusal {
            now, mark, asked, ..
        } = evidence.refusal;
        self.limit.forget_proven(now);
        self.opening.on_refused(mark);
        let contradicts = self.count_contradictions(evidence);
        let is_ceiling = self.is_ceiling(evidence, contradicts) || self.is_explained_by_level(now);
        // A server that says when to come back counts by time.
        let timed = self.pacer.is_none() && evidence.refusal.told.is_some();
        if !is_ceiling && !timed && !self.is_rate_plausible(now, evidence.level) {
            return;
        }
        if is_ceiling {
            self.on_ceiling(evidence);
            return;
        }
        self.limit.stop(&self.tuning);
        self.measure(evidence);
        let refuted = self
            .pacer
            .as_ref()
            .is_some_and(|pacer| pacer.is_refuted(&self.tuning));
        if refuted && asked.is_none() {
            self.drop_pace(Reason::RateRefuted);
            self.overload.clear();
            self.contradictions = 0;
            self.limit.cut(evidence.proven(), &self.tuning);
            self.limit.explain(Reason::RateRefuted);
        }
    }

    /// Counts what speaks for a ceiling, and what against it. Returns whether the refusal contradicts one.
    fn count_contradictions(&mut self, evidence: &Evidence) -> bool {
        let Evidence { above, level, .. } = *evidence;
        let contradicts = !above || self.limit.has_ceiling_at(level);
        let soon = evidence.since
            < self.tuning.recent_requests + self.tuning.recent_rounds * self.limit.get() as f64;
        self.contradictions = match (contradicts, soon) {
            (true, true) => self.contradictions.saturating_add(1),
            (true, false) => 1,
            (false, true) => self.contradictions,
            (false, false) => 0,
        };
        // A level that was refused and then passed is no ceiling.
        self.ceiling_hits = match above {
            true if level <= self.refused_level as usize => self.ceiling_hits.saturating_add(1),
            true => 1,
            false => 0,
        };
        self.refused_level = u32::try_from(level).unwrap_or(u32::MAX);
        contradicts
    }

    /// Whether the server refuses for the number in flight, and not for a rate.
    fn is_ceiling(&self, evidence: &Evidence, contradicts: bool) -> bool {
        let Refusal { asked, told, .. } = evidence.refusal;
        let contradictions = f64::from(self.contradictions);
        match &self.pacer {
            None if told.is_none() => !contradicts || contradictions < self.tuning.contradictions,
            None if told <= Some(self.tuning.short_wait) => {
                contradictions < self.tuning.timed_contradictions
            }
            None => contradictions < self.tuning.contradictions,
            Some(_) => {
                f64::from(self.ceiling_hits) >= self.tuning.ceiling_refusals && asked.is_none()
            }
        }
    }

    /// Whether the number in flight tells who is refused, and better than the pace does.
    fn is_explained_by_level(&self, now: f64) -> bool {
        if self.pacer.is_none() {
            return false;
        }
        let settled = now - self.breaker.refusal_timeout(&self.tuning);
        judge(&self.history, settled).is_some_and(|judgement| {
            f64::from(judgement.refused) >= self.tuning.judged_refusals
                && f64::from(judgement.accepted) >= self.tuning.judged_accepted
                && judgement.explained_by_level >= self.tuning.explained
                && judgement.explained_by_level > judgement.explained
        })
    }

    /// The number in flight was too high.
    fn on_ceiling(&mut self, evidence: &Evidence) {
        let mark = evidence.refusal.mark;
        self.explained_by_level(evidence.seq);
        self.limit.cut(evidence.proven(), &self.tuning);
        self.drop_pace(Reason::InFlight);
        // A small number of requests measures no rate: the older mark tells more.
        let old = |last: Mark| mark.admitted - last.admitted >= self.tuning.fresh_sample_requests;
        if evidence.above || self.exhausted.is_none_or(old) {
            self.exhausted = Some(mark);
        }
    }

    /// The server's bucket was found empty: measures its rate.
    fn measure(&mut self, evidence: &Evidence) {
        let Refusal {
            now, mark, asked, ..
        } = evidence.refusal;
        let idle = self.demand.take_idle(now) + self.idle_for_costs();
        let Some(last) = self.exhausted.replace(mark) else {
            self.refuse_resumed_pace(now);
            return;
        };
        let sample = RateSample {
            now,
            took: now - mark.at,
            behind: evidence.behind,
            requests: mark.admitted - last.admitted,
            seconds: (mark.at - last.at).max(self.tuning.min_seconds),
            after_closure: std::mem::take(&mut self.probe_was_refused),
            asked,
        };
        if idle > self.tuning.max_idle_part * sample.seconds {
            // The server had time to fill its bucket, and how deep that is nobody knows.
            if let Some(pacer) = &mut self.pacer {
                pacer.fall_back(&sample, &self.tuning);
                self.pace_changed(Reason::Idle);
            }
            return;
        }
        match &mut self.pacer {
            Some(pacer) => {
                let relied = pacer.relies_on_record();
                pacer.measure(&sample, &self.tuning);
                if relied && !pacer.relies_on_record() {
                    // It need not explain what was refused of an earlier run's pace.
                    self.history.forget();
                }
            }
            None if sample.requests < self.tuning.min_sample_requests => {
                self.exhausted = Some(last);
                return;
            }
            None => {
                let rate = sample.requests / sample.seconds;
                let depth = self
                    .opening
                    .first_burst()
                    .map_or(0.0, |burst| burst.admitted - rate * burst.seconds);
                self.pacer = Some(Box::new(Pacer::new(&sample, depth, &self.tuning)));
                // From here on the pace must explain what is refused.
                self.history.forget();
            }
        }
        self.pace_changed(Reason::Measured);
        self.make_room_for_pacer();
    }
}
