//! The quota: how many requests a window takes.

use super::super::Tuning;

/// The number of requests that the server accepts in a window.
///
/// If two windows in a row took equally many, that is the quota: as many are sent in each of the
/// next, and none is refused. Sometimes one more is sent, as a probe above a ceiling.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WindowQuota {
    /// What the last window took.
    size: Option<f64>,
    /// Requests beyond the quota in the next test, if not one.
    extra: Option<f64>,
    /// Windows before the next test of the quota.
    windows_until_test: u32,
    /// Windows from that test to the one after it.
    test_interval: u32,
    /// How many times in a row two windows took equally many.
    agreed: u32,
    /// Whether the last window was a test without a refusal.
    testing: bool,
}

impl WindowQuota {
    pub(super) fn size(&self) -> f64 {
        self.size.unwrap_or(0.0)
    }

    /// Whether the last count may be the quota. What flows into a bucket between two probes is
    /// less, and as regular.
    pub(super) fn is_guessed(&self, tuning: &Tuning) -> bool {
        self.size() >= tuning.small_quota
    }

    /// A window took `count` requests before the server stopped.
    pub(super) fn observe(&mut self, count: f64, tuning: &Tuning) {
        let off = (count - self.size()).abs();
        self.agreed = if count >= tuning.min_quota
            && off <= (tuning.quota_tolerance * count).max(tuning.quota_tolerance_requests)
        {
            self.agreed.saturating_add(1)
        } else {
            0
        };
        self.size = Some(count);
    }

    /// The last count is not that of one window.
    pub(super) fn forget_agreement(&mut self) {
        self.agreed = 0;
    }

    /// Begins with what an earlier run has found.
    pub(super) fn resume(&mut self, size: f64) {
        *self = Self {
            size: Some(size),
            ..Self::default()
        };
    }

    /// A window takes this number of requests more, or fewer.
    pub(super) fn shift(&mut self, requests: f64) {
        self.size = self.size.map(|size| (size + requests).round().max(1.0));
    }

    /// Whether two windows took equally many.
    pub(super) fn has_agreed(&self) -> bool {
        self.agreed > 0
    }

    pub(super) fn is_known(&self, tuning: &Tuning) -> bool {
        self.agreed > u32::from(self.size() < tuning.small_quota)
    }

    fn extra(&self) -> f64 {
        self.extra.unwrap_or(1.0)
    }

    /// Requests to send in this window.
    pub(super) fn allows(&self) -> f64 {
        let extra = if self.windows_until_test == 0 {
            self.extra()
        } else {
            0.0
        };
        self.size() + extra
    }

    /// Whether the next window tests the quota.
    pub(super) fn is_tested_next(&self) -> bool {
        self.windows_until_test == 1
    }

    /// All requests of this window were sent, and none is refused yet.
    pub(super) fn on_spent(&mut self) {
        self.testing = self.windows_until_test == 0;
        self.windows_until_test = self.windows_until_test.saturating_sub(1);
    }

    /// The next window began.
    pub(super) fn on_next_window(&mut self) {
        if std::mem::take(&mut self.testing) {
            // All were accepted, the test included: the next test goes further.
            self.size = Some(self.size() + self.extra());
            self.extra = Some(2.0 * self.extra());
            self.test_interval = 1;
        }
    }

    /// Records a refusal after `count` requests in this window. Returns whether that is the quota;
    /// the next test then comes twice as late.
    pub(super) fn on_refused(&mut self, count: f64, tuning: &Tuning) -> bool {
        if count < (1.0 - tuning.quota_tolerance) * self.size() - tuning.quota_tolerance_requests {
            self.agreed = 0;
            return false;
        }
        self.size = Some(count);
        let least = (tuning.probe_requests / count).ceil() as u32;
        let windows_until_test = self.test_interval.max(least);
        self.windows_until_test = windows_until_test;
        self.test_interval = windows_until_test
            .saturating_mul(2)
            .min((tuning.max_test_windows as u32).max(least));
        self.extra = None;
        self.testing = false;
        true
    }
}
