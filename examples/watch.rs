//! What the layers do against an API that nobody has described, and why: a run of a minute as a timeline.
//!
//! The API is simulated on a paused clock, so that it takes no time and is the same each time. It works on twelve
//! requests at once and on eight in a second, and it is out of order for five seconds.
//!
//! `cargo run --example watch` shows what changes and what is refused; `-- --all` what happens to every request, too.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use sim::limits::Bucket;
use sim::{Arrival, Fate, Server};
use tokio::task::JoinSet;
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::observe::{Event, Source, Timeline};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

const JOBS: usize = 400;

fn api() -> Server {
    let mut bucket = Bucket::new(8.0, 20.0);
    Server::new(move |Arrival { now, busy, .. }| {
        if (30.0..35.0).contains(&now) {
            return Fate::refused(503).header("retry-after", 2);
        }
        Fate::taken_if(busy < 12 && bucket.take(now), 1.0)
    })
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> ExitCode {
    let all = std::env::args().any(|argument| argument == "--all");
    let api = api();

    // These are the lines to copy: one timeline for both layers.
    let timeline = Timeline::new(|line| println!("{line}")).with_routine(all);
    let gate = AdaptiveConcurrencyLayer::new()
        .seed(1)
        .observe(timeline.clone());
    let retries = RetryOn429Layer::new().seed(1).observe(timeline.clone());

    // And an observer of one's own.
    let longest = std::sync::Arc::new(std::sync::Mutex::new(Duration::ZERO));
    let gate = gate.observe({
        let longest = std::sync::Arc::clone(&longest);
        move |_: Source<'_>, event: &Event<'_>| {
            if let Event::Admitted { waited, .. } = event {
                let mut longest = longest.lock().expect("nobody panics with it");
                *longest = (*waited).max(*longest);
            }
        }
    });
    let client = ServiceBuilder::new()
        .layer(retries)
        .layer(gate)
        .service(api.clone());

    println!("      time    what changed, from -> to: why\n");
    let mut jobs = JoinSet::new();
    for _ in 0..JOBS {
        let request = Request::get("http://api.example/").body(Full::<Bytes>::default());
        let answer = client.clone().oneshot(request.expect("a fixed URL"));
        jobs.spawn(async move {
            let answer = answer.await.expect("the API always answers");
            let status = answer.status();
            let read = answer.into_body().collect().await;
            status.is_success() && read.is_ok()
        });
    }
    let served = jobs.join_all().await.into_iter().filter(|served| *served);
    let served = served.count();
    timeline.flush();
    println!(
        "\n{served} of {JOBS} requests served in {:.1} s. The API refused {} of {} attempts. The longest wait in line \
         was {:.1} s.",
        timeline.elapsed().as_secs_f64(),
        api.refused(),
        api.sent(),
        longest.lock().expect("nobody panics with it").as_secs_f64(),
    );
    ExitCode::from(u8::from(served < JOBS))
}
