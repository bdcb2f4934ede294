//! The advertised wait: whether what a refusal asks for binds everybody.

use super::Tuning;

/// Whether the waits that refusals ask for bind everybody.
///
/// A server may ask for the same wait whatever is left of its window, or refuse one kind of request
/// and serve all others. So one request is sent early now and then. If it is refused, the server
/// means what it says, and the next test comes later. If it is accepted, such a wait is that
/// of the refused request alone.
#[derive(Clone, Debug)]
pub(super) struct AdvertisedWait {
    binds: bool,
    /// Waits that were advertised.
    count: f64,
    /// The number of the next one that is tested.
    next_test: f64,
    /// Waits from that test to the one after it.
    interval: f64,
    /// In a box: most APIs ask for no wait, and there may be a limit for each of many keys.
    test: Option<Box<Test>>,
}

/// A test of a wait.
#[derive(Clone, Copy, Debug)]
enum Test {
    /// It has begun.
    Begun {
        /// Seconds from the refusal to the early request.
        after: f64,
        /// When the advertised wait ends.
        until: f64,
    },
    /// It failed. What is left of the wait, in seconds.
    Failed { rest: f64 },
}

impl AdvertisedWait {
    pub(super) fn new(tuning: &Tuning) -> Self {
        Self {
            binds: true,
            count: 0.0,
            next_test: tuning.first_wait_test,
            interval: 1.0,
            test: None,
        }
    }

    /// Whether all wait when a refusal asks for it.
    pub(super) fn binds(&self) -> bool {
        self.binds
    }

    /// Records that a refusal, which took `refusal_time`, asks for a wait of `seconds`. Returns the
    /// seconds after which one request is sent.
    pub(super) fn on_advertised(
        &mut self,
        now: f64,
        seconds: f64,
        refusal_time: f64,
        tuning: &Tuning,
    ) -> f64 {
        self.count += 1.0;
        let after = tuning.early_test.min(1.0) * seconds;
        let tests = self.count >= self.next_test && after >= tuning.min_early_test * refusal_time;
        self.test = tests.then(|| {
            Box::new(Test::Begun {
                after,
                until: now + seconds,
            })
        });
        if tests { after } else { seconds }
    }

    /// Seconds after which the next request is sent, if that is not what the last refusal asked for.
    pub(super) fn ends_in(&self) -> Option<f64> {
        self.test.as_deref().map(|test| match *test {
            Test::Begun { after, .. } => after,
            Test::Failed { rest } => rest,
        })
    }

    /// The request that was sent after a wait was refused. Returns the seconds that are left of the
    /// wait if that was a test of it.
    pub(super) fn on_refused(&mut self, now: f64, tuning: &Tuning) -> Option<f64> {
        let Some(Test::Begun { until, .. }) = self.test.as_deref().copied() else {
            return None;
        };
        self.next_test = self.count + self.interval;
        self.interval = (tuning.wait_test_growth * self.interval).min(tuning.max_wait_tests);
        let rest = (until - now).max(0.0);
        self.test = Some(Box::new(Test::Failed { rest }));
        Some(rest)
    }

    /// The request that was sent at `sent_at` after a wait was accepted.
    pub(super) fn on_accepted(&mut self, sent_at: f64) {
        let test = self.test.take();
        let early =
            test.is_some_and(|test| matches!(*test, Test::Begun { until, .. } if sent_at < until));
        self.binds &= !early;
    }
}
