//! What a layer above asks of the gate below while it polls it for readiness, and what the gate replies.
//!
//! `poll_ready` has no argument but the waker, so the ask is a thread-local that is set for the length of
//! one poll. Polls are synchronous and go straight down the stack, so it passes through any layer in
//! between, except one that polls from another task (tower's `Buffer`).

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::cost::Cost;
use crate::priority::Priority;

/// A place in the line of one gate that a refused request gave up, and may take again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptPlace {
    /// Which gate it belongs to: another ignores it.
    pub(crate) gate: usize,
    /// When the request came, among all others.
    pub(crate) ticket: u64,
    /// What the request costs, if that was told.
    pub(crate) cost: Option<Cost>,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The place of the attempt that was refused.
    pub(crate) place: Option<KeptPlace>,
    /// How often the request was refused.
    pub(crate) refusals: u32,
    /// The class of the request. `None` if no layer said.
    pub(crate) priority: Option<Priority>,
    /// When the request is of no use any more.
    pub(crate) deadline: Option<Instant>,
    /// Whether the gate is to count who is ahead.
    pub(crate) count: bool,
    /// What the request costs, if that is known before it is sent.
    pub(crate) cost: Option<Cost>,
}

/// What a gate replies to a request that waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    /// How long the wait takes, if that is longer than the time to the deadline.
    pub(crate) too_long: Option<Duration>,
    /// A gate below can keep the deadline, whatever another one says.
    pub(crate) in_time: bool,
    /// How many are ahead, if that was asked.
    pub(crate) ahead: Option<usize>,
}

impl Ask {
    /// What the request costs, as it was announced, or as its last attempt told.
    pub(crate) fn known_cost(&self) -> Option<Cost> {
        self.cost.or(self.place.and_then(|place| place.cost))
    }
}

thread_local! {
    static ASK: Cell<Ask> = const {
        Cell::new(Ask {
            place: None,
            refusals: 0,
            priority: None,
            deadline: None,
            count: false,
            cost: None,
        })
    };
    static REPLY: Cell<Reply> = const {
        Cell::new(Reply { too_long: None, in_time: false, ahead: None })
    };
    /// Whether anything is asked: an ask is large, and most requests are sent without one.
    static IS_ASKED: Cell<bool> = const { Cell::new(false) };
    /// How often an attempt was found to stand in a line though it was called.
    static UNSENT: Cell<u32> = const { Cell::new(0) };
}

/// Puts a value back, even if what ran meanwhile panicked.
struct Restore<T: Copy + 'static>(&'static std::thread::LocalKey<Cell<T>>, T);

impl<T: Copy + 'static> Drop for Restore<T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

/// Runs `poll` with this ask in force, and restores the former one, even if `poll` panics.
pub(crate) fn with<T>(ask: Ask, poll: impl FnOnce() -> T) -> T {
    let _restore = Restore(&ASK, ASK.replace(ask));
    let _restore_whether = Restore(&IS_ASKED, IS_ASKED.replace(ask != Ask::default()));
    poll()
}

/// The same, and returns what the gates below replied. Whoever asked further above hears it as well.
pub(crate) fn with_reply<T>(ask: Ask, poll: impl FnOnce() -> T) -> (T, Reply) {
    let restore = Restore(&REPLY, REPLY.take());
    let result = with(ask, poll);
    let heard = REPLY.get();
    drop(restore);
    reply(heard);
    (result, heard)
}

/// The ask in force.
#[inline]
pub(crate) fn current() -> Ask {
    asked().unwrap_or_default()
}

/// The same, and `None` if it asks for nothing.
#[inline]
pub(crate) fn asked() -> Option<Ask> {
    IS_ASKED.get().then(|| ASK.get())
}

/// What the request costs, if the ask in force tells that.
#[inline]
pub(crate) fn known_cost() -> Option<Cost> {
    asked()?.known_cost()
}

/// Runs `poll`, which polls an attempt. The second result says whether the attempt still waits for a gate that depends
/// on the request: it was called, and not sent yet.
#[inline]
pub(crate) fn poll_attempt<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    let before = UNSENT.get();
    let result = poll();
    (result, UNSENT.get() != before)
}

/// Tells whoever polls the attempt that it was not sent yet.
pub(crate) fn tell_unsent() {
    UNSENT.set(UNSENT.get().wrapping_add(1));
}

/// Adds to the reply.
pub(crate) fn reply(reply: Reply) {
    let before = REPLY.get();
    REPLY.set(Reply {
        too_long: reply.too_long.or(before.too_long),
        in_time: reply.in_time || before.in_time,
        ahead: reply.ahead.or(before.ahead),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_ends_with_its_poll_even_by_a_panic() {
        let ask = Ask {
            place: Some(KeptPlace {
                gate: 1,
                ticket: 7,
                cost: None,
            }),
            refusals: 2,
            cost: Some(Cost::tokens(3)),
            ..Ask::default()
        };
        assert_eq!(with(ask, current), ask);
        let panicked = std::panic::catch_unwind(|| with(ask, || panic!("inner")));
        assert!(panicked.is_err());
        assert_eq!(current(), Ask::default());
    }

    #[test]
    fn a_reply_goes_to_all_who_asked_and_to_nobody_after_a_panic() {
        let of = |ahead| Reply {
            ahead: Some(ahead),
            ..Reply::default()
        };
        let (inner, outer) = with_reply(Ask::default(), || {
            with_reply(Ask::default(), || reply(of(2))).1
        });
        assert_eq!((inner, outer), (of(2), of(2)));
        REPLY.take();
        let panicked = std::panic::catch_unwind(|| {
            with_reply(Ask::default(), || {
                reply(of(3));
                panic!("inner")
            })
        });
        assert!(panicked.is_err());
        assert_eq!(REPLY.get(), Reply::default());
    }

    #[test]
    fn one_gate_that_can_keep_the_deadline_is_enough() {
        let (_, heard) = with_reply(Ask::default(), || {
            reply(Reply {
                in_time: true,
                ..Reply::default()
            });
            reply(Reply {
                too_long: Some(Duration::from_secs(1)),
                ..Reply::default()
            });
        });
        assert!(heard.in_time && heard.too_long.is_some());
    }
}
