//! How far the batch is: a bar on a terminal, else lines. Both go to standard error.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::Instant;

use crate::clients::LimitView;
use crate::pace::Pace;
use crate::tell;
use crate::times::about;
use crate::wire::WireCounts;

mod line;

use self::line::State;

/// How often a bar is drawn.
const DRAW: Duration = Duration::from_millis(100);

/// The width of a terminal that does not tell.
const USUAL: usize = 80;

/// The display of one client's run.
pub(crate) struct Progress {
    name: &'static str,
    jobs: usize,
    wire: Arc<WireCounts>,
    limit: LimitView,
    started: Instant,
    pace: Pace,
    /// When the next line is due, where there is no bar.
    next: Duration,
    screen: Screen,
}

/// Standard error, with a bar on its last line if it is a terminal. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Screen {
    bar: Option<ProgressBar>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{msg}").expect("the template is sound");
            ProgressBar::no_length().with_style(style)
        });
        Self { bar }
    }

    /// Says something without spoiling the bar.
    pub(crate) fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell::err(text)),
            None => tell::err(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Progress {
    pub(crate) fn new(
        name: &'static str,
        jobs: usize,
        wire: Arc<WireCounts>,
        limit: LimitView,
        screen: Screen,
    ) -> Self {
        let started = Instant::now();
        Self {
            name,
            jobs,
            wire,
            limit,
            started,
            pace: Pace::new(started),
            next: Duration::from_secs(1),
            screen,
        }
    }

    /// How often to call [`Progress::show`].
    pub(crate) fn interval(&self) -> Duration {
        match self.screen.bar {
            Some(_) => DRAW,
            None => Duration::from_secs(1),
        }
    }

    /// Shows where things stand.
    pub(crate) fn show(&mut self, done: usize, failed: usize) {
        let now = Instant::now();
        let elapsed = now - self.started;
        let rate = self.pace.update(now, done + failed);
        if self.screen.bar.is_none() && elapsed < self.next {
            return;
        }
        let state = State {
            name: self.name,
            answered: done + failed,
            jobs: self.jobs,
            failed,
            in_flight: self.wire.in_flight(),
            limit: self.limit.limit(),
            pace: self.limit.pace(),
            paused: self.limit.paused(),
            refused: self.wire.refused(),
            rate,
            left: self.pace.estimate(now, self.jobs - done - failed, rate),
        };
        match &self.screen.bar {
            Some(bar) => bar.set_message(state.bar(tell::width_of_stderr().unwrap_or(USUAL))),
            None => {
                tell::err(format_args!("{}: {}", about(elapsed), state.words()));
                // A night of lines is not read: each comes a tenth of the time later.
                self.next = elapsed + Duration::from_secs(1).max(elapsed / 10);
            }
        }
    }
}
