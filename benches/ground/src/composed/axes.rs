//! What a composed scenario has beside its limit. Each gives what it adds to the title.

use sim::api::Random;
use sim::best;
use sim::hints::{Exactness, Style};
use sim::limits::Rule;
use sim::schedule::Schedule;
use sim::work::Arrivals;

use crate::drawn::{log_uniform, round};
use crate::scenario::Scenario;

use super::limit::{Moving, digits};
use super::{amid, one};

/// None, a `Retry-After`, one that is untrue, or the headers that such a limit has.
pub(super) fn hints(rng: &mut fastrand::Rng, scenario: &mut Scenario) -> Option<String> {
    use Exactness::{Always, Right, WholeSeconds};
    use Style::{Anthropic, Epoch, Ietf, OpenAi, RetryAfter};
    let none = ("none", Style::None, Right);
    let lie = ("Retry-After always 5 s", RetryAfter, Always(5.0));
    let always_1 = ("Retry-After always 1 s", RetryAfter, Always(1.0));
    let wait = ("Retry-After", RetryAfter, Right);
    let openai = ("OpenAI headers", OpenAi, Right);
    let rounded = ("OpenAI headers in whole seconds", OpenAi, WholeSeconds);
    let (label, style, exactness) = match scenario.api.rules.first() {
        None => none,
        // How long it will be until a place is free no server knows.
        Some(Rule::InFlight { .. }) => one(rng, &[none, none, always_1, lie]),
        Some(Rule::Bucket { .. }) => one(
            rng,
            &[
                none,
                none,
                wait,
                lie,
                openai,
                rounded,
                ("Anthropic headers", Anthropic, Right),
            ],
        ),
        Some(_) => one(
            rng,
            &[
                none,
                none,
                wait,
                lie,
                openai,
                ("IETF RateLimit", Ietf, Right),
                ("ends by the clock", Epoch, Right),
            ],
        ),
    };
    (scenario.api.hints, scenario.api.exactness) = (style, exactness);
    scenario.labels.push(("hints", label));
    (style != Style::None).then(|| label.into())
}

/// Half of all have none.
pub(super) fn random(rng: &mut fastrand::Rng, scenario: &mut Scenario) -> Option<String> {
    let share = round(rng, 0.01, 0.04);
    let (label, status, retry_after) = one(
        rng,
        &[
            ("none", 0, None),
            ("none", 0, None),
            ("none", 0, None),
            ("529", 529, None),
            ("429", 429, None),
            ("429, Retry-After 1", 429, Some(1.0)),
        ],
    );
    scenario.labels.push(("random refusals", label));
    if status == 0 {
        return None;
    }
    scenario.api.random = Some(Random {
        retry_after,
        ..Random::of(share, status)
    });
    Some(format!("{:.1} % {label}", 100.0 * share))
}

/// Half of all come at once. Where nothing limits, that would be about the first growth alone.
pub(super) fn arrivals(rng: &mut fastrand::Rng, scenario: &mut Scenario) -> Option<String> {
    let capacity = best::capacity(&scenario.api, &scenario.work, 0.0);
    let kind = match capacity {
        Some(_) => one(rng, &[0, 0, 0, 1, 2, 3]),
        None => one(rng, &[1, 3]),
    };
    let (label, title) = match kind {
        0 => ("at once", None),
        1 => {
            let load = 0.7 + 0.8 * rng.f64();
            let per_second = match capacity {
                Some(capacity) => load * capacity,
                None => log_uniform(rng, 0.25, 100.0),
            };
            scenario.work.arrivals = Arrivals::Poisson { per_second };
            ("Poisson", Some(format!("Poisson at {per_second:.2}/s")))
        }
        2 => {
            let (trickle, every) = (rng.usize(5..=60), round(rng, 0.5, 20.0));
            scenario.work.arrivals = Arrivals::TrickleThenBurst { trickle, every };
            let title = format!(
                "{trickle} one by one each {} s, then the rest",
                digits(every)
            );
            ("trickle, then burst", Some(title))
        }
        _ => {
            let size = scenario.work.jobs.div_ceil(rng.usize(3..=8));
            let gap = round(rng, 10.0, 3600.0);
            scenario.work.arrivals = Arrivals::Batches {
                sizes: vec![size],
                gap,
            };
            let title = format!("batches of {size}, {} s between", digits(gap));
            ("batches", Some(title))
        }
    };
    scenario.labels.push(("arrivals", label));
    title
}

/// One, or with one in four three.
pub(super) fn clients(rng: &mut fastrand::Rng, scenario: &mut Scenario) -> Option<String> {
    let shared = rng.u8(..4) == 0;
    scenario.work.clients = if shared { 3 } else { 1 };
    let label = if shared { "three" } else { "one" };
    scenario.labels.push(("clients", label));
    shared.then(|| "3 clients".into())
}

/// One in four is out for a while.
pub(super) fn outage(rng: &mut fastrand::Rng, scenario: &mut Scenario) -> Option<String> {
    let out = rng.u8(..4) == 0;
    let lasts = round(rng, 20.0, 120.0);
    let label = if out { "20 s to 2 min" } else { "none" };
    scenario.labels.push(("outage", label));
    if !out {
        return None;
    }
    let from = amid(rng, scenario);
    scenario.api.outage = Some((from, from + lasts));
    Some(format!("out from {from} s for {lasts} s"))
}

/// One in six moves once. A batch's limit may move in the gap before it.
pub(super) fn moves(
    rng: &mut fastrand::Rng,
    scenario: &mut Scenario,
    moving: Option<(f64, Moving)>,
) -> Option<String> {
    let moves = rng.u8(..6) == 0;
    let factor = one(rng, &[0.5, 2.0, 4.0]);
    let (value, rule) = moving.filter(|_| moves).unzip();
    let label = match (&value, factor) {
        (None, _) => "none",
        (_, 0.5) => "x0.5",
        (_, 2.0) => "x2",
        _ => "x4",
    };
    scenario.labels.push(("moves", label));
    let (value, rule) = (value?, rule?);
    let at = if rng.bool() {
        in_a_gap(rng, scenario)
    } else {
        amid(rng, scenario)
    };
    let moved = (factor * value).round().max(1.0);
    scenario.api.rules = vec![rule(Schedule::steps(&[(0.0, value), (at, moved)]))];
    Some(format!("{label} at {at} s"))
}

/// Just before one of the later batches. Where there are none, amid the work.
fn in_a_gap(rng: &mut fastrand::Rng, scenario: &Scenario) -> f64 {
    if scenario.work.batches().len() == 1 {
        return amid(rng, scenario);
    }
    let finished = scenario.best(&scenario.jobs(1));
    let batch = rng.usize(1..scenario.work.batches().len());
    let begins = finished.iter().find(|job| job.batch == batch);
    begins.map_or(1.0, |job| job.arrived - 1.0).floor().max(1.0)
}
