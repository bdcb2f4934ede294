//! Which answers are read, and which count as served: at the borders.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Decision, Head, Refusal, RetryBudget};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_hook_is_asked_from_status_400_on() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let layer = RetryOn429Layer::new().on_refusal({
        let asked = Arc::clone(&asked);
        move |refusal: Refusal<'_>, _: &Req| {
            asked.lock().unwrap().push(refusal.status().as_u16());
            None::<std::future::Ready<Option<Req>>>
        }
    });
    let codes = [200, 204, 304, 399, 400, 401, 404, 499, 500, 501];
    for code in codes {
        let service = layer.layer(script([status(code)]));
        service.oneshot(get()).await.unwrap();
    }
    assert_eq!(*asked.lock().unwrap(), codes[4..]);
}

/// Whether an answer counts as served: it then pays back what a retry cost.
async fn is_served(decision: Decision, code: u16) -> bool {
    let budget = RetryBudget::new(1).per_accepted(1.0);
    // The first refusal, which has no such header, takes the only token.
    let classify = move |result: Result<Head<'_>, &Infallible>| match result {
        Ok(head) if head.headers().contains_key("x-last") => decision,
        _ => Decision::Default,
    };
    let layer = RetryOn429Layer::new()
        .classify(classify)
        .budget(budget.clone());
    let last = Response::builder().status(code).header("x-last", "1");
    let inner = script([status(429), last.body(Full::default()).unwrap()]);
    let answer = layer.layer(inner).oneshot(get()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::try_from(code).unwrap());
    budget.available() == 1
}

#[tokio::test(start_paused = true)]
async fn an_answer_counts_as_served_unless_the_server_failed_or_refused() {
    for (code, served) in [
        (200, true),
        (399, true),
        (400, true),
        (404, true),
        (499, true),
        (500, false),
        (501, false),
    ] {
        assert_eq!(is_served(Decision::Default, code).await, served, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_accepted_by_hand_counts_as_served_below_400_only() {
    for (code, served) in [
        (200, true),
        (399, true),
        (400, false),
        (401, false),
        (429, false),
        (500, false),
        (503, false),
    ] {
        assert_eq!(is_served(Decision::Accept, code).await, served, "{code}");
    }
}
