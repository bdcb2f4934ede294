//! The advertised wait: whether what a refusal asks for binds everybody.

use super::Tuning;

/// Whether the waits that refusals ask for bind everybody.
///
/// A server may ask for the same wait whatever is left of its window, or refuse one kind of request
/// and serve all others. So one request is sent early now and then. If it is refused, the server
/// means what it says, and the next test comes later. If it is accepted, such a wait is that
/// of the refused request alone.
///
/// Allocated when the first refusal asks for a wait: most servers that have a gate for each key ask for none.
#[derive(Clone, Debug, Default)]
pub(super) struct AdvertisedWait(Option<Box<Waits>>);

#[derive(Clone, Debug)]
struct Waits {
    binds: bool,
    /// Waits that were advertised.
    count: f64,
    /// The number of the next one that is tested.
    next_test: f64,
    /// Waits from that test to the one after it.
    interval: f64,
    test: Option<Test>,
    /// What is left of a wait whose test failed, in seconds.
    rest: Option<f64>,
}

/// A test that has begun.
#[derive(Clone, Copy, Debug)]
struct Test {
    /// Seconds from the refusal to the early request.
    after: f64,
    /// When the advertised wait ends.
    until: f64,
}

impl AdvertisedWait {
    /// Whether all wait when a refusal asks for it.
    pub(super) fn binds(&self) -> bool {
        self.0.as_ref().is_none_or(|waits| waits.binds)
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
        self.0
            .get_or_insert_with(|| Box::new(Waits::new(tuning)))
            .on_advertised(now, seconds, refusal_time, tuning)
    }

    /// Seconds after which the next request is sent, if that is not what the last refusal asked for.
    pub(super) fn ends_in(&self) -> Option<f64> {
        let waits = self.0.as_ref()?;
        waits.test.map(|test| test.after).or(waits.rest)
    }

    /// The request that was sent after a wait was refused. Returns the seconds that are left of the
    /// wait if that was a test of it.
    pub(super) fn on_refused(&mut self, now: f64, tuning: &Tuning) -> Option<f64> {
        self.0.as_mut()?.on_refused(now, tuning)
    }

    /// The request that was sent at `sent_at` after a wait was accepted.
    pub(super) fn on_accepted(&mut self, sent_at: f64) {
        if let Some(waits) = &mut self.0 {
            waits.on_accepted(sent_at);
        }
    }
}

impl Waits {
    fn new(tuning: &Tuning) -> Self {
        Self {
            binds: true,
            count: 0.0,
            next_test: tuning.first_wait_test,
            interval: 1.0,
            test: None,
            rest: None,
        }
    }

    fn on_advertised(&mut self, now: f64, seconds: f64, refusal_time: f64, tuning: &Tuning) -> f64 {
        self.count += 1.0;
        self.rest = None;
        let after = tuning.early_test.min(1.0) * seconds;
        let tests = self.count >= self.next_test && after >= tuning.min_early_test * refusal_time;
        self.test = tests.then_some(Test {
            after,
            until: now + seconds,
        });
        if tests { after } else { seconds }
    }

    fn on_refused(&mut self, now: f64, tuning: &Tuning) -> Option<f64> {
        let test = self.test.take()?;
        self.next_test = self.count + self.interval;
        self.interval = (tuning.wait_test_growth * self.interval).min(tuning.max_wait_tests);
        self.rest = Some((test.until - now).max(0.0));
        self.rest
    }

    fn on_accepted(&mut self, sent_at: f64) {
        self.rest = None;
        let early = self.test.take().is_some_and(|test| sent_at < test.until);
        self.binds &= !early;
    }
}
