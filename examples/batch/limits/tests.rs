use super::*;

fn limits(spec: &str) -> Limits {
    Limits::new(&spec.parse().expect("a sound spec"))
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn concurrency_frees_a_place_when_a_request_finishes() {
    let mut limits = limits("concurrency=2");
    assert_eq!(limits.admit(ms(0), 1), Ok(()));
    assert_eq!(limits.admit(ms(0), 1), Ok(()));
    let refusal = limits.admit(ms(9000), 1).expect_err("full");
    assert_eq!((refusal.unit, refusal.wait), (None, None));
    limits.finish();
    assert_eq!(limits.admit(ms(9000), 1), Ok(()));
    assert_eq!(
        limits.counts,
        Counts {
            accepted: 3,
            refused: 1,
            peak: 2
        }
    );
    assert_eq!(limits.quotas(ms(9000)), []);
}

#[test]
fn a_bucket_gives_its_burst_and_then_its_rate() {
    let mut limits = limits("rpm=600,burst=3");
    for _ in 0..3 {
        assert_eq!(limits.admit(ms(5000), 1), Ok(()));
    }
    let refusal = limits.admit(ms(5000), 1).expect_err("empty");
    assert_eq!(refusal.wait, Some(ms(100)));
    assert!(limits.admit(ms(5099), 1).is_err());
    assert_eq!(limits.admit(ms(5100), 1), Ok(()), "exactly at the wait");
    assert!(limits.admit(ms(5100), 1).is_err());
}

#[test]
fn a_wait_that_was_told_is_long_enough() {
    // 60/7 ms do not fit in whole nanoseconds.
    let mut limits = limits("rpm=7000,burst=1");
    let mut now = Duration::ZERO;
    assert_eq!(limits.admit(now, 1), Ok(()));
    for _ in 0..1000 {
        let refusal = limits.admit(now, 1).expect_err("empty");
        now += refusal.wait.expect("a bucket knows its wait");
        assert_eq!(limits.admit(now, 1), Ok(()));
    }
}

#[test]
fn an_idle_bucket_holds_no_more_than_its_burst() {
    let mut limits = limits("rpm=60,burst=2");
    assert_eq!(limits.admit(ms(0), 1), Ok(()));
    let hour = Duration::from_secs(3600);
    assert_eq!(limits.admit(hour, 1), Ok(()));
    assert_eq!(limits.admit(hour, 1), Ok(()));
    assert!(limits.admit(hour, 1).is_err());
}

#[test]
fn tokens_are_charged_by_cost_and_a_refused_request_costs_nothing() {
    let mut limits = limits("tpm=6000,burst=100");
    assert_eq!(limits.admit(ms(0), 80), Ok(()));
    let refusal = limits.admit(ms(0), 50).expect_err("20 are left");
    assert_eq!(refusal.unit, Some(Unit::Tokens));
    assert_eq!(refusal.wait, Some(ms(300)));
    assert_eq!(limits.admit(ms(0), 20), Ok(()));
    assert!(!refusal.too_large);
    let refusal = limits.admit(ms(0), 101).expect_err("never fits");
    assert!(refusal.too_large);
}

#[test]
fn windows_follow_each_other_from_the_first_request_on() {
    let mut limits = limits("window=2/5s");
    assert_eq!(limits.admit(ms(3000), 1), Ok(()));
    assert_eq!(limits.admit(ms(4000), 1), Ok(()));
    let refusal = limits.admit(ms(7000), 1).expect_err("spent");
    assert_eq!(refusal.wait, Some(ms(1000)));
    assert_eq!(limits.admit(ms(8000), 1), Ok(()));
    let quota = limits.quotas(ms(9000))[0];
    assert_eq!((quota.remaining, quota.reset), (1, ms(4000)));
    let quota = limits.quotas(ms(20_000))[0];
    assert_eq!((quota.remaining, quota.reset), (2, ms(3000)));
}

#[test]
fn of_several_refusals_the_longest_wait_is_told() {
    let mut limits = limits("concurrency=1,rpm=600,burst=1,window=1/5s");
    assert_eq!(limits.admit(ms(0), 1), Ok(()));
    let refusal = limits.admit(ms(0), 1).expect_err("all three refuse");
    assert_eq!(refusal.wait, Some(ms(5000)));
    limits.finish();
    assert_eq!(limits.admit(ms(5000), 1), Ok(()), "and nothing was charged");
}

#[test]
fn a_bucket_tells_its_rate_exactly() {
    let mut limits = limits("rpm=600,burst=10");
    for _ in 0..4 {
        assert_eq!(limits.admit(ms(0), 1), Ok(()));
    }
    let quota = limits.quotas(ms(150))[0];
    assert_eq!((quota.limit, quota.remaining), (10, 7));
    assert_eq!(quota.reset, ms(300));
    assert_eq!(quota.window, ms(1000));
}
