//! Our own two layers, with nothing set.

use std::sync::Arc;
use std::time::Duration;

use sim::server::Server;
use tower::ServiceBuilder;
use tower_throttle::concurrency::Handle;
use tower_throttle::concurrency::limit::{Aimd, Fixed, Gradient2, Learned, Tuning, Vegas};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

use super::drivers::{Driven, Driver};
use super::glue::Req;
use super::stack::Stack;
use super::{Answer, Belief, Client};

struct Throttle {
    stack: Arc<dyn Client>,
    handle: Handle,
}

/// The defaults: what the table's bounds are about.
pub(super) fn learned(server: Server) -> Arc<dyn Client> {
    under(server, AdaptiveConcurrencyLayer::new())
}

/// The same with other constants, one of which the layer holds itself.
pub(super) fn learned_with(server: Server, tuning: Tuning) -> Arc<dyn Client> {
    let limit = Learned::with_tuning(tuning);
    let max_pause = Duration::from_secs_f64(tuning.max_wait);
    under(
        server,
        AdaptiveConcurrencyLayer::with_limit(limit).max_pause(max_pause),
    )
}

/// The classic laws under the same retries, for comparison.
pub(super) fn aimd(server: Server) -> Arc<dyn Client> {
    under(server, AdaptiveConcurrencyLayer::with_limit(Aimd::new()))
}

pub(super) fn vegas(server: Server) -> Arc<dyn Client> {
    under(server, AdaptiveConcurrencyLayer::with_limit(Vegas::new()))
}

pub(super) fn gradient2(server: Server) -> Arc<dyn Client> {
    under(
        server,
        AdaptiveConcurrencyLayer::with_limit(Gradient2::new()),
    )
}

pub(super) fn fixed(server: Server, limit: usize) -> Arc<dyn Client> {
    under(
        server,
        AdaptiveConcurrencyLayer::with_limit(Fixed::new(limit)),
    )
}

/// The defaults, driven in another way than by a clone for each job.
pub(super) fn driven(server: Server, driver: Driver, jobs: usize) -> Arc<dyn Client> {
    let adaptive = AdaptiveConcurrencyLayer::new().seed(fastrand::u64(..));
    let handle = adaptive.handle();
    let stack = Driven::client(layered(server, adaptive), driver, jobs);
    Arc::new(Throttle { stack, handle })
}

fn under(server: Server, adaptive: AdaptiveConcurrencyLayer) -> Arc<dyn Client> {
    let adaptive = adaptive.seed(fastrand::u64(..));
    let handle = adaptive.handle();
    let stack = Stack::client(layered(server, adaptive));
    Arc::new(Throttle { stack, handle })
}

fn layered(
    server: Server,
    adaptive: AdaptiveConcurrencyLayer,
) -> RetryOn429<AdaptiveConcurrency<Server>> {
    ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(fastrand::u64(..)))
        .layer(adaptive)
        .service(server)
}

impl Client for Throttle {
    fn send(&self, request: Req) -> Answer {
        self.stack.send(request)
    }

    fn belief(&self) -> Option<Belief> {
        let snapshot = self.handle.snapshot();
        Some(Belief {
            limit: Some(snapshot.limit),
            waiting: Some(snapshot.waiting),
            pace: snapshot.rate,
            pause: snapshot.pause_remaining.map(|pause| pause.as_secs_f64()),
        })
    }
}
