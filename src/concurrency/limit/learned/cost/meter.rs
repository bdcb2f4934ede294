//! One quota that counts costs.

use super::super::Tuning;
use super::bucket::CostBucket;
use super::learned_window::Learned;
use super::ledger::Mark;
use super::rates::RateBounds;
use super::recent::Recent;
use super::scale::{Contradiction, Scale};
use super::told::{Refused, Reset, Told};
use super::unit::Unit;
use super::window::CostWindow;
use crate::cost::Cost;

/// One quota that counts costs, and its mirror once the server told of it.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    unit: Unit,
    mirror: Option<Mirror>,
    /// The sum of all corrections. What was recorded before them was wrong by them.
    corrected: f64,
    /// How many units the server counts for one of what is told to cost.
    scale: Scale,
    /// How often that was found to be more. What was recorded before is no measure of what came after.
    raises: u32,
}

#[derive(Clone, Copy, Debug)]
enum Mirror {
    Bucket(CostBucket),
    Window(CostWindow),
}

impl Mirror {
    fn level(&mut self, now: f64) -> f64 {
        match self {
            Self::Bucket(bucket) => bucket.level(now),
            Self::Window(window) => window.level(now),
        }
    }

    fn add(&mut self, now: f64, units: f64) -> f64 {
        match self {
            Self::Bucket(bucket) => bucket.add(now, units),
            Self::Window(window) => window.add(now, units),
        }
    }

    fn turn(&self) -> u32 {
        match self {
            Self::Bucket(_) => 0,
            Self::Window(window) => window.turn(),
        }
    }
}

impl Meter {
    pub(super) fn new(unit: Unit) -> Self {
        Self {
            unit,
            mirror: None,
            corrected: 0.0,
            scale: Scale::ONE,
            raises: 0,
        }
    }

    /// What the server counts for a request, as far as is known.
    pub(super) fn units(&self, cost: Cost) -> f64 {
        self.scale.get() * self.unit.of(cost)
    }

    /// The server counted a request that was told to cost this.
    pub(super) fn calibrate(&mut self, cost: Cost, counted: u64, tuning: &Tuning) {
        self.scale.calibrate(self.unit.of(cost), counted, tuning);
    }

    /// A request was refused when this much was left. If it fitted into that, takes it for dearer than it was told to be, as
    /// far as what answers tell allows that. Returns whether what it costs explains the refusal.
    pub(super) fn contradict(
        &mut self,
        cost: Cost,
        left: f64,
        (seq, next): (u64, u64),
        tuning: &Tuning,
    ) -> bool {
        let charged = self.units(cost);
        if charged <= 0.0 || charged > left {
            return charged > 0.0;
        }
        let shown = Contradiction {
            seq,
            next,
            charged,
            taken: left + 1.0,
        };
        let raised = self.scale.raise(shown, tuning);
        self.raises += u32::from(raised);
        raised
    }

    pub(super) fn is_unknown(&self) -> bool {
        self.mirror.is_none()
    }

    /// Charges what a request costs in place of what it counted as `before`.
    pub(super) fn charge(&mut self, now: f64, before: Cost, cost: Cost) {
        if let Some(mirror) = &mut self.mirror {
            let more = self.scale.get() * (self.unit.of(before) - self.unit.of(cost));
            mirror.add(now, more);
        }
    }

    /// What is left now.
    pub(super) fn mark(&mut self, now: f64) -> Option<Mark> {
        let mirror = self.mirror.as_mut()?;
        Some(Mark {
            at: now,
            level: mirror.level(now) - self.corrected,
            turn: mirror.turn() + self.raises,
        })
    }

    /// What a request of unknown cost needs.
    pub(super) fn reserve(&self, recent: &Recent, tuning: &Tuning) -> f64 {
        let dearest = self.scale.get() * recent.dearest(self.unit);
        match &self.mirror {
            Some(Mirror::Bucket(bucket)) => dearest.min(tuning.cost_reserve * bucket.capacity()),
            Some(Mirror::Window(_)) => {
                dearest.min(tuning.cost_window_reserve * self.scale.get() * recent.mean(self.unit))
            }
            None => 0.0,
        }
    }

    /// How many requests may go that need this, beside what is `held` for others; or when one may.
    pub(super) fn available(&mut self, now: f64, need: f64, held: f64) -> Result<usize, f64> {
        match &mut self.mirror {
            Some(Mirror::Bucket(bucket)) => bucket.available(now, need, held),
            Some(Mirror::Window(window)) => window.available(now, need, held),
            None => Ok(usize::MAX),
        }
    }

    /// Sets what refusals show of a bucket.
    pub(super) fn learn(&mut self, now: f64, level: f64, depth: f64, rate: f64) {
        let rate = RateBounds::of((rate, rate), (1.0, 1.0));
        self.mirror = Some(Mirror::Bucket(CostBucket::new(now, level, depth, rate)));
    }

    /// Seconds in which what refusals showed of a bucket was full.
    pub(super) fn full_seconds(&self) -> f64 {
        match &self.mirror {
            Some(Mirror::Bucket(bucket)) => bucket.full_seconds(),
            _ => 0.0,
        }
    }

    /// Sets what refusals show of a window.
    pub(super) fn learn_window(&mut self, now: f64, learned: Learned, tuning: &Tuning) {
        let mut window = match self.mirror {
            Some(Mirror::Window(window)) => window,
            _ => CostWindow::new(0.0, learned.limit, tuning),
        };
        window.resize(learned.limit, Some(learned.length));
        window.ends(now, learned.until, tuning);
        if learned.is_spent {
            let left = window.level(now);
            window.add(now, -left.max(0.0));
        }
        self.mirror = Some(Mirror::Window(window));
    }

    /// The next window takes this.
    pub(super) fn resize(&mut self, now: f64, limit: f64) {
        if let Some(Mirror::Window(window)) = &mut self.mirror {
            window.level(now);
            window.resize(limit, None);
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.mirror = None;
    }

    /// The pace that refusals show is another.
    pub(super) fn set_rate(&mut self, now: f64, rate: f64) {
        if let Some(Mirror::Bucket(bucket)) = &mut self.mirror {
            bucket.set_rate(now, RateBounds::of((rate, rate), (1.0, 1.0)));
        }
    }

    /// Takes in what an answer tells. `mark`: what was left when its request was charged, if that is known.
    pub(super) fn observe(&mut self, told: &Told<'_>, mark: Option<Mark>, tuning: &Tuning) {
        let Some((left, limit)) = told.left() else {
            return;
        };
        let known = match told.reset() {
            Reset::Full(least, most) => self.observe_bucket(told, limit, (least, most)),
            Reset::Window(seconds) => self.observe_window(told, limit, Some(seconds), tuning),
            Reset::Unknown if matches!(self.mirror, Some(Mirror::Bucket(_))) => true,
            Reset::Per(seconds) => self.observe_rate(told, left, limit, seconds),
            Reset::Unknown => self.observe_window(told, limit, None, tuning),
        };
        if known {
            self.correct(told, left, mark, tuning);
        } else if let Some(mirror) = &mut self.mirror {
            // The first that is told: what was sent since is not in it, perhaps.
            let level = mirror.level(told.now);
            mirror.add(told.now, left - told.since - level);
        }
    }

    /// Takes in how a bucket refills. Returns whether there was a mirror of it.
    fn observe_bucket(&mut self, told: &Told<'_>, limit: f64, seconds: (f64, f64)) -> bool {
        let left = told.left().map_or(0.0, |(left, _)| left);
        let (missing, rounding) = (limit - left, told.rounding());
        let rate = RateBounds::of((missing - rounding, missing + rounding), seconds);
        if let Some(Mirror::Bucket(bucket)) = &mut self.mirror {
            bucket.refine(told.now, limit, rate);
            return true;
        }
        if rate.rate().is_some() {
            let bucket = CostBucket::new(told.now, left, limit, rate);
            self.mirror = Some(Mirror::Bucket(bucket));
        }
        false
    }

    /// Takes in how much flows in a time. Returns whether there was a mirror of it.
    fn observe_rate(&mut self, told: &Told<'_>, left: f64, limit: f64, seconds: f64) -> bool {
        let rate = RateBounds::of((limit, limit), (seconds, seconds));
        if let Some(Mirror::Bucket(bucket)) = &mut self.mirror {
            bucket.refine(told.now, limit, rate);
            return true;
        }
        let bucket = CostBucket::new(told.now, left, limit, rate);
        self.mirror = Some(Mirror::Bucket(bucket));
        false
    }

    /// Takes in how long a window lasts, and when it ends. Returns whether there was a mirror of it.
    fn observe_window(
        &mut self,
        told: &Told<'_>,
        limit: f64,
        reset: Option<f64>,
        tuning: &Tuning,
    ) -> bool {
        let left = told.left().map_or(0.0, |(left, _)| left);
        let known = matches!(self.mirror, Some(Mirror::Window(_)));
        if !known {
            self.mirror = Some(Mirror::Window(CostWindow::new(left, limit, tuning)));
        }
        if let Some(Mirror::Window(window)) = &mut self.mirror {
            window.resize(limit, told.quota.window.map(|length| length.as_secs_f64()));
            let wait = told.refused.and_then(|refused| refused.wait);
            if let Some(seconds) = wait.into_iter().chain(reset).reduce(f64::min) {
                window.ends(told.now, told.now + seconds, tuning);
            }
        }
        known
    }

    /// Corrects the mirror by what an answer tells to be left.
    ///
    /// Some servers tell what was left when the request came, and some what is left when they answer. So only what is
    /// outside of both is wrong, but for what had not arrived yet. A refusal comes at once, and tells what was left
    /// without its request.
    fn correct(&mut self, told: &Told<'_>, left: f64, mark: Option<Mark>, tuning: &Tuning) {
        let corrected = self.corrected;
        let Some(mirror) = &mut self.mirror else {
            return;
        };
        let now = mirror.level(told.now);
        let mark = mark.filter(|mark| mark.turn == mirror.turn() + self.raises);
        let (least, most, mut left) = match (mark, told.refused) {
            (Some(mark), None) => {
                let then = mark.level + corrected;
                (
                    then.min(now),
                    then.max(now + self.scale.get() * told.under_way),
                    left,
                )
            }
            (Some(mark), Some(refused)) => {
                let then = mark.level + corrected + refused.cost;
                let flown = match mirror {
                    Mirror::Bucket(bucket) => bucket.rate() * (told.now - mark.at),
                    Mirror::Window(_) => 0.0,
                };
                (then, then + flown, left)
            }
            (None, Some(_)) => (now, now, left),
            (None, None) => return,
        };
        let mut rounding = told.rounding();
        // Whole units are rounded down, so the mirror has no more than is told.
        let mut below = if rounding > 1.0 { rounding } else { 0.0 };
        if let Some(Refused {
            cost, blamed: true, ..
        }) = told.refused
        {
            // It did not fit, whatever rounding says.
            (left, rounding, below) = (left.min((cost - 1.0).max(0.0)), 0.0, 0.0);
        }
        let wrong = left - left.clamp(least - below, most + rounding);
        let wrong = mirror.add(told.now, wrong);
        self.corrected += wrong;
        if told.refused.is_none() {
            self.scale.on_accepted(told.cost, wrong, tuning);
        }
    }
}
