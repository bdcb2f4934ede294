//! What only HTTP/2 can do to a request.

use crate::client::Seen::{Error, Served};
use crate::fault::Fault;
use crate::scenario::{Scenario, check};
use crate::server::Version::Http2;

#[tokio::test]
async fn that_are_reset_or_refused() {
    let scenarios = vec![
        Scenario::new("stream reset: `INTERNAL_ERROR`", Http2, Fault::ResetStream)
            .sees(Error, Served, Error),
        Scenario::new(
            "stream refused: `REFUSED_STREAM`",
            Http2,
            Fault::RefuseStream,
        )
        .sees(Error, Served, Served),
        Scenario::new("`GOAWAY`, stream above the last one", Http2, Fault::GoAway)
            .sees(Error, Served, Served),
        Scenario::new(
            "`GOAWAY` that excludes no stream, and no answer",
            Http2,
            Fault::GoAwayAfter,
        )
        .sees(Error, Served, Error),
    ];
    check(scenarios).await;
}
