//! Limits on tokens, and requests as large as those of a trace.

use sim::costs::Costs;
use sim::limits::{Cost, Rule, Unit};
use sim::requests::Recorded;
use sim::work::Arrivals;

use super::{bucket, in_styles};
use crate::scenario::Scenario;

/// The first of a trace that are sent.
const JOBS: usize = 1_500;

/// The seconds in which the limit takes them.
const TAKEN_IN: f64 = 600.0;

/// The seconds of refill that a bucket holds.
const DEEP: f64 = 6.0;

/// How much more arrives than the limit takes.
const OVERLOAD: f64 = 1.25;

/// All at once, and as they arrived, with a limit on all tokens, one on input and output apart, and one on tokens in fixed
/// minutes.
pub fn all(requests: &[Recorded]) -> Vec<Scenario> {
    let requests = &requests[..requests.len().min(JOBS)];
    let costs: Vec<Cost> = requests.iter().map(|request| request.cost).collect();
    let of = |name, title| {
        let mut scenario = Scenario::new(name, title, requests.len(), 4.0);
        scenario.work.costs = Costs::Given(costs.clone());
        scenario
    };
    let per_minute = |unit: Unit| 60.0 * sum(&costs, unit) / TAKEN_IN;
    let limited = |unit: Unit| deep(per_minute(unit), &costs, unit);
    let mut all =
        in_styles(of("trace-tok", "as large as in the trace").rule(limited(Unit::Tokens)));
    let mut arriving = of("trace-arr", "as large and when as in the trace");
    let lasted = requests.last().map_or(1.0, |last| last.at.max(1.0));
    let arrived = 60.0 * sum(&costs, Unit::Tokens) / lasted;
    arriving.work.arrivals = Arrivals::Given(requests.iter().map(|request| request.at).collect());
    all.extend(in_styles(arriving.rule(deep(
        arrived / OVERLOAD,
        &costs,
        Unit::Tokens,
    ))));
    all.extend(in_styles(
        of(
            "trace-split",
            "as large as in the trace, input and output apart",
        )
        .rule(limited(Unit::Input))
        .rule(limited(Unit::Output)),
    ));
    all
}

fn sum(costs: &[Cost], unit: Unit) -> f64 {
    costs.iter().map(|cost| unit.of(*cost)).sum()
}

/// A bucket that takes the dearest of them.
fn deep(per_minute: f64, costs: &[Cost], unit: Unit) -> Rule {
    let dearest = costs.iter().map(|cost| unit.of(*cost)).fold(0.0, f64::max);
    bucket(per_minute, (per_minute / 60.0 * DEEP).max(dearest), unit)
}
