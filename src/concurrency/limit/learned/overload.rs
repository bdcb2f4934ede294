//! The overload test: whether refusals mean a limit, or come at random.

use super::Tuning;

/// Whether a kind of refusal means a limit.
///
/// Some servers refuse at random, whatever is sent: that teaches nothing. Others refuse whoever is
/// over a limit. How many they refuse tells them apart: a sequential test (Wald's, as a cumulative
/// sum) of a larger share against a smaller one.
#[derive(Clone, Copy, Debug)]
pub(super) struct OverloadTest {
    kind: Kind,
    /// What speaks for a limit, in nats.
    evidence: f64,
    /// Requests accepted in all at the last refusal.
    admitted: f64,
    /// A level above which the server refused once.
    suspect_level: Option<u32>,
    /// Refusals in a row.
    run: f64,
    /// Whether a limit was believed before the first of them.
    meant_limit: bool,
    /// Whether the server refused everything once.
    had_outage: bool,
    means_limit: bool,
    /// The share that was found to be refused at random.
    random_share: Option<f64>,
}

/// Whom a refusal blames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The server, as 503 does: it comes at random, unless there are too many.
    Server,
    /// The client, as 429 does: it means a limit, unless it turns out to come at random.
    Client,
}

impl OverloadTest {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            evidence: 0.0,
            admitted: 0.0,
            suspect_level: None,
            run: 0.0,
            meant_limit: false,
            had_outage: false,
            means_limit: kind == Kind::Client,
            random_share: None,
        }
    }

    /// What a refusal adds to the evidence, and what an accepted request takes off.
    fn weights(&self, tuning: &Tuning) -> (f64, f64) {
        let (share, excess) = match self.kind {
            Kind::Server => (tuning.overload_share, tuning.overload_excess),
            Kind::Client => (tuning.random_share, tuning.random_excess),
        };
        let seen = tuning.random_margin * self.random_share.unwrap_or(0.0);
        let random = seen.max(share).min(tuning.max_random_share);
        let limited = (random + excess).min(MOST_LIMITED);
        let accepted = (1.0 - random) / (1.0 - limited);
        ((limited / random).ln().max(0.0), accepted.ln().max(0.0))
    }

    /// Records a refusal after `admitted` requests in all; `paced` if a pace is held. Returns
    /// whether it means a limit.
    pub(super) fn observe(&mut self, admitted: f64, paced: bool, tuning: &Tuning) -> bool {
        // A request that was sent earlier may be refused later.
        let since = (admitted - self.admitted).max(0.0);
        self.admitted = self.admitted.max(admitted);
        if since > 0.0 {
            self.end_run(tuning);
        }
        self.run += 1.0;
        let (refused, accepted) = self.weights(tuning);
        let left = (self.evidence - accepted * since).max(0.0);
        if self.random_share.is_some() && left <= 0.0 && !paced {
            // No more were refused than at random.
            self.means_limit = false;
        }
        self.evidence = left + refused;
        if self.evidence >= tuning.overload_believed {
            self.means_limit = true;
        } else if self.kind == Kind::Server && since > tuning.overload_forgotten && !paced {
            self.means_limit = false;
        }
        self.means_limit
    }

    pub(super) fn means_limit(&self) -> bool {
        self.means_limit
    }

    /// Whether the refusals are held to come at random.
    pub(super) fn is_random(&self) -> bool {
        self.random_share.is_some() && !self.means_limit
    }

    /// Takes back what the last refusal added to the evidence, because something else explains it.
    pub(super) fn retract(&mut self, tuning: &Tuning) {
        self.evidence = (self.evidence - self.weights(tuning).0).max(0.0);
    }

    /// Something was accepted again. A server that accepted nothing at all for once was out of order: a
    /// limit accepts what is below it, and a window comes again.
    fn end_run(&mut self, tuning: &Tuning) {
        let outage = self.kind == Kind::Server && self.run >= tuning.outage_run;
        if outage && !self.had_outage {
            self.had_outage = true;
            self.means_limit = self.meant_limit;
            self.evidence = 0.0;
        }
        self.run = 0.0;
        self.meant_limit = self.means_limit;
    }

    /// Whether the server refuses nearly everything.
    pub(super) fn is_dense(&self, tuning: &Tuning) -> bool {
        self.evidence >= tuning.overload_dense * self.weights(tuning).0
    }

    /// Whether the refusals came at random before, and are too many for that now.
    pub(super) fn exceeds_random(&self) -> bool {
        self.means_limit && self.random_share.is_some()
    }

    /// A rate that was learned from such refusals proved wrong.
    pub(super) fn clear(&mut self) {
        self.means_limit &= self.kind == Kind::Client;
    }

    /// This share is refused at random.
    pub(super) fn set_random(&mut self, share: f64) {
        self.means_limit = false;
        self.evidence = 0.0;
        self.random_share = Some(self.random_share.map_or(share, |seen| seen.max(share)));
    }

    /// Refusals do not come at random: they come together.
    pub(super) fn refute_random(&mut self) {
        self.means_limit |= self.kind == Kind::Client;
        self.random_share = None;
    }

    /// The server refused above `level`, and was seen to accept `proven`. Returns whether it
    /// refused there before, so that this is a ceiling.
    pub(super) fn test_ceiling(&mut self, level: usize, proven: u32) -> bool {
        let again = self.suspect_level.is_some_and(|suspect| proven <= suspect);
        self.suspect_level = (!again).then(|| u32::try_from(level).unwrap_or(u32::MAX));
        again
    }
}

/// A share of one would make all evidence infinite.
const MOST_LIMITED: f64 = 0.99;
