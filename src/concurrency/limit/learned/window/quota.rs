//! The quota: how many a window lets in.

use super::super::Tuning;

/// How many are let in from one opening of the server to the next.
///
/// When two windows in a row took equally many, that is the quota: so many are sent in the next ones,
/// and none is refused. Now and then one more is, as a look above a ceiling.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WindowQuota {
    size: Option<f64>,
    /// By how many the next test goes beyond the quota, if not by one.
    extra: Option<f64>,
    /// The windows before the next test, and from that one to the one after it.
    windows_until_test: u32,
    test_interval: u32,
    /// How many times in a row windows took equally many.
    agreed: u32,
    /// Whether the last window was a test, and no refusal is known of.
    testing: bool,
}

impl WindowQuota {
    pub(super) fn size(&self) -> f64 {
        self.size.unwrap_or(0.0)
    }

    /// Whether a window closed after so many that the next may close there. What flows into a bucket
    /// between two looks is less, and as regular.
    pub(super) fn is_guessed(&self, tuning: &Tuning) -> bool {
        self.size() >= tuning.small_quota
    }

    /// A window took `count` before it closed.
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

    /// What was counted is not the quota of one window.
    pub(super) fn forget_agreement(&mut self) {
        self.agreed = 0;
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

    /// How many go in this window.
    pub(super) fn allows(&self) -> f64 {
        let extra = if self.windows_until_test == 0 {
            self.extra()
        } else {
            0.0
        };
        self.size() + extra
    }

    /// Whether the next window is one that tests the quota.
    pub(super) fn is_tested_next(&self) -> bool {
        self.windows_until_test == 1
    }

    /// All that may go in this window have gone, and none was refused yet.
    pub(super) fn on_spent(&mut self) {
        self.testing = self.windows_until_test == 0;
        self.windows_until_test = self.windows_until_test.saturating_sub(1);
    }

    /// The next window began.
    pub(super) fn on_next_window(&mut self) {
        if std::mem::take(&mut self.testing) {
            // All were let in, also those of the test: the next one goes further.
            self.size = Some(self.size() + self.extra());
            self.extra = Some(2.0 * self.extra());
            self.test_interval = 1;
        }
    }

    /// A request was refused after `count` in this window: whether that is the quota. If so, the next
    /// test comes twice as late.
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
