//! Our own two layers, told what each job costs.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use sim::Server;
use sim::work::Job;
use tower::{Service, ServiceBuilder};
use tower_throttle::concurrency::Handle;
use tower_throttle::concurrency::limit::{Learned, Tuning};
use tower_throttle::cost::{Cost, announce};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

use super::glue::Req;
use super::stack::Stack;
use super::throttle::Throttle;
use super::{Answer, Client};

type Layered = RetryOn429<AdaptiveConcurrency<Server, fn(&Req) -> Cost>>;

/// The gate learns what a request costs when it is sent.
pub(super) fn in_call(server: Server) -> Arc<dyn Client> {
    let (service, handle) = layered(server);
    Throttle::client(Stack::client(service), handle)
}

/// The same with other constants.
pub(super) fn in_call_with(server: Server, tuning: Tuning) -> Arc<dyn Client> {
    let gate = AdaptiveConcurrencyLayer::with_limit(Learned::with_tuning(tuning))
        .max_pause(Duration::from_secs_f64(tuning.max_wait));
    let (service, handle) = layered_under(server, gate);
    Throttle::client(Stack::client(service), handle)
}

/// The gate is told before it lets the request through.
pub(super) fn announced(server: Server) -> Arc<dyn Client> {
    let (service, handle) = layered(server);
    let service = Mutex::new(service);
    Throttle::client(Arc::new(Announcing { service }), handle)
}

fn layered(server: Server) -> (Layered, Handle) {
    layered_under(server, AdaptiveConcurrencyLayer::new())
}

fn layered_under(server: Server, gate: AdaptiveConcurrencyLayer) -> (Layered, Handle) {
    let gate = gate.seed(fastrand::u64(..)).cost(cost as fn(&Req) -> Cost);
    let handle = gate.handle();
    let service = ServiceBuilder::new()
        .layer(RetryOn429Layer::new().seed(fastrand::u64(..)))
        .layer(gate)
        .service(server);
    (service, handle)
}

fn cost(request: &Req) -> Cost {
    let job = request.extensions().get::<Job>();
    let cost = job.map(|job| job.cost).unwrap_or_default();
    let (input, output) = (u64::from(cost.input), u64::from(cost.output));
    if output == 0 {
        Cost::tokens(input)
    } else {
        Cost::input(input).and_output(output)
    }
}

struct Announcing {
    service: Mutex<Layered>,
}

impl Client for Announcing {
    fn send(&self, request: Req) -> Answer {
        let mut service = self.service.lock().expect("service").clone();
        Box::pin(async move {
            let cost = cost(&request);
            let ready = poll_fn(|cx| announce(cost, || service.poll_ready(cx)));
            ready.await.ok()?;
            let (head, body) = service.call(request).await.ok()?.into_parts();
            body.collect().await.ok()?;
            Some(head.status)
        })
    }
}
