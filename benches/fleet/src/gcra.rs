//! What others do: Redis decides on each request. A rate by GCRA, places by a sorted set of those in flight.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult, Script};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{sleep, timeout};

/// Answers how many milliseconds to wait: 0 if the request may go.
const TAKE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local rate, burst, places = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if places > 0 then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - 60000)
    if redis.call('ZCARD', KEYS[2]) >= places then return 50 end
end
if rate > 0 then
    local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
    local wait = tat - (burst - 1) * 1000 / rate - now
    if wait > 0 then return math.ceil(wait) end
    redis.call('SET', KEYS[1], string.format('%.3f', tat + 1000 / rate), 'PX', 60000)
end
if places > 0 then redis.call('ZADD', KEYS[2], now, ARGV[4]) end
return 0
";
const GIVE: &str = "return redis.call('ZREM', KEYS[1], ARGV[1])";

#[derive(Debug)]
pub(crate) struct Gcra {
    client: Client,
    connection: OnceCell<MultiplexedConnection>,
    take: Script,
    give: Script,
    rate: f64,
    burst: f64,
    places: usize,
    member: usize,
    taken: AtomicU64,
    /// One of a process asks at a time: the others would hear the same.
    asking: Mutex<()>,
}

impl Gcra {
    pub(crate) fn new(
        client: Client,
        rate: Option<f64>,
        burst: f64,
        places: Option<usize>,
        member: usize,
    ) -> Self {
        Self {
            client,
            connection: OnceCell::new(),
            take: Script::new(TAKE),
            give: Script::new(GIVE),
            rate: rate.unwrap_or(0.0),
            burst,
            places: places.unwrap_or(0),
            member,
            taken: AtomicU64::new(0),
            asking: Mutex::new(()),
        }
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let made = self
            .connection
            .get_or_try_init(|| self.client.get_multiplexed_async_connection());
        made.await.cloned()
    }

    /// Waits until a request may go. The name is given back with it.
    pub(crate) async fn take(&self) -> String {
        let name = format!("{}-{}", self.member, self.taken.fetch_add(1, Relaxed));
        let _asking = self.asking.lock().await;
        loop {
            let asked = timeout(Duration::from_millis(250), self.ask(&name)).await;
            match asked {
                Ok(Ok(0)) => return name,
                Ok(Ok(wait)) => sleep(Duration::from_millis(wait)).await,
                // Closed without an answer: a limit that is not known to have room is not used.
                _ => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn ask(&self, name: &str) -> RedisResult<u64> {
        let mut connection = self.connection().await?;
        let mut call = self.take.key("gcra");
        call.key("places")
            .arg(self.rate)
            .arg(self.burst)
            .arg(self.places)
            .arg(name);
        call.invoke_async(&mut connection).await
    }

    pub(crate) async fn give(&self, name: &str) {
        if self.places == 0 {
            return;
        }
        if let Ok(mut connection) = self.connection().await {
            let mut call = self.give.key("places");
            let given: RedisResult<()> = call.arg(name).invoke_async(&mut connection).await;
            drop(given);
        }
    }
}
