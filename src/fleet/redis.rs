//! A fleet's book in Redis.
//!
//! ```no_run
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::fleet::redis::{Redis, RedisFleet};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = redis::Client::open("redis://127.0.0.1/")?;
//! let fleet = RedisFleet::new(Redis::new(client, "openai:gpt-5"));
//! tokio::spawn(fleet.clone().run());
//! let gate = AdaptiveConcurrencyLayer::new().lease(fleet);
//! # drop(gate);
//! # Ok(())
//! # }
//! ```
//!
//! One script does it all, on one key: `tower-throttle:{name}`. Its text is cached by Redis, and sent again if Redis has
//! lost it. The time is Redis's own. The record ends a minute after its last member, with the default period.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::{Client, Cmd, ErrorKind, RedisError, RedisResult, Script, ServerErrorKind, Value};

use super::fleet::Fleet;
use super::report::{Grant, Report, Row};
use super::store::Store;

/// A [`Fleet`] that keeps its book in Redis.
pub type RedisFleet = Fleet<Redis>;

/// The script: [`Book`](super::Book) in Lua.
const SCRIPT: &str = include_str!("redis.lua");

/// Keeps the book of a fleet in Redis (5 or later, or Valkey), under one key.
pub struct Redis {
    script: Script,
    key: String,
    source: Source,
}

/// Where a connection comes from.
enum Source {
    /// Made when it is needed, and again when it is lost: the one that is idle now.
    Client(Box<Client>, Mutex<Option<MultiplexedConnection>>),
    /// Kept up elsewhere.
    Shared(Box<dyn Fn() -> Box<dyn ConnectionLike + Send> + Send + Sync>),
}

impl Redis {
    /// Creates a store for the fleet `name`, which all its members call alike: a name for what is limited, such as an
    /// account and a model.
    ///
    /// It connects when it is needed, and anew when the connection is lost. The client says how: with TLS
    /// (`rediss://`), a user and a password, a database.
    #[must_use]
    pub fn new(client: Client, name: impl fmt::Display) -> Self {
        Self::of(Source::Client(Box::new(client), Mutex::new(None)), &name)
    }

    /// The same with a connection that is kept up elsewhere: a `ConnectionManager`, or that of a cluster.
    #[must_use]
    pub fn with_connection<C>(connection: C, name: impl fmt::Display) -> Self
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        let make = move || Box::new(connection.clone()) as Box<dyn ConnectionLike + Send>;
        Self::of(Source::Shared(Box::new(make)), &name)
    }

    fn of(source: Source, name: &dyn fmt::Display) -> Self {
        Self {
            script: Script::new(SCRIPT),
            key: format!("tower-throttle:{{{name}}}"),
            source,
        }
    }

    /// Runs the script by its hash, and by its text if Redis does not know it.
    async fn call(&self, arguments: &[String]) -> RedisResult<Value> {
        match &self.source {
            Source::Shared(make) => self.call_on(&mut *make(), arguments).await,
            Source::Client(client, idle) => {
                // Taken out, so that a call that is given up, or fails, takes its connection with it.
                let taken = lock(idle).take();
                let mut connection = match taken {
                    Some(connection) => connection,
                    None => client.get_multiplexed_async_connection().await?,
                };
                let value = self.call_on(&mut connection, arguments).await?;
                *lock(idle) = Some(connection);
                Ok(value)
            }
        }
    }

    async fn call_on(
        &self,
        connection: &mut (dyn ConnectionLike + Send),
        arguments: &[String],
    ) -> RedisResult<Value> {
        let command = |name: &str, script: &str| {
            let mut command = Cmd::new();
            command
                .arg(name)
                .arg(script)
                .arg(1)
                .arg(&self.key)
                .arg(arguments);
            command
        };
        let by_hash = command("EVALSHA", self.script.get_hash());
        match connection
            .req_packed_command(&by_hash)
            .await
            .and_then(Value::extract_error)
        {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                let by_text = command("EVAL", SCRIPT);
                connection
                    .req_packed_command(&by_text)
                    .await
                    .and_then(Value::extract_error)
            }
            answered => answered,
        }
    }
}

fn lock(
    idle: &Mutex<Option<MultiplexedConnection>>,
) -> std::sync::MutexGuard<'_, Option<MultiplexedConnection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The client knows a password, and the name may be that of an account.
        f.debug_struct("Redis").finish_non_exhaustive()
    }
}

impl Store for Redis {
    type Error = RedisError;

    async fn sync(&self, report: &Report) -> Result<Grant, RedisError> {
        let value = self.call(&arguments(report)).await?;
        let fields: Vec<String> = ::redis::from_redis_value(value)?;
        grant(&fields).ok_or_else(odd)
    }

    async fn members(&self) -> Result<Vec<Row>, RedisError> {
        let value = self.call(&["members".into()]).await?;
        let rows: Vec<Vec<String>> = ::redis::from_redis_value(value)?;
        rows.iter()
            .map(|fields| row(fields).ok_or_else(odd))
            .collect()
    }
}

/// The key holds something else.
fn odd() -> RedisError {
    (
        ErrorKind::UnexpectedReturnType,
        "the fleet's script answers something else",
    )
        .into()
}

/// The script's arguments.
fn arguments(report: &Report) -> Vec<String> {
    let number = |number: f64| number.to_string();
    let some = |number: Option<f64>| number.unwrap_or(-1.0).to_string();
    let flag = |flag: bool| u8::from(flag).to_string();
    vec![
        "sync".into(),
        report.id.clone(),
        number(report.period),
        report.wants.to_string(),
        report.in_flight.to_string(),
        number(report.used),
        report.refused.to_string(),
        some(report.places),
        some(report.rate),
        flag(report.led),
        some(report.capacity.places),
        some(report.capacity.rate),
        number(report.capacity.burst),
        number(report.pause),
        flag(report.leaves),
    ]
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A number, or -1 for none.
fn some(text: &str) -> Option<Option<f64>> {
    number(text).map(|number| Some(number).filter(|number| *number >= 0.0))
}

fn grant(fields: &[String]) -> Option<Grant> {
    let [
        at,
        places,
        rate,
        burst,
        leads,
        is_known,
        is_over,
        spare,
        pause,
        members,
    ] = fields
    else {
        return None;
    };
    Some(Grant {
        at: number(at)?,
        places: some(places)?,
        rate: some(rate)?,
        burst: number(burst)?,
        leads: leads == "1",
        is_known: is_known == "1",
        is_over: is_over == "1",
        spare: some(spare)?,
        pause: number(pause)?,
        members: members.parse().ok()?,
    })
}

fn row(fields: &[String]) -> Option<Row> {
    let [id, wants, in_flight, used, places, rate, leads] = fields else {
        return None;
    };
    Some(Row {
        id: id.clone(),
        wants: number(wants)? as u64,
        in_flight: number(in_flight)? as u64,
        used: number(used)?,
        places: some(places)?,
        rate: some(rate)?,
        leads: leads == "1",
        is_own: false,
    })
}
