//! How many may go now, and when the next.

use std::time::Duration;

use super::door::Leave;
use super::pace::Pace;
use super::{Headroom, Learned, Load, Now};

/// None before `at`, in seconds.
fn not_before(at: f64) -> Headroom {
    Headroom {
        slots: 0,
        opens_at: Some(Duration::try_from_secs_f64(at).unwrap_or_default()),
    }
}

impl Learned {
    /// What the window, the door, the server's word and the pace all allow. No clock is read where the
    /// window alone decides.
    pub(super) fn room(&mut self, now: &Now, load: Load) -> Headroom {
        if let Some(full) = self.grow(now, load) {
            return full;
        }
        let window = self.window.get();
        let slots = window.saturating_sub(load.in_flight);
        if slots == 0 || self.is_idle(load) {
            return Headroom::of(window, load);
        }
        match self.fewest(now, load, window, slots) {
            Ok(slots) => Headroom {
                slots,
                opens_at: None,
            },
            Err(at) => not_before(at),
        }
    }

    /// Lets the window grow by one if it is full and its time has come; when that is, if it has not.
    fn grow(&mut self, now: &Now, load: Load) -> Option<Headroom> {
        if self.window.get() > load.in_flight || load.waiting == 0 || !self.door.is_open() {
            return None;
        }
        let (rtt, settled) = (f64::from(self.rtt), self.door.settled());
        let at = self.window.climbs_at(rtt, settled, &self.constants)?;
        let now = now.get().as_secs_f64();
        if now + 1e-9 < at {
            return Some(not_before(at));
        }
        if self.window.climb(&self.constants) {
            self.on_look_let_in(now);
        }
        None
    }

    /// The fewest of what each part allows, or when the first of those that allow none allows one.
    fn fewest(
        &mut self,
        now: &Now,
        load: Load,
        window: usize,
        mut slots: usize,
    ) -> Result<usize, f64> {
        // Half of the window in use is no growth, and needs no spreading.
        if 2 * load.in_flight >= window {
            if let Some(at) = self.window.next_send(f64::from(self.rtt), &self.constants) {
                if now.get().as_secs_f64() + 1e-9 < at {
                    return Err(at);
                }
                slots = 1;
            }
        }
        if self.door.counts() {
            let admitted = self.sent as f64 - self.refused as f64;
            let now = now.get().as_secs_f64();
            if let Some(left) = self.door.left(now, admitted, &self.constants) {
                slots = slots.min(left);
            }
        }
        if !self.door.is_open() {
            let bursts = self.pace.as_ref().is_none_or(Pace::bursts);
            if !bursts && self.door.is_opening() {
                // The pace began anew, and sees to it that few follow.
                self.door.open();
            }
            let now = now.get().as_secs_f64();
            match self.door.leave(now, load.in_flight, window) {
                Leave::Free => {}
                Leave::Few(few) => slots = slots.min(few),
                Leave::NotBefore(at) => return Err(at),
            }
        }
        if !self.allowance.is_unknown() {
            let now = now.get().as_secs_f64();
            if let Some((left, at)) = self.allowance.left(now, self.sent) {
                slots = slots.min(some(left, at)?);
            }
        }
        if let Some(pace) = &mut self.pace {
            let (left, at) = pace.left(now.get().as_secs_f64(), load.waiting > 0);
            slots = slots.min(some(left, at)?);
        }
        Ok(slots)
    }
}

/// As many as are left, or when there is one if none is.
fn some(left: usize, at: f64) -> Result<usize, f64> {
    if left > 0 { Ok(left) } else { Err(at) }
}
