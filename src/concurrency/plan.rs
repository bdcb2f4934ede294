//! How a layer's gate is made, so that it can be made again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::gate::Gate;
use super::handle::Handle;
use super::learnt::Learnt;
use super::lease::{Lease, Member};
use super::limit::Limit;
use crate::observe::{Observer, Observers};

/// The limit that a layer was given, and what was set since, in this order.
#[derive(Clone)]
pub(super) struct Plan {
    limit: Arc<dyn Fn() -> Box<dyn Limit> + Send + Sync>,
    settings: Vec<Setting>,
    observers: Observers,
    lease: Option<Arc<dyn Lease>>,
}

impl Plan {
    pub(super) fn new(limit: impl Limit + Clone) -> Self {
        // A limit need not be `Sync`.
        let limit = Mutex::new(limit);
        Self {
            limit: Arc::new(move || {
                let limit = limit.lock().unwrap_or_else(PoisonError::into_inner);
                Box::new(limit.clone())
            }),
            settings: Vec::new(),
            observers: Observers::default(),
            lease: None,
        }
    }

    pub(super) fn observe(&mut self, observer: impl Observer + 'static) {
        self.observers.add(observer);
    }

    pub(super) fn set_name(&mut self, name: &str) {
        self.observers.set_name(name);
    }

    /// Whether somebody is told what happens at the gate.
    pub(super) fn is_observed(&self) -> bool {
        !self.observers.is_empty()
    }

    pub(super) fn add(&mut self, setting: Setting) {
        self.settings.push(setting);
    }

    /// Has each gate that is made from now on join this lease.
    pub(super) fn set_lease(&mut self, lease: Arc<dyn Lease>) {
        self.lease = Some(lease);
    }

    /// A gate that knows nothing yet.
    pub(super) fn build(&self) -> Arc<Gate> {
        let observers = self.is_observed().then(|| self.observers.clone());
        let gate = Gate::observed((self.limit)(), observers);
        self.settings
            .iter()
            .for_each(|setting| setting.apply(&gate));
        if self.is_observed() {
            // From here on: how the layer is set up is no event.
            gate.with(|state, _, _| state.observe());
        }
        if let Some(lease) = &self.lease {
            lease.join(Member::of(&gate));
        }
        gate
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("settings", &self.settings)
            .field("observers", &self.observers)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

/// Something that a layer sets of its gate.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    Limit(usize),
    Resume(Arc<Learnt>),
    Min(usize),
    Max(usize),
    MaxPause(Duration),
    BodyIdle(Duration),
    Seed(u64),
}

impl Setting {
    pub(super) fn apply(&self, gate: &Arc<Gate>) {
        let handle = || Handle::new(Arc::clone(gate));
        match *self {
            Self::Limit(limit) => {
                gate.with(|state, now, wakes| state.set_initial(now, limit, wakes));
            }
            Self::Resume(ref learnt) => {
                let at = SystemTime::now();
                gate.with(|state, now, _| state.resume_from(now, learnt, at));
            }
            Self::Min(min) => handle().set_min(min),
            Self::Max(max) => handle().set_max(max),
            Self::MaxPause(max) => gate.with(|state, _, _| state.set_max_pause(max)),
            Self::BodyIdle(idle) => gate.with(|state, _, _| state.set_body_idle(idle)),
            Self::Seed(seed) => gate.with(|state, _, _| state.set_seed(seed)),
        }
    }
}
