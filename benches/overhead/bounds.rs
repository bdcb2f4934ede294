//! What the layers may cost.

use crate::contenders::{
    BOTH, BOTH_OBSERVED, GATE, KEYED, OBSERVED, RETRY, TOWER_BOTH, TOWER_LIMIT, TOWER_RETRY,
};
use crate::measure::{Cost, Table};

/// Prints whether each bound is kept, and returns whether all are.
pub(crate) fn report(table: &Table) -> bool {
    println!();
    let limit = table.added(TOWER_LIMIT);
    let gate = Cost {
        nanos: 2.0 * limit.nanos,
        allocations: 0.0,
    };
    let one_gate = table.added(GATE);
    let keyed = Cost {
        nanos: one_gate.nanos + 120.0,
        ..one_gate
    };
    let observed = |name| Cost {
        nanos: table.added(name).nanos + 100.0,
        ..table.added(name)
    };
    let bounds = [
        (
            GATE,
            gate,
            "twice tower's `ConcurrencyLimit`, no allocation",
        ),
        (KEYED, keyed, "one gate and 120 ns, no allocation"),
        (
            OBSERVED,
            observed(GATE),
            "the gate and 100 ns, no allocation",
        ),
        (
            BOTH_OBSERVED,
            observed(BOTH),
            "the two and 100 ns, no allocation more",
        ),
        (RETRY, table.added(TOWER_RETRY), TOWER_RETRY),
        (BOTH, table.added(TOWER_BOTH), TOWER_BOTH),
    ];
    let missed = bounds.map(|(name, bound, what)| !is_kept(name, table.added(name), bound, what));
    !missed.contains(&true)
}

fn is_kept(name: &str, added: Cost, bound: Cost, what: &str) -> bool {
    let kept = added.nanos <= bound.nanos && added.allocations <= bound.allocations;
    println!(
        "{}: {name} adds {:.0} ns and {:.1} allocations, bound {:.0} ns and {:.1} ({what})",
        if kept { "kept" } else { "MISSED" },
        added.nanos,
        added.allocations,
        bound.nanos,
        bound.allocations,
    );
    kept
}
