//! What the engine tells of five short runs, as tables that people can read. `GOLDEN=write cargo test --test observe`
//! writes them anew: read the difference.

use std::fs;
use std::path::Path;

use sim::limits::{Bucket, Opened as Window};
use sim::{Arrival, Fate, Server};
use tower_throttle::observe::Timeline;

use crate::support::{Lines, batch};

/// Runs `jobs` requests against an API, and holds the timeline against the table of that name.
async fn golden(name: &str, api: Server, jobs: usize) {
    let lines = Lines::default();
    let timeline = Timeline::new({
        let lines = lines.clone();
        move |line| lines.push(line.to_owned())
    });
    batch(&api, jobs, timeline.clone()).await;
    timeline.flush();
    let seconds = timeline.elapsed().as_secs_f64();
    let (sent, refused) = (api.sent(), api.refused());
    let mut found = lines.take().join("\n");
    found +=
        &format!("\n{seconds:>10.3} s  {jobs} requests done: {sent} attempts, {refused} refused\n");

    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/observe/golden/{name}.txt"));
    if std::env::var_os("GOLDEN").is_some_and(|what| what == "write") {
        fs::write(&file, &found).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(found, expected, "{} differs", file.display());
}

/// Ten requests per second, twenty at once.
#[tokio::test(start_paused = true)]
async fn a_bucket() {
    let mut bucket = Bucket::new(10.0, 20.0);
    let api = Server::new(move |Arrival { now, .. }| Fate::taken_if(bucket.take(now), 1.0));
    golden("bucket", api, 300).await;
}

/// Five at one time.
#[tokio::test(start_paused = true)]
async fn places() {
    let api = Server::new(|Arrival { busy, .. }| Fate::taken_if(busy < 5, 2.0));
    golden("places", api, 60).await;
}

/// Forty per ten seconds, which the server tells when it refuses.
#[tokio::test(start_paused = true)]
async fn a_window() {
    let mut window = Window::new(40, 10.0);
    let api = Server::new(move |Arrival { now, .. }| {
        let wait = window.wait(now).ceil();
        Fate::taken_if(window.take(now), 0.3).header_if_refused("retry-after", wait)
    });
    golden("window", api, 150).await;
}

/// Nothing is accepted for five seconds.
#[tokio::test(start_paused = true)]
async fn an_outage() {
    let api = Server::new(|Arrival { now, .. }| {
        if (1.0..6.0).contains(&now) {
            Fate::refused(503)
        } else {
            Fate::served(0.5)
        }
    });
    golden("outage", api, 200).await;
}

/// One in twelve is refused, whatever is sent.
#[tokio::test(start_paused = true)]
async fn noise() {
    let api = Server::new(|Arrival { number, .. }| Fate::taken_if(number % 12 != 11, 0.5));
    golden("noise", api, 300).await;
}
