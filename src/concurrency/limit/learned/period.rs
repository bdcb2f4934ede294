//! The period: when a server that lets nothing in will open again, and how many it lets in then.

use super::Constants;

/// A closure shorter than this is not worth remembering, in seconds.
const WORTH: f64 = 1.0;
/// The lengths of windows that people choose, in seconds.
pub(super) const ROUND: [f64; 14] = [
    1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 3600.0,
];
/// Windows of fewer requests than this agree by chance, and must agree once more.
const FEW: f64 = 8.0;
/// Fewer are what flows into a bucket meanwhile.
const LEAST: f64 = 4.0;
/// A closure for less than this part of a window is no sign of one.
const SHORT: f64 = 0.1;
/// An opening that is known to this part of a window is known well enough.
const EXACT: f64 = 0.02;
/// The most windows from one test of a window's size to the next.
const RAREST: u16 = 16;

/// What was seen of the moments at which the server opened again.
///
/// A window's quota comes back all at once and at regular distances. Two openings tell the
/// distance, as exactly as the looks came close to them, and each later one tells it better. When
/// two windows in a row took equally many, that many are sent in the next ones, and none is refused.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Period {
    /// When the server shut, and when a look was last refused.
    shut_at: f64,
    refused_at: f64,
    opened: Option<Opening>,
    /// The distance between two openings, and whether the first of them is only guessed to be one.
    length: Option<f64>,
    guessed: bool,
    /// How long the last closure was.
    lasted: f64,
    /// How many were let in between an opening and the next closure, and how many times in a row.
    size: f64,
    agreed: u8,
    /// The wait that the server asked for when it shut.
    asked: Option<f64>,
    /// How long a refusal takes, in seconds.
    way: f32,
    /// Whether it was shut because the quota was known to be spent.
    silent: bool,
    test: Test,
}

/// An opening of the server.
#[derive(Clone, Copy, Debug)]
struct Opening {
    at: f64,
    /// How much earlier it may have been.
    vague: f64,
    /// How many had been let in before it.
    admitted: f64,
}

/// Whether the windows have become larger.
#[derive(Clone, Copy, Debug, Default)]
struct Test {
    /// By how many the next test goes beyond what is known.
    extra: f64,
    /// The windows before it, and from that one to the next.
    wait: u16,
    distance: u16,
    /// Whether the last window was one, and no refusal is known of.
    ran: bool,
}

impl Test {
    fn extra(&self) -> f64 {
        self.extra.max(1.0)
    }
}

impl Period {
    /// The first request of all went: a window may begin with it.
    pub(super) fn begin(&mut self, now: f64) {
        self.opened = Some(Opening {
            at: now,
            vague: 0.0,
            admitted: 0.0,
        });
        self.lasted = f64::INFINITY;
    }

    pub(super) fn refusal_takes(&mut self, seconds: f32) {
        self.way = seconds;
    }

    /// The server lets nothing in, after `admitted` in all, and asked to wait for so many seconds.
    pub(super) fn shut(&mut self, now: f64, admitted: f64, asked: Option<f64>) {
        self.asked = asked;
        self.shut_at = now;
        self.refused_at = now;
        self.silent = false;
        let Some(opened) = self.opened else {
            return;
        };
        let count = admitted - opened.admitted;
        let late = self
            .length
            .is_some_and(|length| now - opened.at > 1.1 * length);
        if late || count < LEAST {
            self.agreed = 0;
        } else if (count - self.size).abs() <= (0.02 * count).max(0.5) {
            self.agreed = self.agreed.saturating_add(1);
        } else {
            self.agreed = 0;
        }
        self.size = count;
    }

    pub(super) fn refused(&mut self, now: f64) {
        self.refused_at = now;
        self.silent = false;
    }

    /// A look that went at `at`, after `admitted` in all, was let in.
    pub(super) fn opened(&mut self, at: f64, admitted: f64) {
        let before = self.opened;
        if let (true, Some(before), Some(length)) = (self.silent, before, self.length) {
            // As expected, and perhaps it had been open for a while.
            let earliest = before.at - before.vague + length;
            self.opened = Some(Opening {
                at,
                vague: (at - earliest).clamp(0.0, before.vague),
                admitted,
            });
            if std::mem::take(&mut self.test.ran) {
                // All were let in.
                self.size += self.test.extra();
                self.test.extra = 2.0 * self.test.extra();
                self.test.distance = 1;
            }
            return;
        }
        let lasted = at - self.shut_at;
        let mut vague = at - self.refused_at;
        if self.asked.is_some() {
            // Waits are told in whole seconds, rounded up.
            vague = vague.min(1.0);
        }
        let length = self.length.take();
        let short = lasted
            < if self.asked.is_some() {
                2.0 * WORTH
            } else {
                WORTH
            };
        if short && !self.is_believed_at(length) {
            self.opened = None;
            self.agreed = 0;
            return;
        }
        let first = self.lasted == f64::INFINITY;
        self.lasted = lasted.max(WORTH);
        self.opened = Some(Opening {
            at,
            vague,
            admitted,
        });
        let Some(before) = before else {
            return;
        };
        let distance = at - before.at;
        let within = vague + before.vague;
        let round = ROUND
            .into_iter()
            .filter(|round| (round - distance).abs() <= within)
            .min_by(|one, other| (one - distance).abs().total_cmp(&(other - distance).abs()));
        self.guessed = first;
        self.length = match round {
            _ if lasted < SHORT * distance => None,
            None if first => None,
            None => Some(distance - vague),
            round => round,
        };
        if let (Some(before), Some(after)) = (length, self.length) {
            if (before - after).abs() > within {
                self.agreed = 0;
            }
        }
    }

    /// When to look first, and then how long apart, if the past tells. Never later than one and a
    /// half times the last closure: what was no window must not cost much.
    pub(super) fn expected(&self, now: f64, constants: &Constants) -> Option<(f64, f64)> {
        let opened = self.opened.filter(|_| !self.guessed || self.agreed > 0)?;
        let length = self.length?;
        let (early, longest) = if !self.is_believed() {
            (opened.vague, (1.5 * self.lasted).min(constants.max_wait))
        } else if opened.vague > EXACT * length {
            (opened.vague / 2.0, constants.max_wait)
        } else {
            (0.0, constants.max_wait)
        };
        let at = opened.at - early + length;
        (at > now && at - now <= longest).then_some((at, opened.vague / 2.0))
    }

    /// When to look next, about `gap` after `now`: at a round distance from the last opening, if there
    /// is one near. The server saw that opening no later than a refusal takes.
    pub(super) fn next_look(&self, now: f64, gap: f64) -> f64 {
        let way = f64::from(self.way);
        let round = self.opened.and_then(|opened| {
            let ends = ROUND.into_iter().map(|round| opened.at + round + way);
            ends.into_iter()
                .find(|at| (gap / 2.0..=2.0 * gap).contains(&(at - now)))
        });
        round.unwrap_or(now + gap)
    }

    fn is_believed_at(&self, length: Option<f64>) -> bool {
        let enough = if self.size < FEW { 2 } else { 1 };
        length.is_some() && self.agreed >= enough
    }

    /// Whether size and length of the windows are known.
    pub(super) fn is_believed(&self) -> bool {
        self.is_believed_at(self.length)
    }

    /// How many more the window takes when `admitted` were let in in all, if that is known.
    pub(super) fn left(&self, admitted: f64) -> Option<f64> {
        let opened = self.opened.filter(|_| self.is_believed())?;
        let extra = if self.test.wait == 0 {
            self.test.extra()
        } else {
            0.0
        };
        Some(opened.admitted + self.size + extra - admitted)
    }

    /// The window was spent without a refusal.
    pub(super) fn spent(&mut self, now: f64) {
        self.shut_at = now;
        self.silent = true;
        self.test.ran = self.test.wait == 0;
        self.test.wait = self.test.wait.saturating_sub(1);
    }

    /// A request was refused when `admitted` were let in in all: whether that is no news.
    pub(super) fn is_spent(&mut self, now: f64, admitted: f64, constants: &Constants) -> bool {
        let Some(opened) = self.opened.filter(|_| self.is_believed()) else {
            return false;
        };
        let count = admitted - opened.admitted;
        if count < 0.98 * self.size - 0.5 {
            self.agreed = 0;
            return false;
        }
        self.size = count;
        self.shut_at = now;
        self.refused_at = now;
        self.silent = true;
        let least = (constants.probe_requests / self.size).ceil() as u16;
        self.test = Test {
            extra: 0.0,
            wait: self.test.distance.max(least),
            distance: (2 * self.test.distance.max(least)).min(RAREST.max(least)),
            ran: false,
        };
        true
    }
}
