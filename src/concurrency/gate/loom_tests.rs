//! Every interleaving of acquire, release and cancel, within a bound on preemptions.
//!
//! `RUSTFLAGS="--cfg throttle_loom" cargo test --release --lib loom`

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::thread;

use super::loom_time::let_time_pass;
use super::{Admission, Gate};
use crate::concurrency::limit::Fixed;

/// The gate, and how many are inside by the test's own count.
#[derive(Clone)]
struct Subject {
    gate: Arc<Gate>,
    inside: Arc<AtomicUsize>,
    limit: usize,
}

impl Subject {
    fn new(limit: usize) -> Self {
        let gate = Gate::new(Box::new(Fixed::new(limit)));
        Self {
            gate,
            inside: Arc::default(),
            limit,
        }
    }

    fn admission(&self) -> Admission {
        Admission::new(Arc::clone(&self.gate))
    }

    /// Waits for a permit, holds it for a moment, and gives it back.
    fn pass(&self) {
        let mut admission = self.admission();
        block_on(poll_fn(|cx| admission.poll_ready(cx)));
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        assert!(inside <= self.limit, "{inside} inside");
        thread::yield_now();
        self.inside.fetch_sub(1, Ordering::SeqCst);
        admission.disarm();
    }

    /// Gets in line and leaves it again; or is let through and leaves at once.
    fn cancel(&self) {
        let mut admission = self.admission();
        let _ = admission.poll_ready(&Context::from_waker(Waker::noop()));
        thread::yield_now();
    }

    fn is_empty(&self) -> bool {
        let seen = self.gate.with(|state, now, _| state.snapshot(now));
        (seen.in_flight, seen.waiting) == (0, 0)
    }
}

fn model(check: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(3);
    model.check(check);
}

#[test]
fn acquire_and_release_lose_no_wake_up() {
    model(|| {
        let subject = Subject::new(1);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let subject = subject.clone();
                thread::spawn(move || subject.pass())
            })
            .collect();
        subject.pass();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(subject.is_empty());
    });
}

#[test]
fn a_cancelled_waiter_passes_the_baton() {
    model(|| {
        let subject = Subject::new(1);
        let (one, two) = (subject.clone(), subject.clone());
        let threads = [
            thread::spawn(move || one.cancel()),
            thread::spawn(move || two.pass()),
        ];
        subject.pass();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(subject.is_empty());
    });
}

#[test]
fn a_parked_waiter_holds_nothing_up() {
    model(|| {
        let_time_pass();
        let subject = Subject::new(1);
        let mut holder = subject.admission();
        let mut parked = subject.admission();
        let noop = &Context::from_waker(Waker::noop());
        assert_eq!(holder.poll_ready(noop), Poll::Ready(()));
        assert_eq!(parked.poll_ready(noop), Poll::Pending);
        let (one, two) = (subject.clone(), subject.clone());
        let threads = [
            thread::spawn(move || one.pass()),
            thread::spawn(move || two.pass()),
        ];
        holder.disarm();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        drop(parked);
        assert!(subject.is_empty());
    });
}

#[test]
fn a_raised_limit_lets_the_waiting_in() {
    model(|| {
        let subject = Subject {
            limit: 3,
            ..Subject::new(1)
        };
        let mut holder = subject.admission();
        let noop = &Context::from_waker(Waker::noop());
        assert_eq!(holder.poll_ready(noop), Poll::Ready(()));
        let (one, two) = (subject.clone(), subject.clone());
        let threads = [
            thread::spawn(move || one.pass()),
            thread::spawn(move || two.pass()),
        ];
        subject
            .gate
            .with(|state, now, wakes| state.set_limit(now, 2, wakes));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        drop(holder);
        assert!(subject.is_empty());
    });
}
