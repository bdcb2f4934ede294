//! A log that people can read.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::event::Event;
use super::observer::{DEFAULT_NAME, Observer, Source};

/// Writes events as lines for people, each with the time since the timeline was made.
///
/// Clones write to the same place, with the same start, so that one timeline shows both layers. Steps of a limit or a
/// rate that follow each other for the same reason become one line, which is written when something else happens,
/// or when the last clone is dropped.
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
/// // "     0.200 s  limit 4 -> 23 in 0.594 s: requests wait and none was refused"
/// // "     0.799 s  limit 23 -> 22: refused with more in flight than was accepted before"
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
    page: Arc<Page>,
    with_routine: bool,
}

/// Where all clones write.
struct Page {
    write: Box<dyn Fn(&str) + Send + Sync>,
    began: Instant,
    steps: Mutex<Option<Steps>>,
}

/// Steps that follow each other for the same reason.
struct Steps {
    name: String,
    /// When the first was, and the last.
    began: Duration,
    ended: Duration,
    /// From the first to the last.
    change: Event<'static>,
}

impl Steps {
    fn line(&self) -> String {
        let text = self.change.to_string();
        match text.split_once(':') {
            Some((change, why)) if self.ended > self.began => {
                let took = (self.ended - self.began).as_secs_f64();
                line(
                    self.began,
                    &self.name,
                    &format!("{change} in {took:.3} s:{why}"),
                )
            }
            _ => line(self.began, &self.name, &text),
        }
    }

    /// Takes another step in, if it goes on from these in the same direction and for the same reason.
    fn takes_in(&mut self, now: Duration, name: &str, step: &Event<'_>) -> bool {
        let change = match (self.change, *step) {
            (
                Event::LimitChanged { from, to, why },
                Event::LimitChanged {
                    from: middle,
                    to: next,
                    why: reason,
                },
            ) if to == middle && why == reason && (from < to) == (middle < next) => {
                Event::LimitChanged {
                    from,
                    to: next,
                    why,
                }
            }
            (
                Event::RateChanged { from, to, why },
                Event::RateChanged {
                    from: middle,
                    to: next,
                    why: reason,
                },
            ) if to == middle && why == reason && (from < to) == (middle < next) => {
                Event::RateChanged {
                    from,
                    to: next,
                    why,
                }
            }
            _ => return false,
        };
        let same = self.name == name;
        if same {
            (self.change, self.ended) = (change, now);
        }
        same
    }
}

/// One line.
fn line(at: Duration, name: &str, text: &str) -> String {
    let seconds = at.as_secs_f64();
    if name == DEFAULT_NAME {
        format!("{seconds:>10.3} s  {text}")
    } else {
        format!("{seconds:>10.3} s  {name}: {text}")
    }
}

/// An event that is a step, if it is one.
fn step(event: &Event<'_>) -> Option<Event<'static>> {
    match *event {
        Event::LimitChanged { from, to, why } => Some(Event::LimitChanged { from, to, why }),
        Event::RateChanged { from, to, why } => Some(Event::RateChanged { from, to, why }),
        _ => None,
    }
}

impl Timeline {
    /// Writes lines with `write`, which is given them without their ends. The time begins now.
    ///
    /// It leaves out what happens to every request ([`Event::is_routine`]).
    #[must_use]
    pub fn new(write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let page = Page {
            write: Box::new(write),
            began: Instant::now(),
            steps: Mutex::new(None),
        };
        Self {
            page: Arc::new(page),
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
        self.page.began.elapsed()
    }

    /// Writes a line that was held back, as more steps might have followed.
    pub fn flush(&self) {
        self.page.flush();
    }
}

impl Page {
    fn steps(&self) -> MutexGuard<'_, Option<Steps>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flush(&self) {
        let steps = self.steps().take();
        if let Some(steps) = steps {
            (self.write)(&steps.line());
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Observer for Timeline {
    fn on_event(&self, source: Source<'_>, event: &Event<'_>) {
        if event.is_routine() && !self.with_routine {
            return;
        }
        let (now, name) = (self.elapsed(), source.name);
        let mut steps = self.page.steps();
        if let Some(steps) = &mut *steps {
            if steps.takes_in(now, name, event) {
                return;
            }
        }
        let next = step(event).map(|change| Steps {
            name: name.to_owned(),
            began: now,
            ended: now,
            change,
        });
        let is_step = next.is_some();
        let former = std::mem::replace(&mut *steps, next);
        // What writes may be slow, and may ask a gate.
        drop(steps);
        if let Some(former) = former {
            (self.page.write)(&former.line());
        }
        if !is_step {
            (self.page.write)(&line(now, name, &event.to_string()));
        }
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeline")
            .field("with_routine", &self.with_routine)
            .finish_non_exhaustive()
    }
}
