//! The names stand beside those of tower, and the types can be written down.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};
use tower_throttle::retry::{Decision, Head, RetryOn429, RetryOn429Layer};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, ThrottleExt};

type Inner = fn(Request<String>) -> std::future::Ready<Result<Response<String>, Infallible>>;

fn client() -> tower::util::ServiceFn<Inner> {
    service_fn(|_| std::future::ready(Ok(Response::default())))
}

/// Both traits are imported by name.
#[tokio::test]
async fn both_extension_traits_are_used_in_one_file() {
    let client = client()
        .map_request(|request: Request<String>| request)
        .adaptive_concurrency()
        .retry_on_429();
    assert_eq!(
        client.oneshot(Request::default()).await.unwrap().status(),
        200
    );
}

#[cfg(feature = "util")]
#[tokio::test]
async fn a_builder_with_both_traits_in_scope_adds_layers() {
    use tower_throttle::ThrottleBuilderExt;

    let client = tower::ServiceBuilder::new()
        .retry_on_429()
        .adaptive_concurrency()
        .service(client());
    assert_eq!(
        client.oneshot(Request::default()).await.unwrap().status(),
        200
    );
}

/// A classifier whose type has a name.
type OwnClassifier = fn(Result<Head<'_>, &Infallible>) -> Decision;

/// A stack with a classifier, as a field.
struct Api<S> {
    client: RetryOn429<AdaptiveConcurrency<S>, OwnClassifier>,
}

#[tokio::test]
async fn a_customised_stack_is_a_field() {
    let classify: OwnClassifier = |_| Decision::Default;
    let retries = RetryOn429Layer::new().classify(classify);
    let api = Api {
        client: retries.layer(AdaptiveConcurrencyLayer::new().layer(client())),
    };
    let response = api.client.oneshot(Request::default()).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[cfg(feature = "reqwest-middleware")]
#[test]
fn the_middleware_has_handles_and_does_not_hide_the_method_of_its_trait() {
    use reqwest_middleware::{Middleware, Next};
    use tower_throttle::ThrottleMiddleware;

    // A method of the type itself would be called instead.
    fn call_the_trait(throttle: &ThrottleMiddleware, request: reqwest::Request, next: Next<'_>) {
        drop(throttle.handle(request, &mut http::Extensions::new(), next));
    }
    let _ = call_the_trait;
    let throttle = ThrottleMiddleware::new();
    assert_eq!(throttle.gate_handle().in_flight(), 0);
    throttle.retry_handle().close();
    assert!(throttle.clone().retry_handle().is_closed());
}
