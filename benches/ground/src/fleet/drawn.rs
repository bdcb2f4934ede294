//! Fleets drawn at random, so that nothing can be tuned to the ones that have names.

use sim::work::rng;

use super::case::{Case, Sharing};
use crate::drawn::{log_uniform, round, whole};

/// What is limited.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Rate,
    Places,
    Both,
}

/// `count` fleets of each kind of limit, the same for the same seed. Each does its work as one process, as processes each
/// for itself, with a limit that is stated, and with one that nobody knows.
pub(super) fn of_each(count: usize, seed: u64) -> Vec<Case> {
    [
        (Kind::Rate, "rate"),
        (Kind::Places, "places"),
        (Kind::Both, "both"),
    ]
    .into_iter()
    .flat_map(|(kind, name)| (1..=count).map(move |index| (kind, name, index)))
    .flat_map(|(kind, name, index)| {
        [
            Sharing::One,
            Sharing::Alone,
            Sharing::Known,
            Sharing::Unknown,
        ]
        .map(|sharing| {
            let rng = &mut rng(seed, (kind as u64) << 32 | index as u64);
            draw(rng, kind, Case::new(&format!("{name}-{index}"), sharing))
        })
    })
    .collect()
}

fn draw(rng: &mut fastrand::Rng, kind: Kind, case: Case) -> Case {
    let members = whole(rng, 2.0, 24.0);
    let latency = round(rng, 0.03, 8.0);
    // Of all members together: 300 to 30,000 requests in a run.
    let per_second = log_uniform(rng, 5.0, 500.0_f64.min(60.0 * members / latency));
    let seconds_of_burst = 0.2 + 1.3 * rng.f64();
    let tightness = 0.7 + 0.8 * rng.f64();
    let eagerness = 1.5 + 3.0 * rng.f64();
    let burst = (per_second * seconds_of_burst).ceil();
    let busy = per_second * latency;
    let places = match kind {
        Kind::Rate => None,
        Kind::Places => Some(busy),
        Kind::Both => Some(busy * tightness),
    };
    // Enough for all of the limit.
    let tasks = (eagerness * busy / members).ceil().max(2.0);
    let (members, tasks) = match case.sharing {
        Sharing::One => (1.0, members * tasks),
        _ => (members, tasks),
    };
    Case {
        members: members as usize,
        tasks: tasks as usize,
        latency,
        rate: (!matches!(kind, Kind::Places)).then_some((per_second, burst)),
        places: places.map(|places| places.ceil().max(1.0) as usize),
        ..case
    }
}
