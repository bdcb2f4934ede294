//! The simulated API of a scenario.

#[cfg(test)]
mod tests;

use fastrand::Rng;
use http::HeaderMap;
use sim::api::Refused;
use sim::work::{Job, rng};
use sim::{Arrival, Backend, Fate, Server, Simulated};

use crate::scenario::Scenario;
use crate::vector::{Drawn, LastSecond, Model};

/// How long it takes to be refused.
const REFUSAL: f64 = 0.035;

/// How long those that are refused for ever are told to wait.
const HOPELESS: f64 = 10.0;

/// The server of a scenario. It begins now.
pub fn of(scenario: &Scenario, seed: u64) -> Server {
    let server = match scenario.vector {
        Some(model) => Server::of(Vectors {
            model,
            latency: scenario.work.latency,
            last_second: LastSecond::default(),
        }),
        None => Server::of(Limited {
            api: Simulated::new(scenario.api.clone()),
            hopeless: scenario.work.hopeless,
            luck: rng(seed, u64::MAX),
        }),
    };
    server.answers(scenario.answers, scenario.head)
}

fn job<'a>(arrival: &Arrival<'a>) -> &'a Job {
    arrival.job.expect("a job in the request")
}

/// What has the scenario's limits.
struct Limited {
    api: Simulated,
    hopeless: usize,
    luck: Rng,
}

impl Limited {
    fn admit(&mut self, arrival: &Arrival<'_>) -> Result<f64, Refused> {
        let job = job(arrival);
        if job.id < self.hopeless {
            return Err(Refused {
                retry_after: Some(HOPELESS),
                ..Refused::disturbed(429)
            });
        }
        self.api
            .admit(arrival.now, job.cost, arrival.busy, &mut self.luck)
    }
}

impl Backend for Limited {
    fn decide(&mut self, arrival: Arrival<'_>) -> Fate {
        match self.admit(&arrival) {
            Ok(slowdown) => Fate::served(job(&arrival).latency * slowdown),
            Err(refused) => Fate {
                takes: REFUSAL,
                headers: self.api.headers(arrival.now, Some(&refused)),
                disturbed: refused.disturbed,
                ..Fate::refused(refused.status)
            },
        }
    }

    fn end(&mut self, now: f64, job: &Job) {
        self.api.end(now, job.cost);
    }

    fn tell(&mut self, now: f64) -> HeaderMap {
        self.api.headers(now, None)
    }
}

/// What has Vector's server model in place of limits.
struct Vectors {
    model: Model,
    latency: f64,
    last_second: LastSecond,
}

impl Backend for Vectors {
    fn decide(&mut self, arrival: Arrival<'_>) -> Fate {
        let rate = self.last_second.count(arrival.now);
        let Drawn {
            after,
            status,
            held,
        } = self
            .model
            .draw(job(&arrival).latency, self.latency, arrival.busy + 1, rate);
        Fate {
            status,
            held,
            ..Fate::served(after)
        }
    }
}
