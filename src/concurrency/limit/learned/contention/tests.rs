use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::*;

/// A round trip, in seconds.
const RTT: f64 = 2.0;

#[test]
fn a_rate_that_is_refused_where_it_was_before_shows_nobody() {
    let mut contention = Contention::default();
    for _ in 0..20 {
        assert!(!contention.observe(10.2, Some(10.1), (false, false), &Tuning::default()));
        assert!(!contention.is_shared());
    }
}

#[test]
fn a_measured_rate_that_is_refused_shows_others() {
    let mut contention = Contention::default();
    assert!(contention.observe(10.0, None, (true, false), &Tuning::default()));
    assert!(contention.is_shared());
}

#[test]
fn a_rate_that_holds_well_above_a_refused_one_shows_others() {
    let mut contention = Contention::default();
    contention.observe(10.0, Some(9.9), (false, false), &Tuning::default());
    contention.observe(12.0, Some(11.9), (false, false), &Tuning::default());
    assert!(!contention.is_shared(), "a store may carry it so far");
    contention.observe(17.0, Some(16.0), (false, false), &Tuning::default());
    assert!(contention.is_shared());
}

#[test]
fn others_are_forgotten_when_nothing_shows_them() {
    let mut contention = Contention::default();
    contention.observe(10.0, None, (true, false), &Tuning::default());
    for _ in 0..4 {
        assert!(contention.is_shared());
        contention.cut(10.0, 10.0, &Tuning::default());
        contention.observe(10.1, Some(10.0), (false, false), &Tuning::default());
    }
    assert!(!contention.is_shared());
}

/// Alone, a bucket that stores what a cut leaves carries the next climb beyond the rate, and the one after it not: that looks
/// like others who come and go.
#[test]
fn others_are_forgotten_when_the_bucket_gives_exactly_what_it_gave() {
    let mut contention = Contention::default();
    contention.observe(10.0, None, (true, false), &Tuning::default());
    for _ in 0..4 {
        assert!(contention.is_shared());
        contention.cut(13.0, 10.0, &Tuning::default());
        assert!(contention.observe(11.0, Some(10.5), (false, true), &Tuning::default()));
    }
    assert!(!contention.is_shared());
}

#[test]
fn a_cut_is_made_good_in_ten_round_trips_and_then_surpassed() {
    let mut contention = Contention::default();
    contention.observe(10.0, None, (true, false), &Tuning::default());
    let mut rate = contention.cut(10.0, 10.0, &Tuning::default());
    let (mut seconds, mut made_good) = (0.0, None);
    while rate < 20.0 {
        seconds += contention.requests_per_step(RTT, &Tuning::default()) / rate;
        rate += contention.next_rise(rate, &Tuning::default());
        if rate >= 10.0 {
            made_good.get_or_insert(seconds);
        }
    }
    let made_good = made_good.unwrap_or_default();
    assert!((15.0..=25.0).contains(&made_good), "{made_good}");
    // Those who shared it are gone, and the pace is doubled as soon again.
    assert!(seconds <= 3.0 * made_good, "{seconds}");
}

#[test]
fn a_pace_that_was_not_used_is_cut_to_what_was() {
    let mut contention = Contention::default();
    contention.observe(50.0, None, (true, false), &Tuning::default());
    assert!(contention.cut(50.0, 10.0, &Tuning::default()) <= 10.0);
}

/// A client as fluid: the bucket refuses it in proportion to what it sends.
#[test]
fn shares_become_equal() {
    let (refill, depth, dt) = (20.0, 20.0, 0.05);
    for seed in 0..8 {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut clients = [1.0, 2.0, 5.0, 12.0].map(|rate: f64| {
            let mut contention = Contention::default();
            contention.observe(rate, None, (true, false), &Tuning::default());
            contention.cut(rate, rate, &Tuning::default());
            (contention, rate, 0.0)
        });
        let (mut left, mut refused, mut sums) = (depth, 0.0, [0.0; 4]);
        for tick in 0..24_000 {
            let sent: f64 = clients.iter().map(|client| client.1 * dt).sum();
            left = (left + refill * dt - sent).min(depth);
            if left < 0.0 {
                left += 1.0;
                refused += 1.0;
                let mut at = random.random::<f64>() * sent / dt;
                let hit = clients.iter_mut().find(|client| {
                    at -= client.1;
                    at <= 0.0
                });
                let (contention, rate, bound) = hit.expect("a client");
                contention.observe(*rate, Some(*rate), (false, false), &Tuning::default());
                *rate = contention.cut(*rate, *rate, &Tuning::default());
                *bound = 0.0;
            }
            for ((contention, rate, bound), sum) in clients.iter_mut().zip(&mut sums) {
                *bound += *rate * dt;
                if *bound >= contention.requests_per_step(RTT, &Tuning::default()) {
                    *bound = 0.0;
                    *rate += contention.next_rise(*rate, &Tuning::default());
                }
                // The last ten minutes count.
                *sum += if tick >= 12_000 { *rate } else { 0.0 };
            }
        }
        let (sum, squares) = sums.iter().fold((0.0, 0.0), |(s, q), x| (s + x, q + x * x));
        let jain = sum * sum / (4.0 * squares);
        assert!(jain >= 0.95, "seed {seed}: {jain}, {sums:?}");
        let used = sum / 12_000.0 / refill;
        assert!((0.9..=1.05).contains(&used), "seed {seed}: {used}");
        assert!(refused / 24_000.0 <= 0.02, "seed {seed}: {refused}");
    }
}
