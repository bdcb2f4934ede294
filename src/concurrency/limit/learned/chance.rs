//! Refusals at random: those that no limit explains teach nothing.

use super::judge::judge;
use super::overload::{Kind, OverloadTest};
use super::train::Trains;
use super::{Learned, Reason, Tuning};

/// What is known of refusals at random. A limit that was never refused takes no memory for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Chance {
    pub(super) refusals: Refusals,
    pace_test: PaceTest,
    pub(super) trains: Trains,
}

/// When a pace may be dropped because its refusals seem to come at random.
///
/// If the pace was right, that costs refusals, so it happens at growing intervals.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PaceTest {
    /// When the next may be.
    next: f64,
    /// The seconds from that one to the one after it.
    interval: f64,
}

impl PaceTest {
    /// Begins a test if one is due.
    fn begin_if_due(&mut self, now: f64, tuning: &Tuning) -> bool {
        let due = now >= self.next;
        if due {
            self.interval = (tuning.pace_test_growth * self.interval).max(tuning.pace_test);
            self.next = now + self.interval;
        }
        due
    }
}

/// Whether refusals come together, as those of a limit do.
///
/// By chance, two in a row are as rare as one is among all requests.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusals {
    /// Those right after another one.
    together: u32,
    /// The others.
    alone: u32,
}

impl Refusals {
    /// A request was refused after another one, and none was accepted between them.
    pub(super) fn on_together(&mut self) {
        self.together = self.together.saturating_add(1);
    }

    /// A request was refused after others that were accepted.
    pub(super) fn on_alone(&mut self) {
        self.alone = self.alone.saturating_add(1);
    }

    fn come_together(&self, tuning: &Tuning) -> bool {
        let (together, alone) = (f64::from(self.together), f64::from(self.alone));
        self.together > 0 && together >= tuning.together_part * (together + alone)
    }
}

impl Learned {
    pub(super) fn chance(&mut self) -> &mut Chance {
        self.chance.get_or_insert_default()
    }

    /// Whether the refusals may be those of a rate, and not come at random.
    ///
    /// If they come at random, the pace is dropped. From then on refusals of this kind teach as much as
    /// those of an overloaded server, until there are far more of them.
    pub(super) fn is_rate_plausible(&mut self, now: f64, level: usize) -> bool {
        let Some(judgement) = judge(&self.history, f64::MIN) else {
            // Two refusals do not tell.
            return true;
        };
        let tuning = &self.tuning;
        let (share, refused) = (judgement.share(), f64::from(judgement.refused));
        // What comes at random does not come together.
        let chance = self.chance.get_or_insert_default();
        let dense = share >= tuning.dense_share || chance.refusals.come_together(tuning);
        let (plausible, enough) = match &self.pacer {
            None => {
                let explained = judgement.explained >= tuning.explained;
                let plausible = dense || explained || self.limited.exceeds_random();
                (plausible, tuning.judged_refusals)
            }
            Some(pacer) => {
                let (least, enough) = if pacer.is_shared() {
                    (tuning.unexplained_shared, tuning.judged_refusals_shared)
                } else {
                    (tuning.unexplained, tuning.judged_refusals)
                };
                let plausible = dense
                    || refused < enough
                    || judgement.explained >= least
                    || !chance.pace_test.begin_if_due(now, tuning);
                (plausible, enough)
            }
        };
        if !plausible && refused >= enough {
            self.ignore_at_random(Kind::Client, share, level);
        }
        plausible
    }

    /// The test of such refusals.
    pub(super) fn test_of(&mut self, kind: Kind) -> &mut OverloadTest {
        match kind {
            Kind::Server => &mut self.overload,
            Kind::Client => &mut self.limited,
        }
    }

    /// This share is refused whatever is sent: forgets what was learned from it. From `level` on, more is
    /// tried again.
    pub(super) fn ignore_at_random(&mut self, kind: Kind, share: f64, level: usize) {
        self.test_of(kind).set_random(share);
        self.history.forget();
        self.chance().refusals = Refusals::default();
        if self.pacer.is_some() {
            self.drop_pace(Reason::AtRandom);
            // The pace had made room that nobody has tried.
            self.limit.set(level);
        }
        self.contradictions = 0;
        self.exhausted = None;
        self.pausing = false;
        self.breaker.close();
        self.limit.resume();
    }
}
