//! An API that serves nobody is not hammered.

use super::*;

/// An API that opens the circuit, and then answers as `then` says, by the number of the attempt.
fn dead(mut then: impl FnMut(usize) -> (Answer, Duration) + Send + 'static) -> Api {
    Api::new(move |number, _| match number {
        0 | 1 => (used_up(), ms(1)),
        _ => then(number),
    })
}

/// Requests a minute that reach an API while the circuit is open, ten callers a second.
async fn hammered<S, B>(client: &S, api: &Api, request: impl Fn() -> Req) -> usize
where
    S: Service<Req, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    open(client, "/").await;
    sleep(secs(1)).await;
    let before = api.count();
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    while start.elapsed() < secs(600) {
        tasks.spawn(timeout(ms(500), client.clone().oneshot(request())));
        sleep(ms(100)).await;
    }
    (api.count() - before) / 10
}

#[tokio::test(start_paused = true)]
async fn a_dead_api_that_answers_a_post_with_500_is_not_hammered() {
    let api = dead(|_| (status(500), ms(1)));
    let layer = RetryOn429Layer::new().classify(retry_server_errors());
    let rate = hammered(&layer.layer(api.service()), &api, || post("x")).await;
    assert!(rate <= 3, "{rate} a minute");
}

#[tokio::test(start_paused = true)]
async fn a_dead_api_that_forbids_retries_is_not_hammered() {
    let api = dead(|_| {
        let builder = Response::builder().status(429);
        let builder = builder.header("x-should-retry", "false");
        (builder.body(Full::default()).unwrap(), ms(1))
    });
    let client = RetryOn429Layer::new().layer(api.service());
    let rate = hammered(&client, &api, || to("/")).await;
    assert!(rate <= 3, "{rate} a minute");
}

#[tokio::test(start_paused = true)]
async fn a_dead_api_that_hangs_is_not_hammered_by_callers_who_give_up() {
    let api = dead(|_| (status(200), NEVER));
    let client = RetryOn429Layer::new().layer(api.service());
    let rate = hammered(&client, &api, || to("/")).await;
    assert!(rate <= 6, "{rate} a minute");
}

#[tokio::test(start_paused = true)]
async fn a_dead_api_with_plain_500s_between_is_not_hammered() {
    let api = dead(|number| match number % 2 {
        0 => (status(500), ms(1)),
        _ => (used_up(), ms(1)),
    });
    let client = RetryOn429Layer::new().layer(api.service());
    let rate = hammered(&client, &api, || to("/")).await;
    assert!(rate <= 3, "{rate} a minute");
}

/// Errors and refusals mixed: the circuit opens, and few go.
#[tokio::test(start_paused = true)]
async fn connection_errors_and_refusals_mixed_are_an_outage() {
    let api = Api::new(|_, _| (status(429), ms(5)));
    let mut number = 0;
    let api_service = api.service();
    let inner = tower::service_fn(move |request: Req| {
        number += 1;
        let fails = number % 2 == 0;
        let call = api_service.clone().oneshot(request);
        async move {
            let answer = call.await.unwrap();
            if fails {
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
            } else {
                Ok(answer)
            }
        }
    });
    // One service for all, so that the numbers are shared.
    let (inner, worker) = tower::buffer::Buffer::pair(inner, 64);
    tokio::spawn(worker);
    let layer = RetryOn429Layer::new().classify(retry_unprocessed(|_: &tower::BoxError| true));
    let client = layer.layer(inner);
    let mut tasks = JoinSet::new();
    for _ in 0..30 {
        tasks.spawn(client.clone().oneshot(get()));
    }
    let start = Instant::now();
    tasks.join_all().await;
    assert!(start.elapsed() < secs(370), "{:?}", start.elapsed());
    assert!(layer.handle().is_open());
    let before = api.count();
    for _ in 0..600 {
        let _ = client.clone().oneshot(get()).await;
        sleep(secs(1)).await;
    }
    assert!(api.count() - before <= 30, "{}", api.count() - before);
}

/// Answers to what was sent before the quota was used up prove nothing against the refusals after it.
#[tokio::test(start_paused = true)]
async fn slow_answers_from_before_do_not_call_the_refusals_wrong() {
    let api = Api::new(|number, _| {
        if number < 100 {
            (
                status(200),
                secs(10) + ms(100) * u32::try_from(number).unwrap(),
            )
        } else {
            (over_cap(), ms(20))
        }
    });
    let layer = RetryOn429Layer::new();
    let client = layer.layer(api.service());
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        tasks.spawn(client.clone().oneshot(get()));
    }
    sleep(ms(1)).await;
    for _ in 0..2_000 {
        tasks.spawn(client.clone().oneshot(get()));
        sleep(ms(10)).await;
    }
    tasks.join_all().await;
    let wall = api.count() - 100;
    assert!(wall <= 350, "{wall} of 2,000 were sent into the wall");
}

/// A quota that is used up each day and comes back costs the same few requests each day.
#[tokio::test(start_paused = true)]
async fn a_quota_that_comes_back_each_day_costs_few_refusals_each_day() {
    let dead = Arc::new(Mutex::new(false));
    let api = {
        let dead = Arc::clone(&dead);
        Api::new(move |_, _| match *dead.lock().unwrap() {
            true => (used_up(), ms(20)),
            false => (status(200), ms(20)),
        })
    };
    let client = RetryOn429Layer::new().layer(api.service());
    let mut walls = Vec::new();
    for _ in 0..8 {
        for is_dead in [false, true] {
            *dead.lock().unwrap() = is_dead;
            let before = api.count();
            for _ in 0..200 {
                client.clone().oneshot(get()).await.unwrap();
                sleep(ms(100)).await;
            }
            walls.push(api.count() - before);
            sleep(secs(3600)).await;
            // Somebody is served again after the hour.
            if is_dead {
                *dead.lock().unwrap() = false;
                client.clone().oneshot(get()).await.unwrap();
            }
        }
    }
    let most = walls.iter().skip(1).step_by(2).max().unwrap();
    assert!(*most <= 12, "{walls:?}");
}
