//! Clients that leave, and answers that break off.

use crate::common::{Patient, gateway, piece, told, until};

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
    let (events, url) = told().await;
    let gateway = gateway(&url, |_| {}).await;
    events.send(Ok("data: 1\n\n")).unwrap();
    let request = gateway.post("/v1/chat").body("").unwrap();
    let mut body = gateway.send(request).await.unwrap().into_body();
    assert_eq!(piece(&mut body).await.unwrap().unwrap(), "data: 1\n\n");
    assert_eq!(gateway.load().await, (1, 0));

    drop(body);
    until("the upstream stops to listen", || events.is_closed()).await;
    gateway.until_load(0, 0).await;
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_so_for_the_client_too() {
    let (pieces, url) = told().await;
    let gateway = gateway(&url, |_| {}).await;
    pieces.send(Ok("half an ")).unwrap();
    let request = gateway.post("/v1/chat").body("").unwrap();
    let mut body = gateway.send(request).await.unwrap().into_body();
    assert_eq!(piece(&mut body).await.unwrap().unwrap(), "half an ");
    pieces.send(Err(std::io::Error::other("no more"))).unwrap();
    assert!(piece(&mut body).await.unwrap().is_err());
    gateway.until_load(0, 0).await;
}
