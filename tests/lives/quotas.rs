//! Quotas, told and not told, exactly and not.

use super::api::{Api, Arrival, Bucket, Fate, Log, Window, batch, throttled};

/// F1: Varnish's vsthrottle.
#[tokio::test(start_paused = true)]
async fn a_retry_after_that_is_always_five_is_weighed() {
    let mut log = Log::new(20, 1.0);
    let api = Api::new(move |Arrival { now, .. }| {
        Fate::taken_if(log.take(now), 0.02).header_if_refused("retry-after", 5)
    });
    let took = batch(&throttled(&api), 600).await;
    println!("F1: {took:.1} for 29.0, {} refused", api.refused());
    assert!(took <= 1.3 * 29.0 + 10.0, "{took}");
}

/// F2: Traefik.
#[tokio::test(start_paused = true)]
async fn of_two_waits_the_finer_counts() {
    let mut bucket = Bucket::new(20.0, 10.0);
    let api = Api::new(move |Arrival { now, .. }| {
        if bucket.take(now) {
            Fate::served(0.05)
        } else {
            let wait = 1e3 * bucket.wait(now);
            Fate::refused(429)
                .header("retry-after", 1)
                .header("x-retry-in", format!("{wait:.6}ms"))
        }
    });
    let took = batch(&throttled(&api), 300).await;
    println!("F2: {took:.1} for 14.5, {} refused", api.refused());
    assert!(took <= 1.15 * 14.5, "{took}");
}

/// F3: NestJS: fixed window from the first request, blocked for its rest, told in whole seconds.
#[tokio::test(start_paused = true)]
async fn a_window_that_blocks_who_was_refused() {
    let mut window = Window::new(30, 5.0);
    let mut blocked_until = 0.0;
    let api = Api::new(move |Arrival { now, .. }| {
        if now < blocked_until {
            return Fate::refused(429).header("retry-after", (blocked_until - now).ceil());
        }
        if window.take(now) {
            Fate::served(0.05)
        } else {
            blocked_until = now + 5.0;
            Fate::refused(429).header("retry-after", 5)
        }
    });
    let took = batch(&throttled(&api), 300).await;
    println!("F3: {took:.1} for 45.1, {} refused", api.refused());
    assert!(took <= 1.3 * 45.1, "{took}");
}

/// F4: Django REST framework.
#[tokio::test(start_paused = true)]
async fn a_log_of_a_second_with_retry_after() {
    let mut log = Log::new(20, 1.0);
    let api = Api::new(move |Arrival { now, .. }| {
        Fate::taken_if(log.take(now), 0.05)
            .header_if_refused("retry-after", log.wait(now).ceil().max(1.0))
    });
    let took = batch(&throttled(&api), 300).await;
    println!("F4: {took:.1} for 14.1, {} refused", api.refused());
    // Right would be 1.1: a pause of a second counts in the pace.
    assert!(took <= 1.75 * 14.1, "{took}");
}

/// F5: fastapi-limiter.
#[tokio::test(start_paused = true)]
async fn a_log_that_tells_nothing() {
    let mut log = Log::new(50, 10.0);
    let api = Api::new(move |Arrival { now, .. }| Fate::taken_if(log.take(now), 0.05));
    let took = batch(&throttled(&api), 500).await;
    println!("F5: {took:.1} for 90.1, {} refused", api.refused());
    // Right would be 1.15 and 25: what no window is, is paced.
    assert!(took <= 1.25 * 90.1, "{took}");
    assert!(api.refused() <= 90, "{}", api.refused());
}

/// F6: Envoy's circuit breaker, tower's `LoadShed`.
#[tokio::test(start_paused = true)]
async fn a_503_above_ten_in_flight() {
    let api = Api::new(move |Arrival { busy, .. }| {
        if busy < 10 {
            Fate::served(0.1)
        } else {
            Fate::refused(503)
        }
    });
    let took = batch(&throttled(&api), 300).await;
    println!("F6: {took:.2} for 3.0, {} refused", api.refused());
    // The climb from 4 is a fifth of so short a run.
    assert!(took <= 1.25 * 3.0, "{took}");
}

/// N2.
#[tokio::test(start_paused = true)]
async fn a_told_quota_is_a_licence() {
    let mut bucket = Bucket::new(50.0, 3000.0);
    let api = Api::new(move |Arrival { now, .. }| {
        let served = bucket.take(now);
        let left = bucket.tokens(now);
        let reset = (3000.0 - left) / 50.0;
        let fate = Fate::taken_if(served, 8.0);
        fate.header("x-ratelimit-limit-requests", 3000)
            .header("x-ratelimit-remaining-requests", left.floor())
            .header(
                "x-ratelimit-reset-requests",
                format!("{}ms", (1e3 * reset).ceil()),
            )
    });
    let took = batch(&throttled(&api), 3000).await;
    println!(
        "N2: {took:.1}, {} refused, peak {}",
        api.refused(),
        api.peak()
    );
    let fixed_took = 8.0 * 3000.0 / 1000.0;
    // The answers to the first requests take a third of it.
    assert!(took <= 1.9 * fixed_took, "{took}");
}

/// D7.
#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_longest_wait() {
    let mut bucket = Bucket::new(0.01, 1.0);
    let mut last: f64 = 0.0;
    let mut longest: f64 = 0.0;
    let shared = std::sync::Arc::new(std::sync::Mutex::new(0.0));
    let seen = shared.clone();
    let api = Api::new(move |Arrival { now, .. }| {
        longest = longest.max(now - last);
        last = now;
        *seen.lock().unwrap() = longest;
        let served = bucket.take(now);
        let left = bucket.tokens(now);
        let fate = Fate::taken_if(served, 0.1);
        fate.header("x-ratelimit-limit-requests", 1)
            .header("x-ratelimit-remaining-requests", left.floor())
            .header(
                "x-ratelimit-reset-requests",
                format!("{}s", ((1.0 - left) / 0.01).ceil()),
            )
    });
    let took = batch(&throttled(&api), 6).await;
    let longest = *shared.lock().unwrap();
    println!(
        "D7: {took:.1} for 500; nothing sent for {longest:.1}, {} refused",
        api.refused()
    );
    assert!(longest <= 125.0, "{longest}");
}

/// D9.
#[tokio::test(start_paused = true)]
async fn told_room_lifts_what_was_learned() {
    let mut bucket = Bucket::new(0.05, 3.0);
    let api = Api::new(move |Arrival { now, path, .. }| {
        if path == "/rich" {
            return Fate::served(0.1)
                .header("x-ratelimit-limit-requests", 5000)
                .header("x-ratelimit-remaining-requests", 4999)
                .header("x-ratelimit-reset-requests", "12ms");
        }
        let served = bucket.take(now);
        let left = bucket.tokens(now);
        let fate = Fate::taken_if(served, 0.1);
        fate.header("x-ratelimit-limit-requests", 3)
            .header("x-ratelimit-remaining-requests", left.floor())
            .header(
                "x-ratelimit-reset-requests",
                format!("{}ms", (1e3 * (3.0 - left) / 0.05).ceil()),
            )
    });
    let client = throttled(&api);
    let first = batch(&client, 12).await;
    let took = super::api::of_kinds(&client, 500, |_| "/rich".into()).await;
    println!("D9: {first:.1}, then {took:.1}, {} refused", api.refused());
    assert!(took <= 25.0, "{took}");
}

/// express-rate-limit's draft 8, on a machine that stands still now and then.
#[tokio::test(start_paused = true)]
async fn told_windows_of_a_second_on_a_busy_machine() {
    for seed in 0..24 {
        let mut window = Window::new(30, 1.0);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut at = 0.0;
        let stalls: Vec<_> = std::iter::repeat_with(|| {
            at += 0.3 + 2.0 * random.f64();
            let lasts = if seed % 2 == 0 {
                0.25 * random.f64()
            } else {
                0.0
            };
            at..at + lasts
        })
        .take(100)
        .collect();
        let api = Api::new(move |Arrival { now, .. }| {
            let served = window.take(now);
            let quota = window.quota(now);
            let (left, wait) = (quota.remaining, quota.reset.ceil());
            let fate = Fate::taken_if(served, 0.05).header_if_refused("retry-after", wait);
            fate.header("ratelimit-policy", "\"30-in-1sec\"; q=30; w=1; pk=:YmE0:")
                .header("ratelimit", format!("\"30-in-1sec\"; r={left}; t={wait}"))
        })
        .stalls(stalls);
        let took = batch(&throttled(&api), 300).await;
        println!(
            "draft-8, seed {seed}: {took:.2} for 9.05, {} refused",
            api.refused()
        );
        assert!(took <= 1.35 * 9.05, "seed {seed}: {took}");
        assert!(api.refused() <= 20, "seed {seed}: {}", api.refused());
    }
}
