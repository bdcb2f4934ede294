//! What observers are to be told once the lock is free.

use std::sync::LazyLock;
use std::time::Duration;

use http::StatusCode;

use super::state::State;
use crate::ask::Ask;
use crate::concurrency::limit::{Circuit, Limit, Now, Outcome, Reason};
use crate::hint::Hint;
use crate::observe::{By, Ending, Event, Observers, SourceKind};

/// How many events one change of the state causes as a rule: they take no memory of their own.
const USUAL: usize = 4;

/// Stands for what a refusal said until its hint is put in.
static NO_HINT: LazyLock<Hint> = LazyLock::new(Hint::default);

/// What was seen last, and what happened since somebody was told.
#[derive(Debug)]
pub(super) struct Observed {
    limit: usize,
    rate: Option<f64>,
    circuit: Circuit,
    events: Events,
}

/// Events in their order.
#[derive(Debug, Default)]
pub(super) struct Events {
    first: [Option<Event<'static>>; USUAL],
    count: usize,
    more: Vec<Event<'static>>,
}

/// What is known of an attempt for its observers only.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watched {
    /// When it was sent, since the gate was made. `None` if nobody observes, or if that says nothing of its
    /// answer.
    pub(super) at: Option<Duration>,
    /// Its number, counted from 1.
    pub(super) attempt: u32,
}

impl Watched {
    /// How long the answer took that comes `now`.
    fn took(self, now: &Now) -> Option<Duration> {
        Some(now.get().saturating_sub(self.at?))
    }
}

impl Events {
    fn push(&mut self, event: Event<'static>) {
        match self.first.get_mut(self.count) {
            Some(free) => *free = Some(event),
            None => self.more.push(event),
        }
        self.count += 1;
    }

    /// Tells them. A refusal among them said what `hint` says.
    pub(super) fn tell(self, observers: &Observers, hint: Option<&Hint>) {
        for event in self.first.into_iter().flatten().chain(self.more) {
            let event = match (event, hint) {
                (
                    Event::Refused {
                        status,
                        took,
                        attempt,
                        ..
                    },
                    Some(hint),
                ) => Event::Refused {
                    status,
                    hint,
                    took,
                    attempt,
                },
                (event, _) => event,
            };
            observers.tell(SourceKind::Gate, &event);
        }
    }
}

impl Observed {
    pub(super) fn new(limit: &dyn Limit) -> Self {
        Self {
            limit: limit.limit(),
            rate: limit.rate(),
            circuit: limit.circuit(),
            events: Events::default(),
        }
    }

    /// Finds out what the limit changed. `by` if somebody else did.
    pub(super) fn compare(&mut self, limit: &dyn Limit, by: Option<Reason>) {
        let (size, rate, circuit) = (limit.limit(), limit.rate(), limit.circuit());
        if (size, rate, circuit) == (self.limit, self.rate, self.circuit) {
            return;
        }
        let reasons = limit.reasons();
        if circuit != self.circuit {
            self.events.push(Event::CircuitChanged {
                from: self.circuit,
                to: circuit,
                why: reasons.circuit,
            });
        }
        if rate != self.rate {
            self.events.push(Event::RateChanged {
                from: self.rate,
                to: rate,
                why: reasons.rate,
            });
        }
        if size != self.limit {
            self.events.push(Event::LimitChanged {
                from: self.limit,
                to: size,
                why: by.unwrap_or(reasons.limit),
            });
        }
        (self.limit, self.rate, self.circuit) = (size, rate, circuit);
    }
}

impl State {
    #[inline]
    pub(super) fn happened(&mut self, event: impl FnOnce() -> Event<'static>) {
        if let Some(observed) = &mut self.observed {
            observed.events.push(event());
        }
    }

    /// What has happened, if anything has and somebody is to be told.
    #[inline]
    pub(super) fn take_events(&mut self) -> Option<Events> {
        let events = &mut self.observed.as_mut()?.events;
        (events.count > 0).then(|| std::mem::take(events))
    }

    /// An attempt is let through that stood in line `since` then, if it did.
    pub(super) fn admitted(&mut self, now: &Now, ask: &Ask, since: Option<Duration>) -> Watched {
        if self.observed.is_none() {
            return Watched::default();
        }
        let attempt = ask.refusals + 1;
        let (in_flight, limit) = (self.in_flight, self.limit());
        let waiting = self.queue.len();
        self.happened(|| Event::Admitted {
            waited: since.map_or(Duration::ZERO, |since| now.get().saturating_sub(since)),
            attempt,
            priority: ask.priority.unwrap_or_default(),
            in_flight,
            limit,
            waiting,
        });
        Watched { at: None, attempt }
    }

    /// An attempt ended.
    pub(super) fn ended(&mut self, now: &Now, watched: Watched, outcome: Outcome<'_>) {
        let ending = match outcome {
            Outcome::Refused { status, .. } => return self.refused(now, watched, status),
            Outcome::Accepted(_) => Ending::Accepted,
            Outcome::Failed => Ending::Failed,
            Outcome::Ignored => Ending::Dropped,
        };
        self.happened(|| Event::Answered {
            ending,
            took: watched.took(now),
            attempt: watched.attempt,
        });
    }

    fn refused(&mut self, now: &Now, watched: Watched, status: StatusCode) {
        self.happened(|| Event::Refused {
            status,
            hint: &NO_HINT,
            took: watched.took(now),
            attempt: watched.attempt,
        });
    }

    /// Permits came back.
    pub(super) fn released(&mut self, count: usize) {
        let in_flight = self.in_flight;
        for left in (0..count).rev() {
            self.happened(|| Event::Released {
                in_flight: in_flight + left,
            });
        }
    }

    /// The pause was set or prolonged.
    pub(super) fn paused(&mut self, now: &Now, former: Option<Duration>, by: By) {
        if self.observed.is_none() || self.pause.ends_at() == former {
            return;
        }
        if let Some(until) = self.pause.until(now) {
            let left = until.saturating_sub(now.get());
            self.happened(|| Event::Paused { left, by });
        }
    }
}
