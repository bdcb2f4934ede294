//! Requests of a trace: when each came, and what it cost.

use crate::limits::Cost;
use crate::work::moment;

/// A request of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recorded {
    /// Seconds since the first.
    pub at: f64,
    pub cost: Cost,
}

/// Reads a CSV of a moment, tokens of input and tokens of output, as
/// [`work::read_trace`](crate::work::read_trace) reads moments. What is no such line is left out.
pub fn read(text: &str) -> Vec<Recorded> {
    let request = |line: &str| {
        let mut fields = line.split(',').map(str::trim);
        let at = moment(fields.next()?)?;
        let mut tokens = || fields.next()?.parse().ok();
        let (input, output) = (tokens()?, tokens()?);
        Some(Recorded {
            at,
            cost: Cost { input, output },
        })
    };
    let mut requests: Vec<Recorded> = text.lines().filter_map(request).collect();
    let first = requests.first().map_or(0.0, |first| first.at);
    for request in &mut requests {
        request.at = (request.at - first).max(0.0);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_gives_seconds_from_its_start_and_what_each_cost() {
        let trace = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
                     2023-11-16 18:17:59.5,374,44\nnonsense\n2023-11-16 18:18:01.0,396,109\n";
        let of = |at, input, output| Recorded {
            at,
            cost: Cost { input, output },
        };
        assert_eq!(read(trace), [of(0.0, 374, 44), of(1.5, 396, 109)]);
    }
}
