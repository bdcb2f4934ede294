//! Clocks that jump by an hour.

use std::time::{Duration, SystemTime};

use httpdate::fmt_http_date;

use crate::client::Seen::Refused;
use crate::fault::{Answer, Fault, Source};
use crate::scenario::{Scenario, check};
use crate::server::Version::{self, Http1, Http2};

const HOUR: Duration = Duration::from_secs(3600);

/// What the server asks for, by its own clock.
const WAIT: Duration = Duration::from_secs(1);

fn ahead() -> SystemTime {
    SystemTime::now() + HOUR
}

fn behind() -> SystemTime {
    SystemTime::now() - HOUR
}

/// A refusal by a server whose clock shows `now`.
fn refusal(now: SystemTime) -> Answer {
    Answer::new(429, Source::Bytes(0)).header("retry-after", fmt_http_date(now + WAIT))
}

fn dated(now: SystemTime) -> Fault {
    Fault::Answer(refusal(now).header("date", fmt_http_date(now)))
}

#[tokio::test]
async fn the_servers_own_date_counts() {
    let scenario = |version: Version| {
        let name = "`Date` an hour ahead, then an hour behind; `Retry-After` a second after it";
        Scenario::new(name, version, dated(ahead()))
            .then(dated(behind()))
            .callers(4)
    };
    for server in check([Http1, Http2].map(scenario).to_vec())
        .await
        .iter()
        .flatten()
    {
        for attempts in server.ledger.refused_attempts() {
            assert_eq!(attempts.len(), 3);
            let waits = attempts.windows(2).map(|pair| pair[1] - pair[0]);
            assert!(waits.into_iter().all(|wait| wait >= WAIT));
        }
    }
}

#[tokio::test]
async fn without_a_date_the_own_clock_counts() {
    let scenarios = [Http1, Http2].map(|version| {
        let far = "no `Date`; `Retry-After` by a clock an hour ahead";
        let past = "no `Date`; `Retry-After` by a clock an hour behind";
        [
            Scenario::new(far, version, Fault::Answer(refusal(ahead())))
                .sees(Refused, Refused, Refused),
            Scenario::new(past, version, Fault::Answer(refusal(behind()))),
        ]
    });
    check(scenarios.concat()).await;
}
