//! The rows, and how they are printed.

use crate::api::Limits;
use crate::run::{Outage, Row, run};
use crate::{Result, Sharing};

const RATE: Limits = Limits {
    rate: Some((20.0, 20.0)),
    places: None,
    latency: 0.5,
};
const PLACES: Limits = Limits {
    rate: None,
    places: Some(40),
    latency: 2.0,
};
const BOTH: Limits = Limits {
    rate: Some((20.0, 20.0)),
    places: Some(40),
    latency: 1.9,
};

fn rows() -> Vec<Row> {
    use Sharing::{Alone, Gcra, Known, Unknown};
    let row = |name, limits, sharing, outage| Row {
        name,
        limits,
        sharing,
        outage,
    };
    let mut rows = Vec::new();
    for (name, limits) in [("rate", RATE), ("places", PLACES), ("both", BOTH)] {
        rows.extend([Alone, Gcra, Known, Unknown].map(|sharing| row(name, limits, sharing, None)));
    }
    rows.push(row("stopped rate", RATE, Gcra, Some(Outage::Stopped)));
    for (stopped, lost, limits) in [
        ("stopped rate", "lost rate", RATE),
        ("stopped places", "lost places", PLACES),
    ] {
        for sharing in [Known, Unknown] {
            rows.push(row(stopped, limits, sharing, Some(Outage::Stopped)));
            rows.push(row(lost, limits, sharing, Some(Outage::Lost)));
        }
    }
    rows
}

/// Runs the rows of these names, one after the other.
pub(crate) async fn print(seconds: u64, members: usize, only: &[String]) -> Result<()> {
    println!(
        "| limit | shared by | time / best | refused per 1,000 | after a quarter | Jain | calls per s and process | least in a second |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    for row in rows() {
        if !only.is_empty() && !only.iter().any(|name| row.name.starts_with(name)) {
            continue;
        }
        let ran = run(&row, seconds, members).await?;
        println!(
            "| {} | {} | {:.3} | {:.1} | {:.1} | {:.3} | {:.2} | {:.2} |",
            row.name,
            format!("{:?}", row.sharing).to_lowercase(),
            ran.time,
            ran.refused,
            ran.refused_late,
            ran.jain,
            ran.calls,
            ran.least,
        );
    }
    Ok(())
}
