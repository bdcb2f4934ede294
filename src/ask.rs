//! What a layer above asks of the gate below while it polls it for readiness.
//!
//! `poll_ready` has no argument but the waker, so the ask is a thread-local that is set for the length of
//! one poll. Polls are synchronous and go straight down the stack, so it passes through any layer in
//! between, except one that polls from another task (tower's `Buffer`).

use std::cell::Cell;

/// A place in the line of one gate that a refused request gave up, and may take again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptPlace {
    /// Which gate it belongs to: another ignores it.
    pub(crate) gate: usize,
    /// The tag that orders the line.
    pub(crate) tag: u64,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ask {
    /// The place of the attempt that was refused.
    pub(crate) place: Option<KeptPlace>,
    /// How often the request was refused.
    pub(crate) refusals: u32,
}

impl Ask {
    /// This ask, or the other if this one asks for nothing.
    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::default() { other } else { self }
    }
}

thread_local! {
    static CURRENT: Cell<Ask> = const { Cell::new(Ask { place: None, refusals: 0 }) };
}

/// Runs `poll` with this ask in force, and restores the former one, even if `poll` panics.
pub(crate) fn with<T>(ask: Ask, poll: impl FnOnce() -> T) -> T {
    struct Restore(Ask);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(ask));
    poll()
}

/// The ask in force.
pub(crate) fn current() -> Ask {
    CURRENT.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_ends_with_its_poll_even_by_a_panic() {
        let ask = Ask {
            place: Some(KeptPlace { gate: 1, tag: 7 }),
            refusals: 2,
        };
        assert_eq!(with(ask, current), ask);
        let panicked = std::panic::catch_unwind(|| with(ask, || panic!("inner")));
        assert!(panicked.is_err());
        assert_eq!(current(), Ask::default());
    }
}
