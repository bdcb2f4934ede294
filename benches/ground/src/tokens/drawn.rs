//! Limits on tokens drawn at random, so that nothing can be tuned to the ones that have names.

use sim::costs::Costs;
use sim::hints::Style;
use sim::limits::{Rule, Unit};
use sim::schedule::Schedule;
use sim::work::rng;

use super::bucket;
use crate::drawn::{log_uniform, round};
use crate::scenario::Scenario;

type Draw = fn(&mut fastrand::Rng, Scenario) -> Scenario;

/// The kinds of limit that are drawn from.
const FAMILIES: [(&str, Draw); 8] = [
    ("tokens", tokens),
    ("tokens-ra", |rng, of| {
        tokens(rng, of).hints(Style::RetryAfter)
    }),
    ("tokens-told", |rng, of| {
        tokens(rng, of).hints(Style::OpenAi)
    }),
    ("both", both),
    ("both-ra", |rng, of| both(rng, of).hints(Style::RetryAfter)),
    ("both-told", |rng, of| both(rng, of).hints(Style::OpenAi)),
    ("requests", requests),
    ("minutes-ra", minutes),
];

/// `count` scenarios of each family, the same for the same seed.
pub fn of_each(count: usize, seed: u64) -> Vec<Scenario> {
    let draw = |(family, index): (usize, usize)| {
        let (name, draw) = FAMILIES[family];
        let rng = &mut rng(seed, (family << 32 | index) as u64);
        let (costs, what) = costs(rng);
        // Requests per second that the tokens allow.
        let per_second = log_uniform(rng, 0.5, 16.0);
        let latency = round(rng, 0.3, 8.0);
        let jobs = (400.0 * per_second).clamp(400.0, 2_500.0) as usize;
        let mut scenario = Scenario::new(format!("{name}-{index}").leak(), "", jobs, latency);
        scenario.work.costs = costs;
        let scenario = draw(rng, scenario);
        let rules: Vec<String> = scenario.api.rules.iter().map(told).collect();
        let title = format!("{name}: {what}, {}, {latency:.1} s", rules.join(" and "));
        Scenario {
            title: title.leak(),
            ..scenario
        }
    };
    (0..FAMILIES.len())
        .flat_map(|family| (1..=count).map(move |index| (family, index)))
        .map(draw)
        .collect()
}

fn told(rule: &Rule) -> String {
    match rule {
        Rule::Bucket {
            per_minute,
            burst,
            unit,
        } => format!(
            "{:.0} {}/min of {burst:.0}",
            per_minute.at(0.0),
            unit.name()
        ),
        Rule::CostWindow { limit, unit, .. } => {
            format!("{:.0} {} in each minute", limit.at(0.0), unit.name())
        }
        _ => String::new(),
    }
}

/// What the jobs cost, and what to say of it.
fn costs(rng: &mut fastrand::Rng) -> (Costs, String) {
    let mean = round(rng, 200.0, 4_000.0);
    let (least, most) = ((mean / 4.0) as u32, (7.0 * mean / 4.0) as u32);
    match rng.u8(..4) {
        0 => (Costs::Uniform(least..=most), format!("{least} to {most}")),
        1 => {
            let sigma = round(rng, 0.3, 1.2);
            let costs = Costs::LogNormal { mean, sigma };
            (costs, format!("log-normal {mean:.0}, {sigma:.1}"))
        }
        2 => {
            let (nth, ratio) = (rng.u32(4..=20), log_uniform(rng, 5.0, 40.0));
            let cheap = (mean / (1.0 + (ratio - 1.0) / f64::from(nth))).max(1.0);
            let (cheap, dear) = (cheap as u32, (cheap * ratio) as u32);
            let what = format!("{cheap}, one in {nth} {dear}");
            (Costs::Mixed { cheap, dear, nth }, what)
        }
        _ => {
            let parts = (0..rng.usize(2..=5)).map(|_| (mean * log_uniform(rng, 0.2, 3.0)) as u32);
            let parts: Vec<u32> = parts.collect();
            let what = format!("{parts:?} in turn");
            (Costs::Phases(parts), what)
        }
    }
}

/// What the dearest of nearly all jobs costs.
fn dearest(costs: &Costs) -> f64 {
    match costs {
        Costs::Uniform(range) => f64::from(*range.end()),
        Costs::LogNormal { mean, sigma } => mean * (3.0 * sigma).exp(),
        Costs::Mixed { dear, .. } => f64::from(*dear),
        Costs::Phases(parts) => parts.iter().copied().max().map_or(1.0, f64::from),
        Costs::Split { .. } | Costs::Given(_) => 1.0,
    }
}

/// A bucket of tokens that takes the jobs in as many seconds as were drawn for them.
fn tokens(rng: &mut fastrand::Rng, scenario: Scenario) -> Scenario {
    let costs = &scenario.work.costs;
    let per_second = scenario.work.jobs as f64 / round(rng, 300.0, 600.0);
    let per_minute = 60.0 * per_second * costs.mean(Unit::Tokens);
    let seconds = [2.0, 6.0, 15.0, 60.0][rng.usize(..4)];
    let burst = (per_minute / 60.0 * seconds).max(1.2 * dearest(costs));
    scenario.rule(bucket(per_minute.round(), burst.round(), Unit::Tokens))
}

/// The same, and a bucket of requests that may bind as well.
fn both(rng: &mut fastrand::Rng, scenario: Scenario) -> Scenario {
    let scenario = tokens(rng, scenario);
    let per_second = scenario.work.jobs as f64 / 450.0;
    let per_minute = (60.0 * per_second * log_uniform(rng, 0.7, 3.0)).round();
    let burst = [1.0, 10.0, per_minute / 60.0, per_minute / 6.0][rng.usize(..4)];
    scenario.rule(bucket(per_minute, burst.round().max(1.0), Unit::Requests))
}

/// A bucket of requests alone, whatever they cost.
fn requests(rng: &mut fastrand::Rng, scenario: Scenario) -> Scenario {
    let per_minute = (60.0 * scenario.work.jobs as f64 / round(rng, 300.0, 600.0)).round();
    let burst = [1.0, 10.0, per_minute / 60.0, per_minute / 6.0][rng.usize(..4)];
    let style = [Style::None, Style::RetryAfter][rng.usize(..2)];
    scenario
        .rule(bucket(per_minute, burst.round().max(1.0), Unit::Requests))
        .hints(style)
}

/// Fixed minutes of tokens that tell no more than a wait.
fn minutes(rng: &mut fastrand::Rng, scenario: Scenario) -> Scenario {
    let mean = scenario.work.costs.mean(Unit::Tokens);
    let per_second = scenario.work.jobs as f64 / round(rng, 400.0, 800.0);
    let limit = (60.0 * per_second * mean).max(2.0 * dearest(&scenario.work.costs));
    scenario
        .rule(Rule::CostWindow {
            limit: Schedule::always(limit.round()),
            period: 60.0,
            phase: (60.0 * rng.f64()).floor(),
            unit: Unit::Tokens,
        })
        .hints(Style::RetryAfter)
}
