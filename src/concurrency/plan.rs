//! How a layer's gate is made, so that it can be made again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::gate::Gate;
use super::handle::Handle;
use super::learnt::Learnt;
use super::limit::Limit;

/// The limit that a layer was given, and what was set since, in this order.
#[derive(Clone)]
pub(super) struct Plan {
    limit: Arc<dyn Fn() -> Box<dyn Limit> + Send + Sync>,
    settings: Vec<Setting>,
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
        }
    }

    pub(super) fn add(&mut self, setting: Setting) {
        self.settings.push(setting);
    }

    /// A gate that knows nothing yet.
    pub(super) fn build(&self) -> Arc<Gate> {
        let gate = Gate::new((self.limit)());
        self.settings
            .iter()
            .for_each(|setting| setting.apply(&gate));
        gate
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
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
