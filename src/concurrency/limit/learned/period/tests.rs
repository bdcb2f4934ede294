use super::Period;

/// Openings `apart` seconds apart, after each of which `count` are let in. The server shuts `shut` seconds
/// after each, and the first look finds it open.
fn openings(apart: f64, shut: f64, count: f64) -> Period {
    let mut period = Period::default();
    period.begin(0.0);
    for i in 0..6 {
        let (at, admitted) = (f64::from(i) * apart, f64::from(i + 1) * count);
        period.shut(at + shut, admitted, false);
        period.opened(at + apart, admitted);
    }
    period
}

#[test]
fn a_quick_shallow_bucket_is_not_taken_for_windows() {
    // It holds four and is full again when looked at after a quarter of a second.
    let period = openings(0.265, 0.015, 4.0);
    assert!(!period.is_known());
    assert!(!period.shut_there(28.0));
}

#[test]
fn a_short_window_is_known_though_the_first_look_finds_it_over() {
    let period = openings(1.0, 0.75, 30.0);
    assert!(period.is_known());
    // With one more, as a test.
    assert_eq!(period.left(180.0), Some(31.0));
}

#[test]
fn a_look_that_was_a_moment_late_is_followed_by_the_next_round_distance() {
    let mut period = Period::default();
    period.begin(0.0);
    // It went at two seconds, and its refusal was heard of a little later.
    let next = period.next_look(2.03, 2.0, 0.05);
    assert!((3.0..3.2).contains(&next), "{next}");
}
