use http_body_util::BodyExt as _;

use super::*;

/// Takes one at a time, for two seconds.
fn one_place() -> Server {
    Server::new(|Arrival { busy, .. }| Fate::taken_if(busy == 0, 2.0))
}

async fn begin(server: &Server) -> Response<Body> {
    let request = Request::new(Full::default());
    server.clone().call(request).await.expect("an answer")
}

/// The status, and how many seconds it took.
async fn ask(server: &Server) -> (u16, f64) {
    let sent = server.now();
    let status = begin(server).await.status().as_u16();
    (status, server.now() - sent)
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_quick_and_occupies_nothing() {
    let server = one_place();
    let (first, second) = tokio::join!(ask(&server), ask(&server));
    assert_eq!((first.0, second.0), (200, 429));
    assert!((first.1 - 2.0).abs() < 0.002 && (second.1 - 0.005).abs() < 0.002);
    assert_eq!((server.in_flight(), server.peak()), (0, 1));
    assert_eq!((server.log().accepted.len(), server.log().refused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_given_up_leaves_its_place() {
    let server = one_place();
    let given_up = tokio::time::timeout(Duration::from_secs(1), ask(&server)).await;
    assert!(given_up.is_err());
    assert_eq!(ask(&server).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_be_held_and_no_fault_of_the_clients() {
    let server = Server::new(|_| Fate {
        takes: 1.0,
        held: true,
        disturbed: true,
        ..Fate::refused(503)
    });
    let asked = async {
        sleep(Duration::from_millis(500)).await;
        server.in_flight()
    };
    let ((status, took), in_flight) = tokio::join!(ask(&server), asked);
    assert_eq!((status, in_flight), (503, 1));
    assert!((took - 1.0).abs() < 0.002);
    assert_eq!((server.log().disturbed, server.log().refused), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_passes_while_the_machine_stands_still() {
    let server = one_place().stalls(vec![0.0..1.0, 2.5..3.5]);
    assert_eq!(ask(&server).await, (200, 3.5));
}

#[tokio::test(start_paused = true)]
async fn headers_stand_on_answers_of_both_kinds() {
    let server = Server::new(|Arrival { number, .. }| {
        let fate = Fate::taken_if(number == 0, 1.0).header("x-number", number);
        fate.header_if_refused("retry-after", 5)
    });
    let (first, second) = (begin(&server).await, begin(&server).await);
    assert_eq!(
        (&first.headers()["x-number"], first.headers().len()),
        (&"0".parse().expect("a value"), 1)
    );
    assert_eq!(second.headers()["x-number"], "1");
    assert_eq!(second.headers()["retry-after"], "5");
}

#[tokio::test(start_paused = true)]
async fn only_short_answers_tell_their_length() {
    for (answers, told) in [(Answers::Short, Some(2)), (Answers::Chunked, None)] {
        let server = one_place().answers(answers, 0.1);
        let body = begin(&server).await.into_body();
        assert!((server.now() - 2.0).abs() < 0.002);
        assert_eq!(http_body::Body::size_hint(&body).exact(), told);
        assert_eq!(body.collect().await.expect("a body").to_bytes(), "{}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer_ends_with_the_work_and_its_head_comes_before() {
    let server = one_place().answers(Answers::Streamed, 0.1);
    let body = begin(&server).await.into_body();
    assert!((server.now() - 0.2).abs() < 0.002);
    assert_eq!(http_body::Body::size_hint(&body).exact(), None);
    assert_eq!(server.in_flight(), 1);
    assert_eq!(body.collect().await.expect("a body").to_bytes(), "{}");
    assert!((server.now() - 2.0).abs() < 0.002);
    assert_eq!(server.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_work_goes_on_unread_and_ends_when_the_body_is_dropped() {
    let server = one_place().answers(Answers::Streamed, 0.1);
    let kept = begin(&server).await;
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.in_flight(), 0);
    drop(kept);
    drop(begin(&server).await);
    assert_eq!(server.in_flight(), 0);
}
