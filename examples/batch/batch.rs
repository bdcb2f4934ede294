//! One batch through one client: posts in, records out, until all are done or the user stops it.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::args::ClientKind;
use crate::clients::{self, Running};
use crate::output::{Output, Record};
use crate::posts::Post;
use crate::progress::Progress;
use crate::run::Desk;

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) done: usize,
    pub(crate) failed: usize,
    pub(crate) refused: u64,
    pub(crate) peak_in_flight: u64,
    /// From the first post's submission to the last answer.
    pub(crate) makespan: Duration,
    pub(crate) interrupted: bool,
}

/// Ctrl-C, as often as it is pressed.
pub(crate) type Interrupts = mpsc::UnboundedReceiver<()>;

/// Sends the posts through a client of this kind. The first interrupt stops it, a second ends the
/// program.
pub(crate) async fn send(
    kind: ClientKind,
    posts: Vec<Post>,
    uri: http::Uri,
    output: &mut Output,
    interrupts: &mut Interrupts,
) -> std::io::Result<Outcome> {
    let jobs = posts.len();
    let (stop, stopped) = watch::channel(false);
    let (sender, mut records) = mpsc::unbounded_channel();
    let desk = Desk {
        uri,
        records: sender,
        stop: stopped,
        attempts: clients::attempts,
    };
    let started = Instant::now();
    let Running { work, wire, limit } = clients::start(kind, posts, desk);
    // In a task of its own, so that writing and drawing do not hold the clients up.
    let work = tokio::spawn(work);
    let mut watched = Watched {
        progress: Progress::new(kind.name(), jobs, wire.clone(), limit),
        started,
        stop,
        outcome: Outcome::default(),
    };
    watched.follow(&mut records, output, interrupts).await?;
    watched.progress.clear();
    if let Err(error) = work.await {
        std::panic::resume_unwind(error.into_panic());
    }
    let mut outcome = watched.outcome;
    // Stopped when there was nothing left to stop is not stopped.
    outcome.interrupted &= outcome.done + outcome.failed < jobs;
    outcome.refused = wire.refused();
    outcome.peak_in_flight = wire.peak();
    Ok(outcome)
}

/// A batch on its way.
struct Watched {
    progress: Progress,
    started: Instant,
    stop: watch::Sender<bool>,
    outcome: Outcome,
}

impl Watched {
    /// Writes the records and shows the progress until the work is at its end.
    async fn follow(
        &mut self,
        records: &mut mpsc::UnboundedReceiver<Record>,
        output: &mut Output,
        interrupts: &mut Interrupts,
    ) -> std::io::Result<()> {
        let interval = self.progress.interval();
        let mut ticks = interval_at(self.started + interval, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                record = records.recv() => {
                    // The last sender is gone when the work is at its end.
                    let Some(record) = record else { return Ok(()) };
                    self.on_record(&record);
                    output.write(&record)?;
                }
                Some(()) = interrupts.recv() => self.on_interrupt(),
                _ = ticks.tick() => self.progress.show(self.outcome.done + self.outcome.failed),
            }
        }
    }

    fn on_record(&mut self, record: &Record) {
        self.outcome.makespan = self.started.elapsed();
        match record.succeeded() {
            true => self.outcome.done += 1,
            false => self.outcome.failed += 1,
        }
    }

    fn on_interrupt(&mut self) {
        if self.outcome.interrupted {
            std::process::exit(crate::INTERRUPTED);
        }
        self.outcome.interrupted = true;
        self.stop.send_replace(true);
        self.progress
            .say("Finishing what is in flight; Ctrl-C again quits at once.");
    }
}
