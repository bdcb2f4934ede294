use super::*;

const LIMIT: f64 = 62.0;

/// Two windows of a second looked like one of two seconds, and now it is the turn of the test whether
/// they are shorter.
fn taken_for_two_seconds() -> Period {
    let constants = Constants::default();
    let mut period = Period::default();
    period.begin(0.0);
    period.shut(1.5, LIMIT, false);
    period.refused(1.99);
    period.opened(2.0, LIMIT);
    period.shut(3.5, 2.0 * LIMIT, false);
    period.refused(3.99);
    period.opened(4.0, 2.0 * LIMIT);
    assert!(period.is_known());
    assert!(
        period.is_spent(4.9, 3.0 * LIMIT, &constants),
        "a test of the quota"
    );
    period.opened(6.0, 3.0 * LIMIT);
    period.spent(6.9);
    assert_eq!(looks_at(&period, 6.9), 8.0);
    period.opened(8.0, 4.0 * LIMIT);
    period.spent(8.9);
    assert_eq!(looks_at(&period, 8.9), 9.0, "a test of the length");
    period
}

fn looks_at(period: &Period, now: f64) -> f64 {
    let expected = period.expected(now, &Constants::default());
    (expected.expect("an end").0 * 100.0).round() / 100.0
}

#[test]
fn windows_that_are_as_long_as_they_seem_cost_one_refusal() {
    let mut period = taken_for_two_seconds();
    period.refused(9.0);
    assert_eq!(looks_at(&period, 9.0), 10.0);
    period.opened(10.0, 5.0 * LIMIT);
    period.spent(10.9);
    assert_eq!(looks_at(&period, 10.9), 12.0);
}

#[test]
fn windows_that_are_shorter_than_they_seem_are_found_out() {
    let mut period = taken_for_two_seconds();
    period.opened(9.0, 5.0 * LIMIT);
    period.spent(9.9);
    assert_eq!(looks_at(&period, 9.9), 10.0);
}
