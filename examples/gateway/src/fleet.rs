//! Gateways that share the limits of their upstreams, through Redis.

mod connection;
mod limit;
mod name;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::join_all;
use serde::Serialize;
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::fleet::Row;
use tower_throttle::fleet::redis::{Redis, RedisFleet};

pub use self::connection::RedisUrl;
pub(crate) use self::connection::{Connection, UP_HELP};
pub use self::limit::StatedLimit;
pub(crate) use self::limit::check;
pub use self::name::FleetSecret;
pub(crate) use self::name::{Fingerprint, Parts};

use crate::config::{Config, Target};

/// The fleets of one upstream, one for each key.
#[derive(Clone)]
pub(crate) struct Fleets(Arc<Shared>);

struct Shared {
    redis: Connection,
    secret: FleetSecret,
    target: Target,
    limits: Vec<StatedLimit>,
    /// By name. Each is kept as long as its key has a gate.
    running: Mutex<HashMap<String, Running>>,
}

struct Running {
    fleet: RedisFleet,
    /// How often in a row its key was not among those that have gates: once, if its gate is just being made.
    missed: u8,
}

/// A gateway that shares a limit, and its share.
#[derive(Debug, Serialize)]
pub(crate) struct Member {
    id: String,
    /// Whether it is this one.
    is_own: bool,
    leads: bool,
    places: Option<f64>,
    rate: Option<f64>,
    in_flight: u64,
    waiting: u64,
    /// Answers per second.
    speed: f64,
}

impl Fleets {
    pub(crate) fn new(target: &Target, config: &Config, redis: &Connection) -> Self {
        Self(Arc::new(Shared {
            redis: redis.clone(),
            secret: config.fleet_secret.clone().unwrap_or_default(),
            target: target.clone(),
            limits: config.limits.clone(),
            running: Mutex::default(),
        }))
    }

    /// The name by which gateways know a limit.
    pub(crate) fn name(&self, parts: &Parts<'_>) -> String {
        self.0.secret.name(&self.0.target.path, parts)
    }

    /// Puts a gate under its share of the limit of that name. The share ends with the gate.
    pub(crate) fn join(
        &self,
        name: String,
        gate: AdaptiveConcurrencyLayer,
    ) -> AdaptiveConcurrencyLayer {
        let mut running = self.running();
        let running = running.entry(name).or_insert_with_key(|name| {
            let capacity = limit::capacity(&self.0.limits, &self.0.target.name);
            let store = Redis::with_connection(self.0.redis.clone(), name);
            let fleet = RedisFleet::new(store).capacity(capacity);
            tokio::spawn(fleet.clone().run());
            Running { fleet, missed: 0 }
        });
        gate.lease(running.fleet.clone())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.running().len()
    }

    /// Forgets the fleets whose keys were not known twice in a row.
    pub(crate) fn keep(&self, known: impl Fn(&str) -> bool) {
        self.running().retain(|name, running| {
            running.missed = if known(name) { 0 } else { running.missed + 1 };
            running.missed < 2
        });
    }

    /// Gives all shares back, so that the other gateways have them at once.
    pub(crate) async fn leave(&self) {
        let running = std::mem::take(&mut *self.running());
        let leave = |running: Running| async move { running.fleet.leave().await };
        join_all(running.into_values().map(leave)).await;
    }

    /// Who shares the limit of that name. Nobody, if Redis does not say so in time.
    pub(crate) async fn members(&self, name: &str) -> Vec<Member> {
        let fleet = self
            .running()
            .get(name)
            .map(|running| running.fleet.clone());
        let Some(fleet) = fleet else {
            return Vec::new();
        };
        let rows = fleet.members().await.unwrap_or_default();
        rows.into_iter().map(Member::of).collect()
    }

    /// Why Redis does not answer, if it does not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.0.redis.failure()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.0.running.lock().expect("no holder panics")
    }
}

impl fmt::Debug for Fleets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleets")
            .field("running", &self.len())
            .finish_non_exhaustive()
    }
}

impl Member {
    fn of(row: Row) -> Self {
        Self {
            id: row.id,
            is_own: row.is_own,
            leads: row.leads,
            places: row.places,
            rate: row.rate,
            in_flight: row.in_flight,
            waiting: row.wants.saturating_sub(row.in_flight),
            speed: row.used,
        }
    }
}
