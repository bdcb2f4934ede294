//! A limit of another crate: it can be written, tested by hand, and boxed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use tower_throttle::Hint;
use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Sent};

const SECOND: Duration = Duration::from_secs(1);

/// Records each call.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

impl Recorder {
    fn record(&self, call: impl Into<String>) {
        self.0.lock().unwrap().push(call.into());
    }
}

impl Limit for Recorder {
    fn headroom(&mut self, now: &Now, load: Load) -> Headroom {
        self.record("headroom");
        Headroom::new(load.waiting, Some(now.get()))
    }

    fn on_send(&mut self, _: &Now, sent: &Sent, load: Load) {
        self.record(format!("on_send {sent:?} {load:?}"));
    }

    fn wants_time(&self, seq: u64, _: Load) -> bool {
        self.record(format!("wants_time {seq}"));
        false
    }

    fn on_outcome(&mut self, _: &Now, _: &Sent, outcome: Outcome<'_>, _: Load) {
        if let Outcome::Refused { status, .. } = outcome {
            self.record(format!("on_outcome {status}"));
        }
    }

    fn pause_for(&mut self, _: &Now, _: &Hint) -> Option<Duration> {
        self.record("pause_for");
        Some(SECOND)
    }

    fn limit(&self) -> usize {
        self.record("limit");
        7
    }

    fn rate(&self) -> Option<f64> {
        self.record("rate");
        Some(0.5)
    }

    fn set_limit(&mut self, limit: usize) {
        self.record(format!("set_limit {limit}"));
    }

    fn set_bounds(&mut self, min: usize, max: usize) {
        self.record(format!("set_bounds {min} {max}"));
    }

    fn set_max_wait(&mut self, max: Duration) {
        self.record(format!("set_max_wait {max:?}"));
    }

    fn set_seed(&mut self, seed: u64) {
        self.record(format!("set_seed {seed}"));
    }
}

/// Calls each method once.
fn call_all(limit: &mut impl Limit) {
    let (now, load, hint) = (Now::at(SECOND), Load::new(1, 2), Hint::default());
    let sent = Sent::new(3, None, 1);
    assert_eq!(limit.headroom(&now, load), Headroom::new(2, Some(SECOND)));
    limit.on_send(&now, &sent, load);
    assert!(!limit.wants_time(3, load));
    let refused = Outcome::refused(StatusCode::TOO_MANY_REQUESTS, &hint);
    limit.on_outcome(&now, &sent, refused, load);
    assert_eq!(limit.pause_for(&now, &hint), Some(SECOND));
    assert_eq!((limit.limit(), limit.rate()), (7, Some(0.5)));
    limit.set_limit(8);
    limit.set_bounds(1, 9);
    limit.set_max_wait(SECOND);
    limit.set_seed(4);
}

/// None of the methods with a default is lost on the way.
#[test]
fn a_boxed_limit_passes_every_call_on() {
    let (plain, boxed) = (Recorder::default(), Recorder::default());
    call_all(&mut plain.clone());
    let mut limit: Box<dyn Limit> = Box::new(boxed.clone());
    call_all(&mut limit);
    assert_eq!(*plain.0.lock().unwrap(), *boxed.0.lock().unwrap());
    assert_eq!(plain.0.lock().unwrap().len(), 11);
}

#[test]
fn constructors_are_const() {
    const LOAD: Load = Load::new(1, 2);
    const SENT: Sent = Sent::new(3, None, 1);
    const ROOM: Headroom = Headroom::of(5, LOAD);
    assert_eq!((LOAD.in_flight, LOAD.waiting), (1, 2));
    assert_eq!((SENT.seq, SENT.at, SENT.in_flight), (3, None, 1));
    assert_eq!(ROOM, Headroom::new(4, None));
}
