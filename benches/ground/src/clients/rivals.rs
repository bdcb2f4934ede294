//! Limits from crates.io under tower's `Retry`, which stands outside: every attempt is a sample.

use std::sync::Arc;
use std::time::Duration;

use sim::server::Server;
use tower::ServiceBuilder;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::retry::RetryLayer;

use super::Client;
use super::glue::{Careful, Telling};
use super::stack::Stack;

/// The limit at which every adaptive client begins.
const START: usize = 4;

/// The most any adaptive client may have in flight.
const MOST: usize = 500;

pub(super) fn tower(server: Server) -> Arc<dyn Client> {
    Stack::client(
        ServiceBuilder::new()
            .layer(RetryLayer::new(Careful::default()))
            .layer(GlobalConcurrencyLimitLayer::new(50))
            .service(Telling(server)),
    )
}

pub(super) fn resilience_aimd(server: Server) -> Arc<dyn Client> {
    let aimd = tower_resilience_adaptive::Aimd::builder()
        .initial_limit(START)
        .min_limit(1)
        .max_limit(MOST)
        // No answer of these APIs is slow enough to be a failure.
        .latency_threshold(Duration::from_secs(3600))
        .build()
        .expect("a valid configuration");
    Stack::client(
        ServiceBuilder::new()
            .layer(RetryLayer::new(Careful::default()))
            .layer(tower_resilience_adaptive::AdaptiveLimiterLayer::new(aimd))
            .service(Telling(server)),
    )
}

pub(super) fn resilience_gradient2(server: Server) -> Arc<dyn Client> {
    let gradient2 = tower_resilience_adaptive::Gradient2::builder()
        .initial_limit(START)
        .min_limit(1)
        .max_limit(MOST)
        .build()
        .expect("a valid configuration");
    Stack::client(
        ServiceBuilder::new()
            .layer(RetryLayer::new(Careful::default()))
            .layer(tower_resilience_adaptive::AdaptiveLimiterLayer::new(
                gradient2,
            ))
            .service(Telling(server)),
    )
}

pub(super) fn throttle_net(server: Server) -> Arc<dyn Client> {
    let limiter = throttle_net::AdaptiveLimiter::builder()
        .initial(START as u32)
        .floor(1)
        .ceiling(MOST as u32)
        .build(throttle_net::Aimd::new(1, 0.5));
    Stack::client(
        ServiceBuilder::new()
            .layer(RetryLayer::new(Careful::default()))
            .layer(throttle_net::tower::AdaptiveLayer::new(Arc::new(limiter)))
            .service(Telling(server)),
    )
}

pub(super) fn tower_acc(server: Server) -> Arc<dyn Client> {
    let aimd = tower_acc::Aimd::builder()
        .initial_limit(START)
        .min_limit(1)
        .max_limit(MOST)
        .timeout(Duration::from_secs(3600))
        .build();
    Stack::client(
        ServiceBuilder::new()
            .layer(RetryLayer::new(Careful::default()))
            .layer(tower_acc::ConcurrencyLimitLayer::new(aimd))
            .service(Telling(server)),
    )
}
