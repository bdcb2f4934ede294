//! Connections that break.

use http::Method;

use crate::client::Seen::{BodyError, Error, Served};
use crate::client::{Client, Setup};
use crate::fault::{Answer, End, Fault, Source};
use crate::scenario::{GUARD, Scenario, check};
use crate::server::Server;
use crate::server::Version::{Http1, Http2};
use crate::table::check_row;

#[tokio::test]
async fn before_the_head() {
    let scenarios = [Http1, Http2].map(|version| {
        let reset = "connection reset before the head of the answer";
        let closed = "connection closed before the head of the answer";
        [
            (reset, Fault::ResetConnection),
            (closed, Fault::CloseConnection),
        ]
        .map(|(name, fault)| Scenario::new(name, version, fault).sees(Error, Served, Error))
    });
    check(scenarios.concat()).await;
}

#[tokio::test]
async fn after_the_head() {
    let half = || Answer::new(200, Source::HalfId);
    let scenarios = [Http1, Http2].map(|version| {
        [
            ("connection reset after the head", half().end(End::Reset)),
            ("body cut mid-way", half().end(End::Cut)),
        ]
        .map(|(name, answer)| {
            let scenario = Scenario::new(name, version, Fault::Answer(answer));
            scenario.sees(BodyError, BodyError, BodyError)
        })
    });
    check(scenarios.concat()).await;
}

/// The next request may be on its way when the client comes to know. What it had not begun to write,
/// hyper-util's client sends again itself, on another connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_answer_without_a_word() {
    let answer = Answer::new(200, Source::Id).length(2).end(End::Close);
    for setup in [Setup::Defaults, Setup::OptIns] {
        let answer = Fault::Answer(answer.clone());
        let server = Server::start(Http1, move |_, _| answer.clone()).await;
        let client = Client::new(server.address, Http1, setup, None);
        let mut lost = 0;
        for id in 10..90 {
            let method = [Method::GET, Method::POST][id as usize % 2].clone();
            let again = setup == Setup::OptIns && method == Method::GET;
            let seen = client.send_within(GUARD, id, method).await;
            assert!(
                seen == Served || (seen == Error && !again),
                "{id}: {seen:?}"
            );
            lost += u32::from(seen == Error);
            assert!(again || server.ledger.of(id).worked <= 1, "{id}");
        }
        client.assert_at_rest();
        println!("{setup:?}: {lost} of 80 were written to a connection that was closed");
    }
    let name = "connection closed after an answer, without a word, and used again";
    check_row(name, "1.1", "200, or error", "200", "200, or error");
}
