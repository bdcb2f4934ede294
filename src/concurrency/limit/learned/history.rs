//! What became of the latest attempts.

use std::collections::VecDeque;

/// How many attempts are kept: enough to tell one refusal in a hundred from a rule.
const KEPT: usize = 1024;

/// For how many there is room at first, and by how much the room grows.
const FIRST: usize = 2;
const GROWTH: usize = 8;

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// No answer yet.
    Open,
    /// What became of it tells nothing.
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
    /// Requests in flight then, itself included.
    pub(super) level: u32,
    pub(super) fate: Fate,
}

impl Attempt {
    /// Whether it is known to be accepted or refused. One that was sent before `settled` and is not refused was accepted.
    pub(super) fn is_decided(&self, settled: f64) -> bool {
        match self.fate {
            Fate::Accepted | Fate::Refused => true,
            Fate::Open => self.at < settled,
            Fate::Unknown => false,
        }
    }
}

/// The latest attempts, in the order in which they were sent.
///
/// What is sent while nothing limits it is not recorded, so numbers may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// None is older than the latest by [`KEPT`] or more.
    attempts: VecDeque<Attempt>,
    /// Earlier attempts are forgotten.
    since: u64,
    /// The number after that of the last attempt.
    next: u64,
}

impl History {
    /// Records that the attempt `seq` is sent, and then `level` are in flight.
    pub(super) fn on_send(&mut self, seq: u64, at: f64, level: usize) {
        while self
            .attempts
            .front()
            .is_some_and(|first| first.seq + KEPT as u64 <= seq)
        {
            self.attempts.pop_front();
        }
        if self.attempts.len() == self.attempts.capacity() {
            self.grow();
        }
        self.attempts.push_back(Attempt {
            seq,
            at,
            level: u32::try_from(level).unwrap_or(u32::MAX),
            fate: Fate::Open,
        });
        self.next = seq + 1;
    }

    /// Makes room in steps: there may be a limit for each of many keys, of most of which little is sent.
    #[cold]
    fn grow(&mut self) {
        let len = self.attempts.len();
        let room = (GROWTH * len).clamp(FIRST, KEPT);
        self.attempts.reserve_exact(room.saturating_sub(len));
    }

    /// Records what became of the attempt `seq`, if it is still known.
    pub(super) fn on_outcome(&mut self, seq: u64, fate: Fate) {
        if let Some(attempt) = self.find(seq) {
            attempt.fate = fate;
        }
    }

    fn find(&mut self, seq: u64) -> Option<&mut Attempt> {
        let first = self.attempts.front()?.seq;
        // Its place if no number is missing. Otherwise it is before that.
        let at = usize::try_from(seq.checked_sub(first)?).ok()?;
        let at = match self.attempts.get(at) {
            Some(attempt) if attempt.seq == seq => at,
            _ => self
                .attempts
                .binary_search_by_key(&seq, |attempt| attempt.seq)
                .ok()?,
        };
        self.attempts.get_mut(at)
    }

    /// Forgets all attempts so far: they say nothing of what comes.
    pub(super) fn forget(&mut self) {
        self.since = self.next;
    }

    /// Of the known attempts: how many were refused, and their share.
    pub(super) fn refusals(&self) -> (f64, f64) {
        let (mut refused, mut all) = (0.0, 1.0);
        for attempt in self.iter().filter(|attempt| attempt.is_decided(f64::MIN)) {
            refused += f64::from(u8::from(attempt.fate == Fate::Refused));
            all += 1.0;
        }
        (refused, refused / all)
    }

    /// The attempts that are known, in the order in which they were sent.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Attempt> + Clone {
        let known = self.attempts.iter();
        known.filter(|attempt| attempt.seq >= self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_latest_in_the_order_of_their_sending() {
        let mut history = History::default();
        let mut expected = Vec::new();
        for seq in (0..3000).filter(|seq| seq % 7 != 3) {
            history.on_send(seq, seq as f64, 1);
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
        history.on_send(0, 0.0, 1);
        history.on_send(KEPT as u64, 1.0, 1);
        history.on_outcome(0, Fate::Refused);
        assert!(history.iter().all(|attempt| attempt.fate == Fate::Open));
        history.forget();
        assert_eq!(history.iter().count(), 0);
    }
}
