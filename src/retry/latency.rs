//! How long answers take, to tell a refusal from work that was given up.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;

/// A refusal that comes within this time is taken at its word.
const QUICK: Duration = Duration::from_secs(2);

/// The usual time to an accepted answer's head: a moving average over about eight of them.
#[derive(Debug, Default)]
pub(super) struct Latency {
    /// In nanoseconds; 0 before the first. An update that is lost to another thread's does no harm.
    usual: AtomicU64,
}

impl Latency {
    /// Records an accepted answer.
    pub(super) fn record(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let usual = match self.usual.load(Relaxed) {
            0 => took,
            usual => usual - usual / 8 + took / 8,
        };
        self.usual.store(usual.max(1), Relaxed);
    }

    /// Whether a refusal took so long that the work may be done: more than two seconds, and more than half
    /// of what an answer usually takes.
    ///
    /// Only of statuses that gateways send when they give up on a server behind them: 408 and 5xx. A 429
    /// and its like say that the request was counted and not let in (RFC 6585, section 4), however late.
    pub(super) fn may_be_done(&self, status: StatusCode, took: Option<Duration>) -> bool {
        let usual = Duration::from_nanos(self.usual.load(Relaxed));
        let by_gateway = status == StatusCode::REQUEST_TIMEOUT || status.is_server_error();
        by_gateway && took.is_some_and(|took| took > QUICK && took > usual / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_refusal_by_a_gateway_is_no_proof() {
        let latency = Latency::default();
        let late = Some(Duration::from_secs(10));
        for (status, expected) in [
            (408, true),
            (503, true),
            (504, true),
            (429, false),
            (425, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(latency.may_be_done(status, late), expected, "{status}");
            assert!(!latency.may_be_done(status, None), "{status} at once");
            assert!(
                !latency.may_be_done(status, Some(QUICK)),
                "{status} quickly"
            );
        }
    }

    #[test]
    fn what_is_late_depends_on_the_usual_answer() {
        let latency = Latency::default();
        (0..50).for_each(|_| latency.record(Duration::from_secs(30)));
        let after = |secs| {
            let took = Some(Duration::from_secs(secs));
            latency.may_be_done(StatusCode::SERVICE_UNAVAILABLE, took)
        };
        assert!(!after(14));
        assert!(after(16));
        (0..100).for_each(|_| latency.record(Duration::from_secs(6)));
        assert!(after(4));
    }
}
