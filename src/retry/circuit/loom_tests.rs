//! Nobody who waits sleeps through the opening of the circuit, in any order of events.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use loom::sync::atomic::{AtomicBool, Ordering::SeqCst};
use loom::thread;
use tokio::time::Instant;

use super::{Admission, Circuit, Part, Rejection};
use crate::hint::Hint;
use crate::retry::last_refusal::LastRefusal;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, SeqCst);
    }
}

fn refuse_for_good(circuit: &Arc<Circuit>) {
    let (parts, ()) = http::Response::new(()).into_parts();
    let at = Instant::now();
    let copy = LastRefusal::of(&parts, bytes::Bytes::new(), &Hint::default(), at);
    let rejection = Rejection {
        at,
        wait: None,
        for_good: true,
        route: None,
    };
    let mut part = Part::new(circuit);
    circuit.refused(&mut part, rejection, Some(copy), Duration::MAX, true);
}

/// One registers while another does `trip`: it is woken, or told to ask again, or finds it tripped.
fn nobody_sleeps(trip: impl Fn(&Arc<Circuit>) + Send + Sync + Copy + 'static) {
    loom::model(move || {
        let circuit = Arc::new(Circuit::new());
        refuse_for_good(&circuit);
        let tripping = {
            let circuit = Arc::clone(&circuit);
            thread::spawn(move || trip(&circuit))
        };
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut registration = None;
        let registered = circuit.register(
            &mut registration,
            Admission::Send,
            &Context::from_waker(&waker),
        );
        tripping.join().unwrap();
        assert!(circuit.is_tripped());
        assert!(!registered || woken.0.load(SeqCst));
        let mut part = Part::new(&circuit);
        let admission = circuit.admit(Instant::now(), &mut part, None);
        assert!(matches!(admission, Admission::Answer(_)));
    });
}

#[test]
fn opening_wakes_whoever_waits() {
    nobody_sleeps(refuse_for_good);
}

#[test]
fn closing_wakes_whoever_waits() {
    nobody_sleeps(|circuit| circuit.shut());
}

#[test]
fn one_probe_at_a_time() {
    loom::model(|| {
        let circuit = Arc::new(Circuit::new());
        refuse_for_good(&circuit);
        refuse_for_good(&circuit);
        let later = Instant::now() + Duration::from_secs(60);
        let admit = move |circuit: Arc<Circuit>| {
            let mut part = Part::new(&circuit);
            let admission = circuit.admit(later, &mut part, None);
            (admission == Admission::Probe, part)
        };
        let other = {
            let circuit = Arc::clone(&circuit);
            thread::spawn(move || admit(circuit))
        };
        let one = admit(Arc::clone(&circuit));
        let other = other.join().unwrap();
        assert!(one.0 ^ other.0, "exactly one goes");
        drop((one, other));
    });
}
