//! Requests of types that this crate does not know.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_throttle::retry::{
    Attempts, CloneRequest, IdempotencyKey, Refusal, retry_errors, retry_server_errors,
};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::*;

/// Of another crate, say.
#[derive(Clone, Debug, PartialEq)]
struct Recipe(Arc<str>);

type Answer = Response<Full<Bytes>>;

fn recipe() -> Recipe {
    Recipe("a request".into())
}

fn kitchen<E>(answers: impl IntoIterator<Item = Result<Answer, E>>) -> Script<Answer, E, Recipe> {
    Script::of(answers)
}

#[tokio::test(start_paused = true)]
async fn a_closure_is_all_that_a_foreign_request_needs() {
    let inner = kitchen::<Infallible>([status(429), retry_after(3)].map(Ok));
    let service = tower::ServiceBuilder::new()
        .layer(RetryOn429Layer::new().clone_request(|recipe: &Recipe| Some(recipe.clone())))
        .layer(AdaptiveConcurrencyLayer::new())
        .service(inner.clone());
    let response = service.oneshot(recipe()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(Attempts::of(response.extensions()).get(), 3);
    assert!(inner.all(|sent| *sent == recipe()));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_closure_does_not_copy_gets_one_attempt() {
    let inner = kitchen::<Infallible>([Ok(status(429))]);
    let layer = RetryOn429Layer::new().clone_request(|_: &Recipe| None);
    let response = layer.layer(inner.clone()).oneshot(recipe()).await.unwrap();
    assert_eq!((response.status().as_u16(), inner.count()), (429, 1));
}

#[tokio::test(start_paused = true)]
async fn failures_of_a_foreign_request_are_not_retried() {
    let layer = RetryOn429Layer::new()
        .classify((retry_server_errors(), retry_errors(|_: &&str| true)))
        .clone_request(|recipe: &Recipe| Some(recipe.clone()));
    let inner = kitchen::<&str>([Ok(status(500))]);
    let response = layer.layer(inner.clone()).oneshot(recipe()).await.unwrap();
    assert_eq!((response.status().as_u16(), inner.count()), (500, 1));
    let inner = kitchen([Err("reset")]);
    let error = layer
        .layer(inner.clone())
        .oneshot(recipe())
        .await
        .unwrap_err();
    assert_eq!((error, inner.count()), ("reset", 1));
}

#[tokio::test(start_paused = true)]
async fn a_hook_gets_the_foreign_request() {
    let inner = kitchen::<Infallible>([Ok(status(401))]);
    let layer = RetryOn429Layer::new()
        .clone_request(|recipe: &Recipe| Some(recipe.clone()))
        .on_refusal(|refusal: Refusal<'_>, recipe: &Recipe| {
            let fresh = Recipe(format!("{} with a fresh token", recipe.0).into());
            (refusal.status() == 401).then_some(async move { Some(fresh) })
        });
    let response = layer.layer(inner.clone()).oneshot(recipe()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        &*inner.seen.lock().unwrap()[1].1.0,
        "a request with a fresh token"
    );
}

/// A request of which the implementation knows all.
#[derive(Clone)]
struct Known(HeaderMap);

struct Knows;

impl CloneRequest<Known> for Knows {
    fn clone_request(&self, request: &Known) -> Option<Known> {
        Some(request.clone())
    }

    fn is_repeatable(&self, _: &Known) -> bool {
        true
    }

    fn headers_mut<'a>(&self, request: &'a mut Known) -> Option<&'a mut HeaderMap> {
        Some(&mut request.0)
    }
}

#[tokio::test(start_paused = true)]
async fn an_implementation_may_allow_the_rest() {
    let inner: Script<Answer, Infallible, Known> = Script::of([Ok(status(500))]);
    let layer = RetryOn429Layer::new()
        .classify(retry_server_errors())
        .attempt_header(HeaderName::from_static("x-attempt"))
        .idempotency_key(IdempotencyKey::Bare)
        .clone_request(Knows);
    let response = layer
        .layer(inner.clone())
        .oneshot(Known(HeaderMap::new()))
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let seen = inner.seen.lock().unwrap();
    assert_eq!(seen[0].1.0["x-attempt"], "1");
    assert_eq!(seen[1].1.0["x-attempt"], "2");
    assert_eq!(
        seen[0].1.0["idempotency-key"],
        seen[1].1.0["idempotency-key"]
    );
}
