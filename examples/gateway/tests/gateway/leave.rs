//! Clients that leave, and answers that break off.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::common::{Patient, Work, gateway, until, upstream};

#[tokio::test]
async fn whoever_leaves_before_an_answer_ends_the_upstreams_work_or_leaves_the_line() {
    let upstream = Patient::start().await;
    let gateway = gateway(&upstream.url, |config| config.max_in_flight = 1).await;
    let first = gateway.in_background();
    gateway.until_load(1, 0).await;
    let second = gateway.in_background();
    gateway.until_load(1, 1).await;
    let third = gateway.in_background();
    gateway.until_load(1, 2).await;
    until("one is worked on", || upstream.working() == 1).await;

    second.abort();
    gateway.until_load(1, 1).await;
    // Its permit goes to the third, which is worked on in its stead.
    first.abort();
    gateway.until_load(1, 0).await;
    upstream.may.add_permits(1);
    assert_eq!(third.await.unwrap().body(), "done");
    gateway.until_load(0, 0).await;
    until("nothing is worked on", || upstream.working() == 0).await;
    assert_eq!(gateway.status(0).await["abandoned"], 2);
}

#[tokio::test]
async fn whoever_leaves_in_the_middle_of_an_answer_ends_the_upstreams_work() {
    let working = Arc::new(AtomicUsize::new(0));
    let state = Arc::clone(&working);
    let answer = post(async move || {
        let work = Work::begin(state);
        let events = tokio_stream::iter([Ok::<_, std::io::Error>("data: 1\n\n")]);
        Body::from_stream(events.chain(tokio_stream::pending()).map(move |event| {
            let _ = &work;
            event
        }))
    });
    let url = upstream(Router::new().route("/v1/x", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    let answer = gateway
        .send(gateway.post("/v1/x").body("").unwrap())
        .await
        .unwrap();
    let mut body = answer.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "data: 1\n\n"
    );
    assert_eq!(working.load(Ordering::SeqCst), 1);
    assert_eq!(gateway.load().await, (1, 0));

    drop(body);
    until("nothing is worked on", || {
        working.load(Ordering::SeqCst) == 0
    })
    .await;
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_so_for_the_client_too() {
    let (pieces, received) = mpsc::unbounded_channel::<std::io::Result<&str>>();
    let received = Arc::new(Mutex::new(Some(received)));
    let answer = post(async move || {
        let received = received.lock().unwrap().take().unwrap();
        Body::from_stream(UnboundedReceiverStream::new(received))
    });
    let url = upstream(Router::new().route("/v1/x", answer)).await;
    let gateway = gateway(&url, |_| {}).await;
    pieces.send(Ok("half an ")).unwrap();
    let answer = gateway
        .send(gateway.post("/v1/x").body("").unwrap())
        .await
        .unwrap();
    let mut body = answer.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "half an "
    );
    pieces.send(Err(std::io::Error::other("no more"))).unwrap();
    assert!(body.frame().await.unwrap().is_err());
    gateway.until_load(0, 0).await;
}
