//! What became of the latest attempts.

/// How many attempts are kept: enough to tell one refusal in a hundred from a rule.
const KEPT: usize = 1024;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No answer yet, or none that tells anything.
    Unknown,
    Accepted,
    Refused,
}

/// An attempt that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    seq: u64,
    /// When it was sent, in seconds.
    pub(super) at: f64,
    pub(super) fate: Fate,
}

/// The latest attempts, in the order in which they were sent.
///
/// What is sent while nothing limits it is not recorded, so numbers may be missing.
#[derive(Clone, Debug)]
pub(super) struct History {
    /// The attempt `seq` is at `seq % KEPT`, unless a later one is.
    attempts: Box<[Attempt]>,
    /// Earlier attempts are forgotten.
    since: u64,
    /// The number after that of the last attempt.
    next: u64,
}

impl Default for History {
    fn default() -> Self {
        let never = Attempt {
            seq: u64::MAX,
            at: 0.0,
            fate: Fate::Unknown,
        };
        Self {
            attempts: vec![never; KEPT].into(),
            since: 0,
            next: 0,
        }
    }
}

impl History {
    /// Records that the attempt `seq` is sent.
    pub(super) fn on_send(&mut self, seq: u64, at: f64) {
        self.attempts[place(seq)] = Attempt {
            seq,
            at,
            fate: Fate::Unknown,
        };
        self.next = seq + 1;
    }

    /// Records what became of the attempt `seq`, if it is still known.
    pub(super) fn on_outcome(&mut self, seq: u64, fate: Fate) {
        let attempt = &mut self.attempts[place(seq)];
        if attempt.seq == seq {
            attempt.fate = fate;
        }
    }

    /// Forgets all attempts so far: they say nothing of what comes.
    pub(super) fn forget(&mut self) {
        self.since = self.next;
    }

    /// Of the known attempts: how many were refused, and their share.
    pub(super) fn refusals(&self) -> (f64, f64) {
        let (mut refused, mut all) = (0.0, 1.0);
        for attempt in self.iter().filter(|attempt| attempt.fate != Fate::Unknown) {
            refused += f64::from(u8::from(attempt.fate == Fate::Refused));
            all += 1.0;
        }
        (refused, refused / all)
    }

    /// The attempts that are known, in the order in which they were sent.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Attempt> + Clone {
        let first = self.since.max(self.next.saturating_sub(KEPT as u64));
        (first..self.next)
            .map(|seq| (seq, &self.attempts[place(seq)]))
            .filter(|(seq, attempt)| attempt.seq == *seq)
            .map(|(_, attempt)| attempt)
    }
}

fn place(seq: u64) -> usize {
    (seq % KEPT as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_latest_in_the_order_of_their_sending() {
        let mut history = History::default();
        let mut expected = Vec::new();
        for seq in (0..3000).filter(|seq| seq % 7 != 3) {
            history.on_send(seq, seq as f64);
            if seq % 5 == 0 {
                history.on_outcome(seq, Fate::Refused);
            }
            expected.push((seq as f64, seq % 5 == 0));
        }
        let kept: Vec<_> = history
            .iter()
            .map(|attempt| (attempt.at, attempt.fate == Fate::Refused))
            .collect();
        assert_eq!(kept, expected[expected.len() - kept.len()..]);
        // Of seven numbers one is missing.
        assert!((KEPT * 6 / 7..=KEPT).contains(&kept.len()));
    }

    #[test]
    fn an_outcome_that_comes_too_late_changes_nothing() {
        let mut history = History::default();
        history.on_send(0, 0.0);
        history.on_send(KEPT as u64, 1.0);
        history.on_outcome(0, Fate::Refused);
        assert!(history.iter().all(|attempt| attempt.fate == Fate::Unknown));
        history.forget();
        assert_eq!(history.iter().count(), 0);
    }
}
