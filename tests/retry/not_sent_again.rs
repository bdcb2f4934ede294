//! A request that cannot be sent again says so, and no other does.

use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{
    Attempts, NotSentAgain, Preset, ReplayBody, RetryBudget, SingleUse, retry_server_errors,
};

use crate::support::*;

type Once = SingleUse<Full<bytes::Bytes>>;

fn once(method: &str) -> Request<Once> {
    let request = Request::builder().method(method);
    request.body(SingleUse::new(Full::from("hello"))).unwrap()
}

/// The mark in the answer to a request with such a body.
async fn mark<C>(
    layer: RetryOn429Layer<C>,
    request: Request<Once>,
    answer: Response<Full<bytes::Bytes>>,
) -> Option<NotSentAgain>
where
    C: tower_throttle::retry::Classify<std::convert::Infallible>,
{
    let inner = Script::of([Ok(answer)]);
    let answer = layer.layer(inner.clone()).oneshot(request).await.unwrap();
    assert_eq!(inner.count(), 1);
    assert_eq!(Attempts::of(answer.extensions()).get(), 1);
    NotSentAgain::of(answer.extensions())
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_that_its_request_is_read_once() {
    let layer = RetryOn429Layer::new();
    let read_once = Some(NotSentAgain::ReadOnce);
    assert_eq!(
        mark(layer.clone(), once("POST"), status(429)).await,
        read_once
    );
    assert_eq!(mark(layer, once("GET"), retry_after(1)).await, read_once);
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_so_if_the_request_might_have_been_repeated() {
    let layer = || RetryOn429Layer::new().classify(retry_server_errors());
    let read_once = Some(NotSentAgain::ReadOnce);
    assert_eq!(mark(layer(), once("PUT"), status(500)).await, read_once);
    assert_eq!(mark(layer(), once("POST"), status(500)).await, None);
    let mut keyed = once("POST");
    let key = "k".parse().unwrap();
    keyed.headers_mut().insert("idempotency-key", key);
    assert_eq!(mark(layer(), keyed, status(500)).await, read_once);
}

#[tokio::test(start_paused = true)]
async fn what_would_not_have_been_retried_says_nothing() {
    let layer = RetryOn429Layer::new;
    for answer in [status(200), status(404), status(500), retry_after(1000)] {
        assert_eq!(mark(layer(), once("GET"), answer).await, None);
    }
    let bounded = [
        layer().max_attempts(1),
        layer().max_elapsed(ms(0)).backoff(
            tower_throttle::retry::Backoff::exponential(secs(1), secs(1))
                .jitter(tower_throttle::retry::Jitter::None),
        ),
        layer().budget(RetryBudget::new(0)),
    ];
    for layer in bounded {
        assert_eq!(mark(layer, once("GET"), status(429)).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_could_be_sent_again_says_nothing_when_it_ends() {
    let inner = script((0..3).map(|_| status(429)));
    let layer = RetryOn429Layer::new().max_attempts(3);
    let answer = layer.layer(inner).oneshot(post("a")).await.unwrap();
    assert_eq!(NotSentAgain::of(answer.extensions()), None);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_proved_too_long_says_that_it_was_not_kept() {
    let inner = tower::service_fn(|request: Request<ReplayBody<TestBody>>| async {
        request.into_body().collect().await.unwrap();
        Ok::<_, std::convert::Infallible>(status(429))
    });
    let request = Request::new(ReplayBody::new(TestBody::of(&["one", "two"]), 5));
    let answer = RetryOn429Layer::new().layer(inner).oneshot(request);
    let why = NotSentAgain::of(answer.await.unwrap().extensions());
    assert_eq!(why, Some(NotSentAgain::NotKept));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_request_that_is_read_once_is_returned_as_it_is() {
    let broken = || std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let inner = Script::<Response<Full<bytes::Bytes>>, _, _>::of([Err(broken())]);
    let layer = RetryOn429Layer::new().classify(Preset::idempotent_failures());
    let error = layer.layer(inner.clone()).oneshot(once("GET")).await;
    assert_eq!(error.unwrap_err().kind(), broken().kind());
    assert_eq!(inner.count(), 1);
}
