//! The probe train: whether the server's bucket is empty when it refuses.
//!
//! A bucket that was found empty accepts what flows in and no more. A server that refuses at random accepts
//! nearly everything. So after a refusal that the pace does not explain, a train of requests is sent at a
//! multiple of the pace: one, then two, then four and so on, with a pause after each stage in which a refusal
//! would arrive. The train fails if more of it are refused than at random, and passes if far more were
//! accepted than can have flowed in. Packet trains measure the capacity of a network path in the same way.

use super::history::Fate;
use super::overload::Kind;
use super::pacer::Pacer;
use super::{Learned, Mark, Reason, Tuning};

/// A train that is under way.
#[derive(Clone, Copy, Debug)]
struct Train {
    /// When the bucket was empty, if there is one.
    refused_at: f64,
    /// The number of its first request.
    first: u64,
    /// Requests that go before the next pause, in which a refusal would arrive.
    stage: u32,
    /// Those of this stage that are still to be sent.
    left: u32,
    /// Requests sent in all.
    sent: u32,
    /// Requests refused in all.
    refused: u32,
    /// The number of the last of them.
    last_refused: Option<u64>,
    /// When the last of them was sent. The first one waits for as long as the server asked.
    last_send: Option<f64>,
    /// Whom the refusals blame.
    kind: Kind,
}

/// The largest stage of a train that tests `pace`. Stages must be so large that they outrun the pace although
/// `timeout` seconds pass between them. `None` if that would be too large.
fn largest_stage(pace: f64, timeout: f64, tuning: &Tuning) -> Option<u32> {
    let ahead = 1.0 - tuning.train_excess / tuning.train_speed;
    let least = 2.0 * tuning.train_excess * pace * timeout / ahead;
    (least <= tuning.max_train_stage).then(|| least.max(tuning.train_stage) as u32)
}

/// What a train tells.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    /// The bucket is not empty: the pace is too low, or refusals come at random.
    NotEmpty { accepted: f64, seconds: f64 },
    /// The pace is too low.
    Faster { accepted: f64, seconds: f64 },
    /// Nothing: it was too slow.
    Nothing,
}

/// Probe trains, which go at growing intervals unless they show that a pace is wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Trains {
    train: Option<Box<Train>>,
    /// When the next may go.
    next: f64,
    /// The seconds from that one to the one after it.
    interval: f64,
    /// The first request that may belong to it.
    next_seq: u64,
    /// Trains in a row that met no empty bucket.
    passed: u32,
}

impl Trains {
    /// Begins a train if one is due: after the refusal of a request sent at `refused_at`, from request
    /// `first` on.
    fn begin_if_due(&mut self, now: f64, refused_at: f64, kind: Kind, first: u64, tuning: &Tuning) {
        if now < self.next || first < self.next_seq {
            return;
        }
        self.interval = (tuning.train_growth * self.interval).max(tuning.train_seconds);
        self.next = now + self.interval;
        self.next_seq = first + tuning.train_requests as u64;
        self.train = Some(Box::new(Train {
            refused_at,
            kind,
            first,
            stage: 1,
            left: 1,
            sent: 0,
            refused: 0,
            last_refused: None,
            last_send: None,
        }));
    }

    /// Whether a train is under way. Then it decides what is sent, and not the pace.
    pub(super) fn is_under_way(&self) -> bool {
        self.train.is_some()
    }

    /// Records a request that is sent. Returns whether it belongs to a train, and not to the pace.
    pub(super) fn on_send(&mut self, now: f64) -> bool {
        let Some(train) = &mut self.train else {
            return false;
        };
        train.left = train.left.saturating_sub(1);
        train.sent += 1;
        train.last_send = Some(now);
        true
    }
}

impl Train {
    /// Begins the next stage if this one was not refused for `timeout` seconds. `pace`: the one that it
    /// tests.
    fn advance(&mut self, now: f64, timeout: f64, pace: f64, tuning: &Tuning) -> Option<Verdict> {
        let last_send = self.last_send?;
        if now - last_send > timeout + self.wait(timeout, pace, tuning) {
            // Nobody waited, or something else held the requests back: the bucket filled meanwhile.
            return Some(self.verdict(last_send, pace, tuning));
        }
        if self.left > 0 || now + 1e-9 < last_send + timeout {
            return None;
        }
        let verdict = self.verdict(now, pace, tuning);
        let ends =
            matches!(verdict, Verdict::NotEmpty { .. }) || self.accepted() >= tuning.longest_train;
        if ends {
            return Some(verdict);
        }
        let largest = largest_stage(pace, timeout, tuning).unwrap_or(1);
        self.stage = (2 * self.stage).min(largest);
        self.left = self.stage;
        None
    }

    /// Its requests that were not refused.
    fn accepted(&self) -> f64 {
        f64::from(self.sent.saturating_sub(self.refused))
    }

    /// What it shows if it ends at `end`.
    fn verdict(&self, end: f64, pace: f64, tuning: &Tuning) -> Verdict {
        let (accepted, seconds) = (self.accepted(), end - self.refused_at);
        let flowed = pace * seconds;
        if accepted >= tuning.train && accepted >= tuning.train_excess * flowed {
            Verdict::NotEmpty { accepted, seconds }
        } else if accepted >= tuning.train_sample && accepted >= tuning.well_above * flowed {
            Verdict::Faster { accepted, seconds }
        } else {
            Verdict::Nothing
        }
    }

    /// Seconds from the last request to the next.
    fn wait(&self, timeout: f64, pace: f64, tuning: &Tuning) -> f64 {
        if self.left == 0 {
            timeout
        } else {
            (tuning.train_speed * pace).recip()
        }
    }

    /// Records that its request `seq` was refused. Returns whether more are refused than at random: the
    /// first one, two in a row or a good share of it.
    fn is_failed_by(&mut self, seq: u64, tuning: &Tuning) -> bool {
        self.refused += 1;
        let last = self.last_refused.replace(seq);
        let in_a_row = last.is_some_and(|last| last + 1 == seq);
        let random = (tuning.train_random * f64::from(self.sent)).max(2.0);
        self.stage == 1 || in_a_row || f64::from(self.refused) >= random
    }

    /// Its requests that were accepted before request `seq`, which was refused.
    fn accepted_before(&self, seq: u64) -> f64 {
        (seq + 1).saturating_sub(self.first) as f64 - f64::from(self.refused)
    }

    /// Whether one may be sent now, or when.
    fn available(&self, now: f64, timeout: f64, pace: f64, tuning: &Tuning) -> Result<usize, f64> {
        let wait = self.wait(timeout, pace, tuning);
        match self.last_send.map(|last| last + wait) {
            Some(at) if now + 1e-9 < at => Err(at),
            _ => Ok(1),
        }
    }
}

impl Learned {
    /// A request sent at `refused_at` was refused. Sends a probe train if the pace, perhaps the `first` one,
    /// does not explain that.
    pub(super) fn begin_train(&mut self, now: f64, refused_at: f64, kind: Kind, first: bool) {
        let Some(pacer) = self.pacer.as_ref().filter(|pacer| pacer.is_unexplained()) else {
            return;
        };
        let timeout = self.breaker.refusal_timeout(&self.tuning);
        let testable = largest_stage(pacer.rate(), timeout, &self.tuning).is_some();
        let due = if first {
            self.advertised.is_unknown()
        } else {
            pacer.has_fallen(&self.tuning) || self.may_be_random()
        };
        if testable && due {
            let chance = self.chance.get_or_insert_default();
            chance
                .trains
                .begin_if_due(now, refused_at, kind, self.sent, &self.tuning);
        }
    }

    /// Whether refusals that cost more than a train does may come at random.
    fn may_be_random(&self) -> bool {
        let (refused, share) = self.history.refusals();
        // Of a server that refuses every other request, a train tells nothing.
        refused >= self.tuning.judged_refusals_shared
            && (self.tuning.train_share..=self.tuning.train_random).contains(&share)
    }

    /// Whether a train decides what is sent, and not the pace.
    pub(super) fn is_train_under_way(&self) -> bool {
        let chance = self.chance.as_ref();
        chance.is_some_and(|chance| chance.trains.is_under_way())
    }

    /// Goes on with the probe train. Returns how many may be sent, or when one may; `None` if there
    /// is no train, or no more.
    pub(super) fn train_admission(
        &mut self,
        now: f64,
        in_flight: usize,
    ) -> Option<Result<usize, f64>> {
        let timeout = self.breaker.refusal_timeout(&self.tuning);
        let trains = &mut self.chance.as_mut()?.trains;
        let train = trains.train.as_mut()?;
        let Some(pace) = self.pacer.as_deref().map(Pacer::rate) else {
            trains.train = None;
            return None;
        };
        let Some(verdict) = train.advance(now, timeout, pace, &self.tuning) else {
            return Some(train.available(now, timeout, pace, &self.tuning));
        };
        let kind = train.kind;
        trains.train = None;
        match verdict {
            Verdict::NotEmpty { accepted, seconds } => {
                *trains = Trains {
                    passed: trains.passed + 1,
                    ..Trains::default()
                };
                if f64::from(trains.passed) < self.tuning.random_trains {
                    self.raise_pace(now, accepted, seconds);
                } else {
                    trains.passed = 0;
                    let share = self.history.refusals().1.min(self.tuning.dense_share);
                    self.ignore_at_random(kind, share, in_flight.max(1));
                }
            }
            Verdict::Faster { accepted, seconds } => self.raise_pace(now, accepted, seconds),
            Verdict::Nothing => {
                if let Some(pacer) = &mut self.pacer {
                    pacer.restore(now);
                }
            }
        }
        None
    }

    /// Request `seq`, sent at level `in_flight`, was refused. Returns whether it was one of a train. Then it
    /// was sent so as to be refused, and is no evidence of a rate.
    pub(super) fn train_refused(
        &mut self,
        seq: u64,
        in_flight: usize,
        now: f64,
        mark: Mark,
    ) -> bool {
        let chance = self.chance.as_mut();
        let train = chance.and_then(|chance| chance.trains.train.as_mut());
        let Some(train) = train.filter(|train| seq >= train.first) else {
            return false;
        };
        if train.is_failed_by(seq, &self.tuning) {
            let train = **train;
            self.on_train_failed(&train, seq, in_flight, now, mark);
        }
        self.recovery_epoch = self.sent;
        self.history.on_outcome(seq, Fate::Unknown);
        true
    }

    /// The refusal of request `seq` shows that the bucket is empty, or that as many as `in_flight` are too
    /// many.
    fn on_train_failed(&mut self, train: &Train, seq: u64, in_flight: usize, now: f64, mark: Mark) {
        let trains = &mut self.chance().trains;
        (trains.train, trains.passed) = (None, 0);
        self.test_of(train.kind).refute_random();
        self.exhausted = Some(mark);
        let Some(pacer) = &mut self.pacer else { return };
        let (accepted, seconds) = (train.accepted_before(seq), mark.at - train.refused_at);
        let too_low = accepted >= self.tuning.train_sample
            && accepted >= self.tuning.well_above * pacer.rate() * seconds;
        if !too_low {
            pacer.restore(now);
        } else if in_flight > self.limit.proven_level() as usize {
            // The level explains it, and the pace was no limit.
            self.drop_pace(Reason::InFlight);
            self.contradictions = 0;
            self.limit
                .cut(in_flight.saturating_sub(1).max(1), &self.tuning);
        } else {
            // The bucket was empty at both ends: that is a rate.
            self.raise_pace(now, accepted, seconds);
            self.exhausted = Some(mark);
        }
    }

    /// The pace is too low: `accepted` requests were accepted in `seconds`.
    fn raise_pace(&mut self, now: f64, accepted: f64, seconds: f64) {
        if let Some(pacer) = &mut self.pacer {
            pacer.raise(now, accepted, seconds, &self.tuning);
            self.exhausted = None;
            self.pace_changed(Reason::Train);
            self.make_room_for_pacer();
        }
    }
}

#[cfg(test)]
mod tests;
