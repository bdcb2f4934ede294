//! How far the batch is: a bar on a terminal, else a line a second. Both go to standard error.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::clients::LimitView;
use crate::wire::WireCounts;

/// How often a bar is drawn, and how often a line is printed.
const DRAW: Duration = Duration::from_millis(100);
const PRINT: Duration = Duration::from_secs(1);

/// The display of one client's run.
pub(crate) struct Progress {
    name: &'static str,
    jobs: usize,
    wire: Arc<WireCounts>,
    limit: LimitView,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn new(
        name: &'static str,
        jobs: usize,
        wire: Arc<WireCounts>,
        limit: LimitView,
    ) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{prefix} {bar:30} {pos}/{len} {msg}");
            ProgressBar::new(jobs as u64)
                .with_style(style.expect("the template is sound"))
                .with_prefix(name)
        });
        Self {
            name,
            jobs,
            wire,
            limit,
            started: Instant::now(),
            bar,
        }
    }

    /// How often to call [`Progress::show`].
    pub(crate) fn interval(&self) -> Duration {
        match self.bar {
            Some(_) => DRAW,
            None => PRINT,
        }
    }

    /// Shows where things stand, with `answered` posts answered.
    pub(crate) fn show(&self, answered: usize) {
        let elapsed = self.started.elapsed();
        let state = state(&self.wire, &self.limit, answered, elapsed);
        match &self.bar {
            Some(bar) => {
                bar.set_message(state);
                bar.set_position(answered as u64);
            }
            None => eprintln!(
                "{} {:.0} s: {answered}/{} {state}",
                self.name,
                elapsed.as_secs_f64(),
                self.jobs,
            ),
        }
    }

    /// Says something without spoiling the bar.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn state(wire: &WireCounts, limit: &LimitView, answered: usize, elapsed: Duration) -> String {
    let rate = answered as f64 / elapsed.as_secs_f64().max(1e-3);
    let mut state = format!("done, {} in flight, ", wire.in_flight());
    match limit {
        LimitView::None => state.push_str("no limit"),
        LimitView::Fixed(limit) => state.push_str(&format!("limit {limit}")),
        LimitView::Adaptive(handle) => {
            state.push_str(&format!("limit {}", handle.limit()));
            if let Some(pause) = handle.pause_remaining() {
                state.push_str(&format!(" (paused {:.1} s)", pause.as_secs_f64()));
            }
        }
    }
    state.push_str(&format!(", {} refused, {rate:.1}/s", wire.refused()));
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_limit_refusals_and_rate() {
        let wire = WireCounts::default();
        let line = state(&wire, &LimitView::Fixed(5), 30, Duration::from_secs(2));
        assert_eq!(line, "done, 0 in flight, limit 5, 0 refused, 15.0/s");
        let line = state(&wire, &LimitView::None, 0, Duration::ZERO);
        assert_eq!(line, "done, 0 in flight, no limit, 0 refused, 0.0/s");
    }
}
