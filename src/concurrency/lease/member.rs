//! A gate, as what bounds it from outside sees it.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use super::leased::{Leased, lock};
use super::share::Share;
use super::tenure::Tenure;
use crate::concurrency::gate::Gate;

/// A gate that a [`Lease`](super::Lease) bounds. It does not keep the gate alive.
#[derive(Clone)]
pub struct Member {
    gate: Weak<Gate>,
    tenure: Arc<Mutex<Tenure>>,
}

/// What goes on at a member's gate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Tally {
    /// How many requests are in flight.
    pub in_flight: usize,
    /// How many wait in line.
    pub waiting: usize,
    /// How many were accepted so far.
    pub accepted: u64,
    /// How many were refused so far.
    pub refused: u64,
    /// How much of a pause is left.
    pub pause: Option<Duration>,
    /// What the gate's own limit is, beside the share.
    pub own_limit: usize,
    /// The pace of the gate's own limit, if it keeps one.
    pub own_rate: Option<f64>,
    /// The whole limit in requests per second, and the burst that it allows, if answers told it.
    pub told_rate: Option<(f64, f64)>,
    /// The whole limit of requests in flight, if answers told it.
    pub told_places: Option<u64>,
    /// What the member has now.
    pub share: Share,
    /// Whether something happened that others should hear of soon: a refusal, or the first request after an idle time.
    pub is_urgent: bool,
}

impl Member {
    /// Puts a gate's limit under a share.
    pub(in crate::concurrency) fn of(gate: &Arc<Gate>) -> Self {
        let tenure = Arc::new(Mutex::new(Tenure::default()));
        gate.with(|state, _, _| {
            state.wrap_limit(|limit| {
                lock(&tenure).watch(&*limit);
                Box::new(Leased::new(limit, Arc::clone(&tenure)))
            });
        });
        Self {
            gate: Arc::downgrade(gate),
            tenure,
        }
    }

    /// Whether the gate is no more: nothing uses it, and its share is free.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gate.strong_count() == 0
    }

    /// Returns what goes on at the gate, or `None` if it is no more.
    #[must_use]
    pub fn tally(&self) -> Option<Tally> {
        let snapshot = self
            .gate
            .upgrade()?
            .with(|state, now, _| state.snapshot(now));
        let tenure = lock(&self.tenure);
        let shift = tenure.shift;
        Some(Tally {
            in_flight: snapshot.in_flight,
            waiting: snapshot.waiting,
            accepted: snapshot.accepted,
            refused: snapshot.refused,
            pause: snapshot.pause_remaining,
            own_limit: tenure.own.0.saturating_add_signed(shift.places),
            own_rate: tenure.own.1.map(|rate| (rate + shift.rate).max(0.0)),
            told_rate: tenure.told_rate,
            told_places: tenure.told_places,
            share: tenure.share,
            is_urgent: tenure.is_urgent,
        })
    }

    /// Tells the gate its share, and that the store behind it is there. Requests in line are let through if there is
    /// room for them now.
    ///
    /// A share in which nothing may be sent binds for [as long as is set](Self::set_patience), and then counts as one
    /// place: whoever tells the shares may be gone.
    pub fn set(&self, share: Share) {
        self.change(|tenure, now| {
            tenure.is_away = false;
            tenure.is_urgent = false;
            tenure.set(now, share);
        });
    }

    /// Moves the gate's own limit: `places` more, or fewer, belong to it from now on. So does its pace, by `rate`
    /// requests per second, if it keeps one.
    pub fn shift(&self, places: isize, rate: f64) {
        if places == 0 && rate == 0.0 {
            return;
        }
        self.change(|tenure, _| {
            tenure.shift.places += places;
            tenure.shift.rate += rate;
        });
    }

    /// Says for how long a share of nothing binds. While a share is [fixed](super::Role::Fixed), nothing is sent for
    /// half of it after a refusal, unless the share is told anew. 1 s by default.
    pub fn set_patience(&self, patience: Duration) {
        lock(&self.tenure).patience = patience;
    }

    /// Says that nobody can tell the share for now. It stays as it was, and each refusal takes a tenth of a fixed one.
    pub fn set_away(&self) {
        lock(&self.tenure).is_away = true;
    }

    /// Lets no request through for at least this long.
    pub fn pause(&self, wait: Duration) {
        if let Some(gate) = self.gate.upgrade() {
            gate.with(|state, now, wakes| {
                state.pause(now, wait);
                state.settle(now, wakes);
            });
        }
    }

    /// Changes what the gate reads under its lock, and then lets through whoever has room now.
    fn change(&self, change: impl FnOnce(&mut Tenure, Duration)) {
        let Some(gate) = self.gate.upgrade() else {
            return;
        };
        gate.with(|state, now, wakes| {
            change(&mut lock(&self.tenure), now.get());
            state.version += 1;
            state.compare(None);
            state.settle(now, wakes);
        });
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("gone", &self.is_gone())
            .field("tally", &self.tally())
            .finish()
    }
}
