//! The limit of a composed scenario, and how much work there is.

use sim::limits::{Over, Rule, Unit};
use sim::schedule::Schedule;

use crate::drawn::{log_uniform, round, whole};
use crate::scenario::Scenario;

use super::one;

/// What a limit can do that is worth a run: above this a millisecond's clock and the work itself are
/// what counts.
const FASTEST: f64 = 100.0;

/// The most places that any limit allows or any rate needs.
const MOST_PLACES: f64 = 1000.0;

/// Jobs for each place, so that a run is not all about the first growth.
const ROUNDS: f64 = 10.0;

/// The rule with its numbers times a factor from some moment on.
pub(super) type Moving = Box<dyn Fn(Schedule) -> Rule>;

/// A limit as it was drawn.
struct Drawn {
    kind: &'static str,
    title: String,
    /// Jobs per second that it lets through.
    capacity: f64,
    latency: f64,
    /// What it is at first, and the rule of it. `None` where there is no rule that could move.
    moving: Option<(f64, Moving)>,
    knee: Option<f64>,
}

/// A scenario with this limit alone, and how it may move.
pub(super) fn draw(
    rng: &mut fastrand::Rng,
    name: &'static str,
) -> (Scenario, Option<(f64, Moving)>) {
    // One in 25 has no limit, the other kinds are as likely as each other.
    let kinds: [fn(&mut fastrand::Rng) -> Drawn; 6] =
        [in_flight, bucket, window, opened, sliding, knee];
    let drawn = if rng.u8(..25) == 0 {
        none(rng)
    } else {
        one(rng, &kinds)(rng)
    };
    let places = drawn.capacity * drawn.latency;
    let lasts = log_uniform(rng, 60.0, 400.0);
    let jobs = (lasts * drawn.capacity).clamp(200.0, 3000.0);
    let jobs = jobs.max(ROUNDS * places) as usize;
    let title = format!("{}, {} s", drawn.title, digits(drawn.latency));
    let mut scenario = Scenario::new(name, title.leak(), jobs, drawn.latency);
    scenario.work.sigma = one(rng, &[0.1, 0.4, 0.6]);
    scenario.api.knee = drawn.knee;
    scenario.labels.push(("limit", drawn.kind));
    if let Some((value, rule)) = &drawn.moving {
        scenario = scenario.rule(rule(Schedule::always(*value)));
    }
    let moving = drawn.moving.filter(|_| drawn.knee.is_none());
    (scenario, moving)
}

/// Without zeros at the end.
pub(super) fn digits(number: f64) -> String {
    let number = format!("{number:.3}");
    number.trim_end_matches('0').trim_end_matches('.').into()
}

/// Mostly 50 ms to 10 s, and no longer than the most places allow.
fn latency(rng: &mut fastrand::Rng, per_second: f64) -> f64 {
    let most = MOST_PLACES / per_second;
    loop {
        let latency = match rng.u8(..8) {
            0 => round(rng, 0.001, 0.05),
            1 => round(rng, 10.0, 60.0),
            _ => round(rng, 0.05, 10.0),
        };
        if latency <= most {
            return latency;
        }
    }
}

/// Places, and a latency at which they are not too fast.
fn places(rng: &mut fastrand::Rng) -> (f64, f64) {
    loop {
        let (places, latency) = (whole(rng, 1.0, MOST_PLACES), latency(rng, 1.0));
        if places / latency <= FASTEST {
            return (places, latency);
        }
    }
}

/// Per second, from 15 a minute.
fn rate(rng: &mut fastrand::Rng) -> f64 {
    log_uniform(rng, 0.25, FASTEST)
}

fn in_flight(rng: &mut fastrand::Rng) -> Drawn {
    let (places, latency) = places(rng);
    Drawn {
        kind: "in flight",
        title: format!("{places} in flight"),
        capacity: places / latency,
        latency,
        moving: Some((
            places,
            Box::new(|limit| Rule::InFlight { limit, status: 429 }),
        )),
        knee: None,
    }
}

fn bucket(rng: &mut fastrand::Rng) -> Drawn {
    let per_second = rate(rng);
    let per_minute = (60.0 * per_second).round();
    let burst = match rng.u8(..4) {
        0 => 1.0,
        1 => 10.0,
        2 => per_second.round().max(1.0),
        _ => (10.0 * per_second).round().max(1.0),
    };
    Drawn {
        kind: "bucket",
        title: format!("bucket {per_minute}/min, burst {burst}"),
        capacity: per_second,
        latency: latency(rng, per_second),
        moving: Some((
            per_minute,
            Box::new(move |per_minute| Rule::Bucket {
                per_minute,
                burst,
                unit: Unit::Requests,
            }),
        )),
        knee: None,
    }
}

/// A number of requests in a number of seconds.
fn quota(rng: &mut fastrand::Rng) -> (f64, f64) {
    let per_second = rate(rng);
    let period = one(rng, &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0]);
    let limit = (per_second * period).round().max(1.0);
    (limit, period)
}

fn of_quota(
    rng: &mut fastrand::Rng,
    (limit, period): (f64, f64),
    kind: &'static str,
    how: &str,
    moving: Moving,
) -> Drawn {
    Drawn {
        kind,
        title: format!("{kind} {limit} in {period} s{how}"),
        capacity: limit / period,
        latency: latency(rng, limit / period),
        moving: Some((limit, moving)),
        knee: None,
    }
}

fn window(rng: &mut fastrand::Rng) -> Drawn {
    let (limit, period) = quota(rng);
    let phase = (rng.f64() * period).floor();
    let rule = move |limit| Rule::Window {
        limit,
        period,
        phase: Some(phase),
    };
    let how = format!(" by the clock, met after {phase} s");
    of_quota(rng, (limit, period), "window", &how, Box::new(rule))
}

fn opened(rng: &mut fastrand::Rng) -> Drawn {
    let (limit, period) = quota(rng);
    let rule = move |limit| Rule::Opened { limit, period };
    let how = " from a request";
    of_quota(rng, (limit, period), "opened window", how, Box::new(rule))
}

/// One in five counts what it refuses as well.
fn sliding(rng: &mut fastrand::Rng) -> Drawn {
    let (limit, period) = quota(rng);
    let (over, how) = if rng.u8(..5) == 0 {
        (Over::Counted, ", refused ones count")
    } else {
        (Over::Forgotten, "")
    };
    let rule = move |limit| Rule::Sliding {
        limit,
        period,
        over,
    };
    of_quota(rng, (limit, period), "sliding log", how, Box::new(rule))
}

/// It never refuses, or only far above, with 503.
fn knee(rng: &mut fastrand::Rng) -> Drawn {
    let (knee, latency) = places(rng);
    let above = (knee * log_uniform(rng, 3.0, 10.0)).round();
    let refuses = rng.bool();
    let how = if refuses {
        format!("503 above {above}")
    } else {
        "never refuses".into()
    };
    let rule: Moving = Box::new(|limit| Rule::InFlight { limit, status: 503 });
    Drawn {
        kind: "knee",
        title: format!("knee at {knee}, {how}"),
        capacity: knee / latency,
        latency,
        moving: refuses.then_some((above, rule)),
        knee: Some(knee),
    }
}

/// As many as come. The rate is only how much work there is, and the work itself what takes time.
fn none(rng: &mut fastrand::Rng) -> Drawn {
    let per_second = rate(rng);
    let latency = round(rng, 0.5, 10.0);
    Drawn {
        kind: "none",
        title: "no limit".into(),
        capacity: per_second,
        latency,
        moving: None,
        knee: None,
    }
}
