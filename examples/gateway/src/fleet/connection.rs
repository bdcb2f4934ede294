//! The connection to Redis that all fleets of a gateway use, and whether it serves.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use prometheus_client::metrics::gauge::Gauge;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult,
    ServerErrorKind, Value,
};
use tokio::time::timeout;
use tracing::{info, warn};

/// How long a call may take: less than a member of a fleet waits, so that it is known why it failed.
const CALL: Duration = Duration::from_millis(200);

/// How long a connection may take. Calls are given up before, and it goes on for those that come.
const CONNECT: Duration = Duration::from_secs(2);

/// What the gauge says.
pub(crate) const UP_HELP: &str = "Whether the last call of Redis was answered: 1 or 0.";

/// Where Redis is. It may hold a password.
#[derive(Clone)]
pub struct RedisUrl(Arc<str>);

impl FromStr for RedisUrl {
    type Err = Infallible;

    /// Whether it is an address is seen later: what refuses an option shows its value.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

type Connecting = Shared<BoxFuture<'static, RedisResult<MultiplexedConnection>>>;

/// One connection, made when it is needed, and anew after a call that failed. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Inner>);

struct Inner {
    client: Client,
    /// What there is, or will be.
    current: Mutex<Option<Connecting>>,
    /// How the last call went. `None` before the first.
    last: Mutex<Option<Result<(), String>>>,
    up: Gauge,
}

impl Connection {
    /// Says nothing of the address in its error.
    pub(crate) fn open(url: &RedisUrl) -> Result<Self, String> {
        // Another one may be built in, and then none would be the default.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::open(&*url.0).map_err(|_| {
            "--redis needs an address such as redis://127.0.0.1/ or rediss://user:password@host:6379/0"
        })?;
        Ok(Self(Arc::new(Inner {
            client,
            current: Mutex::default(),
            last: Mutex::default(),
            up: Gauge::default(),
        })))
    }

    /// Calls Redis once, so that the log says whether it is there.
    pub(crate) async fn greet(&self) {
        let _ = self.call(&redis::cmd("PING")).await;
    }

    /// Why the last call failed, if it did.
    pub(crate) fn failure(&self) -> Option<String> {
        let last = lock(&self.0.last);
        last.as_ref().and_then(|last| last.clone().err())
    }

    /// 1 if the last call was answered.
    pub(crate) fn up(&self) -> Gauge {
        self.0.up.clone()
    }

    async fn call(&self, command: &Cmd) -> RedisResult<Value> {
        let connecting = self.connecting();
        let answer = timeout(CALL, async {
            let mut connection = connecting.clone().await?;
            let answer = connection.send_packed_command(command).await;
            answer.and_then(Value::extract_error)
        });
        let answer = answer
            .await
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
        match &answer {
            Err(error) if error.kind() != ErrorKind::Server(ServerErrorKind::NoScript) => {
                self.forget(&connecting);
                self.record(Err(reason(error)));
            }
            _ => self.record(Ok(())),
        }
        answer
    }

    /// The connection that there is, or one that is being made.
    fn connecting(&self) -> Connecting {
        let mut current = lock(&self.0.current);
        let make = || {
            let client = self.0.client.clone();
            let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT));
            let connect = async move {
                let mut connection = client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?;
                // Who has no password is told so. A long command would only be cut off.
                match redis::cmd("PING").exec_async(&mut connection).await {
                    Err(error) if error.code() != Some("NOPERM") => Err(error),
                    _ => Ok(connection),
                }
            };
            // On its own, as a call that waits for it may be given up before.
            let connected = tokio::spawn(connect)
                .map(|made| made.unwrap_or_else(|error| Err(io::Error::other(error).into())));
            connected.boxed().shared()
        };
        current.get_or_insert_with(make).clone()
    }

    /// A connection that failed is not used again. One that is still being made may succeed.
    fn forget(&self, failed: &Connecting) {
        let mut current = lock(&self.0.current);
        let is_current = current.as_ref().is_some_and(|now| now.ptr_eq(failed));
        if is_current && failed.peek().is_some() {
            *current = None;
        }
    }

    /// Logs what is new.
    fn record(&self, outcome: Result<(), String>) {
        self.0.up.set(outcome.is_ok().into());
        let mut last = lock(&self.0.last);
        if last.as_ref() == Some(&outcome) {
            return;
        }
        match (&outcome, &*last) {
            (Ok(()), None) => info!("limits are shared through Redis"),
            (Ok(()), _) => info!("Redis serves again"),
            (Err(reason), _) => warn!(%reason, "Redis does not serve; shares stay as they are"),
        }
        *last = Some(outcome);
    }
}

/// What is wrong, in words that hold nothing of the address.
fn reason(error: &RedisError) -> String {
    let code = error.code().unwrap_or_default();
    match error.kind() {
        ErrorKind::AuthenticationFailed => "it refuses the user or the password".to_owned(),
        _ if ["NOAUTH", "WRONGPASS"].contains(&code) => {
            "it refuses the user or the password".to_owned()
        }
        _ if code == "NOPERM" => "the user may not do this".to_owned(),
        ErrorKind::Io if error.is_timeout() => "no answer in time".to_owned(),
        ErrorKind::Io => error.to_string(),
        _ if !code.is_empty() => format!("it answers {code}"),
        _ => error.category().to_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder panics")
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.call(command).boxed()
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        _: &'a Pipeline,
        _: usize,
        _: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let error = (ErrorKind::Client, "a fleet sends single commands");
        std::future::ready(Err(error.into())).boxed()
    }

    fn get_db(&self) -> i64 {
        self.0.client.get_connection_info().redis_settings().db()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("failure", &self.failure())
            .finish_non_exhaustive()
    }
}
