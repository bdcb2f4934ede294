//! Which limit refused, where nothing tells.

use super::super::*;
use super::{hint, refused};

const TOKENS: usize = Unit::Tokens as usize;

/// A server with a bucket of requests and one of tokens that tells nothing, and the gate's costs.
struct Both {
    costs: Costs,
    tuning: Tuning,
    now: f64,
    seq: u64,
}

impl Both {
    fn new() -> Self {
        Self {
            costs: Costs::new(),
            tuning: Tuning::default(),
            now: 0.0,
            seq: 0,
        }
    }

    /// Sends a request after `seconds`. `paced`: the share that a pace of requests held back. Returns whether tokens are to
    /// blame, if it is refused.
    fn send(&mut self, seconds: f64, tokens: u64, refuse: bool, paced: Option<f64>) -> bool {
        let (cost, seq) = (Cost::tokens(tokens), self.seq);
        self.now += seconds;
        self.seq += 1;
        self.costs.on_send(self.now, seq, Some(cost), &self.tuning);
        self.costs.pace(self.now, cost, (0.04, 1.0), &self.tuning);
        let mut sent = Sent::new(seq, None, 1);
        sent.cost = Some(cost);
        let told = Hint::default();
        if !refuse {
            let accepted = Outcome::Accepted(&told);
            self.costs
                .on_outcome(self.now, &sent, accepted, &self.tuning);
            return false;
        }
        self.costs
            .on_outcome(self.now, &sent, refused(&told), &self.tuning);
        let shown = Shown {
            now: self.now,
            seq,
            next: self.seq,
            asked: None,
            paced,
            shared: false,
        };
        self.costs.was_refused(shown, &self.tuning)
    }

    /// Meets a limit of 1,000 tokens a second until its rate is known.
    fn learn_tokens(&mut self) {
        for _ in 0..4 {
            for _ in 0..20 {
                self.send(0.2, 200, false, None);
            }
            self.send(0.2, 3_000, true, None);
        }
        assert!(self.costs.has_learned());
    }
}

#[test]
fn the_pace_that_held_requests_back_is_to_blame() {
    let mut both = Both::new();
    both.learn_tokens();
    // It held all of them, as far as is known at first; the pace of requests held none.
    assert!(both.send(5.0, 3_000, true, Some(0.0)));
    let rate = both.costs.learned[TOKENS].as_ref().unwrap().rate();
    // Now cheap ones come for which there are tokens enough, and a pace of requests holds them.
    for _ in 0..40 {
        both.send(0.5, 10, false, Some(1.0));
    }
    assert!(!both.send(0.5, 10, true, Some(1.0)));
    assert_eq!(both.costs.learned[TOKENS].as_ref().unwrap().rate(), rate);
}

#[test]
fn cheap_requests_that_are_refused_show_no_limit_on_tokens() {
    let mut both = Both::new();
    for _ in 0..8 {
        for number in 0..10 {
            let tokens = if number % 3 == 0 { 3_000 } else { 300 };
            both.send(1.0, tokens, false, None);
        }
        assert!(!both.send(0.1, 20, true, None));
    }
    assert!(!both.costs.has_learned());
}

#[test]
fn a_told_bucket_of_requests_has_a_mirror() {
    let mut costs = Costs::new();
    let tuning = Tuning::default();
    let next = Some(Cost::tokens(5));
    costs.on_send(0.0, 0, next, &tuning);
    let mut sent = Sent::new(0, None, 1);
    sent.cost = next;
    let lines = [
        ("x-ratelimit-limit-requests", String::from("10")),
        ("x-ratelimit-remaining-requests", String::from("2")),
        ("x-ratelimit-reset-requests", String::from("8s")),
    ];
    let told = hint(200, &lines, None);
    costs.on_outcome(0.0, &sent, Outcome::Accepted(&told), &tuning);
    for seq in 1..=2 {
        assert_eq!(costs.available(0.0, next, &tuning), Ok(1));
        costs.on_send(0.0, seq, next, &tuning);
    }
    // About one flows in in a second; a rounded reset leaves open how much exactly.
    let opens = costs.available(0.0, next, &tuning).unwrap_err();
    assert!((1.0..1.2).contains(&opens), "{opens}");
}

/// Sends what fits into minutes of 10,000 tokens, and one more. Returns how many were refused in each.
fn minutes(costs: &mut Costs, windows: u32) -> Vec<u32> {
    let tuning = Tuning::default();
    let (mut random, mut seq, mut all) = (fastrand::Rng::with_seed(4), 0, Vec::new());
    for window in 0..windows {
        let (ends, mut left, mut count) = (60.0 * f64::from(window + 1), 10_000, 0);
        let mut now = ends - 60.0;
        while now < ends {
            let tokens = random.u64(50..500);
            let cost = Cost::tokens(tokens);
            if let Err(opens) = costs.available(now, Some(cost), &tuning) {
                now = opens;
                continue;
            }
            costs.on_send(now, seq, Some(cost), &tuning);
            let mut sent = Sent::new(seq, None, 1);
            sent.cost = Some(cost);
            seq += 1;
            let told = Hint::default();
            if tokens <= left {
                left -= tokens;
                costs.on_outcome(now, &sent, Outcome::Accepted(&told), &tuning);
                now += 0.1;
                continue;
            }
            count += 1;
            costs.on_outcome(now, &sent, refused(&told), &tuning);
            let asked = (ends - now).ceil();
            let shown = Shown {
                now,
                seq: seq - 1,
                next: seq,
                asked: Some(asked),
                paced: None,
                shared: false,
            };
            costs.was_refused(shown, &tuning);
            // Everybody waits, as long as nothing else is known.
            now += asked;
        }
        all.push(count);
    }
    all
}

#[test]
fn minutes_of_tokens_are_learned_from_the_waits_of_refusals() {
    let mut costs = Costs::new();
    let refused = minutes(&mut costs, 12);
    assert!(costs.window.is_known());
    assert_eq!(refused[..3], [1, 1, 1]);
    let later: u32 = refused[3..].iter().sum();
    assert!(later <= 4, "{refused:?}");
}
