//! What an upstream's layers changed of late, and why.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tower_throttle::observe::{Event, Observer, Source};

use crate::metrics::Changes;

/// How many are kept.
const KEPT: usize = 200;

/// Something that changed, or several steps of it for the same reason.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    id: u64,
    /// Milliseconds since 1970, at the first step and at the last.
    time: u64,
    last: u64,
    /// `limit`, `rate`, `circuit`, `pause` or `gave_up`.
    what: &'static str,
    /// From what to what, if there is that.
    from: Option<String>,
    to: Option<String>,
    why: String,
}

/// The last entries.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<VecDeque<Entry>>);

impl Events {
    /// The entries that are new since this time, or have grown.
    pub(crate) fn after(&self, time: u64) -> Vec<Entry> {
        let entries = self.lock();
        let newer = entries.iter().filter(|entry| entry.last > time);
        newer.cloned().collect()
    }

    fn add(&self, what: &'static str, change: Option<(String, String)>, why: String) {
        let time = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis() as u64;
        let (from, to) = change.unzip();
        let mut entries = self.lock();
        if let Some(former) = entries.back_mut() {
            // Steps for the same reason are one change.
            let goes_on = former.what == what && former.why == why && former.to == from;
            if goes_on && from.is_some() {
                (former.last, former.to) = (time, to);
                return;
            }
        }
        let id = entries.back().map_or(1, |entry| entry.id + 1);
        if entries.len() == KEPT {
            entries.pop_front();
        }
        entries.push_back(Entry {
            id,
            time,
            last: time,
            what,
            from,
            to,
            why,
        });
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().expect("no holder panics")
    }
}

/// Observes the layers of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    pub(crate) events: Arc<Events>,
    pub(crate) changes: Changes,
}

impl Observer for Watcher {
    fn on_event(&self, source: Source<'_>, event: &Event<'_>) {
        self.changes.count(source.name, event);
        match *event {
            Event::LimitChanged { from, to, why, .. } => {
                let change = (from.to_string(), to.to_string());
                self.events.add("limit", Some(change), why.to_string());
            }
            Event::RateChanged { from, to, why, .. } => {
                let change = (rate(from), rate(to));
                self.events.add("rate", Some(change), why.to_string());
            }
            Event::CircuitChanged { from, to, why, .. } => {
                let change = (from.to_string(), to.to_string());
                self.events.add("circuit", Some(change), why.to_string());
            }
            Event::Paused { .. } | Event::Resumed { .. } => {
                self.events.add("pause", None, event.to_string());
            }
            Event::GaveUp { .. } => self.events.add("gave_up", None, event.to_string()),
            _ => {}
        }
    }
}

/// A rate, if there is one.
fn rate(rate: Option<f64>) -> String {
    rate.map_or_else(|| "none".into(), |rate| format!("{rate:.2}/s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(events: &Events, from: u32, to: u32, why: &str) {
        let change = (from.to_string(), to.to_string());
        events.add("limit", Some(change), why.into());
    }

    #[test]
    fn steps_for_one_reason_are_one_change_and_the_last_are_kept() {
        let events = Events::default();
        step(&events, 4, 5, "growth");
        step(&events, 5, 6, "growth");
        step(&events, 6, 5, "refused");
        let found = events.after(0);
        let shown: Vec<_> = found
            .iter()
            .map(|entry| (entry.id, entry.from.as_deref(), entry.to.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [(1, Some("4"), Some("6")), (2, Some("6"), Some("5"))]
        );
        for _ in 0..KEPT {
            events.add("pause", None, "paused".into());
        }
        let found = events.after(0);
        assert_eq!((found.len(), found[0].id), (KEPT, 3));
        assert!(events.after(u64::MAX).is_empty());
    }
}
