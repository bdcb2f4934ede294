//! What observers are to be told once the lock is free.

use std::sync::LazyLock;

use crate::concurrency::limit::{Circuit, Limit, Reason};
use crate::hint::Hint;
use crate::observe::{Event, Observers, SourceKind};

/// How many events one change of the state causes as a rule: they take no memory of their own.
const USUAL: usize = 2;

/// Stands for what a refusal said until its hint is put in.
pub(super) static NO_HINT: LazyLock<Hint> = LazyLock::new(Hint::default);

/// What was seen last, and what happened since somebody was told.
#[derive(Debug)]
pub(super) struct Observed {
    limit: usize,
    rate: Option<f64>,
    circuit: Circuit,
    pub(super) events: Events,
}

/// Events in their order.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// As many of these as `count` says. Those behind are old, and not worth the time to clear them.
    first: [Option<Event<'static>>; USUAL],
    count: usize,
    more: Vec<Event<'static>>,
}

impl Events {
    pub(super) fn push(&mut self, event: Event<'static>) {
        match self.first.get_mut(self.count) {
            Some(free) => *free = Some(event),
            None => self.more.push(event),
        }
        self.count += 1;
    }

    /// Takes them out, if there are any.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Self> {
        if self.count == 0 {
            return None;
        }
        Some(Self {
            first: self.first,
            count: std::mem::take(&mut self.count),
            more: std::mem::take(&mut self.more),
        })
    }

    /// Tells them. A refusal among them said what `hint` says.
    pub(super) fn tell(&self, observers: &Observers, hint: Option<&Hint>) {
        let first = self.first.iter().take(self.count).flatten();
        for event in first.chain(&self.more) {
            let event = match (*event, hint) {
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
