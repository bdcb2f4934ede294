//! The members of this process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, mem};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::keeper::Keeper;
use super::report::{Capacity, Row};
use super::store::Store;
use crate::concurrency::{Lease, Member, Share};
use crate::random;

/// Between two reports, by default.
const DEFAULT_PERIOD: Duration = Duration::from_millis(500);
const MIN_PERIOD: Duration = Duration::from_millis(10);
const MAX_PERIOD: Duration = Duration::from_secs(60);

/// How often in a period it is seen what happens.
const TICKS: u32 = 8;

/// Shares one limit with other processes, through a [`Store`].
///
/// Give a clone to [`AdaptiveConcurrencyLayer::lease`](crate::AdaptiveConcurrencyLayer::lease), and spawn
/// [`run`](Self::run). See the [module docs](super).
pub struct Fleet<S> {
    store: Arc<S>,
    period: Duration,
    capacity: Capacity,
    seed: Option<u64>,
    on_store: Option<OnStore>,
    shared: Arc<Shared>,
}

type OnStore = Arc<dyn Fn(Result<(), &dyn fmt::Display>) + Send + Sync>;

/// What all clones have.
#[derive(Debug, Default)]
struct Shared {
    /// Members that nobody reports for yet.
    joined: Mutex<Vec<Member>>,
    /// The names of those that are reported for.
    names: Mutex<Vec<String>>,
    /// Whether the latest report failed.
    is_away: AtomicBool,
    leaves: AtomicBool,
    left: AtomicBool,
    /// Somebody joined, or all leave.
    news: Notify,
    /// All have left.
    done: Notify,
}

impl<S: Store> Fleet<S> {
    /// Creates a fleet that nobody has joined. The limit is told by the server, or found out.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            period: DEFAULT_PERIOD,
            capacity: Capacity::unknown(),
            seed: None,
            on_store: None,
            shared: Arc::default(),
        }
    }

    /// Sets the time between two reports: 500 ms by default, 10 ms at least, a minute at most. All members should have
    /// the same. To be set before the fleet is cloned.
    #[must_use]
    pub fn period(mut self, period: Duration) -> Self {
        self.period = period.clamp(MIN_PERIOD, MAX_PERIOD);
        self
    }

    /// States the limit that all members share. To be set before the fleet is cloned.
    ///
    /// What is stated outranks what the server tells, and bounds what it is found to take.
    #[must_use]
    pub fn capacity(mut self, capacity: Capacity) -> Self {
        self.capacity = capacity;
        self
    }

    /// Draws the names of members, and when they report first, from `seed`, so that a test can be repeated. Each process
    /// needs another one. By default they come from the operating system's randomness.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Sets what is told when the store is out of reach, with the reason, and when it is there again; each once. By
    /// default nobody is told. To be set before the fleet is cloned.
    ///
    /// A member goes on without its store, so this is how a wrong password or address shows:
    ///
    /// ```
    /// use tower_throttle::fleet::{Fleet, Local};
    ///
    /// let fleet = Fleet::new(Local::new()).on_store(|state| match state {
    ///     Ok(()) => eprintln!("the store is back"),
    ///     Err(reason) => eprintln!("no store: {reason}"),
    /// });
    /// # drop(fleet);
    /// ```
    ///
    /// It runs between two reports, so it should be quick.
    #[must_use]
    pub fn on_store(
        mut self,
        told: impl Fn(Result<(), &dyn fmt::Display>) + Send + Sync + 'static,
    ) -> Self {
        self.on_store = Some(Arc::new(told));
        self
    }

    /// Reports for every gate of this process that has joined, once in each period, until [`leave`](Self::leave) is
    /// called, or until all gates are gone and no other clone is left. To be spawned: `tokio::spawn(fleet.clone().run())`.
    ///
    /// While it does not run, the gates keep the shares that they have, or their own limits.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, nobody reports any more. The share is the others' after two periods.
    pub async fn run(self) {
        let mut keepers: Vec<Keeper> = Vec::new();
        let mut random = self
            .seed
            .map_or_else(random::stream, SmallRng::seed_from_u64);
        loop {
            self.take_in(&mut keepers, &mut random);
            for keeper in &mut keepers {
                let now = Instant::now();
                match keeper.member.tally() {
                    Some(tally) if keeper.is_due(now, &tally) => {
                        let result = keeper.sync(&*self.store, &tally).await;
                        self.tell(result.as_ref().err().map(|failure| failure as _));
                    }
                    Some(_) => {}
                    None => keeper.leave(&*self.store).await,
                }
            }
            keepers.retain(|keeper| !keeper.member.is_gone());
            self.name(&keepers);
            if self.shared.leaves.load(Ordering::Acquire) {
                self.take_in(&mut keepers, &mut random);
                for keeper in &mut keepers {
                    keeper.leave(&*self.store).await;
                }
                self.shared.left.store(true, Ordering::Release);
                self.shared.done.notify_waiters();
                return;
            }
            // Nobody is here, and nobody can come: there is no other clone.
            if keepers.is_empty() && Arc::strong_count(&self.shared) == 1 {
                return;
            }
            let tick = self.period / TICKS;
            // Whether it was woken does not matter: all is looked at anew.
            let _ = timeout(tick, self.shared.news.notified()).await;
        }
    }

    /// Tells what came of the latest report, if it is news.
    fn tell(&self, failure: Option<&dyn fmt::Display>) {
        let is_away = failure.is_some();
        if self.shared.is_away.swap(is_away, Ordering::Relaxed) == is_away {
            return;
        }
        if let Some(told) = &self.on_store {
            told(failure.map_or(Ok(()), Err));
        }
    }

    fn take_in(&self, keepers: &mut Vec<Keeper>, random: &mut SmallRng) {
        let joined = mem::take(&mut *self.joined());
        keepers.extend(joined.into_iter().map(|member| {
            let id = format!("{:016x}", random.random::<u64>());
            // Members that join together report at different times from then on.
            let first = self.period.mul_f64(random.random_range(0.25..1.0));
            Keeper::new(member, id, self.period, first, self.capacity)
        }));
    }

    fn joined(&self) -> MutexGuard<'_, Vec<Member>> {
        lock(&self.shared.joined)
    }

    /// Says who is here.
    fn name(&self, keepers: &[Keeper]) {
        let mut names = lock(&self.shared.names);
        if names.iter().ne(keepers.iter().map(|keeper| &keeper.id)) {
            *names = keepers.iter().map(|keeper| keeper.id.clone()).collect();
        }
    }

    /// Gives back the shares of this process, so that the others have them at once, and ends [`run`](Self::run).
    /// Returns when that is done, or after a second.
    ///
    /// [Close](crate::concurrency::Handle::close) and drain the gates first: one that has left goes on under its own
    /// limit, beside the others.
    ///
    /// # Cancel safety
    ///
    /// The shares are given back even if the future is dropped, as long as [`run`](Self::run) goes on.
    pub async fn leave(&self) {
        self.shared.leaves.store(true, Ordering::Release);
        self.shared.news.notify_one();
        let until = Instant::now() + Duration::from_secs(1);
        while !self.shared.left.load(Ordering::Acquire) && Instant::now() < until {
            let _ = timeout(Duration::from_millis(10), self.shared.done.notified()).await;
        }
    }

    /// Returns the members of all processes, and what they have.
    ///
    /// # Errors
    ///
    /// If the store is out of reach.
    pub async fn members(&self) -> Result<Vec<Row>, S::Error> {
        let mut rows = self.store.members().await?;
        let names = lock(&self.shared.names);
        for row in &mut rows {
            row.is_own = names.contains(&row.id);
        }
        Ok(rows)
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Store> Lease for Fleet<S> {
    fn join(&self, member: Member) {
        member.set(Share::bounded().places(0));
        self.joined().push(member);
        self.shared.news.notify_one();
    }
}

impl<S> Clone for Fleet<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            period: self.period,
            capacity: self.capacity,
            seed: self.seed,
            on_store: self.on_store.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S> fmt::Debug for Fleet<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The store may know a password.
        f.debug_struct("Fleet")
            .field("period", &self.period)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
