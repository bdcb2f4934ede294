//! The lines to copy.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::middleware::{HttpRequestFactory, ReqwestService};
use tower::ServiceBuilder;
use tower_throttle::concurrency::Handle;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

/// A client of the API at this address, and a handle to watch its gate.
pub fn throttled(url: &str) -> (Client<OpenAIConfig>, Handle) {
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let retries = RetryOn429Layer::new()
        // What the client sends through tower makes a request for each attempt; a copy is cheap.
        .clone_request(|request: &HttpRequestFactory| Some(request.clone()));
    let service = ServiceBuilder::new()
        .layer(retries) // outside: the retries of a request
        .layer(gate) // inside: every attempt passes the gate
        .service(ReqwestService::new(reqwest::Client::new()));

    let config = OpenAIConfig::new()
        .with_api_base(url)
        .with_api_key("sk-test");
    let client = Client::with_config(config)
        // This takes the place of async-openai's own retries, which are not in `ReqwestService`. Do
        // not add its `OpenAIRetryLayer`, lest attempts multiply; and call `with_http_client` before
        // this, if at all, since it puts the client's own service back.
        .with_http_service(service);
    (client, handle)
}
