//! The feature `tracing`, as a subscriber writes it.

use std::io::Write;
use std::sync::{Arc, Mutex};

use sim::{Arrival, Fate, Server};
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::observe::Tracing;
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::support::get;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is written of one request that is refused by an API that asks for two seconds, at most this often.
async fn log(level: tracing::Level, refusals: usize) -> Vec<String> {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_writer({
            let log = log.clone();
            move || log.clone()
        })
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let api = Server::new(move |Arrival { number, .. }| {
        if number < refusals {
            Fate::refused(429).header("retry-after", 2)
        } else {
            Fate::served(0.5)
        }
    });
    let client = ServiceBuilder::new()
        .layer(
            RetryOn429Layer::new()
                .max_attempts(2)
                .seed(1)
                .name("api")
                .observe(Tracing::new()),
        )
        .layer(
            AdaptiveConcurrencyLayer::new()
                .seed(1)
                .name("api")
                .observe(Tracing::new()),
        )
        .service(api);
    drop(client.oneshot(get()).await.unwrap());
    let bytes = log.0.lock().unwrap().clone();
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_changes_for_all_is_an_info_and_who_gives_up_is_a_warning() {
    assert_eq!(
        log(tracing::Level::INFO, 9).await,
        [
            "INFO tower_throttle: circuit breaker closed -> open: the server said so throttle.name=\"api\" throttle.from=closed throttle.to=open throttle.reason=\"told\"",
            "INFO tower_throttle: paused for 2.08 s: the server asked for it throttle.name=\"api\" throttle.wait_ms=2081 throttle.reason=\"server\"",
            "INFO tower_throttle: pause over: its time has passed throttle.name=\"api\" throttle.reason=\"time\"",
            "INFO tower_throttle: circuit breaker open -> half-open: one more may go, to learn throttle.name=\"api\" throttle.from=open throttle.to=half-open throttle.reason=\"probe\"",
            "INFO tower_throttle: circuit breaker half-open -> open: the probe was refused throttle.name=\"api\" throttle.from=half-open throttle.to=open throttle.reason=\"probe_refused\"",
            "INFO tower_throttle: paused for 0.519 s: the server asked for it throttle.name=\"api\" throttle.wait_ms=518 throttle.reason=\"server\"",
            "WARN tower_throttle: gave up after 2 attempts: it was sent as often as it may be throttle.name=\"api\" error.type=\"max_attempts\" server.address=\"api.example\" http.response.status_code=429 http.request.resend_count=1",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_each_request_is_for_debugging() {
    let found = log(tracing::Level::DEBUG, 1).await;
    println!("{found:#?}");
    let has = |text: &str| found.iter().any(|line| line.contains(text));
    assert!(has(
        "DEBUG tower_throttle: let through, 1 of 4 in flight throttle.name=\"api\" throttle.wait_ms=0"
    ));
    assert!(has("error.type=\"429\" http.response.status_code=429"));
    assert!(has(
        "server.address=\"api.example\" http.response.status_code=429 http.request.resend_count=1"
    ));
    assert!(has(
        "done after 2 attempts throttle.name=\"api\" http.request.resend_count=1"
    ));
}
