use std::time::SystemTime;

use http::{HeaderMap, StatusCode};

use super::*;

mod blame;
mod learned;

/// What a server says, by its headers and its body.
fn hint(status: u16, lines: &[(&'static str, String)], body: Option<&str>) -> Hint {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.insert(*name, value.parse().unwrap());
    }
    let status = StatusCode::from_u16(status).unwrap();
    Hint::parse(
        status,
        &headers,
        body.map(str::as_bytes),
        SystemTime::UNIX_EPOCH,
    )
}

fn refused(hint: &Hint) -> Outcome<'_> {
    Outcome::refused(StatusCode::TOO_MANY_REQUESTS, hint)
}

/// A bucket of tokens, and the gate that asks it: requests come as soon as they may, and are answered at once.
struct World {
    costs: Costs,
    now: f64,
    seq: u64,
    /// What the server has, how much that may be, and how much flows in a second.
    level: f64,
    depth: f64,
    rate: f64,
    at: f64,
    refused: u32,
    /// By how much the server counts more than is told.
    factor: f64,
}

impl World {
    fn new(rate: f64, depth: f64) -> Self {
        Self {
            costs: Costs::new(),
            now: 0.0,
            seq: 0,
            level: depth,
            depth,
            rate,
            at: 0.0,
            refused: 0,
            factor: 1.0,
        }
    }

    fn openai(&self, status: u16) -> Hint {
        let reset = ((self.depth - self.level) / self.rate * 1_000.0).ceil();
        let lines = [
            ("x-ratelimit-limit-tokens", format!("{}", self.depth)),
            (
                "x-ratelimit-remaining-tokens",
                format!("{}", self.level.floor()),
            ),
            ("x-ratelimit-reset-tokens", format!("{reset}ms")),
        ];
        hint(status, &lines, None)
    }

    fn body(&self, counted: f64) -> Hint {
        let used = self.depth - self.level.floor();
        let body = format!(
            r#"{{"error":{{"message":"on tokens per min (TPM): Limit {}, Used {used}, Requested {counted}","type":"tokens"}}}}"#,
            self.depth
        );
        hint(429, &[], Some(&body))
    }

    /// Sends one request when it may go, and takes the answer in. Returns whether it was accepted.
    fn send(&mut self, cost: Cost, announced: bool, tells: bool) -> bool {
        let next = announced.then_some(cost);
        for _ in 0..10 {
            match self.costs.available(self.now, next, &Tuning::default()) {
                Ok(slots) => {
                    assert!(slots > 0);
                    break;
                }
                Err(at) => {
                    assert!(at > self.now, "asked again at the same time");
                    self.now = at;
                }
            }
        }
        let seq = self.seq;
        self.seq += 1;
        self.costs.on_send(self.now, seq, next, &Tuning::default());
        self.costs
            .on_cost(self.now, seq, next, cost, &Tuning::default());
        let mut sent = Sent::new(seq, None, 1);
        sent.cost = Some(cost);
        self.level = (self.level + self.rate * (self.now - self.at)).min(self.depth);
        self.at = self.now;
        let counted = self.factor * cost.total().max(1) as f64;
        let taken = self.level + 1e-3 >= counted.min(self.depth);
        if taken {
            self.level -= counted;
            let hint = if tells {
                self.openai(200)
            } else {
                Hint::default()
            };
            self.costs.on_outcome(
                (self.now, 0.0),
                &sent,
                Outcome::Accepted(&hint),
                &Tuning::default(),
            );
        } else {
            self.refused += 1;
            let head = if tells {
                self.openai(429)
            } else {
                Hint::default()
            };
            let blamed =
                self.costs
                    .on_outcome((self.now, 0.0), &sent, refused(&head), &Tuning::default());
            assert_eq!(blamed, tells);
            if !tells {
                let body = self.body(counted);
                self.costs
                    .on_refined(self.now, &sent, &body, &Tuning::default());
            }
        }
        taken
    }

    /// Sends until this number were accepted.
    fn run(&mut self, count: u64, cost: impl Fn(u64) -> u64, announced: bool, tells: bool) {
        for number in 0..count {
            let cost = Cost::tokens(cost(number));
            while !self.send(cost, announced, tells) {
                assert!(self.refused < 100, "refused again and again");
            }
        }
    }
}

#[test]
fn a_bucket_that_is_told_refuses_nobody_and_waits_for_nothing() {
    let mut world = World::new(2_000.0, 12_000.0);
    world.run(500, |number| 100 + number * 37 % 900, true, true);
    assert_eq!(world.refused, 0);
    let spent: u64 = (0..500).map(|number| 100 + number * 37 % 900).sum();
    let best = (spent as f64 - 12_000.0) / 2_000.0;
    assert!(world.now < 1.005 * best, "{} s, {best} s", world.now);
}

#[test]
fn where_the_cost_is_not_known_before_the_dearest_is_reserved() {
    let mut world = World::new(2_000.0, 12_000.0);
    world.run(
        500,
        |number| if number % 10 == 9 { 6_000 } else { 200 },
        false,
        true,
    );
    assert_eq!(world.refused, 0);
}

#[cfg(feature = "json")]
#[test]
fn a_bucket_of_which_only_refused_bodies_tell_refuses_once() {
    let mut world = World::new(100.0, 6_000.0);
    world.run(100, |_| 500, true, false);
    assert_eq!(world.refused, 1);
}

#[cfg(feature = "json")]
#[test]
fn an_estimate_is_calibrated_by_the_servers_own_count() {
    let mut world = World::new(100.0, 6_000.0);
    world.factor = 2.0;
    world.run(200, |_| 500, true, false);
    assert_eq!(world.refused, 1);
    assert!((world.costs.meters[0].units(Cost::tokens(500)) - 1_000.0).abs() < 1.0);
}

#[test]
fn what_is_dearer_than_the_bucket_goes_once_it_is_full() {
    let mut world = World::new(100.0, 1_000.0);
    world.run(3, |_| 300, true, true);
    world.run(1, |_| 1_500, true, true);
    assert_eq!(world.refused, 0);
    assert!((world.now - 9.0).abs() < 0.1, "{}", world.now);
    // The next waits until the debt is paid.
    world.run(1, |_| 300, true, true);
    assert!((world.now - 17.0).abs() < 0.2, "{}", world.now);
}

#[test]
fn what_is_settled_is_free_for_the_next() {
    let mut world = World::new(100.0, 1_000.0);
    world.run(1, |_| 900, true, true);
    let next = Some(Cost::tokens(600));
    assert!(
        world
            .costs
            .available(world.now, next, &Tuning::default())
            .is_err()
    );
    let (before, actual) = (Some(Cost::tokens(900)), Cost::tokens(100));
    world
        .costs
        .on_cost(world.now, 0, before, actual, &Tuning::default());
    assert_eq!(
        world.costs.available(world.now, next, &Tuning::default()),
        Ok(1)
    );
}

#[test]
fn a_permit_that_is_not_used_holds_no_reserve() {
    let mut world = World::new(100.0, 1_000.0);
    world.run(2, |_| 400, false, true);
    world.now += 6.1;
    assert_eq!(
        world.costs.available(world.now, None, &Tuning::default()),
        Ok(2)
    );
    world.costs.on_send(world.now, 7, None, &Tuning::default());
    assert_eq!(
        world.costs.available(world.now, None, &Tuning::default()),
        Ok(1)
    );
    world.costs.on_outcome(
        (world.now, 0.0),
        &Sent::new(7, None, 1),
        Outcome::Ignored,
        &Tuning::default(),
    );
    assert_eq!(
        world.costs.available(world.now, None, &Tuning::default()),
        Ok(2)
    );
}

#[test]
fn nothing_binds_before_anything_is_told() {
    let mut costs = Costs::new();
    costs.on_send(0.0, 0, Some(Cost::tokens(1_000_000)), &Tuning::default());
    assert!(costs.is_unknown());
    assert_eq!(
        costs.available(0.0, Some(Cost::tokens(5)), &Tuning::default()),
        Ok(1)
    );
    assert_eq!(
        costs.available(0.0, None, &Tuning::default()),
        Ok(usize::MAX)
    );
}

/// The quotas of requests and of tokens that are left.
fn left(requests: u64, tokens: u64) -> Hint {
    let lines = [
        ("x-ratelimit-limit-requests", String::from("100")),
        ("x-ratelimit-remaining-requests", requests.to_string()),
        ("x-ratelimit-limit-tokens", String::from("10000")),
        ("x-ratelimit-remaining-tokens", tokens.to_string()),
    ];
    hint(429, &lines, None)
}

#[test]
fn the_quota_that_had_no_room_is_to_blame() {
    let cost = Cost::tokens(500);
    assert_eq!(
        told::blames(&left(7, 400), cost),
        Some((Unit::Tokens, true))
    );
    assert_eq!(
        told::blames(&left(0, 400), cost),
        Some((Unit::Requests, true))
    );
    // What is left is rounded: if requests are left, it must have been the tokens.
    assert_eq!(
        told::blames(&left(7, 600), cost),
        Some((Unit::Tokens, true))
    );
    assert_eq!(told::blames(&Hint::default(), cost), None);
}

#[test]
fn of_two_dimensions_the_one_with_less_room_is_to_blame() {
    let lines = [
        ("anthropic-ratelimit-input-tokens-limit", "30000".to_owned()),
        (
            "anthropic-ratelimit-input-tokens-remaining",
            "9000".to_owned(),
        ),
        ("anthropic-ratelimit-output-tokens-limit", "8000".to_owned()),
        (
            "anthropic-ratelimit-output-tokens-remaining",
            "0".to_owned(),
        ),
    ];
    let hint = hint(429, &lines, None);
    let cost = Cost::input(1_000).and_output(300);
    assert_eq!(told::blames(&hint, cost), Some((Unit::Output, true)));
    let cost = Cost::input(10_000).and_output(300);
    assert_eq!(told::blames(&hint, cost), Some((Unit::Input, true)));
}

#[test]
fn a_window_is_used_up_and_begins_anew() {
    let mut costs = Costs::new();
    let told = |left: u64| {
        let lines = [
            ("x-ratelimit-limit-tokens", String::from("1000")),
            ("x-ratelimit-remaining-tokens", left.to_string()),
        ];
        hint(200, &lines, None)
    };
    let send = |costs: &mut Costs, now: f64, seq: u64, left: u64| {
        let cost = Cost::tokens(400);
        costs.on_send(now, seq, Some(cost), &Tuning::default());
        let mut sent = Sent::new(seq, None, 1);
        sent.cost = Some(cost);
        let hint = told(left);
        costs.on_outcome(
            (now, 0.0),
            &sent,
            Outcome::Accepted(&hint),
            &Tuning::default(),
        );
    };
    let next = Some(Cost::tokens(400));
    send(&mut costs, 0.0, 0, 600);
    send(&mut costs, 1.0, 1, 200);
    // When it ends is not told: the refusal tells that.
    assert_eq!(costs.available(2.0, next, &Tuning::default()), Ok(1));
    costs.on_send(2.0, 2, next, &Tuning::default());
    let mut sent = Sent::new(2, None, 1);
    sent.cost = next;
    let lines = [
        ("x-ratelimit-limit-tokens", String::from("1000")),
        ("x-ratelimit-remaining-tokens", String::from("200")),
        ("retry-after", String::from("40")),
    ];
    let head = hint(429, &lines, None);
    assert!(costs.on_outcome((2.0, 0.0), &sent, refused(&head), &Tuning::default()));
    assert_eq!(costs.available(2.0, next, &Tuning::default()), Err(42.0));
    assert_eq!(costs.available(42.0, next, &Tuning::default()), Ok(1));
    // A minute, as limits of tokens have it.
    send(&mut costs, 42.0, 3, 600);
    send(&mut costs, 43.0, 4, 200);
    assert_eq!(costs.available(44.0, next, &Tuning::default()), Err(102.0));
}

#[test]
fn costs_that_are_told_too_low_are_raised_by_refusals_of_what_fitted() {
    for (factor, cost) in [(1.02, 400), (2.0, 200), (300.0, 0)] {
        let mut world = World::new(1_000.0, 6_000.0);
        world.factor = factor;
        world.run(1_000, |_| cost, true, true);
        assert!(world.refused <= 20, "{} of 1,000 refused", world.refused);
        let best = (1_000.0 * factor * cost.max(1) as f64 - 6_000.0) / 1_000.0;
        assert!(world.now < 1.02 * best, "{} s, {best} s", world.now);
    }
}
