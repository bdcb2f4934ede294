//! Gateways that share the limits of their upstreams, through Redis.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use axum::http::HeaderMap;
use ring::digest::{Context, SHA256};
use serde::Serialize;
use tokio::time::timeout;
use tower_throttle::fleet::redis::{Redis, RedisFleet};

/// Headers that hold a credential.
const CREDENTIALS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// The page does not wait longer for Redis.
const PATIENCE: Duration = Duration::from_millis(250);

/// Where gateways meet.
#[derive(Clone)]
pub struct Meeting(redis::Client);

impl FromStr for Meeting {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        // The error would show the address, and a password in it.
        let client = redis::Client::open(url);
        client
            .map(Self)
            .map_err(|_| "an address such as redis://127.0.0.1/ is needed".to_owned())
    }
}

impl fmt::Debug for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meeting(..)")
    }
}

impl Meeting {
    /// The fleet of that name. Nobody has joined it here.
    pub(crate) fn fleet(&self, name: &str) -> RedisFleet {
        RedisFleet::new(Redis::new(self.0.clone(), name))
    }

    /// Who shares the limit of that name, if Redis says so in time.
    pub(crate) async fn members(&self, name: &str) -> Vec<Member> {
        let fleet = self.fleet(name);
        let rows = timeout(PATIENCE, fleet.members()).await;
        let rows = rows.ok().and_then(Result::ok).unwrap_or_default();
        let member = |row: tower_throttle::fleet::Row| Member {
            id: row.id,
            places: row.places,
            rate: row.rate,
            in_flight: row.in_flight,
            wants: row.wants,
            answered: row.used,
            leads: row.leads,
        };
        rows.into_iter().map(member).collect()
    }
}

/// A gateway that shares a limit, and its share.
#[derive(Debug, Serialize)]
pub(crate) struct Member {
    id: String,
    places: Option<f64>,
    rate: Option<f64>,
    in_flight: u64,
    wants: u64,
    answered: f64,
    leads: bool,
}

/// A fingerprint of a request's credential that is the same in all gateways: half of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 16]);

impl Fingerprint {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut context = Context::new(&SHA256);
        for name in CREDENTIALS {
            for value in headers.get_all(name) {
                context.update(name.as_bytes());
                context.update(&[0]);
                context.update(value.as_bytes());
                context.update(&[0]);
            }
        }
        let mut half = [0; 16];
        half.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(half)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}
