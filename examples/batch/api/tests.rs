//! Over a pipe instead of a socket, so that the clock can be paused.

use hyper::client::conn::http1::{SendRequest, handshake};
use tokio::io::duplex;
use tokio::task::yield_now;

use super::*;

/// An API whose work takes a second each, nearly.
fn api(spec: &str, hints: Hints) -> Arc<Shared> {
    let spec = spec.parse().expect("a sound spec");
    Shared::new(&spec, hints, Duration::from_secs(1))
}

async fn connect(shared: &Arc<Shared>) -> SendRequest<Full<Bytes>> {
    let (near, far) = duplex(64 << 10);
    tokio::spawn(serve(far, Arc::clone(shared)));
    let (sender, connection) = handshake(TokioIo::new(near)).await.expect("no IO yet");
    tokio::spawn(connection);
    sender
}

async fn post(
    connection: &mut SendRequest<Full<Bytes>>,
    body: impl Into<Bytes>,
) -> Response<Incoming> {
    let request = Request::post("/v1/posts").body(Full::new(body.into()));
    let request = request.expect("a sound request");
    connection.send_request(request).await.expect("an answer")
}

async fn json_of(response: Response<Incoming>) -> Value {
    let body = response.into_body().collect().await.expect("a body");
    serde_json::from_slice(&body.to_bytes()).expect("JSON")
}

const POST: &str = "{\"id\":7,\"text\":\"three short words\"}";

#[test]
fn tokens_are_estimated_from_the_size() {
    assert_eq!(tokens(b""), 1);
    assert_eq!(tokens(b"four"), 1);
    assert_eq!(tokens(b"fiver"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_post_is_worked_on_for_the_time_drawn() {
    let shared = api("concurrency=1", Hints::None);
    let mut connection = connect(&shared).await;
    let sent = Instant::now();
    let response = post(&mut connection, POST).await;
    let drawn = Draws::new(Duration::from_secs(1)).next().expect("endless");
    let late = sent.elapsed().saturating_sub(drawn);
    assert!(sent.elapsed() >= drawn && late <= Duration::from_millis(1));
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer = json_of(response).await;
    assert_eq!(answer["id"], 7);
    assert_eq!(answer["words"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_place_is_free_again_when_the_answer_is_there() {
    let shared = api("concurrency=1", Hints::None);
    let mut connection = connect(&shared).await;
    for _ in 0..20 {
        let response = post(&mut connection, POST).await;
        assert_eq!(response.status(), StatusCode::OK);
        json_of(response).await;
    }
    assert_eq!(shared.lock().counts.peak, 1);
}

#[tokio::test(start_paused = true)]
async fn one_too_many_is_refused_soon_and_counted() {
    let shared = api("concurrency=1", Hints::None);
    let (mut first, mut second) = (connect(&shared).await, connect(&shared).await);
    let working = tokio::spawn(async move { post(&mut first, POST).await.status() });
    // Until the first is in.
    while shared.lock().counts.accepted == 0 {
        yield_now().await;
    }
    let sent = Instant::now();
    let refused = post(&mut second, POST).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(sent.elapsed(), REFUSAL);
    assert!(refused.headers().get("retry-after").is_none());
    assert_eq!(working.await.expect("no panic"), StatusCode::OK);
    let counts = shared.lock().counts;
    assert_eq!((counts.accepted, counts.refused, counts.peak), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn hints_stand_on_answers_of_both_kinds() {
    let shared = api("window=1/30s", Hints::Ietf);
    let mut connection = connect(&shared).await;
    let accepted = post(&mut connection, POST).await;
    assert_eq!(
        accepted.headers()["ratelimit-policy"],
        "\"limit-0\";q=1;w=30"
    );
    json_of(accepted).await;
    let refused = post(&mut connection, POST).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("ratelimit"));
    assert!(refused.headers().contains_key("retry-after"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_gives_its_place_back() {
    let shared = api("concurrency=1", Hints::None);
    let mut connection = connect(&shared).await;
    let sending = tokio::spawn(async move { post(&mut connection, POST).await });
    while shared.lock().counts.accepted == 0 {
        yield_now().await;
    }
    // Dropping the request and its sender closes the connection.
    sending.abort();
    let mut other = connect(&shared).await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(post(&mut other, POST).await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn what_waiting_cannot_cure_is_not_a_429() {
    let shared = api("tpm=60,burst=5", Hints::Openai);
    let mut connection = connect(&shared).await;
    let too_large = post(&mut connection, POST).await;
    assert_eq!(too_large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    json_of(too_large).await;
    let nonsense = post(&mut connection, "{").await;
    assert_eq!(nonsense.status(), StatusCode::BAD_REQUEST);
    assert_eq!(shared.lock().counts, Counts::default());
}
