//! The table of a comparison.

use crate::summary::Summary;

/// The table, or as much of it as a narrow terminal takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Table {
    Whole,
    Narrow,
}

const WHOLE: &str = "\
| client     | done | failed | refused per 1,000 | peak in flight | makespan s | best s | ratio |
|------------|-----:|-------:|------------------:|---------------:|-----------:|-------:|------:|";

const NARROW: &str = "\
| client     | done | refused | seconds | ratio |
|------------|-----:|--------:|--------:|------:|";

impl Table {
    /// The table for a terminal of this width; whole, if it is none.
    pub(crate) fn for_width(width: Option<usize>) -> Self {
        let whole = Self::Whole.width();
        match width {
            Some(width) if width < whole => Self::Narrow,
            _ => Self::Whole,
        }
    }

    /// The two lines that begin it.
    pub(crate) fn head(self) -> &'static str {
        match self {
            Self::Whole => WHOLE,
            Self::Narrow => NARROW,
        }
    }

    fn width(self) -> usize {
        self.head().lines().next().map_or(0, str::len)
    }

    pub(crate) fn row(self, summary: &Summary) -> String {
        let best = summary.embedded.map(|api| api.best.as_secs_f64());
        let (client, done, makespan) =
            (summary.client, summary.done, summary.makespan.as_secs_f64());
        let ratio = optional(summary.ratio());
        match self {
            Self::Whole => format!(
                "| {client:<10} | {done:>4} | {:>6} | {:>17.0} | {:>14} | {makespan:>10.2} | {:>6} | {ratio:>5} |",
                summary.failed,
                summary.refused_per_1000(),
                summary.peak_in_flight,
                optional(best),
            ),
            Self::Narrow => format!(
                "| {client:<10} | {done:>4} | {:>7} | {makespan:>7.2} | {ratio:>5} |",
                summary.refused,
            ),
        }
    }
}

fn optional(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.2}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::summary;

    #[test]
    fn rows_fit_their_head_and_the_head_its_terminal() {
        for table in [Table::Whole, Table::Narrow] {
            assert_eq!(table.row(&summary()).len(), table.width());
        }
        assert!(Table::for_width(Some(50)).width() <= 50);
        assert_eq!(Table::for_width(Some(50)), Table::Narrow);
        assert_eq!(Table::for_width(None), Table::Whole);
    }
}
