//! The overload test: whether a refusal that blames the server means a limit.

use super::Tuning;

/// Whether a 503 or its like means a limit.
///
/// Some servers are overloaded and refuse at random, whatever is sent: that teaches nothing. Others
/// refuse with a 503 whoever is over a limit, as nginx does by default. How many they refuse tells
/// them apart: a sequential test (Wald's, as a cumulative sum) of three in ten against one in ten.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OverloadTest {
    suspicion: f64,
    /// Requests accepted in all at the last refusal.
    admitted: f64,
    /// A level above which the server refused once.
    suspect_level: Option<u32>,
    means_limit: bool,
}

impl OverloadTest {
    /// Records a refusal after `admitted` requests in all; `paced` if a pace is held. Returns
    /// whether it speaks of the server, and not of a limit.
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

    /// Whether the server refuses nearly everything.
    pub(super) fn is_dense(&self, tuning: &Tuning) -> bool {
        self.suspicion >= tuning.overload_dense * tuning.overload_refused
    }

    /// A rate that was learned from such refusals proved wrong.
    pub(super) fn clear(&mut self) {
        self.means_limit = false;
    }

    /// The server refused above `level`, and was seen to accept `proven`. Returns whether it
    /// refused there before, so that this is a ceiling.
    pub(super) fn test_ceiling(&mut self, level: usize, proven: u32) -> bool {
        let again = self.suspect_level.is_some_and(|suspect| proven <= suspect);
        self.suspect_level = (!again).then(|| u32::try_from(level).unwrap_or(u32::MAX));
        again
    }
}
