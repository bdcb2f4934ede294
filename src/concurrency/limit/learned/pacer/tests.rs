use super::*;

const RTT: f64 = 0.1;
const REFUSAL_TIMEOUT: f64 = 0.1;

/// Found empty after `requests` at 10 per second.
fn sample(now: f64, requests: f64) -> RateSample {
    RateSample {
        now,
        took: 0.0,
        behind: 0.0,
        requests,
        seconds: requests / 10.0,
        after_closure: false,
        asked: None,
    }
}

/// Sends whenever the pace lets one go, until `end` or until the rate rose `times`; when it did.
fn send_until(pacer: &mut Pacer, mut now: f64, end: f64, times: usize) -> Vec<f64> {
    let tuning = Tuning::default();
    let mut raised = Vec::new();
    while now < end && raised.len() < times {
        let (left, at) = pacer.available(now, true, &tuning);
        if left == 0 {
            now = at;
        } else if pacer.on_send(now, REFUSAL_TIMEOUT, RTT, &tuning) {
            raised.push(now);
        }
    }
    raised
}

#[test]
fn a_spaced_pace_doubles_until_one_is_refused() {
    let tuning = Tuning::default();
    let mut pacer = Pacer::spaced(0.0, 0.25, &tuning);
    let raised = send_until(&mut pacer, 0.0, 3.0, 2);
    assert!(raised[1] < 2.0, "{raised:?}");
    assert!(pacer.rate() > 15.0, "{}", pacer.rate());
    pacer.measure(&sample(3.0, 30.0), &tuning);
    let rate = pacer.rate();
    send_until(&mut pacer, 3.0, 4.0, 1);
    assert!(pacer.rate() < 1.5 * rate, "{} after {rate}", pacer.rate());
}
