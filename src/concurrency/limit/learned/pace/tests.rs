use super::*;

const RTT: f64 = 0.1;
const SETTLED: f64 = 0.1;

/// Found empty after `requests` at 10 per second.
fn empty(now: f64, requests: f64) -> Empty {
    Empty {
        now,
        took: 0.0,
        behind: 0.0,
        requests,
        seconds: requests / 10.0,
        shut: false,
        asked: None,
    }
}

/// Sends whenever the pace lets one go, until `end` or until the rate rose `times`; when it did.
fn send_until(pace: &mut Pace, mut now: f64, end: f64, times: usize) -> Vec<f64> {
    let constants = Constants::default();
    let mut raised = Vec::new();
    while now < end && raised.len() < times {
        let (left, at) = pace.left(now, true);
        if left == 0 {
            now = at;
        } else if pace.on_send(now, SETTLED, RTT, &constants) {
            raised.push(now);
        }
    }
    raised
}

#[test]
fn a_spaced_pace_doubles_until_one_is_refused() {
    let constants = Constants::default();
    let mut pace = Pace::spaced(0.0, 0.25, &constants);
    let raised = send_until(&mut pace, 0.0, 3.0, 2);
    assert!(raised[1] < 2.0, "{raised:?}");
    assert!(pace.rate() > 15.0, "{}", pace.rate());
    pace.measure(&empty(3.0, 30.0), &constants);
    let rate = pace.rate();
    send_until(&mut pace, 3.0, 4.0, 1);
    assert!(pace.rate() < 1.5 * rate, "{} after {rate}", pace.rate());
}
