use super::super::*;
use super::{hint, refused};

/// Sends to a bucket that tells nothing, whatever the gate says; then its attempts.
fn attempts_at_a_bucket(counted: fn(f64) -> f64, rate: f64, depth: f64) -> attempts::Attempts {
    let mut attempts = attempts::Attempts::default();
    let mut random = fastrand::Rng::with_seed(1);
    let (mut level, mut now) = (depth, 0.0);
    for seq in 0..300 {
        let cost = if random.u32(..10) == 0 {
            6_000.0
        } else {
            200.0
        };
        let passed = random.f64();
        now += passed;
        level = f64::min(level + rate * passed, depth);
        attempts.on_cost(now, seq, Cost::tokens(cost as u64), [800.0; 3]);
        if level < counted(cost) {
            attempts.on_refused(seq);
        } else {
            level -= counted(cost);
        }
    }
    attempts
}

#[test]
fn the_cost_explains_the_refusals_of_a_bucket_of_tokens() {
    let explained = attempts_at_a_bucket(|cost| cost, 1_000.0, 12_000.0).explained(Unit::Tokens);
    let explained = explained.unwrap();
    assert!(
        explained.by_cost > explained.by_requests + 0.1 && explained.by_cost > 0.4,
        "{explained:?}"
    );
}

#[test]
fn the_number_of_requests_explains_the_refusals_of_a_bucket_of_requests() {
    let explained = attempts_at_a_bucket(|_| 1.0, 1.5, 10.0).explained(Unit::Tokens);
    let explained = explained.unwrap();
    assert!(
        explained.by_requests > explained.by_cost + 0.1,
        "{explained:?}"
    );
}

/// Sends `count` requests to a bucket of 2,000 a second and 12,000 at once that tells nothing, as fast as the costs
/// allow. Returns how many were refused, and how long it took over the shortest time.
fn learn(costs: &mut Costs, count: u64, cost: impl Fn(u64) -> u64) -> (u32, f64) {
    let (tuning, hint) = (Tuning::default(), Hint::default());
    let (mut level, mut now, mut at, mut seq) = (12_000.0, 0.0_f64, 0.0, 0);
    let (mut count_refused, mut spent) = (0, 0.0);
    for number in 0..count {
        let cost = Cost::tokens(cost(number));
        loop {
            while let Err(opens) = costs.available(now, Some(cost), &tuning) {
                now = opens.max(now + 1e-6);
            }
            // No faster than a client that works on a few at a time.
            now += 0.01;
            costs.on_send(now, seq, Some(cost), &tuning);
            costs.pace(now, cost, (0.04, 1.0), &tuning);
            let mut sent = Sent::new(seq, None, 1);
            sent.cost = Some(cost);
            level = f64::min(level + 2_000.0 * (now - at), 12_000.0);
            at = now;
            seq += 1;
            if level >= cost.total() as f64 {
                level -= cost.total() as f64;
                spent += cost.total() as f64;
                costs.on_outcome((now, 0.0), &sent, Outcome::Accepted(&hint), &tuning);
                break;
            }
            count_refused += 1;
            costs.on_outcome((now, 0.0), &sent, refused(&hint), &tuning);
            let shown = Shown {
                now,
                seq: seq - 1,
                next: seq,
                asked: None,
                paced: None,
                shared: false,
            };
            costs.was_refused(shown, &tuning);
            // As a retry does.
            now += 0.3;
        }
    }
    (count_refused, now / ((spent - 12_000.0) / 2_000.0))
}

#[test]
fn a_rate_of_tokens_is_learned_from_refusals() {
    let mut costs = Costs::new();
    let cost = |number: u64| if number % 10 == 9 { 6_000 } else { 200 };
    let (refused, time) = learn(&mut costs, 1_500, cost);
    // Half of them before anything is known, as nothing else holds this client back.
    assert!(refused <= 40, "{refused} refused");
    assert!(time < 1.05, "{time} times the best time");
    let learned = costs.learned[0].as_ref().unwrap();
    let rate = learned.rate();
    // It is probed from below, in steps.
    assert!((1_800.0..2_400.0).contains(&rate), "{rate}");
}

#[test]
fn what_is_told_replaces_what_was_learned() {
    let mut costs = Costs::new();
    learn(
        &mut costs,
        300,
        |number| if number % 10 == 9 { 6_000 } else { 200 },
    );
    assert!(costs.has_learned());
    let mut sent = Sent::new(100_000, None, 1);
    sent.cost = Some(Cost::tokens(200));
    let lines = [
        ("x-ratelimit-limit-tokens", String::from("12000")),
        ("x-ratelimit-remaining-tokens", String::from("6000")),
        ("x-ratelimit-reset-tokens", String::from("3s")),
    ];
    let told = hint(200, &lines, None);
    costs.on_outcome(
        (1e6, 0.0),
        &sent,
        Outcome::Accepted(&told),
        &Tuning::default(),
    );
    assert!(!costs.has_learned());
    assert_eq!(
        costs.available(1e6, Some(Cost::tokens(6_000)), &Tuning::default()),
        Ok(1)
    );
    assert!(
        costs
            .available(1e6, Some(Cost::tokens(7_000)), &Tuning::default())
            .is_err()
    );
}
