use std::time::Duration;

use tokio::time::Instant;

use super::outage::Outage;
use super::probe::Open;

/// Whether a probe was due; it goes then.
fn probes(open: &mut Open, now: Instant) -> bool {
    let due = open.is_due(now);
    if due {
        open.begin_probe(1, now);
    }
    due
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn an_outage_lasts_from_the_first_refusal_while_somebody_tries() {
    let start = Instant::now();
    let mut outage = Outage::default();
    assert!(!outage.has_begun());
    outage.join();
    assert_eq!(outage.refused(start), secs(0));
    outage.join();
    assert_eq!(outage.refused(start + secs(10)), secs(10));
    outage.leave(start + secs(20));
    assert_eq!(
        outage.refused(start + secs(30)),
        secs(30),
        "one still tries"
    );
    outage.leave(start + secs(40));
    outage.join();
    assert_eq!(
        outage.refused(start + secs(3640)),
        secs(40),
        "an hour of idleness"
    );
    assert_eq!(outage.refused(start + secs(3650)), secs(50));
    assert_eq!(outage.began(), Some(start));
    outage.end();
    assert_eq!(outage.refused(start + secs(3660)), secs(0));
    outage.end();
    outage.leave(start + secs(3670));
    assert!(!outage.has_begun());
}

#[test]
fn probes_go_at_the_told_reset_or_at_doubling_distances() {
    let start = Instant::now();
    let mut open = Open::new(start, Some(secs(100)));
    assert!(!probes(&mut open, start + secs(99)));
    assert!(probes(&mut open, start + secs(100)));
    assert!(!probes(&mut open, start + secs(101)), "one at a time");
    open.probe_refused(start + secs(102), None, true);
    assert!(!probes(&mut open, start + secs(103)));
    assert!(probes(&mut open, start + secs(104)));
    open.probe_lost(false);
    assert!(
        probes(&mut open, start + secs(104)),
        "the next may go at once"
    );
}

#[test]
fn a_reset_in_decades_is_not_waited_for() {
    let start = Instant::now();
    let mut open = Open::new(start, Some(Duration::MAX));
    assert!(!probes(&mut open, start + secs(3599)));
    assert!(probes(&mut open, start + secs(3600)));
    assert!(!open.is_reset_over(start + secs(3600)));
    open.probe_refused(start + secs(3600), Some(Duration::MAX), true);
    assert!(probes(&mut open, start + secs(7200)));
}

#[test]
fn a_wait_of_nothing_does_not_hammer() {
    let start = Instant::now();
    let mut open = Open::new(start, Some(Duration::ZERO));
    assert!(!probes(&mut open, start));
    assert!(probes(&mut open, start + secs(1)));
    open.probe_refused(start + secs(1), Some(Duration::ZERO), true);
    assert!(!probes(&mut open, start + secs(2)));
    assert!(probes(&mut open, start + secs(3)));
}
