use super::*;

/// The answers before each of the next probes above a ceiling of 2, all of them refused.
fn intervals(limit: &mut InFlightLimit) -> Vec<u32> {
    let (mut trend, tuning) = (LatencyTrend::default(), Tuning::default());
    let mut interval = || {
        let mut answers = 0;
        while limit.get() == 2 {
            answers += 1;
            let answered = Answered {
                seq: 0,
                level: 2,
                latency: None,
                next: 1,
                limit_bound: true,
                queue: 100,
                recent: true,
            };
            limit.on_accepted(&answered, &mut trend, &tuning);
        }
        limit.probe_refused(&tuning);
        answers
    };
    (0..9).map(|_| interval()).collect()
}

#[test]
fn probes_become_rare() {
    let mut limit = InFlightLimit::new(4, 1, 100, 16.0);
    limit.cut(2, &Tuning::default());
    assert_eq!(intervals(&mut limit), [4, 8, 16, 32, 64, 64, 64, 64, 64]);
}

#[test]
fn a_client_that_was_refused_alone_keeps_probing_for_a_while() {
    let mut limit = InFlightLimit::new(4, 1, 100, 16.0);
    limit.refused_alone(&Tuning::default());
    limit.cut(2, &Tuning::default());
    assert_eq!(intervals(&mut limit), [4, 8, 8, 8, 8, 8, 8, 16, 32]);
}
