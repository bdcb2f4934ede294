//! Where observers are given beside the two layers themselves.

use http::Request;
use sim::{Arrival, Fate, Server};
use tower::{Layer, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::keyed::{Host, KeyedLayer};
use tower_throttle::observe::{Event, Source};

use crate::support::{Lines, get};

#[tokio::test(start_paused = true)]
async fn the_gates_of_all_keys_are_observed_by_their_names() {
    let names = Lines::default();
    let layer = KeyedLayer::new(Host::of::<Request<_>>)
        .observe({
            let names = names.clone();
            move |source: Source<'_>, event: &Event<'_>| {
                if let Event::Admitted { .. } = event {
                    names.push(source.name.to_owned());
                }
            }
        })
        .gates(|host: &Host| AdaptiveConcurrencyLayer::new().name(host.name()));
    let client = layer.layer(Server::new(|_: Arrival<'_>| Fate::served(0.1)));
    for uri in [
        "http://one.example/",
        "http://two.example/",
        "http://one.example/x",
    ] {
        let mut request = get();
        *request.uri_mut() = uri.parse().unwrap();
        client.clone().oneshot(request).await.unwrap();
    }
    assert_eq!(names.take(), ["one.example", "two.example", "one.example"]);
}

#[cfg(feature = "reqwest-middleware")]
#[tokio::test]
async fn both_layers_of_the_middleware_are_observed() {
    use reqwest_middleware::ClientBuilder;
    use tower_throttle::ThrottleMiddleware;

    let lines = Lines::default();
    let api = embedded_api::Api::start(5).await.unwrap();
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(ThrottleMiddleware::new().observe(lines.clone()))
        .build();
    let answer = client.post(api.url("/v1/posts")).body("post").send().await;
    answer.unwrap().bytes().await.unwrap();
    let found = lines.take();
    assert_eq!(found[0], "let through, 1 of 4 in flight");
    assert!(
        found.contains(&"done after 1 attempt".to_owned()),
        "{found:?}"
    );
    assert!(
        found.contains(&"permit came back, 0 in flight".to_owned()),
        "{found:?}"
    );
}
