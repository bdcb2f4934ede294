//! When it is of no use to go on.

use std::fmt;
use std::time::Duration;

use crate::output::Record;
use crate::reasons::Refused;
use crate::times::about;

/// How many posts must fail in the same way before any succeeds.
const SAME: usize = 20;
/// How many posts in a row must be refused a right before any succeeds, and later.
const FORBIDDEN: usize = 3;
const FORBIDDEN_LATER: usize = 10;
/// How many times in a row the API must ask for more patience than there is.
const ASKED: usize = 2;

/// Why a batch ended before its end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stop {
    /// Ctrl-C.
    Interrupted,
    /// The API does not know the key, or it allows nothing.
    KeyRefused(String),
    /// The plan is used up.
    UsedUp(String),
    /// The API asks to come back later.
    Later(Duration),
    /// The API has served nobody for longer than there is patience for.
    ServesNobody,
    /// The first posts failed, all in the same way.
    AllAlike(String),
}

impl Stop {
    /// The program's exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Interrupted => crate::INTERRUPTED,
            Self::KeyRefused(_) => crate::KEY_REFUSED,
            Self::UsedUp(_) => crate::USED_UP,
            Self::Later(_) | Self::ServesNobody => crate::NOT_NOW,
            Self::AllAlike(_) => crate::FAILED,
        }
    }

    /// The name in the JSON.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Interrupted => "interrupted",
            Self::KeyRefused(_) => "key-refused",
            Self::UsedUp(_) => "used-up",
            Self::Later(_) => "later",
            Self::ServesNobody => "serves-nobody",
            Self::AllAlike(_) => "all-alike",
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("Stopped by Ctrl-C."),
            Self::KeyRefused(reason) => {
                write!(f, "Stopped: the API does not take the key ({reason}).")
            }
            Self::UsedUp(reason) => write!(
                f,
                "Stopped: the plan or its budget is used up ({reason}), and no wait will help."
            ),
            Self::Later(wait) => write!(
                f,
                "Stopped: the API asks to wait {}. Run again then, or with a longer --patience.",
                about(*wait)
            ),
            Self::ServesNobody => f.write_str(
                "Stopped: the API serves nobody. Run again later, or with a longer --patience.",
            ),
            Self::AllAlike(reason) => {
                write!(
                    f,
                    "Stopped: the first {SAME} posts all failed alike ({reason})."
                )
            }
        }
    }
}

/// Sees the answers, and says when to stop.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    succeeded: bool,
    /// How many answers in a row were 401 or 403, and how many asked for a long wait.
    forbidden: usize,
    asked: usize,
    /// The reason of the first failure, and how many failed for it.
    alike: Option<(String, usize)>,
}

impl Judge {
    /// A post was done.
    pub(crate) fn on_success(&mut self) {
        *self = Self {
            succeeded: true,
            ..Self::default()
        };
    }

    /// A post failed, for this reason.
    pub(crate) fn on_failure(&mut self, record: &Record, reason: &str) -> Option<Stop> {
        match record.told.refused {
            Some(Refused::ForGood) => return Some(Stop::UsedUp(reason.to_owned())),
            Some(Refused::For(wait)) => {
                self.asked += 1;
                let stop = record.told.unsent || self.asked >= ASKED;
                return stop.then_some(Stop::Later(wait));
            }
            None if record.told.unsent => return Some(Stop::ServesNobody),
            None => self.asked = 0,
        }
        match record.status {
            // Not a matter of a post.
            Some(402) => return Some(Stop::UsedUp(reason.to_owned())),
            Some(401 | 403) => self.forbidden += 1,
            _ => self.forbidden = 0,
        }
        let enough = match (self.succeeded, record.status) {
            (false, Some(401)) => 1,
            (false, _) => FORBIDDEN,
            (true, _) => FORBIDDEN_LATER,
        };
        if self.forbidden >= enough {
            return Some(Stop::KeyRefused(reason.to_owned()));
        }
        self.all_alike(record, reason)
    }

    fn all_alike(&mut self, record: &Record, reason: &str) -> Option<Stop> {
        // A server that refuses or fails may do better in a moment.
        let passes = matches!(record.status, Some(408 | 429 | 500..));
        if self.succeeded || passes {
            return None;
        }
        let (first, count) = self.alike.get_or_insert_with(|| (reason.to_owned(), 0));
        if first != reason {
            // They differ: it is the posts.
            *count = 0;
            first.clear();
            return None;
        }
        *count += 1;
        (*count >= SAME).then(|| Stop::AllAlike(reason.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reasons::{Told, tests::record};

    fn stops_at(judge: &mut Judge, status: u16) -> Option<usize> {
        (1..=100).find(|_| judge.on_failure(&record(status, json!(0)), "why").is_some())
    }

    #[test]
    fn a_wrong_key_stops_the_batch_at_once() {
        assert_eq!(stops_at(&mut Judge::default(), 401), Some(1));
        assert_eq!(stops_at(&mut Judge::default(), 403), Some(3));
        let mut judge = Judge::default();
        judge.on_success();
        assert_eq!(stops_at(&mut judge, 401), Some(10));
    }

    #[test]
    fn a_post_that_is_forbidden_among_others_stops_nothing() {
        let mut judge = Judge::default();
        for _ in 0..100 {
            judge.on_success();
            assert_eq!(judge.on_failure(&record(403, json!(0)), "why"), None);
        }
    }

    #[test]
    fn failures_that_are_all_alike_stop_the_batch_before_any_success() {
        assert_eq!(stops_at(&mut Judge::default(), 404), Some(20));
        for may_pass in [429, 500, 503, 408] {
            assert_eq!(stops_at(&mut Judge::default(), may_pass), None);
        }
        let mut judge = Judge::default();
        assert_eq!(judge.on_failure(&record(400, json!(0)), "another"), None);
        assert_eq!(stops_at(&mut judge, 404), None, "they differ");
        judge.on_success();
        assert_eq!(stops_at(&mut judge, 404), None, "others succeed");
    }

    fn told(unsent: bool, refused: Option<Refused>) -> Record {
        Record {
            told: Told { unsent, refused },
            ..record(429, json!(0))
        }
    }

    #[test]
    fn what_the_layers_were_told_counts() {
        let stop = |record| Judge::default().on_failure(&record, "why");
        let used_up = Some(Stop::UsedUp("why".to_owned()));
        assert_eq!(stop(told(false, Some(Refused::ForGood))), used_up);
        assert_eq!(stop(record(402, json!(0))), used_up);
        assert_eq!(stop(told(true, None)), Some(Stop::ServesNobody));
        let hours = Refused::For(Duration::from_secs(7_200));
        assert_eq!(stop(told(false, Some(hours))), None, "that post's own");
        let mut judge = Judge::default();
        judge.on_failure(&told(false, Some(hours)), "why");
        let stop = judge.on_failure(&told(false, Some(hours)), "why");
        let text = stop.expect("twice").to_string();
        assert!(text.contains("asks to wait 2 h"), "{text}");
    }
}
