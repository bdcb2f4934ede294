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
                .on_outcome((self.now, 0.0), &sent, accepted, &self.tuning);
            return false;
        }
        self.costs
            .on_outcome((self.now, 0.0), &sent, refused(&told), &self.tuning);
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
        let mut random = fastrand::Rng::with_seed(1);
        let mut level = 6_000.0;
        while !self.costs.has_learned() {
            let tokens = if random.u32(..10) == 0 { 3_000 } else { 100 };
            level = f64::min(level + 300.0, 6_000.0);
            let refuse = level < tokens as f64;
            self.send(0.3, tokens, refuse, None);
            if !refuse {
                level -= tokens as f64;
            }
            assert!(self.seq < 1_000, "nothing was learned");
        }
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
    let after = both.costs.learned[TOKENS].as_ref().unwrap().rate();
    assert!((after / rate - 1.0).abs() < 0.01, "{rate}, then {after}");
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
    costs.on_outcome((0.0, 0.0), &sent, Outcome::Accepted(&told), &tuning);
    for seq in 1..=2 {
        assert_eq!(costs.available(0.0, next, &tuning), Ok(1));
        costs.on_send(0.0, seq, next, &tuning);
    }
    // About one flows in in a second; a rounded reset leaves open how much exactly.
    let opens = costs.available(0.0, next, &tuning).unwrap_err();
    assert!((1.0..1.2).contains(&opens), "{opens}");
}

/// Fills minutes with requests of these costs, and is refused one of 400 in each. Returns whether they are known.
fn minutes(windows: &[&[u64]]) -> bool {
    let tuning = Tuning::default();
    let (mut window, mut seq) = (LearnedWindow::default(), 0);
    for (number, costs) in windows.iter().enumerate() {
        let ends = 60.0 * (number as f64 + 1.0);
        let now = ends - 50.0;
        for cost in *costs {
            window.on_cost(now, seq, Cost::tokens(*cost), 400.0);
            seq += 1;
        }
        let refused = Cost::tokens(400);
        window.on_cost(now, seq, refused, 400.0);
        seq += 1;
        let shown = Shown {
            now,
            seq: seq - 1,
            next: seq,
            asked: Some(50.0),
            paced: None,
            shared: false,
        };
        window.on_refused(shown, refused, (0.0, 0.0), 400.0, &tuning);
    }
    window.is_known()
}

#[test]
fn minutes_of_tokens_are_those_that_take_as_many_tokens_in_other_numbers_of_requests() {
    let few: &[u64] = &[400; 5];
    let many: &[u64] = &[100; 20];
    let half: &[u64] = &[50; 20];
    assert!(minutes(&[few, few, many]));
    // The first may have begun before anything was sent.
    assert!(!minutes(&[few, many]));
    assert!(!minutes(&[few, many, many]), "as many requests");
    assert!(!minutes(&[few, many, half]), "other numbers of tokens");
}
