//! A kept body runs no foreign code while others could need it: neither the inner body, nor wakers.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use tokio_test::{assert_pending, assert_ready, task};
use tower_throttle::message::TryCloneBody;
use tower_throttle::retry::ReplayBody;

use crate::support::*;

/// Asks another copy of the body that it is part of for all that a body tells.
#[derive(Clone, Default)]
struct OtherCopy(Arc<Mutex<Option<ReplayBody<AskingBody>>>>);

impl OtherCopy {
    fn ask(&self) {
        if let Some(copy) = &*self.0.lock().unwrap() {
            let _ = (copy.is_replayable(), copy.size_hint(), copy.is_end_stream());
        }
    }
}

impl Wake for OtherCopy {
    fn wake(self: Arc<Self>) {
        self.ask();
    }
}

impl Drop for OtherCopy {
    fn drop(&mut self) {
        self.ask();
    }
}

/// Three bytes that ask, then nothing yet, then the end.
struct AskingBody {
    other: OtherCopy,
    polls: usize,
}

struct Data(OtherCopy, usize);

impl Buf for Data {
    fn remaining(&self) -> usize {
        self.0.ask();
        self.1
    }

    fn chunk(&self) -> &[u8] {
        self.0.ask();
        &b"123"[..self.1]
    }

    fn advance(&mut self, by: usize) {
        self.1 -= by;
    }
}

impl Body for AskingBody {
    type Data = Data;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Data>, Infallible>>> {
        self.other.ask();
        self.polls += 1;
        match self.polls {
            1 => Poll::Ready(Some(Ok(Frame::data(Data(self.other.clone(), 3))))),
            2 => Poll::Pending,
            _ => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.other.ask();
        false
    }

    fn size_hint(&self) -> SizeHint {
        self.other.ask();
        SizeHint::default()
    }
}

#[test]
fn the_inner_body_its_data_and_the_wakers_may_ask_the_body() {
    let other = OtherCopy::default();
    let inner = AskingBody {
        other: other.clone(),
        polls: 0,
    };
    // Keeps two of the three bytes, so that they are dropped as they come.
    let kept = ReplayBody::new(inner, 2);
    let mut reader = kept.try_clone().unwrap();
    *other.0.lock().unwrap() = Some(kept);

    // This thread would wait for itself, if a lock were held.
    let waker = Waker::from(Arc::new(other.clone()));
    let mut poll = || Pin::new(&mut reader).poll_frame(&mut Context::from_waker(&waker));
    assert!(matches!(poll(), Poll::Ready(Some(Ok(_)))));
    assert_pending!(poll().map(|_| ()));
    assert!(matches!(poll(), Poll::Ready(None)));
    drop(reader);
    // The copy that is asked would otherwise ask itself while it is dropped.
    let copy = other.0.lock().unwrap().take();
    drop(copy);
}

/// A body that says when it is polled, and then waits for what to give.
struct Held {
    polled: Sender<()>,
    give: Receiver<Poll<Option<&'static str>>>,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.polled.send(()).unwrap();
        let given = self.give.recv().unwrap();
        given.map(|end| end.map(|data| Ok(Frame::data(Bytes::from(data)))))
    }
}

struct Scene {
    kept: ReplayBody<Held>,
    polled: Receiver<()>,
    give: Sender<Poll<Option<&'static str>>>,
}

fn scene() -> Scene {
    let ((polled, is_polled), (give, given)) = (channel(), channel());
    let inner = Held {
        polled,
        give: given,
    };
    Scene {
        kept: ReplayBody::new(inner, 100),
        polled: is_polled,
        give,
    }
}

type Given = Poll<Option<Result<Bytes, bool>>>;

/// One poll: the data, or whether an error says that another attempt took over.
fn poll(body: &mut ReplayBody<Held>, cx: &mut Context<'_>) -> Given {
    Pin::new(body).poll_frame(cx).map(|end| {
        end.map(|frame| match frame {
            Ok(frame) => Ok(frame.into_data().unwrap()),
            Err(error) => Err(error.is_superseded()),
        })
    })
}

/// The next attempt begins while the one before it is in the inner body's `poll_frame`, which then
/// gives `given`. Returns what the first gets, and the second reads the rest.
fn taken_over_amid_a_poll(given: Poll<Option<&'static str>>) -> (Given, ReplayBody<Held>, Scene) {
    let scene = scene();
    let mut first = scene.kept.try_clone().unwrap();
    let polling =
        std::thread::spawn(move || poll(&mut first, &mut Context::from_waker(Waker::noop())));
    scene.polled.recv().unwrap();
    let mut second = task::spawn(scene.kept.try_clone().unwrap());
    assert_pending!(second.enter(|cx, mut body| poll(&mut body, cx)));
    assert!(!second.is_woken());
    scene.give.send(given).unwrap();
    let first = polling.join().unwrap();
    assert!(second.is_woken(), "the body is back");
    (first, second.into_inner(), scene)
}

#[test]
fn the_next_attempt_waits_until_the_inner_body_is_back_and_misses_nothing() {
    let (first, mut second, scene) = taken_over_amid_a_poll(Poll::Ready(Some("one")));
    assert_eq!(assert_ready!(first).unwrap().unwrap(), "one");
    let mut poll = || poll(&mut second, &mut Context::from_waker(Waker::noop()));
    assert_eq!(assert_ready!(poll()).unwrap().unwrap(), "one");
    scene.give.send(Poll::Ready(None)).unwrap();
    assert!(assert_ready!(poll()).is_none());
}

#[test]
fn an_attempt_that_found_nothing_yet_learns_that_another_took_over() {
    let (first, mut second, scene) = taken_over_amid_a_poll(Poll::Pending);
    assert!(assert_ready!(first).unwrap().unwrap_err());
    scene.give.send(Poll::Ready(Some("one"))).unwrap();
    let second = poll(&mut second, &mut Context::from_waker(Waker::noop()));
    assert_eq!(assert_ready!(second).unwrap().unwrap(), "one");
}

#[test]
fn an_attempt_that_is_dropped_while_it_waits_for_the_inner_body_is_not_missed() {
    let scene = scene();
    let mut first = scene.kept.try_clone().unwrap();
    let polling =
        std::thread::spawn(move || poll(&mut first, &mut Context::from_waker(Waker::noop())));
    scene.polled.recv().unwrap();
    let mut second = task::spawn(scene.kept.try_clone().unwrap());
    assert_pending!(second.enter(|cx, mut body| poll(&mut body, cx)));
    drop(second.into_inner());
    scene.give.send(Poll::Ready(Some("one"))).unwrap();
    assert_eq!(
        assert_ready!(polling.join().unwrap()).unwrap().unwrap(),
        "one"
    );
    let mut third = scene.kept.try_clone().unwrap();
    let third = poll(&mut third, &mut Context::from_waker(Waker::noop()));
    assert_eq!(assert_ready!(third).unwrap().unwrap(), "one");
}

#[test]
fn a_panic_of_the_inner_body_leaves_it_to_the_next_attempt() {
    struct Once(bool);
    impl Body for Once {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            assert!(
                std::mem::replace(&mut self.0, true),
                "the first poll panics"
            );
            Poll::Ready(None)
        }
    }
    let kept = ReplayBody::new(Once(false), 100);
    let mut first = kept.try_clone().unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = Pin::new(&mut first).poll_frame(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(panicked.is_err());
    let mut second = kept.try_clone().unwrap();
    let end = Pin::new(&mut second).poll_frame(&mut Context::from_waker(Waker::noop()));
    assert!(assert_ready!(end).is_none());
}

#[test]
fn many_copies_on_many_threads_read_all_or_are_superseded() {
    let parts = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for _ in 0..200 {
        let kept = ReplayBody::new(TestBody::of(&parts), 100);
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let mut copy = kept.try_clone().unwrap();
                std::thread::spawn(move || {
                    let mut read = String::new();
                    loop {
                        let mut cx = Context::from_waker(Waker::noop());
                        match Pin::new(&mut copy).poll_frame(&mut cx) {
                            Poll::Ready(Some(Ok(frame))) => {
                                let data = frame.into_data().unwrap();
                                read.push_str(std::str::from_utf8(&data).unwrap());
                            }
                            Poll::Ready(Some(Err(error))) => return error.is_superseded(),
                            Poll::Ready(None) => return read == parts.concat(),
                            Poll::Pending => std::thread::yield_now(),
                        }
                    }
                })
            })
            .collect();
        for reader in readers {
            assert!(reader.join().unwrap());
        }
    }
}
