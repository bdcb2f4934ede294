//! How many may wait.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use crate::concurrency::limit::Fixed;
use crate::concurrency::{Admission, Gate, Permit};
use crate::priority::Priority;

/// What bounds those who wait. Shared by all clones.
#[derive(Clone)]
pub(super) enum Room {
    /// Nothing does.
    Unbounded,
    /// Who comes on top of them is not ready.
    Waits(Arc<Gate>, usize),
    /// Who comes on top of them fails.
    Rejects(Arc<Seats>),
}

impl Room {
    pub(super) fn bounded(&self, most: usize) -> Self {
        match self {
            Self::Rejects(_) => Self::Rejects(Seats::new(most)),
            _ => Self::Waits(Gate::new(Box::new(Fixed::new(most))), most),
        }
    }

    pub(super) fn rejecting(&self) -> Self {
        let most = match self {
            Self::Unbounded => 0,
            Self::Waits(_, most) => *most,
            Self::Rejects(seats) => seats.most,
        };
        Self::Rejects(Seats::new(most))
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unbounded => f.write_str("Unbounded"),
            Self::Waits(_, most) => f.debug_tuple("Waits").field(most).finish(),
            Self::Rejects(seats) => f.debug_tuple("Rejects").field(&seats.most).finish(),
        }
    }
}

/// A service's way to a seat.
#[derive(Debug)]
pub(super) enum Entry {
    /// There is always one.
    Open,
    /// It waits for one, or has one.
    Waits(Admission),
    /// It asks for one once it has to wait.
    Rejects(Arc<Seats>),
}

impl Entry {
    pub(super) fn to(room: &Room) -> Self {
        match room {
            Room::Unbounded => Self::Open,
            Room::Waits(gate, _) => Self::Waits(Admission::new(Arc::clone(gate))),
            Room::Rejects(seats) => Self::Rejects(Arc::clone(seats)),
        }
    }

    pub(super) fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        if let Self::Waits(admission) = self {
            ready!(admission.poll_ready(cx));
        }
        Poll::Ready(())
    }

    /// The seat of a request that is called now.
    ///
    /// # Panics
    ///
    /// If the service was not ready.
    pub(super) fn take(&mut self) -> Seat {
        match self {
            Self::Open => Seat::None,
            Self::Waits(admission) => {
                let permit = admission.take();
                Seat::Held {
                    _permit: permit.expect("`Queue::call` without `poll_ready`"),
                }
            }
            Self::Rejects(seats) => Seat::Wanted(Arc::clone(seats)),
        }
    }
}

/// What a request has that may have to wait. Given back when dropped.
#[derive(Debug)]
pub(super) enum Seat {
    /// It needs none.
    None,
    /// One of those that services wait for.
    Held { _permit: Permit },
    /// It asks for one once it has to wait.
    Wanted(Arc<Seats>),
    /// One that may be taken away.
    Taken(Taken),
}

impl Seat {
    /// Whether a request that waits may go on with that.
    pub(super) fn may_wait(&mut self, priority: Priority, cx: &Context<'_>) -> bool {
        match self {
            Self::None | Self::Held { .. } => true,
            Self::Taken(seat) => seat.is_kept(cx.waker()),
            Self::Wanted(seats) => {
                let seat = Seats::take(seats, priority, cx.waker());
                let found = seat.is_some();
                *self = seat.map_or(Self::None, Self::Taken);
                found
            }
        }
    }
}

/// Where a seat stands: the greatest is the last of the lowest class.
type Number = (u32, u64);

/// Seats of which the lowest class loses the last to a higher one.
pub(super) struct Seats {
    most: usize,
    taken: Mutex<Seated>,
}

#[derive(Default)]
struct Seated {
    count: u64,
    wakers: BTreeMap<Number, Waker>,
}

impl Seats {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            taken: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Seated> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat, if one is free or the newcomer outranks the lowest class.
    fn take(seats: &Arc<Self>, priority: Priority, waker: &Waker) -> Option<Taken> {
        let waker = waker.clone();
        let standing = priority.key().standing();
        let mut seated = seats.lock();
        let mut loser = None;
        if seated.wakers.len() >= seats.most {
            let last = seated.wakers.last_entry()?;
            if standing >= last.key().0 {
                return None;
            }
            loser = Some(last.remove());
        }
        seated.count += 1;
        let number = (standing, seated.count);
        seated.wakers.insert(number, waker);
        drop(seated);
        // Foreign code, so not under the lock.
        if let Some(loser) = loser {
            loser.wake();
        }
        Some(Taken {
            seats: Arc::clone(seats),
            number,
        })
    }
}

impl fmt::Debug for Seats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let taken = self.lock().wakers.len();
        f.debug_struct("Seats")
            .field("most", &self.most)
            .field("taken", &taken)
            .finish()
    }
}

/// A seat that may be taken away.
#[derive(Debug)]
pub(super) struct Taken {
    seats: Arc<Seats>,
    number: Number,
}

impl Taken {
    /// Whether nobody took it away. If so, `waker` is woken when somebody does.
    fn is_kept(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut seated = self.seats.lock();
        let Some(kept) = seated.wakers.get_mut(&self.number) else {
            return false;
        };
        let old = std::mem::replace(kept, waker);
        drop(seated);
        drop(old);
        true
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut seated = self.seats.lock();
        let waker = seated.wakers.remove(&self.number);
        drop(seated);
        drop(waker);
    }
}
