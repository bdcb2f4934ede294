//! What share of the runs tested something.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tower_throttle::hint::{Hint, Verdict};

use super::response::Response;

const NAMES: [&str; 10] = [
    "a header",
    "a quota",
    "a used-up quota",
    "a refusal",
    "a wait",
    "a body",
    "a whole JSON body",
    "a body that told more",
    "a refusal for good",
    "one too large",
];

/// How many runs lie between two reports.
const PERIOD: u64 = 1_000_000;

static RUNS: AtomicU64 = AtomicU64::new(0);
static COUNTS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

/// Counts a run, and reports after the first 50,000 and each million.
pub fn count(response: &Response, head: &Hint, hint: &Hint) {
    let had = [
        !response.headers.is_empty(),
        !hint.quotas().is_empty(),
        hint.quotas().iter().any(|quota| quota.is_exhausted()),
        hint.is_refusal(),
        hint.wait().is_some(),
        response.body.is_some(),
        response.whole,
        head != hint,
        hint.verdict(std::time::Duration::MAX) == Verdict::Permanent,
        hint.names_request(),
    ];
    for (count, had) in COUNTS.iter().zip(had) {
        count.fetch_add(had.into(), Relaxed);
    }
    let runs = RUNS.fetch_add(1, Relaxed) + 1;
    if runs == 50_000 || runs % PERIOD == 0 {
        let shares: Vec<_> = NAMES
            .iter()
            .zip(&COUNTS)
            .map(|(name, count)| format!("{name} {}%", count.load(Relaxed) * 100 / runs))
            .collect();
        eprintln!("of {runs} runs: {}", shares.join(", "));
    }
}
