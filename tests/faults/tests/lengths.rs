//! Answers whose `Content-Length` is a lie.

use crate::client::Seen::{BodyError, Served, Truncated};
use crate::fault::{Answer, End, Fault, Source};
use crate::scenario::{Scenario, check};
use crate::server::Version::{Http1, Http2};

#[tokio::test]
async fn that_are_wrong() {
    let long = Answer::new(200, Source::Id).length(100).end(End::Close);
    let short = Answer::new(200, Source::Id).length(1);
    let with = |name, answer: &Answer, version| {
        Scenario::new(name, version, Fault::Answer(answer.clone()))
    };
    let scenarios = vec![
        with("`Content-Length` too long", &long, Http1).sees(BodyError, BodyError, BodyError),
        with("`Content-Length` too long", &long, Http2).sees(BodyError, BodyError, BodyError),
        with("`Content-Length` too short", &short, Http1).sees(Truncated, Truncated, Truncated),
        with("`Content-Length` too short", &short, Http2).sees(BodyError, BodyError, BodyError),
    ];
    check(scenarios).await;
}

/// What a client reads for the next answer would be somebody else's.
#[tokio::test]
async fn that_hide_another_answer() {
    let answer = Answer::new(200, Source::IdAndMore).length(2);
    let name = "another answer behind the first";
    let first = Scenario::new(name, Http1, Fault::Answer(answer.clone()));
    let second = Scenario::new(name, Http2, Fault::Answer(answer));
    check(vec![
        first.sees(Served, Served, Served),
        second.sees(BodyError, BodyError, BodyError),
    ])
    .await;
}
