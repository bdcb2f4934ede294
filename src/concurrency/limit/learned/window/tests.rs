use super::*;

const LIMIT: f64 = 62.0;

/// Two windows of a second seemed to be one of two seconds. Next is the test whether they are shorter.
fn mistaken_for_two_seconds() -> FixedWindow {
    let tuning = Tuning::default();
    let mut window = FixedWindow::default();
    window.on_first_send(0.0, 0.0);
    window.on_exhausted(1.5, LIMIT, false, &Tuning::default());
    window.on_probe_refused(1.99);
    window.on_renewed(2.0, LIMIT, &Tuning::default());
    window.on_exhausted(3.5, 2.0 * LIMIT, false, &Tuning::default());
    window.on_probe_refused(3.99);
    window.on_renewed(4.0, 2.0 * LIMIT, &Tuning::default());
    assert!(window.is_known(&Tuning::default()));
    assert!(
        window.end_if_spent(4.9, 3.0 * LIMIT, &tuning),
        "a test of the quota"
    );
    window.on_renewed(6.0, 3.0 * LIMIT, &Tuning::default());
    window.on_spent(6.9, &Tuning::default());
    assert_eq!(probes_at(&window, 6.9), 8.0);
    window.on_renewed(8.0, 4.0 * LIMIT, &Tuning::default());
    window.on_spent(8.9, &Tuning::default());
    assert_eq!(probes_at(&window, 8.9), 9.0, "a test of the length");
    window
}

fn probes_at(window: &FixedWindow, now: f64) -> f64 {
    let expected = window.expected(now, &Tuning::default());
    (expected.expect("an end").0 * 100.0).round() / 100.0
}

#[test]
fn windows_that_are_as_long_as_they_seem_cost_one_refusal() {
    let mut window = mistaken_for_two_seconds();
    window.on_probe_refused(9.0);
    assert_eq!(probes_at(&window, 9.0), 10.0);
    window.on_renewed(10.0, 5.0 * LIMIT, &Tuning::default());
    window.on_spent(10.9, &Tuning::default());
    assert_eq!(probes_at(&window, 10.9), 12.0);
}

#[test]
fn windows_that_are_shorter_than_they_seem_are_found_out() {
    let mut window = mistaken_for_two_seconds();
    window.on_renewed(9.0, 5.0 * LIMIT, &Tuning::default());
    window.on_spent(9.9, &Tuning::default());
    assert_eq!(probes_at(&window, 9.9), 10.0);
}

#[test]
fn an_outage_tells_nothing_of_windows() {
    let tuning = Tuning::default();
    let out = |out_of_order: bool| {
        let mut window = FixedWindow::default();
        window.on_first_send(0.0, 0.0);
        for start in [30.0, 90.0] {
            window.on_exhausted(start, 10.0 * start, false, &tuning);
            window.on_probe_refused(start + 29.0);
            if out_of_order {
                window.on_out_of_order();
            }
            window.on_renewed(start + 30.0, 10.0 * start, &tuning);
        }
        window.on_exhausted(140.0, 1000.0, false, &tuning);
        window.expected(140.0, &tuning)
    };
    assert!(out(false).is_some());
    assert!(out(true).is_none());
}

#[test]
fn known_windows_outlast_an_outage() {
    let tuning = Tuning::default();
    let mut window = mistaken_for_two_seconds();
    window.on_probe_refused(9.0);
    window.on_out_of_order();
    window.on_renewed(60.0, 5.0 * LIMIT, &tuning);
    assert!(window.is_known(&tuning));
    // One more tests the quota.
    assert_eq!(
        window.remaining(5.5 * LIMIT, &tuning),
        Some(LIMIT / 2.0 + 1.0)
    );
}
