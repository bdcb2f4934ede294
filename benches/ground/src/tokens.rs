//! APIs that limit the tokens of a language model: what each request costs matters.

mod bounds;
mod drawn;
mod other;
mod traced;

use sim::costs::Costs;
use sim::hints::Style;
use sim::limits::{Rule, Unit};
use sim::schedule::Schedule;

use crate::scenario::Scenario;

pub use bounds::{CHECKED, misses};
pub use drawn::of_each;
pub use traced::all as of_trace;

/// The refill of most of them, in tokens per minute.
const PER_MINUTE: f64 = 120_000.0;

/// All of them, in the order of the table.
pub fn all() -> Vec<Scenario> {
    let mut all: Vec<Scenario> = told_or_not().into_iter().flat_map(in_styles).collect();
    all.extend(in_two_dimensions());
    all.extend(in_windows());
    all.extend(other::with_random_refusals());
    all.extend(other::with_late_output());
    all.into_iter().map(bounds::to_goal).collect()
}

fn bucket(per_minute: f64, burst: f64, unit: Unit) -> Rule {
    Rule::Bucket {
        per_minute: Schedule::always(per_minute),
        burst,
        unit,
    }
}

/// Jobs that take four seconds each.
fn jobs(name: &'static str, title: &'static str, jobs: usize, costs: Costs) -> Scenario {
    let mut scenario = Scenario::new(name, title, jobs, 4.0);
    scenario.work.costs = costs;
    scenario
}

fn mixed() -> Costs {
    Costs::Mixed {
        cheap: 200,
        dear: 6_000,
        nth: 10,
    }
}

fn log_normal() -> Costs {
    Costs::LogNormal {
        mean: 800.0,
        sigma: 1.0,
    }
}

/// The buckets, each with a name and a title for each way to tell of it.
fn told_or_not() -> Vec<Scenario> {
    let both = |scenario: Scenario| {
        scenario
            .rule(bucket(1_000.0, 1_000.0 / 60.0, Unit::Requests))
            .rule(bucket(PER_MINUTE, 12_000.0, Unit::Tokens))
    };
    let deep = jobs(
        "tok-deep",
        "200k tokens/min, a bucket of a minute, log-normal",
        2_000,
        log_normal(),
    );
    let mut of_both = jobs(
        "both-ph",
        "300 requests/min and 120k tokens/min, 100 and 2,000 in turn",
        1_200,
        Costs::Phases(vec![100, 2_000, 100, 2_000, 100]),
    );
    of_both = of_both
        .rule(bucket(300.0, 20.0, Unit::Requests))
        .rule(bucket(PER_MINUTE, 12_000.0, Unit::Tokens));
    let requests = jobs(
        "rpm-bi",
        "300 requests/min alone, 200 and 6,000",
        1_500,
        mixed(),
    );
    vec![
        both(jobs(
            "tok-ln",
            "120k tokens/min, log-normal",
            1_500,
            log_normal(),
        )),
        both(jobs(
            "tok-bi",
            "120k tokens/min, 200, one in ten 6,000",
            1_500,
            mixed(),
        )),
        both(jobs(
            "tok-ph",
            "120k tokens/min, 200, then 3,000, then 200",
            1_500,
            Costs::Phases(vec![200, 3_000, 200]),
        )),
        deep.rule(bucket(200_000.0, 200_000.0, Unit::Tokens)),
        of_both,
        requests.rule(bucket(300.0, 20.0, Unit::Requests)),
    ]
}

/// With nothing told, with a `Retry-After`, and with OpenAI's headers.
fn in_styles(scenario: Scenario) -> Vec<Scenario> {
    let styles = [
        ("", "", Style::None),
        ("-ra", ", Retry-After", Style::RetryAfter),
        ("-openai", ", OpenAI headers", Style::OpenAi),
    ];
    styles
        .into_iter()
        .map(|(name, title, style)| Scenario {
            name: format!("{}{name}", scenario.name).leak(),
            title: format!("{}{title}", scenario.title).leak(),
            ..scenario.clone().hints(style)
        })
        .collect()
}

/// Anthropic's: input and output apart.
fn in_two_dimensions() -> Vec<Scenario> {
    let split = |input, output| Costs::Split {
        input,
        output,
        sigma: 0.8,
    };
    let anthropic = |name, title, costs| {
        jobs(name, title, 1_500, costs)
            .rule(bucket(1_000.0, 1_000.0 / 60.0, Unit::Requests))
            .rule(bucket(PER_MINUTE, 30_000.0, Unit::Input))
            .rule(bucket(24_000.0, 6_000.0, Unit::Output))
            .hints(Style::Anthropic)
    };
    let output = anthropic("", "", split(400.0, 200.0));
    vec![
        anthropic(
            "in-out-input",
            "120k input and 24k output/min, input binds, Anthropic headers",
            split(900.0, 100.0),
        ),
        anthropic(
            "in-out-output",
            "120k input and 24k output/min, output binds, Anthropic headers",
            split(400.0, 200.0),
        ),
        Scenario {
            name: "in-out-untold",
            title: "120k input and 24k output/min, output binds",
            ..output.hints(Style::None)
        },
    ]
}

/// Azure's: fixed minutes.
fn in_windows() -> Vec<Scenario> {
    let window = |name, title, costs, style| {
        jobs(name, title, 1_500, costs)
            .rule(Rule::CostWindow {
                limit: Schedule::always(PER_MINUTE),
                period: 60.0,
                phase: 17.0,
                unit: Unit::Tokens,
            })
            .hints(style)
    };
    vec![
        window(
            "azure-ln-ra",
            "120k tokens in each minute, log-normal, Retry-After",
            log_normal(),
            Style::RetryAfter,
        ),
        window(
            "azure-ln",
            "120k tokens in each minute, log-normal, Azure headers",
            log_normal(),
            Style::Azure,
        ),
        window(
            "azure-bi",
            "120k tokens in each minute, 200 and 6,000, Azure headers",
            mixed(),
            Style::Azure,
        ),
    ]
}
