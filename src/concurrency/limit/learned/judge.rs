//! Whether a rate, or the number in flight, tells the refused attempts from the accepted ones.
//!
//! A server that counts requests per time refuses when much was sent shortly before, and at no other
//! moment. So one of a handful of measures of that is higher at the refusals than at nearly all other
//! attempts: how far what was accepted since the last refusal exceeds the rate, or how soon it came
//! after the request that was accepted a number of requests before. A server that refuses at random
//! does so whatever was sent before.

use super::history::{Attempt, Fate, History};

/// How well a rate explains the refusals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgement {
    /// How many refusals there were.
    pub(super) refused: u32,
    /// How many attempts were accepted.
    pub(super) accepted: u32,
    /// The part of the uncertainty about who is refused that the rate takes away, 0 to 1.
    pub(super) explained: f64,
    /// The same of the number in flight.
    pub(super) explained_by_level: f64,
}

impl Judgement {
    /// The share of attempts that were refused.
    pub(super) fn share(&self) -> f64 {
        f64::from(self.refused) / f64::from((self.refused + self.accepted).max(1))
    }
}

/// The distances, in accepted requests, over which it is measured how much was sent shortly before.
pub(super) const DISTANCES: [usize; 4] = [1, 4, 16, 64];

/// Judges all that is known, and with it what was sent before `settled` and not refused: where answers take long, most of
/// what is known would be refused otherwise; `None` of fewer than three refusals, which prove nothing.
pub(super) fn judge(history: &History, settled: f64) -> Option<Judgement> {
    let known: Vec<&Attempt> = history
        .iter()
        .filter(|attempt| attempt.is_decided(settled))
        .collect();
    let first = known
        .iter()
        .position(|attempt| attempt.fate == Fate::Refused)?;
    let judged = known.get(first + 1..)?;
    let is_refused = |attempt: &&&Attempt| attempt.fate == Fate::Refused;
    let refused = judged.iter().filter(is_refused).count();
    if refused < 2 {
        return None;
    }
    let explained = std::iter::once(excesses(&known[first..]))
        .chain(DISTANCES.map(|distance| nearness(&known, first + 1, distance)))
        .map(|mut measured| explained(&mut measured))
        .fold(0.0, f64::max);
    let level = |attempt: &&Attempt| (f64::from(attempt.level), attempt.fate == Fate::Refused);
    let mut levels: Vec<(f64, bool)> = judged.iter().map(level).collect();
    // Of equal levels, no threshold may tell the refused ones: they come last.
    levels.sort_by_key(|attempt| attempt.1);
    Some(Judgement {
        refused: refused as u32,
        accepted: (judged.len() - refused) as u32,
        explained,
        explained_by_level: self::explained(&mut levels),
    })
}

/// How far, at each attempt after the first, what was accepted since the last refusal exceeds the rate;
/// and whether it was refused. The first one was.
fn excesses(attempts: &[&Attempt]) -> Vec<(f64, bool)> {
    let rate = rate_between_refusals(attempts).unwrap_or(0.0);
    let mut empty_at = attempts[0].at;
    let mut taken = 0.0;
    let mut excess = |attempt: &&Attempt| {
        let excess = taken + 1.0 - rate * (attempt.at - empty_at);
        let refused = attempt.fate == Fate::Refused;
        if refused {
            (empty_at, taken) = (attempt.at, 0.0);
        } else {
            taken += 1.0;
        }
        (excess, refused)
    };
    attempts[1..].iter().map(&mut excess).collect()
}

/// How soon each attempt from `first` on came after the one that was accepted at a `distance` before it,
/// and whether it was refused.
fn nearness(attempts: &[&Attempt], first: usize, distance: usize) -> Vec<(f64, bool)> {
    let mut accepted = Vec::with_capacity(attempts.len());
    let mut measured = Vec::with_capacity(attempts.len());
    for (index, attempt) in attempts.iter().enumerate() {
        let refused = attempt.fate == Fate::Refused;
        if index >= first {
            let before = accepted.len().checked_sub(distance);
            let near = before.map_or(f64::MIN, |before| accepted[before] - attempt.at);
            measured.push((near, refused));
        }
        if !refused {
            accepted.push(attempt.at);
        }
    }
    measured
}

/// What was accepted between the first refusal and the last one, per second.
fn rate_between_refusals(attempts: &[&Attempt]) -> Option<f64> {
    let is_refused = |attempt: &&&Attempt| attempt.fate == Fate::Refused;
    let first = attempts.iter().find(is_refused)?.at;
    let last = attempts.iter().rfind(is_refused)?.at;
    let between = |attempt: &&&Attempt| !is_refused(attempt) && attempt.at < last;
    let accepted = attempts.iter().filter(between).count() as f64;
    (last > first).then(|| accepted / (last - first))
}

/// The part of the entropy that the best threshold takes away, where more means refused.
pub(super) fn explained(attempts: &mut [(f64, bool)]) -> f64 {
    attempts.sort_by(|one, other| other.0.total_cmp(&one.0));
    let all = attempts.len() as f64;
    let refused = attempts.iter().filter(|attempt| attempt.1).count() as f64;
    let whole = entropy(refused, all);
    if whole <= 0.0 {
        return 0.0;
    }
    let mut above = 0.0;
    let mut least = whole;
    for (index, (_, is_refused)) in attempts.iter().enumerate() {
        above += f64::from(u8::from(*is_refused));
        let count = index as f64 + 1.0;
        // Only a threshold above which more are refused than below it is one of a rate.
        if above / count > refused / all {
            let left = entropy(above, count) + entropy(refused - above, all - count);
            least = least.min(left);
        }
    }
    1.0 - least / whole
}

/// The nats that it takes to say which `some` of `all`.
fn entropy(some: f64, all: f64) -> f64 {
    let part = |count: f64| {
        if count > 0.0 {
            -count * (count / all).ln()
        } else {
            0.0
        }
    };
    part(some) + part(all - some)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends `per_second` for a while to a server that refuses by `refuses(at)`.
    fn sent(per_second: f64, count: u64, mut refuses: impl FnMut(f64) -> bool) -> History {
        let mut history = History::default();
        let mut random = fastrand::Rng::with_seed(1);
        let mut at = 0.0;
        for seq in 0..count {
            at += (0.5 + random.f64()) / per_second;
            history.on_send(seq, at, 1);
            let fate = if refuses(at) {
                Fate::Refused
            } else {
                Fate::Accepted
            };
            history.on_outcome(seq, fate);
        }
        history
    }

    fn bucket(rate: f64, depth: f64) -> impl FnMut(f64) -> bool {
        let (mut tokens, mut last) = (depth, 0.0);
        move |at| {
            tokens = f64::min(tokens + rate * (at - last), depth);
            last = at;
            if tokens < 1.0 {
                return true;
            }
            tokens -= 1.0;
            false
        }
    }

    #[test]
    fn the_refusals_of_a_bucket_are_explained_by_a_rate() {
        for (per_second, depth) in [
            (10.5, 10.0),
            (11.0, 1.0),
            (12.0, 50.0),
            (20.0, 10.0),
            (15.0, 2.0),
        ] {
            let history = sent(per_second, 800, bucket(10.0, depth));
            let verdict = judge(&history, f64::MIN).unwrap();
            println!("{per_second}, {depth}: {verdict:?}");
            assert!(
                verdict.explained > 0.45,
                "{per_second}/s, {depth}: {verdict:?}"
            );
        }
    }

    #[test]
    fn the_refusals_of_a_ceiling_are_explained_by_the_number_in_flight() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut history = History::default();
        for seq in 0..200 {
            // At random moments, so that no rate tells who is refused.
            let level = random.usize(1..=6);
            history.on_send(seq, seq as f64 + random.f64(), level);
            let refused = level > 5 && random.u8(..4) > 0;
            let fate = if refused {
                Fate::Refused
            } else {
                Fate::Accepted
            };
            history.on_outcome(seq, fate);
        }
        let verdict = judge(&history, f64::MIN).unwrap();
        assert!(verdict.explained_by_level > 0.45, "{verdict:?}");
        assert!(verdict.explained < 0.2, "{verdict:?}");
    }

    #[test]
    fn of_equal_levels_none_explains_anything() {
        let history = sent(11.0, 800, bucket(10.0, 1.0));
        let verdict = judge(&history, f64::MIN).unwrap();
        assert_eq!(verdict.explained_by_level, 0.0);
    }

    #[test]
    fn refusals_at_random_are_explained_by_no_rate() {
        for share in [0.01, 0.04, 0.2, 0.5] {
            for seed in 100..150 {
                let mut random = fastrand::Rng::with_seed(seed);
                let history = sent(10.0, 800, |_| random.f64() < share);
                let verdict = judge(&history, f64::MIN);
                let explained = verdict.map_or(0.0, |verdict| verdict.explained);
                let by_level = verdict.map_or(0.0, |verdict| verdict.explained_by_level);
                assert!(by_level < 0.35, "{share}, seed {seed}: {verdict:?}");
                assert!(explained < 0.35, "{share}, seed {seed}: {verdict:?}");
            }
        }
    }
}
