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
use crate::ask::{self, Ask};
use crate::concurrency::limit::{Fixed, Outcome};
use crate::priority::Priority;

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

#[test]
fn a_place_that_was_kept_comes_before_those_behind_it() {
    model(|| {
        let subject = Subject::new(1);
        let mut refused = subject.admission();
        let noop = &Context::from_waker(Waker::noop());
        assert_eq!(refused.poll_ready(noop), Poll::Ready(()));
        let mut permit = refused.take().unwrap();
        let place = permit.hint_sink().unwrap().kept_place();
        permit.finish(Outcome::Failed);
        let again = Ask {
            place,
            refusals: 1,
            ..Ask::default()
        };

        let mut holder = subject.admission();
        assert_eq!(holder.poll_ready(noop), Poll::Ready(()));
        let order = Arc::new(AtomicUsize::new(0));
        let (mut first, mut second) = (subject.admission(), subject.admission());
        assert_eq!(second.poll_ready(noop), Poll::Pending);
        assert_eq!(ask::with(again, || first.poll_ready(noop)), Poll::Pending);
        let pass = |mut admission: Admission, place: usize| {
            let order = Arc::clone(&order);
            thread::spawn(move || {
                block_on(poll_fn(|cx| admission.poll_ready(cx)));
                assert_eq!(order.fetch_add(1, Ordering::SeqCst), place);
                admission.disarm();
            })
        };
        let threads = [pass(second, 1), pass(first, 0)];
        holder.disarm();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(subject.is_empty());
    });
}

/// An ask that names a class.
fn of_class(priority: Priority) -> Ask {
    Ask {
        priority: Some(priority),
        ..Ask::default()
    }
}

#[test]
fn two_classes_lose_no_wake_up_and_the_higher_one_goes_first() {
    model(|| {
        let subject = Subject::new(1);
        let mut holder = subject.admission();
        let noop = &Context::from_waker(Waker::noop());
        assert_eq!(holder.poll_ready(noop), Poll::Ready(()));
        let (batch, interactive) = (of_class(Priority::BATCH), of_class(Priority::INTERACTIVE));
        let (mut last, mut first) = (subject.admission(), subject.admission());
        assert_eq!(ask::with(batch, || last.poll_ready(noop)), Poll::Pending);
        assert_eq!(
            ask::with(interactive, || first.poll_ready(noop)),
            Poll::Pending
        );
        let order = Arc::new(AtomicUsize::new(0));
        let pass = |mut admission: Admission, ask: Ask, place: usize| {
            let order = Arc::clone(&order);
            thread::spawn(move || {
                block_on(poll_fn(|cx| ask::with(ask, || admission.poll_ready(cx))));
                assert_eq!(order.fetch_add(1, Ordering::SeqCst), place);
                admission.disarm();
            })
        };
        let threads = [pass(last, batch, 1), pass(first, interactive, 0)];
        holder.disarm();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(subject.is_empty());
    });
}

#[test]
fn a_late_interactive_waiter_neither_takes_a_grant_nor_is_forgotten() {
    model(|| {
        let subject = Subject::new(1);
        let mut holder = subject.admission();
        let noop = &Context::from_waker(Waker::noop());
        assert_eq!(holder.poll_ready(noop), Poll::Ready(()));
        let pass = |priority, cancels: bool| {
            let subject = subject.clone();
            thread::spawn(move || {
                let mut admission = subject.admission();
                let ask = of_class(priority);
                if cancels {
                    let _ = ask::with(ask, || {
                        admission.poll_ready(&Context::from_waker(Waker::noop()))
                    });
                    thread::yield_now();
                    return;
                }
                block_on(poll_fn(|cx| ask::with(ask, || admission.poll_ready(cx))));
                let inside = subject.inside.fetch_add(1, Ordering::SeqCst) + 1;
                assert!(inside <= 1, "{inside} inside");
                subject.inside.fetch_sub(1, Ordering::SeqCst);
                admission.disarm();
            })
        };
        let threads = [
            pass(Priority::BATCH, false),
            pass(Priority::INTERACTIVE, true),
        ];
        holder.disarm();
        let ask = of_class(Priority::INTERACTIVE);
        let mut late = subject.admission();
        block_on(poll_fn(|cx| ask::with(ask, || late.poll_ready(cx))));
        late.disarm();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(subject.is_empty());
    });
}

#[test]
fn a_permit_is_given_back_once_by_its_body_or_by_the_alarm() {
    model(|| {
        let_time_pass();
        let subject = Subject::new(1);
        let mut admission = subject.admission();
        let noop = &Context::from_waker(Waker::noop());
        assert_eq!(admission.poll_ready(noop), Poll::Ready(()));
        let mut permit = admission.take().unwrap();
        let body = permit.report(Outcome::Failed, noop);
        let other = subject.clone();
        let threads = [
            thread::spawn(move || other.pass()),
            thread::spawn(move || {
                body.as_ref().unwrap().polled(true);
                thread::yield_now();
                drop(body);
            }),
        ];
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(subject.is_empty());
    });
}

#[test]
fn a_closed_gate_lets_all_who_wait_out() {
    model(|| {
        let subject = Subject::new(1);
        let mut holder = subject.admission();
        let noop = &Context::from_waker(Waker::noop());
        assert_eq!(holder.poll_ready(noop), Poll::Ready(()));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let mut admission = subject.admission();
                thread::spawn(move || {
                    block_on(poll_fn(|cx| admission.poll_ready(cx)));
                    assert!(admission.take().is_none());
                })
            })
            .collect();
        subject.gate.close();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        drop(holder);
        assert!(subject.is_empty());
    });
}
