//! What else may be wrong: refusals at random, and output that nobody knows before.

use sim::api::Random;
use sim::costs::Costs;
use sim::hints::Style;
use sim::limits::Unit;

use super::{PER_MINUTE, bucket, jobs, log_normal, mixed};
use crate::scenario::Scenario;

/// A share of the attempts is refused with a 429 that has nothing to do with a limit.
pub(super) fn with_random_refusals() -> Vec<Scenario> {
    let random = |mut scenario: Scenario, share| {
        scenario.api.random = Some(Random::of(share, 429));
        scenario
    };
    let limited = |name, title| {
        jobs(name, title, 1_500, log_normal())
            .rule(bucket(1_000.0, 1_000.0 / 60.0, Unit::Requests))
            .rule(bucket(PER_MINUTE, 12_000.0, Unit::Tokens))
    };
    vec![
        random(
            jobs(
                "places-random",
                "40 in flight, 5 % 429 at random, 200 and 6,000",
                1_500,
                mixed(),
            )
            .in_flight(sim::schedule::Schedule::always(40.0)),
            0.05,
        ),
        random(
            jobs(
                "rpm-random",
                "300 requests/min alone, 2 % 429 at random, 200 and 6,000",
                1_500,
                mixed(),
            )
            .rule(bucket(300.0, 20.0, Unit::Requests)),
            0.02,
        ),
        random(
            limited(
                "tok-random",
                "120k tokens/min, 2 % 429 at random, log-normal",
            ),
            0.02,
        ),
        random(
            limited(
                "tok-random-openai",
                "120k tokens/min, 2 % 429 at random, log-normal, OpenAI headers",
            )
            .hints(Style::OpenAi),
            0.02,
        ),
    ]
}

/// Output counts when the answer ends. Until then its client expects the mean.
pub(super) fn with_late_output() -> Vec<Scenario> {
    let late = |name, title, style| {
        let costs = Costs::Split {
            input: 400.0,
            output: 400.0,
            sigma: 0.8,
        };
        let mut scenario = jobs(name, title, 1_500, costs)
            .rule(bucket(PER_MINUTE, 12_000.0, Unit::Tokens))
            .hints(style);
        scenario.api.output_late = true;
        scenario.work.expected_output = Some(400);
        scenario
    };
    vec![
        late(
            "late-output",
            "120k tokens/min, output counts at the end",
            Style::None,
        ),
        late(
            "late-output-ra",
            "120k tokens/min, output counts at the end, Retry-After",
            Style::RetryAfter,
        ),
        late(
            "late-output-openai",
            "120k tokens/min, output counts at the end, OpenAI headers",
            Style::OpenAi,
        ),
    ]
}
