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
    let run = |(row, seed): &(usize, u64)| {
        let row: &Row = &rows[*row];
        run::run(&row.scenario, &row.kind, *seed)
    };
    let measured = on_all_cores(&work, run);
    for ((row, _), run) in work.into_iter().zip(measured) {
        rows[row].runs.push(run);
    }
    rows
}

/// What each comes to, in their order.
pub fn on_all_cores<T: Sync, R: Send>(work: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(work.iter().enumerate());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some((index, item)) = next.lock().expect("work").next() else {
                        break;
                    };
                    let result = each(item);
                    done.lock().expect("done").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("done");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
