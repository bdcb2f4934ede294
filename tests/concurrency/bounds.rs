//! What is set is kept: the longest pause, the greatest limit, constants that make sense.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tower::{Layer, Service, ServiceExt};
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::limit::{
    Headroom, Learned, Limit, Load, Now, Outcome, Sent, Tuning,
};

use crate::support::*;

type Times = Arc<Mutex<Vec<Instant>>>;

/// A server that notes when it is asked, and answers so after a while.
fn noting<F>(
    times: &Times,
    answer: F,
) -> impl Service<
    Request<()>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<F> + 'static,
> + Clone
+ Send
+ use<F>
+ 'static
where
    F: Fn(usize) -> Response<Body> + Clone + Send + 'static,
{
    let times = Arc::clone(times);
    tower::service_fn(move |_: Request<()>| {
        let mut times = times.lock().unwrap();
        times.push(Instant::now());
        let answer = answer(times.len() - 1);
        async move {
            sleep(Duration::from_millis(20)).await;
            Ok(answer)
        }
    })
}

/// Lets many wait for a while; returns the longest time in which nobody went.
async fn longest_gap<S>(
    layer: &AdaptiveConcurrencyLayer,
    times: &Times,
    service: S,
    jobs: usize,
) -> Duration
where
    S: Service<Request<()>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..jobs {
        tasks.spawn(layer.layer(service.clone()).oneshot(Request::new(())));
    }
    let _ = timeout(Duration::from_secs(600), tasks.join_all()).await;
    let mut times = times.lock().unwrap().clone();
    times.insert(0, start);
    if times.len() <= jobs {
        times.push(Instant::now());
    }
    let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap()
}

/// Timers, and the time that the request before takes.
const SLACK: Duration = Duration::from_millis(30);

#[tokio::test(start_paused = true)]
async fn somebody_goes_at_the_latest_after_the_longest_pause() {
    for (max, asked) in [
        (1, None),
        (1, Some("1")),
        (3, None),
        (3, Some("2")),
        (2, Some("60")),
    ] {
        let max = Duration::from_secs(max);
        let times = Times::default();
        let service = noting(&times, move |_| asked.map_or_else(|| answer(429), refusal));
        let layer = AdaptiveConcurrencyLayer::new().max_pause(max);
        let gap = longest_gap(&layer, &times, service, 100).await;
        assert!(gap <= max + SLACK, "{max:?}, {asked:?}: {gap:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_told_of_a_quota_holds_back_no_longer_than_the_longest_pause() {
    let told = |n: usize| {
        let mut told = answer(if n % 2 == 0 { 200 } else { 429 });
        for (name, value) in [
            ("x-ratelimit-limit-requests", "1"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1m40s"),
        ] {
            told.headers_mut().insert(name, value.parse().unwrap());
        }
        told
    };
    let times = Times::default();
    let service = noting(&times, told);
    let layer = AdaptiveConcurrencyLayer::new();
    let gap = longest_gap(&layer, &times, service, 4).await;
    assert!(gap <= Duration::from_secs(120) + SLACK, "{gap:?}");
}

/// Has room for ten, and lets nobody go.
#[derive(Clone, Debug)]
struct Never;

impl Limit for Never {
    fn headroom(&mut self, _: &Now, _: Load) -> Headroom {
        Headroom::new(0, None)
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn on_outcome(&mut self, _: &Now, _: &Sent, _: Outcome<'_>, _: Load) {}

    fn limit(&self) -> usize {
        10
    }

    fn set_limit(&mut self, _: usize) {}

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn no_limit_holds_back_for_ever_and_each_goes_after_its_own_wait() {
    let layer = AdaptiveConcurrencyLayer::with_limit(Never).max_pause(Duration::from_secs(5));
    let times = Times::default();
    let service = noting(&times, |_| answer(200));
    let gap = longest_gap(&layer, &times, service, 10).await;
    assert_eq!(times.lock().unwrap().len(), 10);
    assert!(
        (Duration::from_secs(5)..=Duration::from_secs(5) + SLACK).contains(&gap),
        "{gap:?}"
    );
    // One who gave up takes the time that was waited with it.
    let (mut service, _server) = gated(&layer);
    assert!(
        timeout(Duration::from_secs(4), service.ready())
            .await
            .is_err()
    );
    drop(service);
    let (mut service, _server) = gated(&layer);
    assert!(
        timeout(Duration::from_secs(4), service.ready())
            .await
            .is_err()
    );
    assert!(
        timeout(Duration::from_secs(2), service.ready())
            .await
            .is_ok()
    );
}

/// Lets nobody go, and says of how many may be in flight what the test says.
#[derive(Clone, Debug)]
struct Said(Arc<AtomicUsize>);

impl Limit for Said {
    fn headroom(&mut self, _: &Now, _: Load) -> Headroom {
        Headroom::new(0, None)
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn on_outcome(&mut self, _: &Now, _: &Sent, _: Outcome<'_>, _: Load) {}

    fn limit(&self) -> usize {
        self.0.load(SeqCst)
    }

    fn set_limit(&mut self, limit: usize) {
        self.0.store(limit, SeqCst);
    }

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn the_time_in_which_as_many_are_in_flight_as_may_be_does_not_count() {
    let layer = AdaptiveConcurrencyLayer::with_limit(Said(Arc::new(AtomicUsize::new(1))))
        .max_pause(Duration::from_secs(5));
    let handle = layer.handle();
    let (mut service, _server) = gated(&layer);
    let waiting = tokio::spawn(async move { service.ready().await.is_ok() });
    sleep(Duration::from_secs(4)).await;
    handle.set_limit(0);
    sleep(Duration::from_secs(10)).await;
    handle.set_limit(1);
    sleep(Duration::from_secs(4)).await;
    assert!(!waiting.is_finished());
    sleep(Duration::from_secs(2)).await;
    assert!(waiting.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_pause_by_hand_lasts_however_long_it_is() {
    let layer = fixed(1).max_pause(Duration::from_secs(1));
    layer.handle().pause(Duration::from_secs(3600));
    let (mut service, _server) = gated(&layer);
    let start = Instant::now();
    service.ready().await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(3600));
}

#[tokio::test(start_paused = true)]
async fn the_greatest_limit_is_never_passed() {
    for max in [1, 2, 3, 7] {
        let (inside, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let most = Arc::clone(&peak);
        let layer = AdaptiveConcurrencyLayer::new().max_limit(max);
        let service = layer.layer(tower::service_fn(move |_: Request<()>| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            async move {
                let now = inside.fetch_add(1, SeqCst) + 1;
                most.fetch_max(now, SeqCst);
                sleep(Duration::from_millis(50)).await;
                inside.fetch_sub(1, SeqCst);
                let refused = fastrand::u8(..) < 10;
                Ok::<_, Infallible>(answer(if refused { 429 } else { 200 }))
            }
        }));
        let mut jobs = JoinSet::new();
        for _ in 0..2000 {
            jobs.spawn(service.clone().oneshot(Request::new(())));
        }
        jobs.join_all().await;
        assert!(peak.load(SeqCst) <= max, "{max}: {peak:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn constants_that_make_no_sense_are_the_defaults() {
    let odd = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.0, -1.0];
    let usual = format!("{:?}", Learned::new());
    for name in Tuning::NAMES {
        for value in odd {
            let mut tuning = Tuning::default();
            *tuning.get_mut(name).expect("a name") = value;
            assert_eq!(format!("{:?}", Learned::with_tuning(tuning)), usual);
        }
        // Those that make little sense do no harm either.
        for value in [f64::MIN_POSITIVE, f64::MAX] {
            let mut tuning = Tuning::default();
            *tuning.get_mut(name).expect("a name") = value;
            let layer = AdaptiveConcurrencyLayer::with_limit(Learned::with_tuning(tuning));
            let service = noting(&Times::default(), |n| match n % 7 {
                0 => refusal("1"),
                3 | 4 => answer(429),
                _ => answer(200),
            });
            let mut jobs = JoinSet::new();
            for _ in 0..100 {
                jobs.spawn(layer.layer(service.clone()).oneshot(Request::new(())));
            }
            let all = timeout(Duration::from_secs(3600 * 24), jobs.join_all()).await;
            assert_eq!(all.expect("hangs").len(), 100);
        }
    }
}
