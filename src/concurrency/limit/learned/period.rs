//! The period: when a server that lets nothing in will open again.

use super::MAX_WAIT;

/// A closure shorter than this is not worth remembering, in seconds.
const WORTH: f64 = 2.0;
/// The lengths of windows that people choose, in seconds.
const ROUND: [f64; 11] = [
    5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 3600.0,
];

/// What was seen of the moments at which the server opened again.
///
/// A window's quota comes back all at once and at regular distances. Two openings tell the
/// distance, as exactly as the looks came close to them, and each later one tells it better.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Period {
    /// When the server shut, and when a look was last refused.
    shut_at: f64,
    refused_at: f64,
    /// When it was last seen to open after a closure worth remembering, and how much earlier it
    /// may have.
    opened: Option<(f64, f64)>,
    /// The distance between two openings.
    length: Option<f64>,
    /// How long the last closure was.
    lasted: f64,
}

impl Period {
    pub(super) fn shut(&mut self, now: f64) {
        self.shut_at = now;
        self.refused_at = now;
    }

    pub(super) fn refused(&mut self, now: f64) {
        self.refused_at = now;
    }

    /// A look that went at `at` was let in.
    pub(super) fn opened(&mut self, at: f64) {
        let (lasted, vague) = (at - self.shut_at, at - self.refused_at);
        let before = self.opened.take();
        self.length = None;
        if lasted < WORTH {
            return;
        }
        self.lasted = lasted;
        self.opened = Some((at, vague));
        if let Some((then, then_vague)) = before {
            let distance = at - then;
            self.length = ROUND
                .into_iter()
                .filter(|round| (round - distance).abs() <= vague + then_vague)
                .min_by(|one, other| (one - distance).abs().total_cmp(&(other - distance).abs()))
                .or(Some(distance - vague));
        }
    }

    /// When to look first, and then how long apart, if the past tells. Never later than one and a
    /// half times the last closure: what was no window must not cost much.
    pub(super) fn expected(&self, now: f64) -> Option<(f64, f64)> {
        let (opened_at, vague) = self.opened?;
        let at = opened_at - vague + self.length?;
        (at > now && at - now <= (1.5 * self.lasted).min(MAX_WAIT)).then_some((at, vague / 2.0))
    }
}
