//! Many runs.

use std::ops::Range;
use std::sync::Mutex;

use crate::clients::Kind;
use crate::run;
use crate::scenario::Scenario;
use crate::table::Row;

/// The rows of every scenario and kind, scenario by scenario. Runs are independent of each other and
/// go to all cores; the rows do not depend on which goes where.
pub fn rows(scenarios: &[Scenario], kinds: &[Kind], seeds: Range<u64>) -> Vec<Row> {
    let mut rows = Vec::new();
    for scenario in scenarios {
        for kind in kinds {
            rows.push(Row {
                scenario: scenario.clone(),
                kind: *kind,
                runs: Vec::new(),
            });
        }
    }
    let work: Vec<(usize, u64)> = (0..rows.len())
        .flat_map(|row| seeds.clone().map(move |seed| (row, seed)))
        .collect();
    let next = Mutex::new(work.into_iter());
    let measured = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some((row, seed)) = next.lock().expect("work").next() else {
                        break;
                    };
                    let run = run::run(&rows[row].scenario, &rows[row].kind, seed);
                    measured.lock().expect("measured").push((row, seed, run));
                }
            });
        }
    });
    let mut measured = measured.into_inner().expect("measured");
    measured.sort_by_key(|(row, seed, _)| (*row, *seed));
    for (row, _, run) in measured {
        rows[row].runs.push(run);
    }
    rows
}
