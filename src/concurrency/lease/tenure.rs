//! What a gate and its keeper both know of a share.

use std::mem;
use std::time::Duration;

use super::hold::Hold;
use super::pace::Pace;
use super::share::{Role, Share};
use crate::concurrency::limit::{Headroom, Limit, Load, Now};
use crate::hint::{Dimension, Hint, Quota};

/// A share of nothing binds for no longer than this many times the patience of its keeper: nobody hangs because a
/// store is away.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(1);

/// How much a new figure of a told rate weighs: those of single answers are coarse.
const TOLD_WEIGHT: f64 = 0.2;

/// The part that a refusal takes of a share while the store is away.
const AWAY_CUT: f64 = 0.1;

/// The share, and what was seen under it. The gate reads and changes it under its own lock; the keeper does so
/// once in a while.
#[derive(Debug)]
pub(super) struct Tenure {
    pub(super) share: Share,
    pace: Option<Pace>,
    hold: Hold,
    /// When the share was told.
    told_at: Duration,
    /// For how long a share of nothing binds, and a refusal holds a fixed one.
    pub(super) patience: Duration,
    /// Whether the keeper hears nothing from its store.
    pub(super) is_away: bool,
    /// Whether something happened that the others should hear of soon.
    pub(super) is_urgent: bool,
    /// Whether anybody was in flight or in line when this was asked last.
    was_busy: bool,
    /// What the gate's own limit is to be moved by when it is asked next.
    pub(super) shift: Shift,
    /// The gate's own limit and pace.
    pub(super) own: (usize, Option<f64>),
    /// Requests per second, and their burst, as answers told.
    pub(super) told_rate: Option<(f64, f64)>,
    /// Requests in flight, as answers told.
    pub(super) told_places: Option<u64>,
    /// The number of the next request.
    next: u64,
}

/// How far a limit is to be moved.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shift {
    pub(super) places: isize,
    pub(super) rate: f64,
}

impl Default for Tenure {
    fn default() -> Self {
        Self {
            share: Share::own(),
            pace: None,
            hold: Hold::default(),
            told_at: Duration::ZERO,
            patience: DEFAULT_PATIENCE,
            is_away: false,
            is_urgent: false,
            was_busy: false,
            shift: Shift::default(),
            own: (1, None),
            told_rate: None,
            told_places: None,
            next: 0,
        }
    }
}

impl Tenure {
    /// There is a share, or another one.
    pub(super) fn set(&mut self, now: Duration, share: Share) {
        self.share = share;
        self.told_at = now;
        self.hold.on_news();
        self.pace = share.rate.map(|rate| match self.pace {
            Some(mut pace) => {
                pace.set(now, rate, share.burst);
                pace
            }
            None => Pace::new(now, rate, share.burst),
        });
    }

    /// Moves the gate's own limit by what the keeper wants.
    pub(super) fn move_limit(&mut self, now: &Now, limit: &mut dyn Limit) {
        let Shift { places, rate } = mem::take(&mut self.shift);
        if places != 0 || rate != 0.0 {
            limit.shift(now, places, rate);
        }
    }

    pub(super) fn watch(&mut self, limit: &dyn Limit) {
        self.own = (limit.limit(), limit.rate());
    }

    /// What there is room for under the share alone. `None` if it does not bind.
    pub(super) fn headroom(&mut self, now: &Now, load: Load) -> Option<Headroom> {
        let busy = load.waiting > 0 || load.in_flight > 0;
        // The first after an idle time: its share may be small.
        self.is_urgent |= load.waiting > 0 && !self.was_busy;
        self.was_busy = busy;
        if self.share.role == Role::Own {
            return None;
        }
        Some(
            self.room(now, load)
                .unwrap_or_else(|at| Headroom::new(0, at)),
        )
    }

    fn room(&mut self, now: &Now, load: Load) -> Result<Headroom, Option<Duration>> {
        let mut places = self.share.places.unwrap_or(usize::MAX);
        let mut paced = true;
        if self.share.is_empty() {
            let ends = self.told_at.saturating_add(self.patience);
            if now.get() < ends {
                return Err(Some(ends));
            }
            (places, paced) = (1, false);
        }
        if self.share.role == Role::Fixed {
            if let Some(until) = self.hold.until(now.get()) {
                return Err(Some(until));
            }
            if self.hold.is_probing() {
                places = places.min(1);
            }
        }
        let mut slots = places.saturating_sub(load.in_flight);
        if slots == 0 {
            return Err(None);
        }
        if let Some(pace) = self.pace.as_mut().filter(|_| paced) {
            slots = slots.min(pace.available(now.get())?);
        }
        Ok(Headroom::new(slots, None))
    }

    pub(super) fn on_send(&mut self, now: &Now, seq: u64) {
        self.next = seq + 1;
        if let Some(pace) = self.pace.as_mut().filter(|_| self.share.role != Role::Own) {
            pace.on_send(now.get());
        }
    }

    pub(super) fn on_accepted(&mut self, hint: &Hint) {
        self.hold.on_accepted();
        hint.quotas().iter().for_each(|quota| self.read(quota));
    }

    pub(super) fn on_refused(&mut self, now: &Now, seq: u64, hint: &Hint) {
        hint.quotas().iter().for_each(|quota| self.read(quota));
        self.is_urgent = true;
        let (now, patience) = (now.get(), self.patience);
        let lesson = self.hold.on_refused(now, seq, self.next, patience / 2);
        if let Some(pace) = self.pace.as_mut().filter(|_| lesson) {
            pace.drain(now);
        }
        if lesson && self.is_away && self.share.role == Role::Fixed {
            self.give_way(now);
        }
    }

    /// Nobody can be asked, and the share is too large.
    fn give_way(&mut self, now: Duration) {
        let mut share = self.share;
        share.rate = share.rate.map(|rate| rate * (1.0 - AWAY_CUT));
        share.places = share.places.map(|places| {
            let cut = (places as f64 * AWAY_CUT).ceil() as usize;
            places.saturating_sub(cut).max(1)
        });
        let (told_at, hold) = (self.told_at, self.hold);
        self.set(now, share);
        (self.told_at, self.hold) = (told_at, hold);
    }

    /// What an answer tells of the whole limit.
    fn read(&mut self, quota: &Quota) {
        match quota.dimension {
            Dimension::ConcurrentRequests => self.told_places = quota.limit.or(self.told_places),
            Dimension::Requests | Dimension::Unnamed => {
                let Some(limit) = quota.limit.filter(|limit| *limit > 0) else {
                    return;
                };
                let by_window = quota
                    .window
                    .filter(|window| !window.is_zero())
                    .map(|window| limit as f64 / window.as_secs_f64());
                let Some(rate) = by_window.or(quota.refill_rate()) else {
                    return;
                };
                let old = self.told_rate.map_or(rate, |(old, _)| old);
                // Another quota, or another limit: not what the last one told coarsely.
                let near = (0.5..2.0).contains(&(rate / old));
                let rate = if near {
                    old + TOLD_WEIGHT * (rate - old)
                } else {
                    rate
                };
                self.told_rate = Some((rate, limit as f64));
            }
            _ => {}
        }
    }

    /// How many may be in flight, beside what the gate's own limit says.
    pub(super) fn bounded(&self, own: usize) -> usize {
        match (self.share.role, self.share.places) {
            (Role::Own, _) | (_, None) => own,
            (Role::Bounded, Some(places)) => own.min(places),
            (Role::Fixed, Some(places)) => places,
        }
    }

    /// The pace that is kept, beside the gate's own.
    pub(super) fn paced(&self, own: Option<f64>) -> Option<f64> {
        let rate = self.pace.as_ref().map(Pace::rate);
        match self.share.role {
            Role::Own => own,
            Role::Bounded => own.into_iter().chain(rate).reduce(f64::min),
            Role::Fixed => rate,
        }
    }
}
