//! A train against a bucket, and against a server that refuses at random.

use super::*;

const PACE: f64 = 10.0;
/// Seconds after which no refusal comes any more.
const TIMEOUT: f64 = 0.1;

/// How a train ended.
#[derive(Debug, PartialEq)]
enum End {
    Failed { sent: u32, refused: u32 },
    Told(Verdict),
}

/// Sends a train `wait` seconds after a refusal at 0. The server refuses request `index` at a time if
/// `refuses` says so, and its refusals arrive at once.
fn run(wait: f64, mut refuses: impl FnMut(u32, f64) -> bool) -> End {
    let tuning = Tuning::default();
    let mut trains = Trains::default();
    trains.begin_if_due(0.0, 0.0, Kind::Client, 100, &tuning);
    let mut now = wait;
    loop {
        let train = trains.train.as_mut().unwrap();
        if let Some(verdict) = train.advance(now, TIMEOUT, PACE, &tuning) {
            return End::Told(verdict);
        }
        if let Err(at) = train.available(now, TIMEOUT, PACE, &tuning) {
            now = at;
            continue;
        }
        let index = train.sent;
        assert!(trains.on_send(now));
        let train = trains.train.as_mut().unwrap();
        if refuses(index, now) && train.is_failed_by(100 + u64::from(index), &tuning) {
            let (sent, refused) = (train.sent, train.refused);
            return End::Failed { sent, refused };
        }
    }
}

/// A bucket that is empty at 0 and fills at the pace.
fn bucket() -> impl FnMut(u32, f64) -> bool {
    let mut accepted = 0.0;
    move |_, now| {
        let refused = accepted + 1.0 > PACE * now;
        accepted += f64::from(u8::from(!refused));
        refused
    }
}

#[test]
fn an_empty_bucket_refuses_the_first_request() {
    let end = run(0.0, bucket());
    assert_eq!(
        end,
        End::Failed {
            sent: 1,
            refused: 1
        }
    );
}

#[test]
fn what_flowed_in_while_the_server_had_asked_to_wait_is_soon_spent() {
    let End::Failed { sent, refused } = run(1.0, bucket()) else {
        panic!("a bucket that holds ten requests");
    };
    assert!((10..=40).contains(&sent), "{sent}");
    assert!(refused <= 4, "{refused}");
}

#[test]
fn a_server_that_refuses_nothing_shows_that_the_pace_is_too_low() {
    let End::Told(Verdict::NotEmpty { accepted, seconds }) = run(0.0, |_, _| false) else {
        panic!("all were accepted");
    };
    assert!(accepted >= 28.0 && accepted >= 2.0 * PACE * seconds);
    // The same after a wait, in which ten requests may have flowed in.
    let end = run(1.0, |_, _| false);
    assert!(
        matches!(end, End::Told(Verdict::NotEmpty { .. })),
        "{end:?}"
    );
}

#[test]
fn refusals_apart_from_each_other_do_not_end_it() {
    let end = run(0.0, |index, _| index % 12 == 6);
    assert!(
        matches!(end, End::Told(Verdict::NotEmpty { .. })),
        "{end:?}"
    );
}

#[test]
fn two_in_a_row_end_it() {
    let end = run(0.0, |index, _| index == 20 || index == 21);
    assert_eq!(
        end,
        End::Failed {
            sent: 22,
            refused: 2
        }
    );
}

#[test]
fn the_next_one_is_due_after_a_time_and_a_number_of_requests() {
    let tuning = Tuning::default();
    let mut trains = Trains::default();
    let mut begins = |now, first| {
        trains.train = None;
        trains.begin_if_due(now, now, Kind::Client, first, &tuning);
        trains.is_under_way()
    };
    assert!(begins(0.0, 0));
    assert!(!begins(19.0, 1000));
    assert!(!begins(21.0, 99));
    assert!(begins(21.0, 100));
    // The interval has grown fourfold.
    assert!(!begins(100.0, 1000));
    assert!(begins(101.0, 1000));
}

#[test]
fn no_train_goes_where_its_stages_would_be_slower_than_the_pace() {
    let tuning = Tuning::default();
    assert_eq!(largest_stage(1.0, TIMEOUT, &tuning), Some(16));
    assert_eq!(largest_stage(50.0, TIMEOUT, &tuning), Some(40));
    assert_eq!(largest_stage(100.0, TIMEOUT, &tuning), None);
}
