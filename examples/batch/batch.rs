//! One batch through one client: posts in, records out, until all are done or the user stops it.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::args::ClientKind;
use crate::clients::{self, Running};
use crate::output::Output;
use crate::posts::Post;
use crate::progress::Progress;
use crate::run::Desk;

/// What became of a batch.
#[derive(Debug)]
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
    let progress = Progress::new(kind.name(), jobs, wire.clone(), limit);
    let mut ticks = interval_at(started + progress.interval(), progress.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut outcome = Outcome {
        done: 0,
        failed: 0,
        refused: 0,
        peak_in_flight: 0,
        makespan: Duration::ZERO,
        interrupted: false,
    };
    loop {
        tokio::select! {
            record = records.recv() => {
                // The last sender is gone when the work is at its end.
                let Some(record) = record else { break };
                outcome.makespan = started.elapsed();
                match record.succeeded() {
                    true => outcome.done += 1,
                    false => outcome.failed += 1,
                }
                output.write(&record)?;
            }
            Some(()) = interrupts.recv() => {
                if outcome.interrupted {
                    std::process::exit(crate::INTERRUPTED);
                }
                outcome.interrupted = true;
                stop.send_replace(true);
                progress.say("Finishing what is in flight; Ctrl-C again quits at once.");
            }
            _ = ticks.tick() => progress.show(outcome.done + outcome.failed),
        }
    }
    progress.clear();
    if let Err(error) = work.await {
        std::panic::resume_unwind(error.into_panic());
    }
    // Stopped when there was nothing left to stop is not stopped.
    outcome.interrupted &= outcome.done + outcome.failed < jobs;
    outcome.refused = wire.refused();
    outcome.peak_in_flight = wire.peak();
    Ok(outcome)
}
