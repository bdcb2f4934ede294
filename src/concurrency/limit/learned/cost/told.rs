//! What an answer tells of a quota, and which quota refused a request.

use std::time::Duration;

use super::unit::Unit;
use crate::cost::Cost;
use crate::hint::{Dimension, Hint, Quota, ResetKind};

/// What an answer tells of one quota.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) now: f64,
    pub(super) quota: &'a Quota,
    /// What requests cost that were sent after this one.
    pub(super) since: f64,
    /// What the server may not have counted yet when it told this.
    pub(super) under_way: f64,
    /// What its request was charged.
    pub(super) cost: f64,
    /// If it is a refusal.
    pub(super) refused: Option<Refused>,
}

/// A refused request, as far as one quota is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    /// What it would have taken.
    pub(super) cost: f64,
    /// Whether this quota refused it.
    pub(super) blamed: bool,
    /// For how long it was asked to wait.
    pub(super) wait: Option<f64>,
}

/// How a quota comes back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Reset {
    /// Evenly. It is full in this many seconds, between these bounds.
    Full(f64, f64),
    /// All at once in this many seconds, at the latest.
    Window(f64),
    /// Evenly: all of it in this many seconds.
    Per(f64),
    /// That is not told.
    Unknown,
}

impl Told<'_> {
    /// What is left, and of how much. `None` if it does not tell both.
    pub(super) fn left(&self) -> Option<(f64, f64)> {
        let (left, limit) = (self.quota.remaining?, self.quota.limit?);
        (limit > 0).then_some((left as f64, limit as f64))
    }

    /// By how much what is left may be wrong.
    pub(super) fn rounding(&self) -> f64 {
        rounding(self.quota)
    }

    pub(super) fn reset(&self) -> Reset {
        let Some(reset) = self.quota.reset else {
            // So do the bodies of refusals that come from buckets ("tokens per min: Limit 6000, Used 5500").
            let window = self.quota.window.filter(|_| self.refused.is_some());
            return window.map_or(Reset::Unknown, |window| Reset::Per(window.as_secs_f64()));
        };
        let seconds = reset.as_secs_f64();
        if self.quota.kind != ResetKind::Full {
            return Reset::Window(seconds);
        }
        // A date in whole seconds, against a clock of whole seconds, is up to two too late. What is told in
        // milliseconds is right to one.
        if reset.subsec_nanos() == 0 {
            Reset::Full(seconds - 2.0, seconds)
        } else {
            Reset::Full(seconds - 0.001, seconds + 0.001)
        }
    }
}

/// By how much what is left may be wrong: Anthropic tells thousands.
fn rounding(quota: &Quota) -> f64 {
    let thousands = |count: Option<u64>| count.is_some_and(|count| count % 1_000 == 0);
    let of_requests = quota.dimension == Dimension::Requests;
    if !of_requests && thousands(quota.remaining) && thousands(quota.limit) {
        500.0
    } else {
        1.0
    }
}

/// What was left of a quota, at least, as a refusal tells.
pub(super) fn least_left(hint: &Hint, unit: Unit) -> Option<f64> {
    let mut quotas = hint.quotas().iter();
    let quota = quotas.find(|quota| {
        Unit::of_dimension(&quota.dimension) == Some(unit) && quota.remaining.is_some()
    })?;
    let rounding = rounding(quota);
    let below = if rounding > 1.0 { rounding } else { 0.0 };
    Some(quota.remaining? as f64 - below)
}

/// The quota that refused a request of this cost.
///
/// It is the one of which least was left beside what the request takes. Where a quota of requests is used up, that
/// one is to blame. `None` if nothing is told. Also whether it must be that one: if all that is told had room, it is only
/// the next.
pub(super) fn blames(hint: &Hint, cost: Cost) -> Option<(Unit, bool)> {
    let quotas = hint.quotas().iter();
    let of_requests = |quota: &&Quota| {
        matches!(
            quota.dimension,
            Dimension::Requests | Dimension::Unnamed | Dimension::ConcurrentRequests
        )
    };
    let requests = quotas.clone().filter(of_requests);
    let (mut told, mut spent) = (false, false);
    for quota in requests {
        told |= quota.remaining.is_some();
        spent |= quota.is_exhausted();
    }
    if spent {
        return Some((Unit::Requests, true));
    }
    let room = |quota: &Quota| {
        let unit = Unit::of_dimension(&quota.dimension).filter(|unit| *unit != Unit::Requests)?;
        Some((unit, quota.remaining? as f64 - unit.of(cost).max(1.0)))
    };
    let (unit, room) = quotas
        .filter_map(room)
        .min_by(|one, other| one.1.total_cmp(&other.1))?;
    // What is left is rounded. If requests are told to be left, it must have been this.
    Some((unit, room < 0.0 || told))
}

/// Seconds.
pub(super) fn seconds(wait: Option<Duration>) -> Option<f64> {
    wait.map(|wait| wait.as_secs_f64())
        .filter(|wait| *wait > 0.0)
}
