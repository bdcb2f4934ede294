//! What is left of a record when it is old.

use std::time::Duration;

use super::{Learnt, Rate};
use crate::hint::{Quota, ResetKind};

/// From this age on, half of what was learned counts: another day may be another load.
const OLD: Duration = Duration::from_secs(86_400);

impl Learnt {
    /// What still counts of it when it is this old, as if it were made now.
    pub(crate) fn faded(&self, age: Duration) -> Self {
        let is_old = age > OLD;
        let rates = if is_old {
            self.rates.iter().filter_map(Rate::halved).collect()
        } else {
            self.rates.iter().map(|rate| rate.after(age)).collect()
        };
        let left = |until: Duration| until.checked_sub(age).filter(|left| !left.is_zero());
        Self {
            at: self.at.checked_add(age).unwrap_or(self.at),
            age: None,
            limit: if is_old {
                self.limit.div_ceil(2)
            } else {
                self.limit
            },
            ceiling: self.ceiling,
            rates,
            window: self
                .window
                .filter(|_| !is_old)
                .map(|window| window.after(age)),
            round_trip: self.round_trip,
            quotas: self
                .quotas
                .iter()
                .filter_map(|quota| quota_after(quota, age))
                .collect(),
            pause: self.pause.and_then(left),
        }
    }
}

/// What still counts of a quota. Nothing once its reset has come.
fn quota_after(quota: &Quota, age: Duration) -> Option<Quota> {
    let reset = quota.reset?;
    let left = reset.checked_sub(age).filter(|left| !left.is_zero())?;
    let mut quota = quota.clone();
    quota.reset = Some(left);
    if let (ResetKind::Full, Some(limit), Some(remaining)) =
        (quota.kind, quota.limit, quota.remaining)
    {
        // A bucket filled meanwhile.
        let missing = limit.saturating_sub(remaining) as f64 * left.div_duration_f64(reset);
        quota.remaining = Some(limit.saturating_sub(missing.ceil() as u64));
    }
    Some(quota)
}
