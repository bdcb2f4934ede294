//! Our own two layers, told what each job costs.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt as _;
use sim::Server;
use sim::limits;
use sim::work::Job;
use tower::{Service, ServiceBuilder};
use tower_throttle::concurrency::Handle;
use tower_throttle::concurrency::limit::{Learned, Tuning};
use tower_throttle::cost::{Charge, Cost, announce};
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429, RetryOn429Layer};

use super::glue::Req;
use super::throttle::Throttle;
use super::{Answer, Client};

type Layered = RetryOn429<AdaptiveConcurrency<Server, fn(&Req) -> Cost>>;

/// The gate learns what a request costs when it is sent.
pub(super) fn in_call(server: Server) -> Arc<dyn Client> {
    told(layered(server), false)
}

/// The same with other constants.
pub(super) fn in_call_with(server: Server, tuning: Tuning) -> Arc<dyn Client> {
    let gate = AdaptiveConcurrencyLayer::with_limit(Learned::with_tuning(tuning))
        .max_pause(Duration::from_secs_f64(tuning.max_wait));
    told(layered_under(server, gate), false)
}

/// The gate is told before it lets the request through.
pub(super) fn announced(server: Server) -> Arc<dyn Client> {
    told(layered(server), true)
}

fn told((service, handle): (Layered, Handle), announces: bool) -> Arc<dyn Client> {
    let service = Mutex::new(service);
    Throttle::client(Arc::new(Told { service, announces }), handle)
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

/// What is told of a request when it is sent.
fn cost(request: &Req) -> Cost {
    let job = request.extensions().get::<Job>();
    of(job.map(|job| job.expected).unwrap_or_default())
}

fn of(cost: limits::Cost) -> Cost {
    let (input, output) = (u64::from(cost.input), u64::from(cost.output));
    if output == 0 {
        Cost::tokens(input)
    } else {
        Cost::input(input).and_output(output)
    }
}

/// Tells what each job is expected to cost, and what it did once its answer has ended.
struct Told {
    service: Mutex<Layered>,
    announces: bool,
}

impl Client for Told {
    fn send(&self, request: Req) -> Answer {
        let mut service = self.service.lock().expect("service").clone();
        let announced = self.announces.then(|| cost(&request));
        let job = request.extensions().get::<Job>().copied();
        Box::pin(async move {
            let ready = poll_fn(|cx| match announced {
                Some(cost) => announce(cost, || service.poll_ready(cx)),
                None => service.poll_ready(cx),
            });
            ready.await.ok()?;
            let (head, body) = service.call(request).await.ok()?.into_parts();
            body.collect().await.ok()?;
            let unexpected = job.filter(|job| job.expected != job.cost);
            if let (Some(job), Some(charge)) = (unexpected, Charge::of(&head.extensions)) {
                charge.settle(of(job.cost));
            }
            Some(head.status)
        })
    }
}
