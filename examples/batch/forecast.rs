//! How long a comparison will take, for whoever waits for it.

use std::time::Duration;

use crate::args::ClientKind;
use crate::best::best_makespan;
use crate::spec::Spec;

/// What `tower` takes of the best possible time, as it was measured against `concurrency=5`.
const TOWER: f64 = 5.0;

/// About how long a client takes: the best possible time, and what the client itself makes of it.
pub(crate) fn forecast(kind: ClientKind, spec: &Spec, work: &[(u32, Duration)]) -> Duration {
    let best = best_makespan(spec, work);
    let sum: Duration = work.iter().map(|(_, work)| *work).sum();
    match kind {
        // Most of it is refused.
        ClientKind::Naive => work.iter().map(|(_, work)| *work).max().unwrap_or_default(),
        ClientKind::Sequential => best.max(sum),
        ClientKind::Queue => best.max(sum / 5),
        ClientKind::Tower => best.mul_f64(TOWER),
        ClientKind::Throttle => best,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_comparison_takes_two_minutes() {
        let spec = "concurrency=5".parse().expect("sound");
        let work = vec![(25, Duration::from_millis(100)); 500];
        let seconds = |kind| forecast(kind, &spec, &work).as_secs_f64();
        assert_eq!(seconds(ClientKind::Naive), 0.1);
        assert_eq!(seconds(ClientKind::Sequential), 50.0);
        assert_eq!(seconds(ClientKind::Queue), 10.0);
        assert_eq!(seconds(ClientKind::Tower), 50.0);
        assert_eq!(seconds(ClientKind::Throttle), 10.0);
    }
}
