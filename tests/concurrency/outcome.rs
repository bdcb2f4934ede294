//! Each request has one outcome, and who can tell it is asked: the head, the caller's hook, or a body
//! that is read later.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_throttle::concurrency::Classified;
use tower_throttle::concurrency::limit::{
    Aimd, Gradient2, Headroom, Learned, Limit, Load, Now, Outcome, Sent, Vegas,
};
use tower_throttle::hint::Verdict;
use tower_throttle::message::HintSink;
use tower_throttle::{AdaptiveConcurrencyLayer, Hint};

type Answer = Response<Full<Bytes>>;

fn with_body(status: u16, body: &'static str) -> Answer {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status.try_into().unwrap();
    response
}

/// Sends one request and has it answered so.
async fn exchange(
    layer: &AdaptiveConcurrencyLayer,
    answer: Answer,
) -> Response<tower_throttle::concurrency::GuardedBody<Full<Bytes>>> {
    let service = layer.layer(tower::service_fn(move |_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(answer.clone()))
    }));
    service.oneshot(Request::new(())).await.unwrap()
}

fn counted(layer: &AdaptiveConcurrencyLayer) -> (usize, u64, u64) {
    let seen = layer.handle().snapshot();
    (seen.in_flight, seen.accepted, seen.refused)
}

/// Notes how many quotas it is told of with each outcome, and whether the request was accepted.
#[derive(Clone, Debug, Default)]
struct Noting(Arc<Mutex<Vec<(bool, usize)>>>);

impl Limit for Noting {
    fn headroom(&mut self, _: &Now, load: Load) -> Headroom {
        Headroom::of(self.limit(), load)
    }

    fn on_send(&mut self, _: &Now, _: &Sent, _: Load) {}

    fn on_outcome(&mut self, _: &Now, _: &Sent, outcome: Outcome<'_>, _: Load) {
        let told = match outcome {
            Outcome::Accepted(hint) => (true, hint.quotas().len()),
            Outcome::Refused { hint, .. } => (false, hint.quotas().len()),
            _ => return,
        };
        self.0.lock().unwrap().push(told);
    }

    fn limit(&self) -> usize {
        10
    }

    fn set_limit(&mut self, _: usize) {}

    fn set_bounds(&mut self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn what_an_accepted_answer_says_of_quotas_reaches_limit_and_caller() {
    let limit = Noting::default();
    let told = Arc::clone(&limit.0);
    let layer = AdaptiveConcurrencyLayer::with_limit(limit);
    for (status, says) in [(200, true), (200, false), (404, true), (429, true)] {
        let mut answer = with_body(status, "");
        if says {
            let headers = answer.headers_mut();
            headers.insert("x-ratelimit-limit", 10.into());
            headers.insert("x-ratelimit-remaining", 9.into());
        }
        let answer = exchange(&layer, answer).await;
        let hint = answer.extensions().get::<Hint>();
        let quotas = hint.map_or(0, |hint| hint.quotas().len());
        assert_eq!(quotas, usize::from(says), "{status}");
        let last = told.lock().unwrap().pop();
        assert_eq!(last, Some((status != 429, quotas)), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_may_say_that_a_refusal_is_for_good() {
    fn learns_nothing(limit: impl Limit + Clone) {
        let shown = format!("{limit:?}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build();
        runtime.unwrap().block_on(async {
            let layer = AdaptiveConcurrencyLayer::with_limit(limit)
                .initial_limit(10)
                .classify(|status, _| (status == 402).then_some(Classified::RefusedForGood));
            for asked in ["", "30"] {
                let mut answer = with_body(402, "");
                if !asked.is_empty() {
                    let headers = answer.headers_mut();
                    headers.insert("retry-after", asked.parse().unwrap());
                }
                let before = layer.handle().limit();
                let answer = exchange(&layer, answer).await;
                let hint = answer.extensions().get::<Hint>().unwrap();
                assert_eq!(hint.verdict(Duration::MAX), Verdict::Permanent);
                assert!(answer.extensions().get::<HintSink>().is_none());
                assert_eq!(layer.handle().limit(), before, "{shown}");
                assert_eq!(layer.handle().pause_remaining(), None);
            }
            assert_eq!(counted(&layer), (0, 0, 2));
        });
    }
    std::thread::spawn(|| {
        learns_nothing(Learned::new());
        learns_nothing(Aimd::new());
        learns_nothing(Vegas::new());
        learns_nothing(Gradient2::new());
    })
    .join()
    .unwrap();
}

#[cfg(feature = "json")]
mod by_the_body {
    use crate::support::fixed;
    use tower_throttle::RetryOn429Layer;

    use super::*;

    const SECONDARY: &str = r#"{"message":"You have exceeded a secondary rate limit."}"#;

    fn refusal_in_the_body() -> Hint {
        let answer = with_body(403, SECONDARY);
        let (parts, _) = answer.into_parts();
        let received = std::time::SystemTime::UNIX_EPOCH;
        let hint = Hint::parse(
            parts.status,
            &parts.headers,
            Some(SECONDARY.as_bytes()),
            received,
        );
        assert!(hint.is_refusal());
        hint
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_only_the_body_tells_counts_as_one() {
        let layer = AdaptiveConcurrencyLayer::with_limit(Aimd::new().decrease(0.5));
        let client = RetryOn429Layer::new()
            .max_attempts(1)
            .layer(layer.layer(tower::service_fn(|_: Request<Full<Bytes>>| {
                std::future::ready(Ok::<_, Infallible>(with_body(403, SECONDARY)))
            })));
        let answer = client.oneshot(Request::new(Full::default())).await.unwrap();
        assert_eq!(counted(&layer), (0, 0, 1));
        assert_eq!(layer.handle().limit(), 2, "the limit learned of it");
        assert!(layer.handle().pause_remaining() >= Some(Duration::from_secs(60)));
        drop(answer);
        assert_eq!(counted(&layer), (0, 0, 1), "once");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_body_does_not_refuse_counts_by_its_head_when_nobody_can_tell_otherwise() {
        let layer = fixed(1);
        let answer = exchange(&layer, with_body(403, "forbidden")).await;
        assert_eq!(counted(&layer), (0, 0, 0), "the place is free at once");
        assert!(answer.extensions().get::<Hint>().is_none());
        let sink = answer.extensions().get::<HintSink>().unwrap().clone();
        drop(answer);
        assert_eq!(counted(&layer), (0, 0, 0));
        sink.refine(&Hint::default());
        drop(sink);
        assert_eq!(counted(&layer), (0, 1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_counted_once_however_often_it_is_told() {
        let layer = AdaptiveConcurrencyLayer::with_limit(Aimd::new().decrease(0.5));
        let answer = exchange(&layer, with_body(403, SECONDARY)).await;
        let sink = answer.extensions().get::<HintSink>().unwrap();
        for _ in 0..3 {
            sink.clone().refine(&refusal_in_the_body());
        }
        drop(answer);
        assert_eq!(counted(&layer), (0, 0, 1));
        assert_eq!(layer.handle().limit(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_that_decides_leaves_nothing_to_the_body() {
        for (said, accepted) in [(Classified::Accepted, 1), (Classified::Failed, 0)] {
            let layer = fixed(1).classify(move |_, _| Some(said));
            let answer = exchange(&layer, with_body(403, SECONDARY)).await;
            assert!(answer.extensions().get::<HintSink>().is_none());
            assert_eq!(counted(&layer), (0, accepted, 0));
        }
    }
}
