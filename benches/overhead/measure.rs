//! Interleaved measuring: short batches of all contenders in turn, for many rounds.
//!
//! A machine's speed drifts, but hardly within a round. So what a contender adds is taken against
//! the bare service of the same round, and the median of all rounds is what counts.

use std::fmt;
use std::future::poll_fn;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::Full;
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use tower::Service;

pub(crate) type RequestBody = Full<Bytes>;

const ROUNDS: usize = 1_000;
const CALLS: u32 = 400;

/// Makes a number of calls.
type Run = dyn FnMut(&Runtime, u32);

/// What is measured.
pub(crate) struct Contender {
    name: &'static str,
    run: Box<Run>,
}

impl Contender {
    /// A service that is measured. All are given the same requests, and all their answers are read
    /// to the end.
    pub(crate) fn new<S, B>(name: &'static str, mut service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>> + 'static,
        B: Body,
    {
        let run = Box::new(move |runtime: &Runtime, calls| {
            (0..calls).for_each(|_| call(&mut service, runtime));
        });
        Self { name, run }
    }
}

/// A request as a client of a JSON API makes it: nothing in it is shared yet.
fn request() -> Request<RequestBody> {
    Request::post("http://api.example.com/v1/messages")
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::AUTHORIZATION,
            "Bearer 0123456789abcdef0123456789abcdef",
        )
        .body(Full::from(br#"{"model":"m","messages":[]}"#.to_vec()))
        .expect("a valid request")
}

/// One call to a service that is ready, and answers at once.
fn call<S, B>(service: &mut S, runtime: &Runtime)
where
    S: Service<Request<RequestBody>, Response = Response<B>>,
    B: Body,
{
    let cx = &mut Context::from_waker(Waker::noop());
    if service.poll_ready(cx).is_pending() {
        // A limit may hold the next call back for a moment, when this process was held up in the
        // last one. Such a batch is far from the median.
        let ready = runtime.block_on(poll_fn(|cx| service.poll_ready(cx)));
        assert!(ready.is_ok(), "not ready");
    }
    let Poll::Ready(Ok(response)) = pin!(service.call(black_box(request()))).poll(cx) else {
        panic!("no answer");
    };
    let mut body = pin!(response.into_body());
    while !body.is_end_stream() {
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(cx) else {
            panic!("no frame");
        };
        black_box(frame.into_data().ok());
    }
}

/// What each contender adds to the first one, which is the bare service.
#[derive(Debug)]
pub(crate) struct Table {
    bare: Cost,
    rows: Vec<(&'static str, Cost)>,
}

/// What a call costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) nanos: f64,
    pub(crate) allocations: f64,
}

impl Table {
    /// What the contender of that name adds to a call.
    pub(crate) fn added(&self, name: &str) -> Cost {
        let row = self.rows.iter().find(|(row, _)| *row == name);
        row.expect("a contender of that name").1
    }
}

/// Measures the contenders, of which the first is the bare service.
pub(crate) fn table(mut contenders: Vec<Contender>) -> Table {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let count = |contender| allocations(contender, &runtime);
    let allocations: Vec<f64> = contenders.iter_mut().map(count).collect();
    let mut samples = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for round in 0..ROUNDS {
        // Each one comes after each other one in turn.
        for at in 0..contenders.len() {
            let at = (at + round) % contenders.len();
            samples[at].push(nanos(&mut contenders[at], &runtime));
        }
    }
    let bare = Cost {
        nanos: median(samples[0].clone()),
        allocations: allocations[0],
    };
    let added = |at: usize| Cost {
        nanos: median(
            samples[at]
                .iter()
                .zip(&samples[0])
                .map(|(with, bare)| with - bare)
                .collect(),
        ),
        allocations: allocations[at] - allocations[0],
    };
    let rows = contenders.iter().enumerate().skip(1);
    let rows = rows
        .map(|(at, contender)| (contender.name, added(at)))
        .collect();
    Table { bare, rows }
}

/// The time of a call, by a batch of them.
fn nanos(contender: &mut Contender, runtime: &Runtime) -> f64 {
    let start = Instant::now();
    (contender.run)(runtime, CALLS);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

/// The allocations of a call, once everything that is made only once is there.
fn allocations(contender: &mut Contender, runtime: &Runtime) -> f64 {
    (contender.run)(runtime, CALLS);
    let counted = allocation_counter::measure(|| (contender.run)(runtime, CALLS));
    counted.count_total as f64 / f64::from(CALLS)
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples[samples.len() / 2]
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| one layer or stack over a ready service | added ns per call | added allocations |"
        )?;
        writeln!(f, "|---|---:|---:|")?;
        let Cost { nanos, allocations } = self.bare;
        writeln!(
            f,
            "| (bare: make a request, call, read the answer) | ({nanos:.0}) | ({allocations:.1}) |"
        )?;
        for (name, Cost { nanos, allocations }) in &self.rows {
            writeln!(f, "| {name} | {nanos:.0} | {allocations:.1} |")?;
        }
        Ok(())
    }
}
