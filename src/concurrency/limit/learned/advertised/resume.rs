//! Quotas that an earlier run was told of.

use std::time::Duration;

use super::window::AdvertisedWindow;
use super::{Advertised, State, is_of_requests};
use crate::hint::{Dimension, Quota, ResetKind};

impl Advertised {
    /// What was told of a quota of requests, as far as it still tells anything.
    pub(in super::super) fn found(&self, now: f64) -> Option<Quota> {
        let mut quota = Quota::default();
        quota.dimension = Dimension::Requests;
        match self.state.as_deref()? {
            State::Window(window) => {
                let (left, ends_in) = window.found(self.unanswered, now)?;
                quota.kind = ResetKind::Window;
                (quota.limit, quota.window) = window.size();
                (quota.remaining, quota.reset) = (Some(left), Some(ends_in));
            }
            State::Bucket(bucket) => {
                let mut bucket = *bucket;
                bucket.refill(now);
                let missing = bucket.capacity - bucket.tokens;
                quota.kind = ResetKind::Full;
                quota.limit = Some(bucket.capacity as u64);
                quota.remaining = Some(bucket.tokens.max(0.0) as u64);
                quota.reset = Some(Duration::try_from_secs_f64(missing / bucket.rate).ok()?);
            }
        }
        Some(quota)
    }

    /// Begins with what an earlier run was told of a window, until it ends. What would hold anybody for longer than
    /// `max_wait` is not believed.
    ///
    /// Of a bucket nothing counts: it fills meanwhile, and the first answer tells of it.
    pub(in super::super) fn resume(&mut self, now: f64, quotas: &[Quota], max_wait: f64) {
        let windows = quotas
            .iter()
            .filter(|quota| is_of_requests(quota) && quota.kind != ResetKind::Full);
        let told = windows.filter_map(|quota| Some((quota.remaining?, quota.reset?.as_secs_f64())));
        let least = told.min_by_key(|(left, _)| *left);
        if let Some((left, reset)) = least.filter(|(_, reset)| *reset <= max_wait) {
            self.set(State::Window(AdvertisedWindow::resumed(left, now, reset)));
        }
    }

    /// What is left if nothing is known any more.
    pub(in super::super) fn forgotten(&self) -> Self {
        Self {
            unanswered: self.unanswered,
            ..Self::default()
        }
    }
}
