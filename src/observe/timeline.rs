//! A log that people can read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::event::Event;
use super::observer::{Observer, Source};

/// Writes each event as a line with the time since the timeline was made.
///
/// Clones write to the same place, with the same start, so that one timeline shows both layers.
///
/// # Examples
///
/// ```
/// use tower_throttle::observe::Timeline;
/// use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
///
/// let timeline = Timeline::new(|line| println!("{line}"));
/// let retries = RetryOn429Layer::new().observe(timeline.clone());
/// let gate = AdaptiveConcurrencyLayer::new().observe(timeline);
/// // "     2.013 s  limit 16 -> 5: refused with more in flight than was accepted before"
/// # let _ = (retries, gate);
/// ```
///
/// Everything, the requests that pass unhindered too:
///
/// ```
/// use tower_throttle::observe::Timeline;
///
/// let timeline = Timeline::new(|line| eprintln!("{line}")).with_routine(true);
/// # let _ = timeline;
/// ```
#[derive(Clone)]
pub struct Timeline {
    write: Arc<dyn Fn(&str) + Send + Sync>,
    began: Instant,
    with_routine: bool,
}

impl Timeline {
    /// Writes lines with `write`, which is given them without their ends. The time begins now.
    ///
    /// It leaves out what happens to every request ([`Event::is_routine`]).
    #[must_use]
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self {
            write: Arc::new(write),
            began: Instant::now(),
            with_routine: false,
        }
    }

    /// Whether it shows what happens to every request as well. By default it does not.
    #[must_use]
    pub fn with_routine(mut self, on: bool) -> Self {
        self.with_routine = on;
        self
    }

    /// The time since it began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}

impl Observer for Timeline {
    fn on_event(&self, source: Source<'_>, event: &Event<'_>) {
        if event.is_routine() && !self.with_routine {
            return;
        }
        let seconds = self.elapsed().as_secs_f64();
        let line = if source.name == super::DEFAULT_NAME {
            format!("{seconds:>10.3} s  {event}")
        } else {
            format!("{seconds:>10.3} s  {}: {event}", source.name)
        };
        (self.write)(&line);
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline")
            .field("with_routine", &self.with_routine)
            .finish_non_exhaustive()
    }
}
