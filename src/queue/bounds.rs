//! How long one request may wait.

use std::time::Duration;

use tokio::time::Instant;

use super::error::QueueError;
use crate::ask::{self, Ask, Reply};
use crate::cost::Cost;
use crate::priority::Priority;

/// What bounds one request's wait, and what the gates below are told of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    priority: Option<Priority>,
    /// How long it may wait to be sent for the first time.
    max_wait: Option<Duration>,
    /// How much time it has, from its call on.
    time: Option<Duration>,
    /// Since when its time counts: its call if it has a deadline, else when it began to wait.
    since: Option<Instant>,
    /// What it costs, if that is known.
    cost: Option<Cost>,
}

/// Whether a request goes on waiting.
pub(super) enum Wait<E> {
    /// Until then, if not for ever.
    Until(Option<Instant>),
    /// It waited for as long as it may.
    TimedOut(Duration),
    /// It cannot be sent in time.
    Fails(QueueError<E>),
}

impl Bounds {
    #[inline]
    pub(super) fn new(
        priority: Option<Priority>,
        time: Option<Duration>,
        max_wait: Option<Duration>,
        cost: Option<Cost>,
    ) -> Self {
        Self {
            priority,
            max_wait,
            time,
            since: time.map(|_| Instant::now()),
            cost,
        }
    }

    /// What the gates below are asked.
    #[inline]
    pub(super) fn ask(&self) -> Ask {
        let above = ask::current();
        Ask {
            priority: self.priority.or(above.priority),
            deadline: self.deadline().into_iter().chain(above.deadline).min(),
            cost: self.cost.or(above.cost),
            ..above
        }
    }

    /// When it has to be sent. `None` if never, or later than clocks go.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.since?.checked_add(self.time?)
    }

    /// Whether it had no time when it came.
    #[inline]
    pub(super) fn is_hopeless(&self) -> bool {
        self.time == Some(Duration::ZERO)
    }

    /// What becomes of a request that has to wait, and of which the gates below say this.
    pub(super) fn wait<E>(&mut self, reply: Reply) -> Wait<E> {
        let now = Instant::now();
        let waited = now.saturating_duration_since(*self.since.get_or_insert(now));
        let deadline = self.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) || self.is_too_late(reply) {
            return Wait::Fails(self.expired(reply));
        }
        let Some(max_wait) = self.max_wait else {
            return Wait::Until(deadline);
        };
        if waited >= max_wait {
            return Wait::TimedOut(waited);
        }
        let longest = self.since.and_then(|since| since.checked_add(max_wait));
        Wait::Until(deadline.into_iter().chain(longest).min())
    }

    /// Whether all gates below that were asked say that it comes too late.
    pub(super) fn is_too_late(&self, reply: Reply) -> bool {
        self.time.is_some() && reply.too_long.is_some() && !reply.in_time
    }

    /// The error of a request that comes too late.
    pub(super) fn expired<E>(&self, reply: Reply) -> QueueError<E> {
        let waited = self.since.map(|since| since.elapsed()).unwrap_or_default();
        let needs = waited.saturating_add(reply.too_long.unwrap_or_default());
        QueueError::Expired { needs }
    }
}
