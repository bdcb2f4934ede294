use super::*;

fn open_until(breaker: &mut Breaker, now: f64) -> f64 {
    match breaker.admission(now, 0, 100, &Tuning::default()) {
        Admission::NotBefore(at) => at,
        _ => panic!("it is closed"),
    }
}

/// Sends a probe, which is refused and told to come back in `asked` seconds.
fn told_again(breaker: &mut Breaker, now: f64, asked: f64) -> f64 {
    breaker.on_send(now, 7, 0.0, &Tuning::default());
    breaker.probe_refused(now, Some(asked), &Tuning::default());
    open_until(breaker, now)
}

#[test]
fn a_wait_that_proves_too_short_yields_to_the_learned_window() {
    let tuning = Tuning::default();
    let mut breaker = Breaker::new(&tuning);
    breaker.on_first_send(0.0, 0.0);
    // A window of a hundred in a minute, whose waits are ten times too short.
    breaker.open(10.0, 100.0, Some(5.0), &tuning);
    assert_eq!(open_until(&mut breaker, 10.0), 15.0, "as told");
    assert_eq!(told_again(&mut breaker, 15.0, 4.5), 19.5, "as told");
    breaker.on_send(60.0, 8, 100.0, &Tuning::default());
    breaker.probe_accepted(60.1, 1, &Tuning::default());

    breaker.open(70.0, 200.0, Some(5.0), &tuning);
    assert_eq!(open_until(&mut breaker, 70.0), 75.0, "as told");
    let at = told_again(&mut breaker, 75.0, 4.5);
    assert!((118.0..=121.0).contains(&at), "{at}");
    // That was wrong as well, so the advertised wait counts again.
    let later = told_again(&mut breaker, at, 3.0);
    assert!(later <= at + 8.0 * 3.0, "{later}");
}
