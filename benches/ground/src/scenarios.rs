//! The scenarios. To add one, add it to a list here.

use sim::api::Random;
use sim::hints::{Exactness, Style};
use sim::limits::{Over, Rule, Unit};
use sim::schedule::Schedule;
use sim::work::Arrivals;

use crate::scenario::Scenario;

/// Every scenario, in the order of the table.
pub fn all() -> Vec<Scenario> {
    let mut all = field();
    all.extend(further());
    all
}

fn same(scenario: &Scenario, name: &'static str, title: &'static str, style: Style) -> Scenario {
    Scenario {
        name,
        title,
        ..scenario.clone()
    }
    .hints(style)
}

/// Those on which the field was measured first.
fn field() -> Vec<Scenario> {
    let always = Schedule::always;
    let slow_bucket =
        Scenario::new("bucket-500", "bucket 500/min, burst 10", 3000, 5.0).bucket(500.0, 10.0);
    let fast_bucket =
        Scenario::new("bucket-600", "bucket 600/min, burst 10", 3000, 0.05).bucket(600.0, 10.0);
    let window = Scenario::new("window-300", "window 300/min", 2000, 2.0)
        .rule(Rule::window(Schedule::always(300.0), 60.0));
    let mut tokens = Scenario::new(
        "tokens",
        "1000 requests/min and 120k tokens/min, Retry-After",
        2000,
        4.0,
    )
    .bucket(1000.0, 1000.0 / 60.0)
    .rule(Rule::Bucket {
        per_minute: always(120_000.0),
        burst: 12_000.0,
        unit: Unit::Tokens,
    })
    .hints(Style::RetryAfter);
    tokens.work.cost = 50..=800;
    let mut knee =
        Scenario::new("knee", "knee at 30, 503 above 80", 3000, 1.0).rule(Rule::InFlight {
            limit: always(80.0),
            status: 503,
        });
    knee.api.knee = Some(30.0);
    let mut outage = Scenario::new(
        "outage",
        "30 in flight, all 503 from 30 s to 90 s",
        2000,
        2.0,
    )
    .in_flight(always(30.0))
    .at_most(1.10);
    outage.api.outage = Some((30.0, 90.0));
    vec![
        Scenario::new("five", "5 in flight", 500, 10.0).in_flight(always(5.0)),
        Scenario::new("fifty", "50 in flight", 2000, 4.0).in_flight(always(50.0)),
        Scenario::new(
            "moving",
            "40, at 120 s 10, at 300 s 60 in flight",
            3000,
            4.0,
        )
        .in_flight(Schedule::steps(&[
            (0.0, 40.0),
            (120.0, 10.0),
            (300.0, 60.0),
        ]))
        .at_most(1.10),
        slow_bucket.clone(),
        same(
            &slow_bucket,
            "bucket-500-ra",
            "bucket 500/min, burst 10, Retry-After",
            Style::RetryAfter,
        ),
        same(
            &slow_bucket,
            "bucket-500-openai",
            "bucket 500/min, burst 10, OpenAI headers",
            Style::OpenAi,
        ),
        fast_bucket.clone(),
        same(
            &fast_bucket,
            "bucket-600-ra",
            "bucket 600/min, burst 10, Retry-After",
            Style::RetryAfter,
        ),
        window.clone(),
        same(
            &window,
            "window-300-ra",
            "window 300/min, Retry-After",
            Style::RetryAfter,
        ),
        same(
            &window,
            "window-300-ietf",
            "window 300/min, IETF RateLimit",
            Style::Ietf,
        ),
        tokens,
        knee,
        Scenario::new("shared-40", "40 in flight shared by 8 clients", 3200, 3.0)
            .in_flight(always(40.0))
            .shared_by(8, 0.0),
        Scenario::new(
            "shared-1200-ra",
            "bucket 1200/min shared by 8 clients, Retry-After",
            4000,
            3.0,
        )
        .bucket(1200.0, 20.0)
        .hints(Style::RetryAfter)
        .shared_by(8, 0.0)
.missed_because("what the others take looks like refusals at random, and is taken for that now and then; and eight \
 clients find one rate at a time: most of the refusals fall into the first fifty seconds"),
        outage,
    ]
}

/// Those that an algorithm tuned to the first would fail.
fn further() -> Vec<Scenario> {
    let always = Schedule::always;
    let mut overloaded =
        Scenario::new("random-529", "40 in flight, 5 % 529 at any load", 2000, 3.0)
            .in_flight(always(40.0));
    overloaded.api.random = Some(Random::of(0.05, 529));
    let mut too_short = Scenario::new(
        "ra-short",
        "window 300/min, Retry-After ten times too short",
        2000,
        2.0,
    )
    .rule(Rule::window(Schedule::always(300.0), 60.0))
    .hints(Style::RetryAfter);
    too_short.api.exactness = Exactness::Times(0.1);
    let mut always_20 = Scenario::new(
        "ra-20s",
        "bucket 500/min, Retry-After always 20 s",
        3000,
        5.0,
    )
    .bucket(500.0, 10.0)
    .hints(Style::RetryAfter).missed_because("the server asks for twenty seconds where a tenth of one is enough; it is obeyed once, and the second \
 wait is tested after five seconds");
    always_20.api.exactness = Exactness::Always(20.0);
    let mut slows = Scenario::new("slows", "knee at 20, never refuses", 2000, 1.0).missed_because("the answers tell a round trip after the window has doubled; growth by half a window costs `fall` and \
 `alternating` their bounds (`docs/sweep.md`, `stage_growth`)");
    slows.api.knee = Some(20.0);
    slows.bounds.peak = Some(40);
    let mut heavy =
        Scenario::new("heavy-tail", "40 in flight, sigma 1.2", 2000, 4.0).in_flight(always(40.0));
    heavy.work.sigma = 1.2;
    let mut trickle = Scenario::new(
        "trickle",
        "30 in flight, 100 s trickle, then burst",
        2000,
        3.0,
    )
    .in_flight(always(30.0));
    trickle.work.arrivals = Arrivals::TrickleThenBurst {
        trickle: 100,
        every: 1.0,
    };
    let mut poisson =
        Scenario::new("poisson", "40 in flight, Poisson at 8/s", 3000, 4.0).in_flight(always(40.0));
    poisson.work.arrivals = Arrivals::Poisson { per_second: 8.0 };
    let mut five_a_minute =
        Scenario::new("five-rpm", "bucket 5/min, burst 5", 100, 3.0).bucket(5.0, 5.0);
    five_a_minute.bounds.refused = 600.0;
    vec![
        overloaded,
        Scenario::new(
            "alternating",
            "20 and 60 in flight, a minute each",
            3000,
            3.0,
        )
        .in_flight(Schedule::steps(&[(0.0, 20.0), (60.0, 60.0)]).every(120.0))
        .at_most(1.10),
        too_short,
        always_20,
        slows,
        Scenario::new("sliding", "log 100/min, refused ones count", 500, 2.0).rule(Rule::Sliding {
            limit: Schedule::always(100.0),
            period: 60.0,
            over: Over::Counted,
        }).missed_because("refused requests count, and the probes keep the log full"),
        Scenario::new("burst-1", "bucket 600/min, burst 1", 3000, 1.0).bucket(600.0, 1.0),
        heavy,
        trickle,
        poisson,
        Scenario::new(
            "late-40",
            "40 in flight, 4 clients, one more every 30 s",
            4000,
            3.0,
        )
        .in_flight(always(40.0))
        .shared_by(4, 30.0)
.missed_because("a late joiner finds no free place: those who were there fill each at once"),
        Scenario::new(
            "late-600-ra",
            "bucket 600/min, 4 clients, one more every 30 s, Retry-After",
            3000,
            3.0,
        )
        .bucket(600.0, 10.0)
        .hints(Style::RetryAfter)
        .shared_by(4, 30.0)
.missed_because("as `shared-1200-ra`; and each newcomer takes its share by being refused and having others refused"),
        Scenario::new("free-200", "200 in flight and nothing more", 4000, 4.0)
            .in_flight(always(200.0))
            .at_most(1.3),
        five_a_minute,
        Scenario::new("rise", "10, at 120 s 100 in flight", 4000, 3.0)
            .in_flight(Schedule::steps(&[(0.0, 10.0), (120.0, 100.0)]))
            .at_most(1.10),
        Scenario::new("fall", "80, at 60 s 20 in flight", 3000, 3.0)
            .in_flight(Schedule::steps(&[(0.0, 80.0), (60.0, 20.0)]))
            .at_most(1.10),
        Scenario::new(
            "bucket-300-anthropic",
            "bucket 300/min, burst 20, Anthropic headers",
            1500,
            4.0,
        )
        .bucket(300.0, 20.0)
        .hints(Style::Anthropic),
        Scenario::new(
            "window-500-late",
            "window 500/min, met after 41 s of it",
            2500,
            2.0,
        )
        .rule(Rule::Window {
            limit: Schedule::always(500.0),
            period: 60.0,
            phase: Some(41.0),
        }),
        Scenario::new(
            "window-60-epoch",
            "window 60 in 3 s from its first request, ends told by the clock",
            600,
            0.05,
        )
        .rule(Rule::Opened {
            limit: Schedule::always(60.0),
            period: 3.0,
        })
        .hints(Style::Epoch),
        Scenario::new(
            "both",
            "25 in flight and bucket 600/min, burst 20",
            3000,
            2.0,
        )
        .in_flight(always(25.0))
        .bucket(600.0, 20.0),
    ]
}

/// The arrivals of a recorded trace on a limit of 40 in flight.
pub fn of_trace(times: Vec<f64>) -> Scenario {
    let jobs = times.len().min(3000);
    let mut scenario = Scenario::new("trace", "40 in flight, arrivals of a trace", jobs, 4.0)
        .in_flight(Schedule::always(40.0));
    scenario.work.arrivals = Arrivals::Given(times);
    scenario
}

#[cfg(test)]
mod tests;
