//! Answers that take for ever.

use std::time::Duration;

use crate::client::Seen::{Error, Served, TimedOut};
use crate::fault::{Answer, Fault, Source};
use crate::scenario::{Scenario, check};
use crate::server::Version::{Http1, Http2};

/// The bound on one attempt, with the opt-ins.
const ATTEMPT: Duration = Duration::from_secs(1);

#[tokio::test]
async fn heads_and_bodies() {
    let body = Fault::Answer(Answer::new(200, Source::Drip));
    let scenarios = [Http1, Http2].map(|version| {
        [
            Scenario::new(
                "no answer, or its head byte by byte",
                version,
                Fault::SlowHead,
            )
            .sees(TimedOut, TimedOut, TimedOut),
            Scenario::new(
                "the same, with a `Timeout` for each attempt",
                version,
                Fault::SlowHead,
            )
            .attempt(ATTEMPT)
            .sees(TimedOut, Served, Error),
            Scenario::new("body byte by byte for ever", version, body.clone())
                .attempt(ATTEMPT)
                .sees(TimedOut, TimedOut, TimedOut),
        ]
    });
    check(scenarios.concat()).await;
}
