//! A hook that fetches a token, for the tests of such hooks.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use http::{HeaderValue, StatusCode, header::AUTHORIZATION};
use tokio::time::sleep;
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Backoff, Jitter, Refusal};

use super::{Req, Script, ms, secs};

pub const FRESH: HeaderValue = HeaderValue::from_static("Bearer fresh");

pub fn exact() -> RetryOn429Layer {
    RetryOn429Layer::new().backoff(Backoff::exponential(ms(100), ms(100)).jitter(Jitter::None))
}

pub fn with_token(mut request: Req, token: HeaderValue) -> Req {
    request.headers_mut().insert(AUTHORIZATION, token);
    request
}

pub type Refresh = Pin<Box<dyn Future<Output = Option<Req>> + Send>>;

/// Refreshes for a second, and counts how often.
pub fn refresh(count: &Arc<AtomicUsize>) -> impl Fn(Refusal<'_>, &Req) -> Option<Refresh> + use<> {
    let count = Arc::clone(count);
    move |refusal, request| {
        if refusal.status() != StatusCode::UNAUTHORIZED {
            return None;
        }
        count.fetch_add(1, SeqCst);
        let request = request.clone();
        Some(Box::pin(async move {
            sleep(secs(1)).await;
            Some(with_token(request, FRESH))
        }))
    }
}

pub fn tokens<R, E>(inner: &Script<R, E>) -> Vec<Option<HeaderValue>> {
    let seen = inner.seen.lock().unwrap();
    seen.iter()
        .map(|(_, request)| request.headers().get(AUTHORIZATION).cloned())
        .collect()
}
