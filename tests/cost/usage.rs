//! What answers say they took settles what their requests were charged.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, StreamBody};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_throttle::cost::{Charge, Cost};
use tower_throttle::keyed::KeyedLayer;
use tower_throttle::usage::{ReadUsage, Usage, UsageBody, UsageLayer};
use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer, RetryOn429Layer};

use crate::support::Req;

const JSON: &str = "application/json; charset=utf-8";
const EVENTS: &str = "text/event-stream";

/// What a request that was charged 1,000 of input and 500 of output is charged after its answer was read in pieces of this
/// length.
async fn settled_in(usage: Usage, kind: &str, body: &str, length: usize) -> Cost {
    let pieces: Vec<Bytes> = body
        .as_bytes()
        .chunks(length)
        .map(Bytes::copy_from_slice)
        .collect();
    let response = response(usage, kind, pieces).await;
    let charge = Charge::of(response.extensions()).unwrap().clone();
    let read = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(read, body.as_bytes(), "no byte is changed");
    charge.cost()
}

async fn response(
    usage: Usage,
    kind: &str,
    pieces: Vec<Bytes>,
) -> Response<impl Body<Data = Bytes, Error = Infallible> + Unpin> {
    let kind = kind.to_owned();
    let api = tower::service_fn(move |_: Req| {
        let frames = pieces
            .clone()
            .into_iter()
            .map(|piece| Ok(Frame::data(piece)));
        let body = StreamBody::new(futures_util::stream::iter(frames));
        let response = Response::builder().header("content-type", &kind).body(body);
        std::future::ready(Ok::<_, Infallible>(response.unwrap()))
    });
    let gate = AdaptiveConcurrencyLayer::new().cost(|_: &Req| Cost::input(1_000).and_output(500));
    let client = ServiceBuilder::new()
        .layer(UsageLayer::new(usage))
        .layer(gate)
        .service(api);
    let request = Request::new(Full::default());
    client.oneshot(request).await.unwrap()
}

/// The same however the body is cut.
async fn settled(usage: Usage, kind: &str, body: &str) -> Cost {
    let whole = settled_in(usage, kind, body, usize::MAX).await;
    for length in [1, 2, 3, 7, 16, 100] {
        assert_eq!(
            settled_in(usage, kind, body, length).await,
            whole,
            "{length}"
        );
    }
    whole
}

const CHARGED: Cost = Cost::input(1_000).and_output(500);

const CHAT: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","choices":[{"index":0,
    "message":{"role":"assistant","content":"\"usage\":{\"total_tokens\":1}"}}],
    "usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,
    "prompt_tokens_details":{"cached_tokens":8}},"service_tier":"default"}"#;

const RESPONSES: &str = r#"{"id":"resp_1","object":"response","output":[{"type":"message"}],
    "usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87,
    "output_tokens_details":{"reasoning_tokens":0},"total_tokens":123},"metadata":{}}"#;

#[tokio::test(start_paused = true)]
async fn openai_gives_nothing_back() {
    for body in [CHAT, RESPONSES] {
        assert_eq!(settled(Usage::openai(), JSON, body).await, CHARGED);
    }
    let more = r#"{"usage":{"prompt_tokens":1200,"completion_tokens":800,"total_tokens":2000}}"#;
    let taken = Cost::input(1_200).and_output(800);
    assert_eq!(settled(Usage::openai(), JSON, more).await, taken);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_speaks_as_openai_does_counts_what_was_taken() {
    let usage = Usage::openai_compatible();
    let chat = Cost::input(19).and_output(10);
    assert_eq!(settled(usage, JSON, CHAT).await, chat);
    let responses = Cost::input(36).and_output(87);
    assert_eq!(settled(usage, JSON, RESPONSES).await, responses);
    let embeddings =
        r#"{"usage":{"prompt_tokens":8,"total_tokens":8},"data":[{"embedding":[0.1]}]}"#;
    assert_eq!(settled(usage, JSON, embeddings).await, Cost::input(8));
    let total = r#"{"usage":{"total_tokens":77}}"#;
    assert_eq!(settled(usage, JSON, total).await, Cost::tokens(77));
}

#[tokio::test(start_paused = true)]
async fn the_last_event_of_openais_streams_counts() {
    let chat = "data: {\"choices\":[{\"delta\":{\"content\":\"usage\"}}],\"usage\":null}\n\n\
        : a comment\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":10,\"total_tokens\":29}}\n\n\
        data: [DONE]\n\n";
    let usage = Usage::openai_compatible();
    assert_eq!(
        settled(usage, EVENTS, chat).await,
        Cost::input(19).and_output(10)
    );
    let crlf = chat.replace('\n', "\r\n");
    assert_eq!(
        settled(usage, EVENTS, &crlf).await,
        Cost::input(19).and_output(10)
    );
    let cr = chat.replace('\n', "\r");
    assert_eq!(
        settled(usage, EVENTS, &cr).await,
        Cost::input(19).and_output(10)
    );
    let responses = "event: response.created\n\
        data: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"usage\":null}}\n\n\
        event: response.completed\n\
        data: {\"type\":\"response.completed\",\"response\":{\"output\":[],\"usage\":{\"input_tokens\":37,\"output_tokens\":11,\"total_tokens\":48}}}\n\n";
    assert_eq!(
        settled(usage, EVENTS, responses).await,
        Cost::input(37).and_output(11)
    );
}

#[tokio::test(start_paused = true)]
async fn anthropics_output_is_corrected_and_cached_reads_are_free() {
    let message = r#"{"id":"msg_1","type":"message","content":[{"type":"text","text":"hi"}],"usage":
        {"input_tokens":2095,"cache_creation_input_tokens":100,"cache_read_input_tokens":7000,"output_tokens":503}}"#;
    let taken = Cost::input(2_195).and_output(503);
    assert_eq!(settled(Usage::anthropic(), JSON, message).await, taken);
    let start = "event: message_start\n\
        data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":3,\"output_tokens\":1}}}\n\n\
        event: ping\ndata: {\"type\": \"ping\"}\n\n";
    let delta = "event: message_delta\n\
        data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n\
        event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    let taken = Cost::input(28).and_output(15);
    let whole = format!("{start}{delta}");
    assert_eq!(settled(Usage::anthropic(), EVENTS, &whole).await, taken);
    // A stream that is cut short does not tell what was written.
    assert_eq!(settled(Usage::anthropic(), EVENTS, start).await, CHARGED);
}

#[tokio::test(start_paused = true)]
async fn of_gemini_the_input_counts_with_what_is_cached() {
    let whole = r#"{"candidates":[],"usageMetadata":{"promptTokenCount":264,"candidatesTokenCount":90,
        "toolUsePromptTokenCount":6,"cachedContentTokenCount":200,"totalTokenCount":354},"modelVersion":"x"}"#;
    assert_eq!(
        settled(Usage::gemini(), JSON, whole).await,
        Cost::input(270)
    );
    let list = r#"[{"usageMetadata":{"promptTokenCount":7}},
        {"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":3}}]"#;
    assert_eq!(settled(Usage::gemini(), JSON, list).await, Cost::input(9));
    let events = "data: {\"usageMetadata\": {\"promptTokenCount\": 11}}\r\n\r\n\
        data: {\"usageMetadata\": {\"promptTokenCount\": 12}}\r\n\r\n";
    assert_eq!(
        settled(Usage::gemini(), EVENTS, events).await,
        Cost::input(12)
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_tell_leaves_the_charge() {
    let usage = Usage::openai_compatible();
    for body in [
        "",
        "{}",
        "\u{feff}[[[[",
        "not JSON",
        r#"{"usage":null}"#,
        r#"{"usage":{}}"#,
        r#"{"usage":{"prompt_tokens":-5,"completion_tokens":"many"}}"#,
        r#"{"usage":{"prompt_tokens":19,"completion_tokens":10"#,
        r#"{"usage":{"prompt_tokens":19,}}"#,
        r#"}}}}]]"usage":{"total_tokens":1}"#,
    ] {
        for kind in [JSON, EVENTS] {
            assert_eq!(settled(usage, kind, body).await, CHARGED, "{kind} {body}");
        }
    }
    assert_eq!(settled(usage, "text/plain", CHAT).await, CHARGED);
    let huge = r#"{"usage":{"prompt_tokens":1e300,"completion_tokens":18446744073709551615}}"#;
    assert_eq!(settled(usage, JSON, huge).await.total(), u64::MAX);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_dropped_settles_by_what_was_seen() {
    let usage = Usage::openai_compatible();
    let pieces = ["{\"usage\":{\"total_tokens\":5}", ",\"more\":1}"].map(Bytes::from);
    for (read, expected) in [(0, CHARGED), (1, Cost::tokens(5))] {
        let response = response(usage, JSON, pieces.to_vec()).await;
        let charge = Charge::of(response.extensions()).unwrap().clone();
        let mut body = response.into_body();
        for _ in 0..read {
            body.frame().await.unwrap().unwrap();
            assert_eq!(charge.cost(), CHARGED, "settled once, at the end");
        }
        drop(body);
        assert_eq!(charge.cost(), expected);
    }
}

/// Data in two parts, in a body that says when it ends, and has trailers if it is to.
struct Chained(Vec<&'static str>);

impl Body for Chained {
    type Data = bytes::buf::Chain<Bytes, Bytes>;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Infallible>>> {
        let next = self.0.pop().map(|data| {
            let (one, other) = data.split_at(data.len() / 2);
            Ok(Frame::data(Bytes::from(one).chain(Bytes::from(other))))
        });
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|data| data.len() as u64).sum())
    }
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_last_frame_and_data_in_parts_are_joined() {
    let api = tower::service_fn(|_: Req| {
        let body = Chained(vec![r#"{"usage":{"total_tokens":6}}"#]);
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let gate = AdaptiveConcurrencyLayer::new().cost(|_: &Req| CHARGED);
    let service = ReadUsage::new(gate.layer(api), Usage::openai_compatible());
    let response = service
        .oneshot(Request::new(Full::default()))
        .await
        .unwrap();
    let charge = Charge::of(response.extensions()).unwrap().clone();
    let mut body: UsageBody<_> = response.into_body();
    assert_eq!(body.size_hint().exact(), Some(28));
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame, r#"{"usage":{"total_tokens":6}}"#);
    assert!(body.is_end_stream());
    assert_eq!(charge.cost(), Cost::tokens(6), "before the body is dropped");
}

/// Waits, then fails.
struct Failing(bool);

impl Body for Failing {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Some(Err("broken")));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn errors_and_waits_pass_through() {
    let api = tower::service_fn(|_: Req| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Failing(false))))
    });
    let gate = AdaptiveConcurrencyLayer::new().cost(|_: &Req| CHARGED);
    let service = UsageLayer::new(Usage::openai()).layer(gate.layer(api));
    let response = service
        .oneshot(Request::new(Full::default()))
        .await
        .unwrap();
    let charge = Charge::of(response.extensions()).unwrap().clone();
    let mut body = pin!(response.into_body());
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "broken");
    assert_eq!(charge.cost(), CHARGED);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_charge_or_that_is_compressed_is_not_read() {
    let api = tower::service_fn(|request: Req| {
        let mut response = Response::new(Full::new(Bytes::from(CHAT)));
        if let Some(encoding) = request.headers().get("x-encoding") {
            let headers = response.headers_mut();
            headers.insert("content-encoding", encoding.clone());
        }
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let plain = UsageLayer::new(Usage::openai_compatible()).layer(api);
    let response = plain.oneshot(Request::new(Full::default())).await.unwrap();
    assert!(format!("{:?}", response.body()).contains("reads: false"));
    let gate = AdaptiveConcurrencyLayer::new().cost(|_: &Req| CHARGED);
    let service = UsageLayer::new(Usage::openai_compatible()).layer(gate.layer(api));
    for (encoding, expected) in [
        ("gzip", CHARGED),
        ("identity", Cost::input(19).and_output(10)),
    ] {
        let request = Request::builder().header("x-encoding", encoding);
        let request = request.body(Full::default()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let charge = Charge::of(response.extensions()).unwrap().clone();
        response.into_body().collect().await.unwrap();
        assert_eq!(charge.cost(), expected, "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn it_works_above_all_of_the_layers() {
    let api = tower::service_fn(|_: Req| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(
            CHAT,
        )))))
    });
    let client = ServiceBuilder::new()
        .layer(UsageLayer::new(Usage::openai_compatible()))
        .layer(QueueLayer::new().cost(|_: &Req| CHARGED))
        .layer(RetryOn429Layer::new())
        .layer(KeyedLayer::new(|_: &Req| 0))
        .service(api);
    let mut client = client.clone();
    let response = client
        .ready()
        .await
        .unwrap()
        .call(Request::new(Full::default()));
    let response = response.await.unwrap();
    let charge = Charge::of(response.extensions()).unwrap().clone();
    response.into_body().collect().await.unwrap();
    assert_eq!(charge.cost(), Cost::input(19).and_output(10));
}
