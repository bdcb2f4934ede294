use super::*;

fn bucket(per_minute: f64, burst: f64, unit: Unit) -> Limits {
    Limits::new(&[Rule::Bucket {
        per_minute: Schedule::always(per_minute),
        burst,
        unit,
    }])
}

#[test]
fn in_flight_counts_the_others() {
    let mut limits = Limits::new(&[Rule::InFlight {
        limit: Schedule::always(2.0),
        status: 503,
    }]);
    assert_eq!(limits.admit(0.0, 1, 1), Ok(()));
    assert_eq!(
        limits.admit(0.0, 1, 2),
        Err(Refusal {
            status: 503,
            wait: None,
            unit: None
        })
    );
}

#[test]
fn a_bucket_says_when_it_has_enough() {
    let mut limits = bucket(60.0, 2.0, Unit::Requests);
    assert!(limits.admit(0.0, 1, 0).is_ok() && limits.admit(0.0, 1, 0).is_ok());
    assert_eq!(limits.admit(0.25, 1, 0).unwrap_err().wait, Some(0.75));
    assert!(limits.admit(1.0, 1, 0).is_ok());
    let quota = limits.quotas(1.0)[0];
    assert_eq!((quota.limit, quota.remaining, quota.reset), (2.0, 0.0, 2.0));
    assert_eq!((quota.window, quota.per_second), (2.0, Some(1.0)));
}

#[test]
fn an_idle_bucket_holds_no_more_than_its_burst() {
    let mut limits = bucket(60.0, 2.0, Unit::Requests);
    assert!(limits.admit(0.0, 1, 0).is_ok());
    assert!(limits.admit(3600.0, 1, 0).is_ok() && limits.admit(3600.0, 1, 0).is_ok());
    assert!(limits.admit(3600.0, 1, 0).is_err());
}

#[test]
fn a_bucket_of_tokens_takes_what_a_request_costs() {
    let mut limits = bucket(6000.0, 500.0, Unit::Tokens);
    assert!(limits.admit(0.0, 400, 0).is_ok());
    let refusal = limits.admit(0.0, 200, 0).expect_err("100 are left");
    assert_eq!(
        (refusal.wait, refusal.unit),
        (Some(1.0), Some(Unit::Tokens))
    );
    // A refused request costs nothing.
    assert_eq!(limits.quotas(0.0)[0].remaining, 100.0);
    assert!(limits.admit(1.0, 200, 0).is_ok());
}

#[test]
fn a_window_begins_anew() {
    let mut limits = Limits::new(&[Rule::Window {
        limit: Schedule::always(1.0),
        period: 60.0,
        phase: Some(0.0),
    }]);
    assert!(limits.admit(20.0, 1, 0).is_ok());
    assert_eq!(limits.admit(45.0, 1, 0).unwrap_err().wait, Some(15.0));
    assert!(limits.admit(60.0, 1, 0).is_ok());
}

#[test]
fn a_request_may_open_a_window() {
    let mut limits = Limits::new(&[Rule::Opened {
        limit: Schedule::always(1.0),
        period: 60.0,
    }]);
    assert!(limits.admit(20.0, 1, 0).is_ok());
    assert_eq!(limits.admit(75.0, 1, 0).unwrap_err().wait, Some(5.0));
    assert_eq!(limits.quotas(75.0)[0].reset, 5.0);
    assert!(limits.admit(90.0, 1, 0).is_ok());
    assert_eq!(limits.admit(140.0, 1, 0).unwrap_err().wait, Some(10.0));
}

#[test]
fn a_run_may_begin_within_a_window() {
    let mut limits = Limits::new(&[Rule::Window {
        limit: Schedule::always(1.0),
        period: 60.0,
        phase: Some(45.0),
    }]);
    assert!(limits.admit(0.0, 1, 0).is_ok());
    assert_eq!(limits.admit(5.0, 1, 0).unwrap_err().wait, Some(10.0));
    assert!(limits.admit(15.0, 1, 0).is_ok());
    assert_eq!(limits.admit(15.0, 1, 0).unwrap_err().wait, Some(60.0));
}

#[test]
fn refusals_may_count_in_a_sliding_log() {
    let sliding = |over| Rule::Sliding {
        limit: Schedule::always(1.0),
        period: 10.0,
        over,
    };
    for (over, taken) in [(Over::Forgotten, true), (Over::Counted, false)] {
        let mut limits = Limits::new(&[sliding(over)]);
        assert!(limits.admit(0.0, 1, 0).is_ok());
        assert_eq!(limits.admit(6.0, 1, 0).unwrap_err().wait, Some(4.0));
        assert_eq!(limits.admit(10.0, 1, 0).is_ok(), taken);
    }
}

#[test]
fn a_refusal_may_block_for_a_period() {
    let mut limits = Limits::new(&[Rule::Sliding {
        limit: Schedule::always(1.0),
        period: 10.0,
        over: Over::Blocked,
    }]);
    assert!(limits.admit(0.0, 1, 0).is_ok());
    assert_eq!(limits.admit(6.0, 1, 0).unwrap_err().wait, Some(10.0));
    assert_eq!(limits.admit(11.0, 1, 0).unwrap_err().wait, Some(5.0));
    assert!(limits.admit(16.0, 1, 0).is_ok());
}

#[test]
fn a_combination_takes_nothing_when_one_refuses() {
    let mut limits = Limits::new(&[
        Rule::Window {
            limit: Schedule::always(2.0),
            period: 60.0,
            phase: Some(0.0),
        },
        Rule::InFlight {
            limit: Schedule::always(1.0),
            status: 429,
        },
    ]);
    assert!(limits.admit(0.0, 1, 0).is_ok());
    assert!(limits.admit(0.0, 1, 1).is_err());
    assert_eq!(limits.quotas(0.0)[0].remaining, 1.0);
}

#[test]
fn the_first_request_may_begin_the_first_window() {
    let mut limits = Limits::new(&[Rule::Window {
        limit: Schedule::always(2.0),
        period: 5.0,
        phase: None,
    }]);
    assert_eq!(limits.quotas(1.0)[0].reset, 5.0);
    assert!(limits.admit(3.0, 1, 0).is_ok() && limits.admit(4.0, 1, 0).is_ok());
    assert_eq!(limits.admit(7.0, 1, 0).unwrap_err().wait, Some(1.0));
    assert!(limits.admit(8.0, 1, 0).is_ok());
    let told = |quota: Quota| (quota.remaining, quota.reset);
    assert_eq!(told(limits.quotas(9.0)[0]), (1.0, 4.0));
    // One follows the other without a gap, whether it is used or not.
    assert_eq!(told(limits.quotas(20.0)[0]), (2.0, 3.0));
}

#[test]
fn of_several_refusals_the_longest_wait_is_told() {
    let mut limits = Limits::new(&[
        Rule::InFlight {
            limit: Schedule::always(1.0),
            status: 429,
        },
        Rule::Bucket {
            per_minute: Schedule::always(600.0),
            burst: 1.0,
            unit: Unit::Tokens,
        },
        Rule::Opened {
            limit: Schedule::always(1.0),
            period: 5.0,
        },
    ]);
    assert!(limits.admit(0.0, 1, 0).is_ok());
    let refusal = limits.admit(0.0, 1, 1).expect_err("all three refuse");
    assert_eq!(
        (refusal.wait, refusal.unit),
        (Some(5.0), Some(Unit::Requests))
    );
    assert!(limits.admit(5.0, 1, 0).is_ok(), "nothing was charged");
}

#[test]
fn a_wait_that_was_told_is_long_enough() {
    // 60/7 ms are no whole number of anything.
    let mut limits = bucket(7000.0, 1.0, Unit::Requests);
    let mut now = 0.0;
    assert!(limits.admit(now, 1, 0).is_ok());
    for _ in 0..1000 {
        now += limits.admit(now, 1, 0).unwrap_err().wait.expect("a wait");
        assert!(limits.admit(now, 1, 0).is_ok());
    }
}

#[test]
fn a_meter_counts_alone() {
    let (mut bucket, mut window, mut log) = (
        Bucket::new(2.0, 1.0),
        Opened::new(1, 5.0),
        Sliding::new(1, 5.0),
    );
    assert!(bucket.take(0.0) && window.take(0.0) && log.take(0.0));
    assert!(!bucket.take(0.25) && !window.take(0.25) && !log.take(0.25));
    let waits = [bucket.wait(0.25), window.wait(0.25), log.wait(0.25)];
    assert_eq!(waits, [0.25, 4.75, 4.75]);
    assert_eq!(bucket.tokens(0.5), 1.0);
}
