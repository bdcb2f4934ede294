//! What is measured in place of scenarios and clients that have names.

use super::{Args, named};
use crate::{classes, fleet, resume};

/// The table of what was asked for, and the bounds that it misses. `None` if scenarios were asked for.
pub fn of(args: &Args) -> Option<(String, Vec<String>)> {
    let seeds = |usual| args.seed..args.seed + args.seeds.unwrap_or(usual);
    if args.classes {
        let rows = classes::rows(&seeds(classes::SEEDS));
        return Some((classes::table(&rows), classes::misses(&rows)));
    }
    if args.fleet {
        let drawn = args.drawn.map(|count| (count, args.draw));
        let rows = fleet::rows(&seeds(fleet::SEEDS), drawn, |name| named(name, &args.only));
        let mut table = fleet::table(&rows);
        if drawn.is_some() {
            table = format!("{table}\n{}", fleet::quantiles(&rows));
        }
        return Some((table, fleet::misses(&rows)));
    }
    if args.resume {
        let rows = resume::rows(&seeds(resume::SEEDS), args.draw);
        let table = resume::table(&rows, args.long);
        return Some((table, resume::misses(&rows)));
    }
    None
}
