//! What is retried besides refusals, and what of refusals is not.

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{
    Attempts, Classify, Decision, Head, IdempotencyKey, RetryBudget, retry_errors,
    retry_server_errors, retry_unprocessed,
};

use crate::support::*;

#[derive(Debug, PartialEq)]
enum Error {
    Connect,
    Other,
}

type Answer = Result<Response<Full<bytes::Bytes>>, Error>;

fn request(method: &str) -> Req {
    Request::builder()
        .method(method)
        .body(Full::default())
        .unwrap()
}

async fn sent(
    layer: RetryOn429Layer<impl Classify<Error>>,
    request: Req,
    answers: impl IntoIterator<Item = Answer>,
) -> (usize, Answer) {
    let inner = Script::of(answers);
    let answer = layer.layer(inner.clone()).oneshot(request).await;
    let answer = answer.map(|response| {
        let (parts, _) = response.into_parts();
        Response::from_parts(parts, Full::default())
    });
    (inner.count(), answer)
}

#[tokio::test(start_paused = true)]
async fn errors_are_returned_at_once_by_default() {
    let (count, answer) = sent(RetryOn429Layer::new(), get(), [Err(Error::Connect)]).await;
    assert_eq!((count, answer.unwrap_err()), (1, Error::Connect));
}

#[tokio::test(start_paused = true)]
async fn server_errors_are_retried_when_switched_on_and_safe() {
    for (method, count) in [
        ("GET", 2),
        ("HEAD", 2),
        ("OPTIONS", 2),
        ("TRACE", 2),
        ("PUT", 2),
        ("DELETE", 2),
    ]
    .into_iter()
    .chain([("POST", 1), ("PATCH", 1), ("CONNECT", 1)])
    {
        let layer = RetryOn429Layer::new().classify(retry_server_errors());
        let (sent, answer) = sent(layer, request(method), [Ok(status(502))]).await;
        assert_eq!(sent, count, "{method}");
        let answer = answer.unwrap();
        assert_eq!(answer.status() == 200, count == 2);
        assert_eq!(Attempts::of(answer.extensions()).get() as usize, count);
    }
}

#[tokio::test(start_paused = true)]
async fn an_idempotency_key_makes_any_method_safe() {
    let mut own = request("POST");
    own.headers_mut()
        .insert("idempotency-key", "k".parse().unwrap());
    let layer = RetryOn429Layer::new().classify(retry_server_errors());
    assert_eq!(sent(layer.clone(), own, [Ok(status(500))]).await.0, 2);
    let layer = layer.idempotency_key(IdempotencyKey::Bare);
    assert_eq!(sent(layer, request("POST"), [Ok(status(500))]).await.0, 2);
}

#[tokio::test(start_paused = true)]
async fn what_will_not_change_is_no_server_error_to_retry() {
    let layer = RetryOn429Layer::new().classify(retry_server_errors());
    for code in [501, 505, 404] {
        assert_eq!(
            sent(layer.clone(), get(), [Ok(status(code))]).await.0,
            1,
            "{code}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn chosen_errors_are_retried() {
    let layer = RetryOn429Layer::new().classify(retry_errors(|e: &Error| *e == Error::Connect));
    let (count, answer) = sent(
        layer.clone(),
        get(),
        [Err(Error::Connect), Err(Error::Connect), Ok(status(200))],
    )
    .await;
    assert_eq!(count, 3);
    assert_eq!(Attempts::of(answer.unwrap().extensions()).get(), 3);
    let (count, answer) = sent(layer.clone(), get(), [Err(Error::Other)]).await;
    assert_eq!((count, answer.unwrap_err()), (1, Error::Other));
    let (count, answer) = sent(layer.clone(), request("POST"), [Err(Error::Connect)]).await;
    assert_eq!((count, answer.unwrap_err()), (1, Error::Connect));
    let errors = (0..9).map(|_| Err(Error::Connect));
    let (count, answer) = sent(layer.max_attempts(4), get(), errors).await;
    assert_eq!((count, answer.unwrap_err()), (4, Error::Connect));
}

#[tokio::test(start_paused = true)]
async fn what_was_not_processed_is_retried_whatever_the_method() {
    let layer =
        RetryOn429Layer::new().classify(retry_unprocessed(|e: &Error| *e == Error::Connect));
    let (count, answer) = sent(layer.clone(), request("POST"), [Err(Error::Connect)]).await;
    assert_eq!((count, answer.unwrap().status().as_u16()), (2, 200));
    let (count, answer) = sent(layer, request("POST"), [Err(Error::Other)]).await;
    assert_eq!((count, answer.unwrap_err()), (1, Error::Other));
    let layer = RetryOn429Layer::new().classify(|result: Result<Head<'_>, &Error>| match result {
        Ok(head) if head.status() == 421 => Decision::RetryUnprocessed,
        _ => Decision::Default,
    });
    let (count, answer) = sent(layer, request("POST"), [Ok(status(421))]).await;
    assert_eq!((count, answer.unwrap().status().as_u16()), (2, 200));
}

#[tokio::test(start_paused = true)]
async fn of_a_pair_the_second_is_asked_when_the_first_has_no_opinion() {
    let pair = (
        retry_server_errors(),
        retry_errors(|e: &Error| *e == Error::Connect),
    );
    let layer = RetryOn429Layer::new().classify(pair);
    let (count, _) = sent(layer, get(), [Err(Error::Connect), Ok(status(500))]).await;
    assert_eq!(count, 3);
}

#[tokio::test(start_paused = true)]
async fn a_closure_sees_status_headers_and_error() {
    let layer = RetryOn429Layer::new().classify(|result: Result<Head<'_>, &Error>| match result {
        Ok(head) if head.headers().contains_key("x-again") => Decision::Retry,
        Ok(head) if head.status() == StatusCode::TOO_MANY_REQUESTS => Decision::Accept,
        Err(Error::Other) => Decision::Retry,
        _ => Decision::Default,
    });
    let again = Response::builder()
        .header("x-again", "1")
        .body(Full::default())
        .unwrap();
    let answers = [
        Ok(again),
        Err(Error::Other),
        Ok(status(503)),
        Ok(status(429)),
    ];
    let (count, answer) = sent(layer, get(), answers).await;
    assert_eq!(count, 4);
    assert_eq!(answer.unwrap().status(), 429);
}

#[tokio::test(start_paused = true)]
async fn a_wanted_retry_of_a_refusal_needs_no_safe_method() {
    let layer = RetryOn429Layer::new().classify(|_: Result<Head<'_>, &Error>| Decision::Retry);
    let (count, _) = sent(layer, request("POST"), [Ok(status(429)), Ok(status(201))]).await;
    assert_eq!(count, 2);
}

#[tokio::test(start_paused = true)]
async fn a_wait_over_the_cap_ends_even_a_wanted_retry() {
    let layer = RetryOn429Layer::new().classify(|_: Result<Head<'_>, &Error>| Decision::Retry);
    let (count, answer) = sent(layer, get(), [Ok(retry_after(1000))]).await;
    assert_eq!((count, answer.unwrap().status().as_u16()), (1, 429));
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn a_permanent_code_in_the_body_is_not_retried() {
    let body =
        r#"{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}"#;
    let refusal = Response::builder()
        .status(429)
        .body(Full::from(body))
        .unwrap();
    let (count, answer) = sent(RetryOn429Layer::new(), get(), [Ok(refusal)]).await;
    assert_eq!(count, 1);
    let hint = answer
        .unwrap()
        .extensions()
        .get::<tower_throttle::Hint>()
        .cloned()
        .unwrap();
    assert_eq!(
        hint.verdict(secs(120)),
        tower_throttle::hint::Verdict::Permanent
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forbids_the_retry_is_obeyed() {
    let refusal = Response::builder()
        .status(429)
        .header("x-should-retry", "false");
    let refusal = refusal.body(Full::default()).unwrap();
    let (count, _) = sent(RetryOn429Layer::new(), get(), [Ok(refusal)]).await;
    assert_eq!(count, 1);
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn a_wait_in_the_body_is_kept() {
    let body = r#"{"error":{"message":"Rate limit reached. Please try again in 6.5s."}}"#;
    let refusal = Response::builder()
        .status(429)
        .body(Full::from(body))
        .unwrap();
    let start = tokio::time::Instant::now();
    let (count, _) = sent(RetryOn429Layer::new(), get(), [Ok(refusal)]).await;
    assert_eq!(count, 2);
    assert!(
        (ms(6500)..ms(7160)).contains(&start.elapsed()),
        "{:?}",
        start.elapsed()
    );
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn a_403_is_a_refusal_only_if_its_body_says_so() {
    let limited = r#"{"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#;
    for (body, count) in [(limited, 2), (r#"{"message":"Forbidden"}"#, 1), ("", 1)] {
        let refusal = Response::builder()
            .status(403)
            .body(Full::from(body))
            .unwrap();
        let (sent, answer) = sent(RetryOn429Layer::new(), get(), [Ok(refusal)]).await;
        assert_eq!(sent, count, "{body}");
        assert_eq!(answer.unwrap().extensions().is_empty(), count == 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_is_returned_at_once_whatever_it_is() {
    // The second in a row would open the circuit.
    let layer = RetryOn429Layer::new().circuit_breaker(false);
    let layer = layer.classify(|result: Result<Head<'_>, &Error>| match result {
        Ok(head) if head.status() == 201 => Decision::Accept,
        _ => Decision::RefusedForGood,
    });
    for code in [200, 400, 401, 429, 500, 503] {
        let start = tokio::time::Instant::now();
        let (count, answer) = sent(layer.clone(), get(), [Ok(status(code))]).await;
        let answer = answer.unwrap();
        assert_eq!((count, answer.status().as_u16()), (1, code));
        assert_eq!(Attempts::of(answer.extensions()).get(), 1);
        assert!(answer.extensions().get::<tower_throttle::Hint>().is_some());
        assert_eq!(start.elapsed(), ms(0));
    }
    let (count, answer) = sent(layer, get(), [Err(Error::Connect)]).await;
    assert_eq!((count, answer.unwrap_err()), (1, Error::Connect));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_for_good_pauses_nobody_and_counts_as_not_served() {
    let refused = |result: Result<Head<'_>, &Error>| match result {
        Ok(head) if head.headers().contains_key("retry-after") => Decision::RefusedForGood,
        _ => Decision::Default,
    };
    let budget = RetryBudget::new(1).per_accepted(1.0);
    let layer = RetryOn429Layer::new()
        .classify(refused)
        .budget(budget.clone());
    let _ = sent(layer.clone(), get(), [Ok(status(429)), Ok(status(400))]).await;
    assert_eq!(budget.available(), 1, "an accepted answer pays back");
    let answers = [Ok(status(429)), Ok(retry_after(100))];
    let _ = sent(layer.clone(), get(), answers).await;
    assert_eq!(budget.available(), 0, "a refusal does not");
    let start = tokio::time::Instant::now();
    let _ = sent(layer, get(), [Ok(status(200))]).await;
    assert_eq!(start.elapsed(), ms(0));
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn a_refusal_whose_body_comes_in_pieces_is_read_as_one() {
    let parts = [r#"{"error":{"code":"insuff"#, "", r#"icient_quota"}}"#];
    let refusal = Response::builder().status(429).body(TestBody::of(&parts));
    let inner = script([refusal.unwrap()]);
    let answer = RetryOn429Layer::new().layer(inner.clone()).oneshot(get());
    assert_eq!(answer.await.unwrap().status(), 429);
    assert_eq!(inner.count(), 1);
}
