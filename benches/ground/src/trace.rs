//! What a client believed and did over time, as CSV.

use std::fmt::Write as _;

use crate::run::Sample;

/// One line per sample. Columns a client cannot tell are empty.
pub fn csv(samples: &[Sample]) -> String {
    let mut out = String::from("seconds,limit,in_flight,waiting,sent_per_second,pace,pause,refused\n");
    let cell = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
    for sample in samples {
        let belief = sample.belief;
        let _ = writeln!(
            out,
            "{:.3},{},{},{},{:.3},{},{},{}",
            sample.at,
            cell(belief.limit.map(|limit| limit as f64)),
            sample.in_flight,
            cell(belief.waiting.map(|waiting| waiting as f64)),
            sample.sent_per_second,
            cell(belief.pace),
            cell(belief.pause),
            sample.refused,
        );
    }
    out
}
