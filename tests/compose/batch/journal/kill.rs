//! A batch whose process is killed, and runs again.

use std::collections::HashMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use futures_util::{StreamExt as _, stream};
use tower_throttle::batch::{Batch, JsonLines};

use super::*;

/// Where the child finds its files.
const DIRECTORY: &str = "BATCH_KILLED_IN";
const REQUESTS: usize = 2_000;
const AHEAD: usize = 16;

/// The batch. It writes down each request that it sends, before it sends it.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let sent = OpenOptions::new()
            .append(true)
            .create(true)
            .open(directory.join("sent"));
        let sent = Arc::new(sent.unwrap());
        let client = service_fn(move |request: Req| {
            let line = format!("{}\n", request.uri().path());
            (&*sent).write_all(line.as_bytes()).unwrap();
            async move {
                sleep(ms(1)).await;
                let body = Full::<Bytes>::from(r#"{"text": "hello"}"#);
                Ok::<_, Infallible>(Response::new(body))
            }
        });
        let journal = JsonLines::open(directory.join("journal")).unwrap();
        let batch = Batch::new(&client).ahead(AHEAD).journal(journal);
        let results = batch.run(stream::iter((0..REQUESTS).map(to)));
        results.for_each(async |result| drop(result.unwrap())).await;
    });
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "batch::journal::kill::child", "--ignored"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count())
}

/// `cargo test --features journal --test compose kill -- --nocapture`
#[tokio::test]
async fn a_batch_that_is_killed_at_half_sends_no_more_than_ahead_twice() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let journal = directory.join("journal");
    let mut child = command(directory).spawn().unwrap();
    while lines(&journal) < REQUESTS / 2 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was killed"
        );
        sleep(ms(1)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let recorded = lines(&journal);
    assert!(recorded < REQUESTS, "too late to kill it");

    assert!(command(directory).status().unwrap().success());
    let mut sent = HashMap::<_, usize>::new();
    let text = fs::read_to_string(directory.join("sent")).unwrap();
    text.lines()
        .for_each(|path| *sent.entry(path).or_default() += 1);
    let twice = sent.values().filter(|times| **times > 1).count();
    println!(
        "killed at {recorded} of {REQUESTS}: {twice} were sent twice, with {AHEAD} taken ahead"
    );
    assert_eq!(sent.len(), REQUESTS);
    assert!(twice <= AHEAD, "{twice}");
    assert!(sent.values().all(|times| *times <= 2));
    assert_eq!(JsonLines::open(&journal).unwrap().recorded(), REQUESTS);
}
