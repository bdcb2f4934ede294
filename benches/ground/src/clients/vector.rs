//! Vector's adaptive request concurrency, from its published description (RFC 1858 and the
//! sources' comments), measured per attempt; retries in Fibonacci steps with full jitter, without
//! end. It knows no `Retry-After`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim::server::Server;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::glue::{Req, ask, refused, status};
use super::{Answer, Belief, Client};

const DECREASE_RATIO: f64 = 0.9;
const EWMA_ALPHA: f64 = 0.4;
const RTT_DEVIATIONS: f64 = 2.5;
const MOST: usize = 200;
/// Means of equal round trips differ by less.
const ROUNDING: f64 = 1e-6;
const LONGEST_BACKOFF: f64 = 30.0;

/// The smoothed mean and variance of the mean round trip of each interval.
#[derive(Debug)]
struct Past {
    mean: f64,
    variance: f64,
}

#[derive(Debug)]
struct Controller {
    limit: usize,
    in_flight: usize,
    waiting: VecDeque<oneshot::Sender<()>>,
    past: Option<Past>,
    /// Sum and number of the round trips of this interval.
    current: (f64, u32),
    reached_limit: bool,
    back_pressure: bool,
    next_update: Instant,
}

impl Controller {
    fn admit(&mut self) -> Option<oneshot::Receiver<()>> {
        if self.in_flight < self.limit {
            self.in_flight += 1;
            self.reached_limit |= self.in_flight >= self.limit;
            return None;
        }
        self.reached_limit = true;
        let (tell, told) = oneshot::channel();
        self.waiting.push_back(tell);
        Some(told)
    }

    fn ended(&mut self, now: Instant, round_trip: f64, refused: bool) {
        self.in_flight -= 1;
        if refused {
            self.back_pressure = true;
        } else {
            self.current = (self.current.0 + round_trip, self.current.1 + 1);
        }
        match self.past {
            None if !refused => {
                self.past = Some(Past {
                    mean: round_trip,
                    variance: 0.0,
                });
                self.current = (0.0, 0);
                self.next_update = now + Duration::from_secs_f64(round_trip);
            }
            Some(_) if now >= self.next_update => self.update(now),
            _ => {}
        }
        while self.in_flight < self.limit {
            let Some(next) = self.waiting.pop_front() else {
                break;
            };
            if next.send(()).is_ok() {
                self.in_flight += 1;
            }
        }
        self.reached_limit |= self.in_flight >= self.limit;
    }

    /// The one decision per interval.
    fn update(&mut self, now: Instant) {
        let past = self.past.as_mut().expect("a first round trip");
        let current = (self.current.1 > 0).then(|| self.current.0 / f64::from(self.current.1));
        let threshold = past.mean + RTT_DEVIATIONS * past.variance.sqrt();
        let same = past.mean + ROUNDING;
        let slower = current.is_some_and(|current| current >= threshold && current > same);
        let not_slower = current.is_some_and(|current| current <= same);
        if self.limit < MOST && self.reached_limit && !self.back_pressure && not_slower {
            self.limit += 1;
        } else if self.limit > 1 && (self.back_pressure || slower) {
            self.limit = ((self.limit as f64 * DECREASE_RATIO) as usize).max(1);
        }
        if let Some(current) = current {
            let difference = current - past.mean;
            past.mean += EWMA_ALPHA * difference;
            past.variance =
                (1.0 - EWMA_ALPHA) * (past.variance + difference * EWMA_ALPHA * difference);
        }
        self.next_update = now + Duration::from_secs_f64(past.mean);
        self.current = (0.0, 0);
        (self.reached_limit, self.back_pressure) = (false, false);
    }
}

struct Arc1858 {
    server: Server,
    controller: Arc<Mutex<Controller>>,
}

pub(super) fn build(server: Server) -> Arc<dyn Client> {
    let controller = Controller {
        limit: 1,
        in_flight: 0,
        waiting: VecDeque::new(),
        past: None,
        current: (0.0, 0),
        reached_limit: false,
        back_pressure: false,
        next_update: Instant::now(),
    };
    Arc::new(Arc1858 {
        server,
        controller: Arc::new(Mutex::new(controller)),
    })
}

impl Client for Arc1858 {
    fn send(&self, request: Req) -> Answer {
        let (server, controller) = (self.server.clone(), self.controller.clone());
        Box::pin(async move {
            let mut fibonacci = (1.0_f64, 2.0_f64);
            loop {
                let turn = controller.lock().expect("controller").admit();
                if let Some(turn) = turn {
                    turn.await.ok()?;
                }
                let sent = Instant::now();
                let response = ask(&server, &request).await;
                let refusal = refused(&response);
                let (now, round_trip) = (Instant::now(), sent.elapsed().as_secs_f64());
                controller
                    .lock()
                    .expect("controller")
                    .ended(now, round_trip, refusal.is_some());
                if refusal.is_none() {
                    return status(&response);
                }
                let longest = fibonacci.0.min(LONGEST_BACKOFF);
                tokio::time::sleep(Duration::from_secs_f64(longest * fastrand::f64())).await;
                fibonacci = (fibonacci.1, fibonacci.0 + fibonacci.1);
            }
        })
    }

    fn belief(&self) -> Option<Belief> {
        let controller = self.controller.lock().expect("controller");
        let (limit, waiting) = (Some(controller.limit), Some(controller.waiting.len()));
        Some(Belief {
            limit,
            waiting,
            ..Belief::default()
        })
    }
}
