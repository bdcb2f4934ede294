//! Where a request that was refused stands when it comes back.

use std::convert::Infallible;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_test::task::{self, Spawn};
use tokio_test::{assert_pending, assert_ready};
use tower::{Layer, Service};

use super::Gate;
use super::line::Spot;
use super::permit::Admission;
use super::queue::Queue;
use super::wakes::Wakes;
use crate::AdaptiveConcurrencyLayer;
use crate::ask::{self, Ask, KeptPlace};
use crate::concurrency::limit::{Fixed, Now};
use crate::message::HintSink;
use crate::priority::Priority;

const WORK: Duration = Duration::from_millis(10);

/// The place and the number of refusals of a request that is sent again.
fn again(place: KeptPlace, refusals: u32) -> Ask {
    Ask {
        place: Some(place),
        refusals,
        ..Ask::default()
    }
}

/// Waits for readiness with this ask in force, as a retry does.
async fn ready<S: Service<Request<u32>>>(service: &mut S, ask: Ask) {
    let ready = poll_fn(|cx| ask::with(ask, || service.poll_ready(cx))).await;
    assert!(ready.is_ok());
}

/// Which requests are refused, by their number and how often they were.
type Refuses = fn(u32, u32) -> bool;

/// Sends `count` requests through a gate with one place, again until each is served; returns the order
/// in which attempts came to the server, with when.
async fn attempts(count: u32, backoff: Duration, refuses: Refuses) -> Vec<(u32, Instant)> {
    let seen: Arc<Mutex<Vec<(u32, Instant)>>> = Arc::default();
    let log = Arc::clone(&seen);
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1));
    let service = layer.layer(tower::service_fn(move |request: Request<u32>| {
        let mut log = log.lock().unwrap();
        let number = request.into_body();
        let before = log.iter().filter(|(other, _)| *other == number).count();
        log.push((number, Instant::now()));
        let refused = refuses(number, u32::try_from(before).unwrap());
        async move {
            sleep(WORK).await;
            let mut response = Response::new(Full::<Bytes>::default());
            if refused {
                *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
            }
            Ok::<_, Infallible>(response)
        }
    }));
    let mut jobs = JoinSet::new();
    for number in 0..count {
        let mut service = service.clone();
        jobs.spawn(async move {
            let mut ask = Ask::default();
            loop {
                ready(&mut service, ask).await;
                let response = service.call(Request::new(number)).await.unwrap();
                let Some(sink) = response.extensions().get::<HintSink>() else {
                    return;
                };
                ask = Ask {
                    place: sink.kept_place(),
                    refusals: ask.refusals + 1,
                    ..Ask::default()
                };
                sleep(backoff).await;
            }
        });
    }
    jobs.join_all().await;
    std::mem::take(&mut seen.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_served_right_after_those_that_were_before_it() {
    let backoff = Duration::from_millis(500);
    for refused in [0, 1, 100] {
        let refuses: Refuses = match refused {
            0 => |number, before| number == 0 && before == 0,
            1 => |number, before| number == 1 && before < 3,
            _ => |number, before| (100..150).contains(&number) && before == 0,
        };
        let seen = attempts(3000, backoff, refuses).await;
        let last = |number| seen.iter().rfind(|(other, _)| *other == number).unwrap().1;
        let late = last(refused) - last(refused + 50);
        assert!(late < Duration::from_secs(2), "{refused}: {late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_requests_come_back_in_their_order() {
    let seen = attempts(1000, Duration::from_secs(1), |number, before| {
        (10..60).contains(&number) && before == 0
    });
    let seen = seen.await;
    let mut served: Vec<_> = seen.iter().rev().map(|(number, _)| *number).collect();
    let mut once = std::collections::HashSet::new();
    served.retain(|number| (10..60).contains(number) && once.insert(*number));
    assert!(served.is_sorted_by(|one, two| one > two), "{served:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_always_refused_does_not_stay_in_front() {
    let seen = attempts(1000, Duration::ZERO, |number, before| {
        number == 5 && before < 100
    });
    let seen = seen.await;
    let others_done = seen.iter().rposition(|(number, _)| *number != 5).unwrap();
    let meanwhile = &seen[..others_done];
    let tried = meanwhile.iter().filter(|(number, _)| *number == 5).count();
    // Four times in front, and then at a half, three quarters ... of the line.
    assert!((5..=24).contains(&tried), "{tried}");
    let hundredth = meanwhile.iter().position(|(number, _)| *number == 100);
    assert!(hundredth.unwrap() <= 110, "{hundredth:?}");
}

/// A service at a gate of its own, that is polled by hand.
fn waiter(gate: &Arc<Gate>, ask: Ask) -> Spawn<impl Future<Output = Admission>> {
    let mut admission = Admission::new(Arc::clone(gate));
    task::spawn(async move {
        poll_fn(|cx| ask::with(ask, || admission.poll_ready(cx))).await;
        admission
    })
}

fn gate(limit: usize) -> Arc<Gate> {
    Gate::new(Box::new(Fixed::new(limit)))
}

/// The place of a request that was just refused.
fn refused(gate: &Arc<Gate>) -> KeptPlace {
    let mut admission = assert_ready!(waiter(gate, Ask::default()).poll());
    let mut permit = admission.take().unwrap();
    let place = permit.hint_sink().unwrap().kept_place().unwrap();
    permit.finish(crate::concurrency::limit::Outcome::Failed);
    place
}

#[tokio::test(start_paused = true)]
async fn a_gate_ignores_the_place_in_the_line_of_another() {
    let (one, two) = (gate(1), gate(1));
    let place = refused(&one);
    for (gate, in_front) in [(one, true), (two, false)] {
        let holder = assert_ready!(waiter(&gate, Ask::default()).poll());
        let mut newcomer = waiter(&gate, Ask::default());
        assert_pending!(newcomer.poll());
        let mut back = waiter(&gate, again(place, 1));
        assert_pending!(back.poll());
        drop(holder);
        assert_eq!(back.poll().is_ready(), in_front);
        assert!(newcomer.is_woken() && newcomer.poll().is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_comes_back_does_not_void_a_call() {
    let gate = gate(1);
    let place = refused(&gate);
    let holder = assert_ready!(waiter(&gate, Ask::default()).poll());
    let mut called = waiter(&gate, Ask::default());
    assert_pending!(called.poll());
    drop(holder);
    assert!(called.is_woken());
    let mut back = waiter(&gate, again(place, 1));
    assert_pending!(back.poll());
    let called = assert_ready!(called.poll());
    assert_pending!(back.poll());
    drop(called);
    assert_ready!(back.poll());
}

#[tokio::test(start_paused = true)]
async fn two_that_come_back_to_one_place_stand_beside_each_other() {
    let gate = gate(1);
    let place = refused(&gate);
    let mut holder = assert_ready!(waiter(&gate, Ask::default()).poll());
    let mut line = [Ask::default(), again(place, 1), again(place, 1)].map(|ask| {
        let mut waiter = waiter(&gate, ask);
        assert_pending!(waiter.poll());
        waiter
    });
    for next in [1, 2, 0] {
        drop(holder);
        assert!(line[next].is_woken());
        let Poll::Ready(through) = line[next].poll() else {
            panic!("{next} is not the next");
        };
        holder = through;
    }
}

/// Documented: the buffer's worker polls for all.
#[tokio::test(start_paused = true)]
async fn a_place_is_lost_in_a_buffer() {
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1));
    let mut gated = layer.layer(tower::service_fn(async |_: Request<u32>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let gate = layer.handle().gate();
    let place = refused(&gate);
    let mut buffered = tower::buffer::Buffer::new(gated.clone(), 1);
    let holder = assert_ready!(waiter(&gate, Ask::default()).poll());
    let mut newcomer = task::spawn(ready(&mut gated, Ask::default()));
    assert_pending!(newcomer.poll());
    ready(&mut buffered, again(place, 1)).await;
    let answer = tokio::spawn(buffered.call(Request::new(0)));
    while layer.handle().waiting() < 2 {
        tokio::task::yield_now().await;
    }
    drop(holder);
    assert_ready!(newcomer.poll());
    answer.abort();
}

/// In the line of a queue, without deadlines.
fn newcomer(queue: &mut Queue) -> Spot {
    let spot = queue.spot(&Now::at(Duration::ZERO), Priority::NORMAL, None);
    queue.enter(spot, &mut None);
    spot
}

#[test]
fn a_place_moves_to_the_end_of_the_line_by_halves_and_then_ends() {
    let mut queue = Queue::default();
    let ticket = queue.ticket();
    let line: Vec<_> = (0..1000).map(|_| newcomer(&mut queue)).collect();
    let ahead = |queue: &Queue, spot| queue.ahead(spot, usize::MAX);
    for refusals in 0..=3 {
        let spot = queue.former(Priority::NORMAL, ticket, refusals).unwrap();
        assert_eq!(ahead(&queue, spot), 0);
    }
    for refusals in 4..=6 {
        let spot = queue.former(Priority::NORMAL, ticket, refusals).unwrap();
        assert_eq!(ahead(&queue, spot), 500, "{refusals}");
    }
    // Half of the way never passes a line whose members give up before their turn.
    for refusals in 7..40 {
        assert_eq!(queue.former(Priority::NORMAL, ticket, refusals), None);
    }
    let mut wakes = Wakes::default();
    line.into_iter()
        .for_each(|spot| queue.remove(spot, &mut wakes));
    assert_eq!(queue.former(Priority::NORMAL, ticket, 5), None);
}

#[test]
fn the_place_of_one_who_forfeited_its_call_is_nobody_else_s() {
    let at = |millis| Now::at(Duration::from_millis(millis));
    let (mut queue, mut wakes) = (Queue::default(), Wakes::default());
    let kept = queue.former(Priority::NORMAL, 7, 1).unwrap();
    queue.enter(kept, &mut None);
    queue.call(&at(0), 1, &mut wakes);
    assert!(queue.expire(&at(10)));
    assert_eq!(queue.len(), 0);
    assert_ne!(queue.former(Priority::NORMAL, 7, 1), Some(kept));
    // Once it is gone, anybody may have it.
    queue.remove(kept, &mut wakes);
    assert_eq!(queue.former(Priority::NORMAL, 7, 1), Some(kept));
}
