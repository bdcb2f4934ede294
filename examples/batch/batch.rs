//! One batch through one client: posts in, records out, until all are done or something stops it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tower_throttle::concurrency::Handle;
use tower_throttle::hint::DEFAULT_MAX_SERVER_WAIT;
use tower_throttle::observe::Timeline;

use crate::classes::Classes;
use crate::clients::{self, Choice, Running};
use crate::learnt::Earlier;
use crate::output::Output;
use crate::posts::Input;
use crate::progress::{Progress, Screen};
use crate::reasons::Reasons;
use crate::run::{Desk, Done};
use crate::stopping::{Judge, Stop};
use crate::target::Target;
use crate::tell;
use crate::wire::WireCounts;

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) done: usize,
    pub(crate) failed: usize,
    pub(crate) refused: u64,
    pub(crate) peak_in_flight: u64,
    /// From the first post's submission to the last answer, or to the end of what was in flight at a stop.
    pub(crate) makespan: Duration,
    pub(crate) reasons: Reasons,
    pub(crate) classes: Classes,
    /// Why it ended before its end.
    pub(crate) stopped: Option<Stop>,
}

/// Ctrl-C, as often as it is pressed.
pub(crate) type Interrupts = mpsc::UnboundedReceiver<()>;

/// Sends the posts to the target. The first interrupt stops it, a second ends the program.
///
/// An error says that the output or the input is at fault.
pub(crate) async fn send(
    choice: Choice,
    input: &Input,
    target: Target,
    output: &mut Output,
    interrupts: &mut Interrupts,
) -> Result<Outcome, String> {
    let jobs = input.len();
    let (stop, stopped) = watch::channel(false);
    let (sender, mut records) = mpsc::unbounded_channel();
    let reasons = Reasons::new(target.secrets.clone());
    let desk = Desk {
        target: Arc::new(target),
        records: sender,
        stop: stopped,
        attempts: clients::attempts,
        patience: choice.patience.unwrap_or(DEFAULT_MAX_SERVER_WAIT),
        settles: choice.settles,
    };
    let (kind, earlier) = (choice.kind, choice.earlier.clone());
    let screen = Screen::new();
    let timeline = choice.explain.then(|| {
        let screen = screen.clone();
        Timeline::new(move |line| screen.say(line))
    });
    let started = Instant::now();
    let running = clients::start(choice, input.posts(), desk, timeline.clone());
    let Running { work, wire, limit } = running;
    let learns = earlier.zip(limit.gate().cloned());
    // In a task of its own, so that writing and drawing do not hold the clients up.
    let work = tokio::spawn(work);
    let mut watched = Watched {
        progress: Progress::new(kind.name(), jobs, wire.clone(), limit, screen.clone()),
        screen,
        started,
        stop,
        judge: Judge::default(),
        learns,
        outcome: Outcome {
            reasons,
            ..Outcome::default()
        },
    };
    let followed = watched.follow(&mut records, output, interrupts).await;
    // A step that was held back, as another might have followed.
    if let Some(timeline) = timeline {
        timeline.flush();
    }
    watched.screen.clear();
    watched.keep_what_was_learned();
    followed?;
    if let Err(error) = work.await {
        std::panic::resume_unwind(error.into_panic());
    }
    Ok(watched.outcome(jobs, &wire))
}

/// A batch on its way.
struct Watched {
    progress: Progress,
    screen: Screen,
    started: Instant,
    stop: watch::Sender<bool>,
    judge: Judge,
    /// Where what the gate learns is kept, if it is.
    learns: Option<(Arc<Earlier>, Handle)>,
    outcome: Outcome,
}

impl Watched {
    /// Writes the records and shows the progress until the work is at its end.
    async fn follow(
        &mut self,
        records: &mut mpsc::UnboundedReceiver<Result<Done, String>>,
        output: &mut Output,
        interrupts: &mut Interrupts,
    ) -> Result<(), String> {
        let interval = self.progress.interval();
        let mut ticks = interval_at(self.started + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                done = records.recv() => {
                    // The last sender is gone when the work is at its end.
                    let Some(done) = done else { return Ok(()) };
                    self.on_done(done?, output)?;
                }
                Some(()) = interrupts.recv() => self.on_interrupt(),
                _ = ticks.tick() => self.progress.show(self.outcome.done, self.outcome.failed),
            }
        }
    }

    fn on_done(&mut self, done: Done, output: &mut Output) -> Result<(), String> {
        let Done { record, class } = done;
        let stop = if record.succeeded() {
            self.outcome.done += 1;
            self.outcome.classes.add(class, self.started.elapsed());
            self.judge.on_success();
            None
        } else if record.told.unsent {
            // It counts as not sent, so that a resumed batch has nothing to take back.
            self.judge.on_failure(&record, &Reasons::of(&record))
        } else {
            self.outcome.failed += 1;
            let reason = self.outcome.reasons.add(&record);
            self.judge.on_failure(&record, &reason)
        };
        if !record.told.unsent {
            output
                .write(&record)
                .map_err(|error| format!("the output: {error}"))?;
        }
        if let (Some(stop), None) = (stop, &self.outcome.stopped) {
            self.screen.say(&stop.to_string());
            self.stop(stop);
        }
        Ok(())
    }

    /// What became of the batch, at its end.
    fn outcome(self, jobs: usize, wire: &WireCounts) -> Outcome {
        let mut outcome = self.outcome;
        // Stopped when there was nothing left to stop is not stopped.
        if outcome.done + outcome.failed == jobs && outcome.stopped == Some(Stop::Interrupted) {
            outcome.stopped = None;
        }
        outcome.makespan = self.started.elapsed();
        outcome.refused = wire.refused();
        outcome.peak_in_flight = wire.peak();
        outcome
    }

    /// The answers are safe whether that succeeds or not.
    fn keep_what_was_learned(&self) {
        let kept = self
            .learns
            .as_ref()
            .map(|(earlier, gate)| earlier.replace(gate));
        if let Some(Err(error)) = kept {
            tell::err(format_args!(
                "warning: what was learned is not kept: {error}"
            ));
        }
    }

    fn stop(&mut self, why: Stop) {
        self.outcome.stopped = Some(why);
        self.stop.send_replace(true);
    }

    fn on_interrupt(&mut self) {
        if self.outcome.stopped.is_some() {
            self.screen.clear();
            self.keep_what_was_learned();
            std::process::exit(crate::INTERRUPTED.into());
        }
        self.stop(Stop::Interrupted);
        self.screen
            .say("Finishing what is in flight; Ctrl-C again quits at once.");
    }
}
