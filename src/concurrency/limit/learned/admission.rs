//! How many may go now, and when the next.

use std::time::Duration;

use super::{Headroom, Learned, Load, Now};
use crate::cost::Cost;

/// How many more requests may go.
pub(super) enum Admission {
    Unlimited,
    AtMost(usize),
    /// None before this time, in seconds.
    NotBefore(f64),
}

/// None before `at`, in seconds.
fn not_before(at: f64) -> Headroom {
    Headroom {
        slots: 0,
        opens_at: Some(Duration::try_from_secs_f64(at).unwrap_or_default()),
    }
}

impl Learned {
    /// Of the answers while the limit is hardly used, one in this many is timed.
    pub(super) fn idle_samples(&self) -> u64 {
        (self.tuning.idle_samples as u64).max(1)
    }

    /// Whether nothing but the in-flight limit binds, and less than half of it is in use.
    pub(super) fn is_idle(&self, load: Load) -> bool {
        2 * load.in_flight < self.limit.get()
            && self.pacer.is_none()
            && self.breaker.is_closed()
            && !self.breaker.knows_window(&self.tuning)
            && self.advertised.is_unknown()
            && !self.counts_costs()
    }

    /// What the in-flight limit, the breaker, the advertised quota and the pacer all allow. No
    /// clock is read where the in-flight limit alone decides.
    pub(super) fn admission(&mut self, now: &Now, load: Load, next: Option<&Cost>) -> Headroom {
        if load.waiting > 0 && self.demand.is_idle() {
            self.demand.on_wait(now.get().as_secs_f64());
        }
        if let Some(full) = self.grow_limit(now, load) {
            return full;
        }
        let limit = self.limit.get();
        let slots = limit.saturating_sub(load.in_flight);
        if slots == 0 || self.is_idle(load) {
            return Headroom::of(limit, load);
        }
        match self.tightest(now, load, next, slots) {
            Ok(slots) => Headroom {
                slots,
                opens_at: None,
            },
            Err(at) => not_before(at),
        }
    }

    /// Grows the limit by one if it is used up and its time has come. Returns when that is, if it
    /// has not.
    fn grow_limit(&mut self, now: &Now, load: Load) -> Option<Headroom> {
        if self.limit.get() > load.in_flight || load.waiting == 0 {
            return None;
        }
        // A breaker that waits for a place to send its probe from would wait for ever.
        if !self.breaker.is_closed() && !self.breaker.is_probe_due(now.get().as_secs_f64()) {
            return None;
        }
        self.limit.extend_stage(self.sent, &self.tuning);
        let (rtt, refusal_timeout) = (
            self.rtt.unwrap_or(0.0),
            self.breaker.refusal_timeout(&self.tuning),
        );
        let told = !self.advertised.is_unknown();
        let at = self.limit.grows_at(rtt, refusal_timeout, &self.tuning);
        if at.is_none() && !told {
            return None;
        }
        let now = now.get().as_secs_f64();
        let licence = self.advertised.licence(now, &self.tuning);
        let licensed = licence.and_then(|rate| self.limit.licensed_at(rate));
        let at = at.into_iter().chain(licensed).reduce(f64::min)?;
        if now + 1e-9 < at {
            return Some(not_before(at));
        }
        if self.limit.grow(&self.tuning) {
            self.on_probe_accepted(now);
        }
        None
    }

    /// When the next request may be sent during growth: spread over a round trip, or as the server says.
    fn next_send(&self, now: &Now) -> Option<f64> {
        let spread = self
            .limit
            .next_send(self.rtt.unwrap_or(0.0), &self.tuning)?;
        if self.advertised.is_unknown() {
            return Some(spread);
        }
        let licence = self
            .advertised
            .licence(now.get().as_secs_f64(), &self.tuning);
        let licensed = licence.and_then(|rate| self.limit.licensed_at(rate));
        Some(licensed.map_or(spread, |at| at.min(spread)))
    }

    /// What is left of quotas: of requests as the server tells them, and of what requests cost.
    fn left_of_quotas(&mut self, now: &Now, next: Option<&Cost>) -> Result<usize, f64> {
        let mut slots = usize::MAX;
        if !self.advertised.is_unknown() {
            let now = now.get().as_secs_f64();
            if let Some((left, at)) = self.advertised.available(now, self.sent) {
                slots = some(left, at)?;
            }
        }
        if let Some(costs) = &mut self.costs {
            slots =
                slots.min(costs.available(now.get().as_secs_f64(), next.copied(), &self.tuning)?);
        }
        Ok(slots)
    }

    /// The least of what each part allows, or when the first part that allows nothing allows one.
    fn tightest(
        &mut self,
        now: &Now,
        load: Load,
        next: Option<&Cost>,
        mut slots: usize,
    ) -> Result<usize, f64> {
        let limit = self.limit.get();
        // While less than half of the limit is used, nothing grows, and sends need no spreading.
        if 2 * load.in_flight >= limit {
            if let Some(at) = self.next_send(now) {
                if now.get().as_secs_f64() + 1e-9 < at {
                    return Err(at);
                }
                slots = 1;
            }
        }
        if self.breaker.counts_admissions(&self.tuning) {
            let admitted = self.sent as f64 - self.refused as f64;
            let now = now.get().as_secs_f64();
            if let Some(left) = self.breaker.check_window(now, admitted, &self.tuning) {
                slots = slots.min(left);
            }
        }
        if !self.breaker.is_closed() {
            let bursts = self
                .pacer
                .as_ref()
                .is_none_or(|pacer| pacer.has_burst(&self.tuning));
            if !bursts && self.breaker.is_followed() {
                // The pacer started anew, and it spaces what follows.
                self.breaker.close();
            }
            let now = now.get().as_secs_f64();
            match self
                .breaker
                .admission(now, load.in_flight, limit, &self.tuning)
            {
                Admission::Unlimited => {}
                Admission::AtMost(most) => slots = slots.min(most),
                Admission::NotBefore(at) => return Err(at),
            }
        }
        slots = slots.min(self.left_of_quotas(now, next)?);
        if self.is_train_under_way() {
            if let Some(room) = self.train_admission(now.get().as_secs_f64(), load.in_flight) {
                return room;
            }
        }
        if let Some(pacer) = &mut self.pacer {
            let (left, at) =
                pacer.available(now.get().as_secs_f64(), load.waiting > 0, &self.tuning);
            slots = slots.min(some(left, at)?);
        }
        Ok(slots)
    }
}

/// What is left, or when there is one if nothing is.
fn some(left: usize, at: f64) -> Result<usize, f64> {
    if left > 0 { Ok(left) } else { Err(at) }
}
