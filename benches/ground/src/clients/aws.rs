//! The adaptive retry mode of the AWS SDKs, from its published description: a CUBIC client rate
//! that is off until the first refusal, full-jitter backoff up to 20 s. Attempts are not bounded
//! here, where an SDK's default would give most jobs up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim::server::Server;
use tokio::time::Instant;

use super::glue::{Req, ask, delay, refused, status};
use super::{Answer, Belief, Client};

const BETA: f64 = 0.7;
const SCALE: f64 = 0.4;
const SMOOTH: f64 = 0.8;
const LEAST_RATE: f64 = 0.5;

#[derive(Debug)]
struct Rate {
    enabled: bool,
    began: Instant,
    fill: f64,
    capacity: f64,
    tokens: f64,
    filled_at: f64,
    measured: f64,
    sent: f64,
    last_bucket: f64,
    last_throttle: f64,
    last_most: f64,
}

impl Rate {
    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn refill(&mut self, now: f64) {
        self.tokens = (self.tokens + (now - self.filled_at) * self.fill).min(self.capacity);
        self.filled_at = now;
    }

    /// Takes a token, or says how long until there is one.
    fn take(&mut self) -> Option<Duration> {
        let now = self.now();
        if !self.enabled {
            return None;
        }
        self.refill(now);
        if self.tokens >= 1.0 - 1e-6 {
            self.tokens -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64(
            (1.0 - self.tokens) / self.fill + 1e-3,
        ))
    }

    /// The rate of sending, in buckets of half a second.
    fn measure(&mut self, now: f64) {
        self.sent += 1.0;
        let bucket = (now * 2.0).floor() / 2.0;
        if bucket > self.last_bucket {
            let current = self.sent / (bucket - self.last_bucket);
            self.measured = current * SMOOTH + self.measured * (1.0 - SMOOTH);
            (self.sent, self.last_bucket) = (0.0, bucket);
        }
    }

    fn answered(&mut self, throttled: bool) {
        let now = self.now();
        self.measure(now);
        let calculated = if throttled {
            let most = if self.enabled {
                self.measured.min(self.fill)
            } else {
                self.measured
            };
            (self.last_most, self.last_throttle, self.enabled) = (most, now, true);
            most * BETA
        } else {
            let window = (self.last_most * (1.0 - BETA) / SCALE).cbrt();
            SCALE * (now - self.last_throttle - window).powi(3) + self.last_most
        };
        self.refill(now);
        self.fill = calculated.min(2.0 * self.measured).max(LEAST_RATE);
        self.capacity = self.fill.max(1.0);
        self.tokens = self.tokens.min(self.capacity);
    }
}

struct Aws {
    server: Server,
    rate: Arc<Mutex<Rate>>,
    /// Waiters take their tokens first come first served.
    turn: Arc<tokio::sync::Mutex<()>>,
}

pub(super) fn build(server: Server) -> Arc<dyn Client> {
    let rate = Rate {
        enabled: false,
        began: Instant::now(),
        fill: 0.0,
        capacity: 0.0,
        tokens: 0.0,
        filled_at: 0.0,
        measured: 0.0,
        sent: 0.0,
        last_bucket: 0.0,
        last_throttle: 0.0,
        last_most: 0.0,
    };
    Arc::new(Aws {
        server,
        rate: Arc::new(Mutex::new(rate)),
        turn: Arc::default(),
    })
}

async fn token(rate: &Mutex<Rate>, turn: &tokio::sync::Mutex<()>) {
    let _turn = turn.lock().await;
    loop {
        let wait = rate.lock().expect("rate").take();
        match wait {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return,
        }
    }
}

impl Client for Aws {
    fn send(&self, request: Req) -> Answer {
        let (server, rate, turn) = (self.server.clone(), self.rate.clone(), self.turn.clone());
        Box::pin(async move {
            for retry in 0.. {
                token(&rate, &turn).await;
                let response = ask(&server, &request).await;
                let refused = refused(&response);
                rate.lock().expect("rate").answered(refused.is_some());
                let Some(refused) = refused else {
                    return status(&response);
                };
                tokio::time::sleep(delay(refused, retry, 1.0, 20.0)).await;
            }
            None
        })
    }

    fn belief(&self) -> Option<Belief> {
        let rate = self.rate.lock().expect("rate");
        Some(Belief {
            pace: rate.enabled.then_some(rate.fill),
            ..Belief::default()
        })
    }
}
