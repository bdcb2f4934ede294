//! The overhead benchmark, with the adaptive limits of other crates beside ours.
//!
//! `cargo run --release -p peers`

#[path = "../../overhead/bounds.rs"]
mod bounds;
#[path = "../../overhead/contenders.rs"]
mod contenders;
#[path = "../../overhead/measure.rs"]
mod measure;

use std::sync::Arc;
use std::time::Duration;

use tower::Layer;

use crate::contenders::ReadyService;
use crate::measure::Contender;

fn main() {
    let mut all = contenders::all();
    all.extend(rivals());
    let table = measure::table(all);
    print!("{table}");
    bounds::report(&table);
}

/// Each with its own defaults, where it has any.
fn rivals() -> [Contender; 4] {
    let aimd = tower_acc::Aimd::builder().build();
    let acc = tower_acc::ConcurrencyLimitLayer::new(aimd).layer(ReadyService);
    let limiter = throttle_net::AdaptiveLimiter::builder().build(throttle_net::Aimd::new(1, 0.5));
    let net = throttle_net::tower::AdaptiveLayer::new(Arc::new(limiter)).layer(ReadyService);
    let aimd = tower_resilience_adaptive::Aimd::builder()
        .latency_threshold(Duration::from_secs(3600))
        .build()
        .expect("a valid configuration");
    let aimd = tower_resilience_adaptive::AdaptiveLimiterLayer::new(aimd).layer(ReadyService);
    let gradient2 = tower_resilience_adaptive::Gradient2::builder()
        .build()
        .expect("a valid configuration");
    let gradient2 =
        tower_resilience_adaptive::AdaptiveLimiterLayer::new(gradient2).layer(ReadyService);
    [
        Contender::new("tower-acc 0.1 `Aimd`", acc),
        Contender::new("throttle-net 2.0 `AdaptiveLayer`", net),
        Contender::new("tower-resilience-adaptive 0.14 `Aimd`", aimd),
        Contender::new("tower-resilience-adaptive 0.14 `Gradient2`", gradient2),
    ]
}
