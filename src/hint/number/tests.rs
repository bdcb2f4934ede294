use super::*;

fn millis(text: &str, unit: u64) -> Option<u128> {
    Decimal::parse(text.as_bytes()).map(|number| number.duration(unit).as_millis())
}

#[test]
fn only_the_grammar_is_a_number() {
    for bad in [
        "", "-5", "+5", "5.", ".5", "1e3", "1_000", "0x10", "5s", " 5", "inf", "NaN", "٣٠",
    ] {
        assert_eq!(millis(bad, SECOND), None, "{bad:?}");
    }
    assert_eq!(millis("007", SECOND), Some(7_000));
    assert_eq!(millis("2.0", SECOND), Some(2_000));
}

#[test]
fn fractions_round_up_and_large_numbers_saturate() {
    assert_eq!(millis("7.44", MILLISECOND), Some(8));
    assert_eq!(millis("1.0000000000000000000000001", SECOND), Some(1_001));
    assert_eq!(millis("1.0000000000000000000000000", SECOND), Some(1_000));
    let huge = "9".repeat(400);
    assert_eq!(millis(&huge, DAY), Some(u128::from(u64::MAX)));
    assert_eq!(millis(&format!("0.{huge}"), DAY), Some(86_400_000));
}

#[test]
fn go_durations() {
    let read = |text: &str| go_duration(text.as_bytes()).map(|wait| wait.as_millis());
    assert_eq!(read("6m0s"), Some(360_000));
    assert_eq!(read("1h2m3.5s"), Some(3_723_500));
    assert_eq!(read("172.799999ms"), Some(173));
    assert_eq!(read("10\u{b5}s"), Some(1));
    assert_eq!(read("1d2h"), Some(93_600_000));
    assert_eq!(read("0s"), Some(0));
    for bad in ["", "6m0", "s", "-1s", "1 s", "1x", "1s "] {
        assert_eq!(read(bad), None, "{bad:?}");
    }
}
