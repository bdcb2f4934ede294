use tokio::time::timeout;

use super::*;

#[tokio::test]
async fn a_cached_answer_costs_no_permit() {
    assert!(run().await.unwrap());
}

/// Why the example has a service between the cache and the stack.
#[tokio::test]
async fn a_cache_that_passes_readiness_through_waits_for_a_permit() {
    let api = Api::with_handler(5, cacheable).await.unwrap();
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(HttpCacheLayer::new(MokaManager::default()))
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
    assert_eq!(fetch(&client, &api, 1).await.unwrap(), PAGES);
    handle.pause(Duration::from_secs(60));
    let again = timeout(Duration::from_secs(1), fetch(&client, &api, 1)).await;
    assert!(again.is_err(), "it did not wait");
}

#[tokio::test]
async fn below_the_gate_a_cached_answer_costs_a_permit() {
    let api = Api::with_handler(5, cacheable).await.unwrap();
    let gate = AdaptiveConcurrencyLayer::new();
    let handle = gate.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(gate)
        .layer(HttpCacheLayer::new(MokaManager::default()))
        .service(Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>());
    for _ in 0..2 {
        assert_eq!(fetch(&client, &api, 1).await.unwrap(), PAGES);
    }
    assert_eq!(handle.accepted(), 2 * PAGES as u64);
    assert_eq!(api.counts().accepted, PAGES);
}
