//! Refusals with bodies that nobody should wait for.

use std::sync::atomic::Ordering::SeqCst;

use crate::fault::{Answer, End, Fault, Source};
use crate::scenario::{Scenario, check};
use crate::server::Version::{Http1, Http2};

const HUGE: u64 = 100_000_000;

/// What may lie in sockets' buffers and HTTP/2's windows, beyond the 64 KiB that are read.
const BUFFERED: u64 = 20_000_000;

#[tokio::test]
async fn with_bodies_too_large() {
    let scenarios = [Http1, Http2].map(|version| {
        [
            (
                "429, its body endless",
                Answer::new(429, Source::Bytes(u64::MAX)),
            ),
            (
                "429, its body 100 MB",
                Answer::new(429, Source::Bytes(HUGE)).length(HUGE),
            ),
        ]
        .map(|(name, answer)| Scenario::new(name, version, Fault::Answer(answer)))
    });
    for server in check(scenarios.concat()).await.into_iter().flatten() {
        let sent = server.ledger.most_refused_bytes();
        assert!((64 * 1024..BUFFERED).contains(&sent), "{sent} bytes");
    }
}

#[tokio::test]
async fn with_bodies_that_do_not_end_well() {
    let refusal = || Answer::new(429, Source::Bytes(5)).length(100);
    let scenarios = [Http1, Http2].map(|version| {
        [
            (
                "429, its body byte by byte for ever",
                Answer::new(429, Source::Drip),
            ),
            ("429, its `Content-Length` too long", refusal()),
            ("429, its body cut mid-way", refusal().end(End::Cut)),
            (
                "429, connection reset after the head",
                refusal().end(End::Reset),
            ),
        ]
        .map(|(name, answer)| Scenario::new(name, version, Fault::Answer(answer)))
    });
    check(scenarios.concat()).await;
}

/// A refusal costs HTTP/2 no connection, whatever its body.
#[tokio::test]
async fn leave_http2_its_connection() {
    let endless = Fault::Answer(Answer::new(429, Source::Bytes(u64::MAX)));
    let scenario = Scenario::new("429, its body endless", Http2, endless);
    for server in scenario.run().await {
        assert_eq!(server.ledger.connections.load(SeqCst), 1);
    }
}
