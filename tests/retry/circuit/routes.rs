//! Kinds of requests: a dead one beside others.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_acceptance_between_two_refusals_for_good_keeps_it_closed() {
    let api = Api::new(ms(1), |number| {
        if number % 2 == 0 {
            over_cap()
        } else {
            status(200)
        }
    });
    let layer = RetryOn429Layer::new();
    let service = layer.layer(api.service());
    for _ in 0..100 {
        service.clone().oneshot(get()).await.unwrap();
    }
    assert!(!layer.handle().is_open());
    assert_eq!(api.sent().len(), 100);
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn a_dead_route_beside_a_live_one_is_soon_known_to_be_one() {
    let layer = RetryOn429Layer::new();
    let live = layer.layer(Api::new(ms(50), |_| status(200)).service());
    let dead = layer.layer(Api::new(ms(50), |_| over_permanent()).service());
    let mut unsent = 0;
    let mut random = 1u64;
    for _ in 0..2000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let is_live = random >> 33 & 3 == 0;
        let service = if is_live {
            live.clone().boxed_clone()
        } else {
            dead.clone().boxed_clone()
        };
        let response = service.oneshot(get()).await.unwrap();
        if is_live && response.status() != 200 {
            unsent += 1;
        }
        sleep(ms(200)).await;
    }
    assert!(
        unsent <= 10,
        "{unsent} of 500 on the live route were not sent"
    );
}

/// Two models of one API, of which one has no quota at all: a path for each.
fn model(name: &str) -> Req {
    let uri = format!("http://api.test/v1/models/{name}:generate?key=secret");
    http::Request::post(uri).body(Full::default()).unwrap()
}

#[cfg(feature = "json")]
#[tokio::test(start_paused = true)]
async fn jobs_of_a_live_route_are_not_lost_to_a_dead_one() {
    for (live_latency, wait) in [(ms(50), None), (secs(10), None), (secs(10), Some(3600))] {
        let sent = Arc::new(Mutex::new(0));
        let counter = Arc::clone(&sent);
        let inner = tower::service_fn(move |request: Req| {
            let is_dead = request.uri().path().contains("dead");
            *counter.lock().unwrap() += usize::from(is_dead);
            async move {
                sleep(if is_dead { ms(20) } else { live_latency }).await;
                Ok::<_, Infallible>(match (is_dead, wait) {
                    (false, _) => status(200),
                    (true, None) => over_permanent(),
                    (true, Some(wait)) => retry_after(wait),
                })
            }
        });
        let retry = RetryOn429Layer::new();
        let client = ServiceBuilder::new()
            .layer(retry.clone())
            .layer(AdaptiveConcurrencyLayer::new())
            .service(inner);
        let mut jobs = JoinSet::new();
        for number in 0..600 {
            // The dead ones come first, and then by turns.
            let name = if number < 100 || number % 2 == 0 {
                "dead"
            } else {
                "live"
            };
            let job = client.clone().oneshot(model(name));
            jobs.spawn(async move { (name, job.await.unwrap().status().as_u16()) });
        }
        let ended = jobs.join_all().await;
        let lost = ended.iter().filter(|end| **end == ("live", 429)).count();
        assert_eq!(lost, 0, "{live_latency:?} {wait:?}: lost of 250");
        let dead = ended.iter().filter(|end| **end == ("dead", 429)).count();
        assert_eq!(dead, 350);
        assert!(!retry.handle().is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_for_each_resource_hides_no_dead_api() {
    let api = Api::new(ms(20), |_| over_cap());
    let client = RetryOn429Layer::new().layer(api.service());
    let start = Instant::now();
    for number in 0..1000 {
        let response = client
            .clone()
            .oneshot(model(&format!("{number}")))
            .await
            .unwrap();
        assert_eq!(response.status(), 429);
    }
    assert!(api.sent().len() <= 8, "{} were sent", api.sent().len());
    assert!(start.elapsed() <= secs(1));
}

/// Refused for good, as its body says.
#[cfg(feature = "json")]
fn over_permanent() -> Answer {
    let body = Full::from(r#"{"error":{"code":"insufficient_quota"}}"#);
    Response::builder().status(429).body(body).unwrap()
}
