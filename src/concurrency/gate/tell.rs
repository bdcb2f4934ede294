//! What happens at the gate, for those who observe it.

use std::time::Duration;

use http::StatusCode;

use super::grant::Watched;
use super::observed::{Events, NO_HINT, Observed};
use super::state::State;
use crate::ask::Ask;
use crate::concurrency::limit::{Now, Outcome, Reason};
use crate::observe::{By, Ending, Event, Took};

impl State {
    /// Has observers told what the limit changed. `by` if somebody else did.
    #[inline]
    pub(in crate::concurrency) fn compare(&mut self, by: Option<Reason>) {
        if let Some(observed) = &mut self.observed {
            observed.compare(&*self.limit, by);
        }
    }

    /// Observes from now on.
    pub(in crate::concurrency) fn observe(&mut self) {
        self.observed = Some(Box::new(Observed::new(&*self.limit)));
    }

    #[inline]
    pub(super) fn happened(&mut self, event: impl FnOnce() -> Event<'static>) {
        if let Some(observed) = &mut self.observed {
            observed.events.push(event());
        }
    }

    /// What has happened, if anything has and somebody is to be told.
    #[inline]
    pub(super) fn take_events(&mut self) -> Option<Events> {
        self.observed.as_mut()?.events.take()
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
    pub(super) fn ended(&mut self, watched: Watched, outcome: Outcome<'_>) {
        let ending = match outcome {
            Outcome::Refused { status, .. } => return self.refused(watched, status),
            Outcome::Accepted(_) => Ending::Accepted,
            Outcome::Failed => Ending::Failed,
            Outcome::Ignored => Ending::Dropped,
        };
        self.happened(|| Event::Answered {
            ending,
            took: Took::since(watched.at),
            attempt: watched.attempt,
        });
    }

    fn refused(&mut self, watched: Watched, status: StatusCode) {
        self.happened(|| Event::Refused {
            status,
            hint: &NO_HINT,
            took: Took::since(watched.at),
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
