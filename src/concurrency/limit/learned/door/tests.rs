use super::*;

fn shut_until(door: &mut Door, now: f64) -> f64 {
    match door.leave(now, 0, 100) {
        Leave::NotBefore(at) => at,
        _ => panic!("it is open"),
    }
}

/// Sends a look, which is refused and told to come back in so many seconds.
fn told_again(door: &mut Door, now: f64, asked: f64) -> f64 {
    door.on_send(now, 7, 0.0);
    door.look_refused(now, Some(asked), &Constants::default());
    shut_until(door, now)
}

#[test]
fn who_was_told_to_come_too_soon_keeps_to_what_was_learned() {
    let constants = Constants::default();
    let mut door = Door::default();
    door.begin(0.0);
    // Of a window of a hundred in a minute, whose waits are told ten times too short.
    door.shut(10.0, 100.0, Some(5.0), &constants);
    assert_eq!(shut_until(&mut door, 10.0), 15.0, "as told");
    assert_eq!(told_again(&mut door, 15.0, 4.5), 19.5, "as told");
    door.on_send(60.0, 8, 100.0);
    door.look_accepted(60.1, 1);

    door.shut(70.0, 200.0, Some(5.0), &constants);
    assert_eq!(shut_until(&mut door, 70.0), 75.0, "as told");
    let at = told_again(&mut door, 75.0, 4.5);
    assert!((118.0..=121.0).contains(&at), "{at}");
    // That was wrong as well: what is told counts again.
    let later = told_again(&mut door, at, 3.0);
    assert!(later <= at + 8.0 * 3.0, "{later}");
}
