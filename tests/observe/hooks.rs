//! When observers are told, and what they may do.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use http::StatusCode;
use http_body_util::BodyExt;
use sim::{Arrival, Fate, Server};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Handle;
use tower_throttle::concurrency::limit::Fixed;
use tower_throttle::observe::{By, Ending, Event, Reason, Source, SourceKind};

use crate::support::{Lines, batch, get};

fn five_places() -> Server {
    Server::new(|Arrival { busy, .. }| Fate::taken_if(busy < 5, 2.0))
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_admitted_ends_and_is_released_once() {
    let counts = Arc::new([const { AtomicUsize::new(0) }; 4]);
    let api = five_places();
    let counted = Arc::clone(&counts);
    batch(
        &api,
        60,
        Arc::new(move |_: Source<'_>, event: &Event<'_>| {
            let index = match event {
                Event::Admitted { .. } => 0,
                Event::Answered { .. } | Event::Refused { .. } => 1,
                Event::Released { .. } => 2,
                Event::Done { .. } => 3,
                _ => return,
            };
            counted[index].fetch_add(1, Relaxed);
        }),
    )
    .await;
    let counts = [0, 1, 2, 3].map(|index| counts[index].load(Relaxed));
    assert_eq!(counts, [api.sent(), api.sent(), api.sent(), 60]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_tells_its_wait_and_its_time() {
    let lines = Lines::default();
    let layer = AdaptiveConcurrencyLayer::with_limit(Fixed::new(1)).observe(lines.clone());
    let api = Server::new(|Arrival { .. }| Fate::served(2.0));
    let client = layer.layer(api);
    let (one, two) = tokio::join!(client.clone().oneshot(get()), client.oneshot(get()));
    for answer in [one, two] {
        answer.unwrap().into_body().collect().await.unwrap();
    }
    assert_eq!(
        lines.take(),
        [
            "let through, 1 of 1 in flight",
            "accepted after 2.00 s",
            "permit came back, 0 in flight",
            "let through, 1 of 1 in flight, waited 2.00 s",
            "accepted after 2.00 s",
            "permit came back, 0 in flight",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_observer_may_ask_the_handle() {
    let handle: Arc<OnceLock<Handle>> = Arc::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let layer = AdaptiveConcurrencyLayer::new().observe({
        let (handle, seen) = (Arc::clone(&handle), Arc::clone(&seen));
        move |_: Source<'_>, _: &Event<'_>| {
            let handle = handle.get().unwrap();
            seen.lock().unwrap().push(handle.snapshot().in_flight);
            handle.set_max(100);
        }
    });
    handle.set(layer.handle()).unwrap();
    let client = layer.layer(Server::new(|_: Arrival<'_>| Fate::served(1.0)));
    let answer = client.oneshot(get()).await.unwrap();
    answer.into_body().collect().await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_loses_no_permit() {
    let quiet = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let layer = AdaptiveConcurrencyLayer::new().observe(|_: Source<'_>, event: &Event<'_>| {
        panic!("{event}");
    });
    let api = five_places();
    let client = layer.layer(api.clone());
    for _ in 0..20 {
        let answer = client.clone().oneshot(get()).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
    drop(client);
    layer.handle().pause(Duration::from_secs(1));
    std::panic::set_hook(quiet);
    let now = layer.handle().snapshot();
    assert_eq!((now.accepted, now.in_flight, now.waiting), (20, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_is_not_used_is_told_as_dropped() {
    let endings = Arc::new(Mutex::new(Vec::new()));
    let layer = AdaptiveConcurrencyLayer::new().observe({
        let endings = Arc::clone(&endings);
        move |_: Source<'_>, event: &Event<'_>| {
            if let Event::Answered { ending, took, .. } = event {
                endings.lock().unwrap().push((*ending, took.get()));
            }
        }
    });
    let mut client = layer.layer(Server::new(|_: Arrival<'_>| Fate::served(1.0)));
    client.ready().await.unwrap();
    drop(client.clone());
    drop(client);
    assert_eq!(*endings.lock().unwrap(), [(Ending::Dropped, None)]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_tells_its_hint_and_pauses_the_gate() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let layer = AdaptiveConcurrencyLayer::new().seed(1).observe({
        let seen = Arc::clone(&seen);
        move |source: Source<'_>, event: &Event<'_>| {
            assert_eq!((source.name, source.kind), ("default", SourceKind::Gate));
            let text = match event {
                Event::Refused {
                    status,
                    hint,
                    took,
                    attempt,
                    ..
                } => {
                    assert_eq!(*status, StatusCode::TOO_MANY_REQUESTS);
                    assert_eq!((took.get(), *attempt), (Some(Duration::from_secs(1)), 1));
                    format!("refused: {:?}", hint.wait())
                }
                Event::Paused { left, by, .. } => {
                    assert!(*left >= Duration::from_secs(3), "{left:?}");
                    assert_eq!(*by, By::Server);
                    "paused".into()
                }
                Event::Resumed { by, .. } => format!("resumed by {by:?}"),
                _ => return,
            };
            seen.lock().unwrap().push(text);
        }
    });
    let api = Server::new(|Arrival { number, .. }| match number {
        0 => Fate {
            takes: 1.0,
            ..Fate::refused(429).header("retry-after", 3)
        },
        _ => Fate::served(0.0),
    });
    let mut client = layer.layer(api);
    for _ in 0..2 {
        client.ready().await.unwrap();
        drop(client.call(get()).await.unwrap());
    }
    layer.handle().pause(Duration::from_secs(9));
    layer.handle().resume();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "refused: Some(3s)",
            "paused",
            "resumed by Time",
            "resumed by Handle"
        ]
        .map(String::from)
        .to_vec()
    );
}

#[test]
fn the_set_up_is_no_event_and_a_handle_is_the_reason() {
    let lines = Lines::default();
    let layer = AdaptiveConcurrencyLayer::new()
        .observe(lines.clone())
        .name("api.example")
        .initial_limit(10)
        .max_limit(50);
    assert_eq!(layer.handle().limit(), 10);
    assert!(lines.take().is_empty());
    layer.handle().set_max(5);
    assert_eq!(lines.take(), ["limit 10 -> 5: set by the program"]);
    layer.handle().set_limit(5);
    assert!(lines.take().is_empty());
}

#[test]
fn a_limit_of_ones_own_gives_its_reasons() {
    use tower_throttle::concurrency::limit::{Headroom, Limit, Load, Now, Outcome, Reasons, Sent};

    #[derive(Clone, Debug)]
    struct Quiet(usize);

    impl Limit for Quiet {
        fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
            Headroom::of(self.0, load)
        }

        fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {
            self.0 = 2;
        }

        fn on_outcome(&mut self, _: &Now, _: &Sent, _: Outcome<'_>, _: Load) {}

        fn limit(&self) -> usize {
            self.0
        }

        fn reasons(&self) -> Reasons {
            Reasons::of_limit(Reason::Other("quiet hours"))
        }

        fn set_limit(&mut self, limit: usize) {
            self.0 = limit;
        }

        fn set_bounds(&mut self, _: usize, _: usize) {}
    }

    let lines = Lines::default();
    let layer = AdaptiveConcurrencyLayer::with_limit(Quiet(8)).observe(lines.clone());
    let mut client = layer.layer(tower::service_fn(async |_: http::Request<()>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(
            http_body_util::Full::<bytes::Bytes>::default(),
        ))
    }));
    assert!(tokio_test::task::spawn(client.ready()).poll().is_ready());
    assert_eq!(
        lines.take(),
        ["limit 8 -> 2: quiet hours", "let through, 1 of 2 in flight"]
    );
}
