//! Trouble: what a server means that says it is the server's fault.

use super::Tuning;

/// Whether a 503 or its like means a limit.
///
/// Some servers are overloaded and refuse at random, whatever one sends: that teaches nothing. Others
/// refuse with a 503 whoever is over a limit, as nginx does by default. They are told apart by how many
/// they refuse: a sequential test (Wald's, as a cumulative sum) of three in ten against one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OverloadTest {
    suspicion: f64,
    /// How many had been let in at the last refusal.
    admitted: f64,
    /// A level above which the server refused once, or 0.
    suspect_level: Option<u32>,
    means_limit: bool,
}

impl OverloadTest {
    /// Notes a refusal after `admitted` were let in in all; `paced` if a pace is held. Whether the
    /// refusal speaks of the server, and not of a limit.
    pub(super) fn observe(&mut self, admitted: f64, paced: bool, tuning: &Tuning) -> bool {
        let since = admitted - self.admitted;
        self.admitted = admitted;
        self.suspicion =
            (self.suspicion - tuning.overload_accepted * since).max(0.0) + tuning.overload_refused;
        if self.suspicion >= tuning.overload_believed {
            self.means_limit = true;
        } else if since > tuning.overload_forgotten && !paced {
            self.means_limit = false;
        }
        !self.means_limit
    }

    /// Whether it refused next to all.
    pub(super) fn is_dense(&self, tuning: &Tuning) -> bool {
        self.suspicion >= tuning.overload_dense * tuning.overload_refused
    }

    /// A rate that was learned from its refusals proved wrong.
    pub(super) fn clear(&mut self) {
        self.means_limit = false;
    }

    /// The server refused above `level`, and was seen to take `taken`: whether it refused there
    /// before, so that it is a ceiling.
    pub(super) fn test_ceiling(&mut self, level: usize, taken: u32) -> bool {
        let again = self.suspect_level.is_some_and(|suspect| taken <= suspect);
        self.suspect_level = (!again).then(|| u32::try_from(level).unwrap_or(u32::MAX));
        again
    }
}
