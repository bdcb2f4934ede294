//! The journal: what is recorded, what comes back, and what happens when it fails.

mod kill;

use std::{fs, io};

use futures_util::{StreamExt as _, stream};
use tempfile::TempDir;
use tower_throttle::batch::{Batch, BatchError, BatchResult, Fsync, Journal, JsonLines, Recalled};

use super::*;

type Results = Vec<BatchResult<usize, &'static str>>;

/// A directory of its own, and a file in it that is not there yet.
fn file() -> (TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("answers.jsonl");
    (directory, path)
}

async fn run(calls: &Calls, path: &std::path::Path, paths: &[&str]) -> Results {
    let client = api(calls);
    let requests: Vec<_> = paths.iter().map(to).collect();
    let journal = JsonLines::open(path).unwrap();
    let batch = Batch::new(&client).ordered().journal(journal);
    batch.run(stream::iter(requests)).collect().await
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_comes_out_of_the_journal_and_the_rest_is_sent_again() {
    let (_directory, path) = file();
    let calls = Calls::default();
    let first = run(&calls, &path, &["1", "2/500", "3/error", "4/201"]).await;
    assert_eq!(first.iter().filter(|result| result.is_ok()).count(), 2);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\"key\":\"0\",\"status\":200,\"body\":\"/1\"}\n{\"key\":\"3\",\"status\":201,\"body\":\"/4/201\"}\n"
    );

    let second = run(&calls, &path, &["1", "2", "3", "4/201", "5"]).await;
    assert_eq!(calls.sent(), 4 + 3);
    let recalled: Vec<_> = second
        .iter()
        .map(|result| {
            let (key, response) = result.as_ref().unwrap();
            let recalled = response.extensions().get::<Recalled>().is_some();
            (
                *key,
                response.status().as_u16(),
                response.body().as_ref(),
                recalled,
            )
        })
        .collect();
    assert_eq!(
        recalled,
        [
            (0, 200, &b"/1"[..], true),
            (1, 200, b"/2", false),
            (2, 200, b"/3", false),
            (3, 201, b"/4/201", true),
            (4, 200, b"/5", false),
        ]
    );
    let journal = JsonLines::open(&path).unwrap();
    assert_eq!((journal.recorded(), journal.ignored()), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_was_torn_is_ignored_and_kept_and_its_request_sent_again() {
    let (_directory, path) = file();
    run(&Calls::default(), &path, &["1", "2"]).await;
    let whole = fs::read(&path).unwrap();
    // A line whose end alone is missing is whole.
    for (end, sent) in [(whole.len() - 2, 1), (whole.len() - 1, 0), (5, 2), (0, 2)] {
        fs::write(&path, &whole[..end]).unwrap();
        let calls = Calls::default();
        let results = run(&calls, &path, &["1", "2"]).await;
        assert!(results.iter().all(Result::is_ok));
        assert_eq!(calls.sent(), sent, "{end}");
        assert!(fs::read(&path).unwrap().starts_with(&whole[..end]));
        let journal = JsonLines::open(&path).unwrap();
        assert_eq!(journal.recorded(), 2, "{end}");
        assert!(journal.ignored() <= 1);
    }
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let (_directory, path) = file();
    fs::write(&path, "name,age\nJane,42\n").unwrap();
    let error = JsonLines::open(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(fs::read_to_string(&path).unwrap(), "name,age\nJane,42\n");
    assert!(JsonLines::open(path.parent().unwrap()).is_err());
}

#[test]
fn nothing_is_appended_to_a_file_of_another_program() {
    let (_directory, path) = file();
    for content in [
        "secret",
        "{\"name\":\"settings\"}",
        "{\"name\":\"settings\"}\n",
        "[1]\n{\"key\":\"0\",\"sta",
        "{\"id\":\"0\",\"status\":200,\"body\":{}}\n",
    ] {
        fs::write(&path, content).unwrap();
        let error = JsonLines::open(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{content}");
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    for content in [
        "",
        "\n",
        "{",
        "{\"key\":\"1",
        "{\"key\":\"1\n{\"key\":\"2\",\n",
    ] {
        fs::write(&path, content).unwrap();
        let journal = JsonLines::open(&path).unwrap();
        assert_eq!(journal.recorded(), 0, "{content}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_and_not_read() {
    for path in ["/dev/full", "/dev/null", "/dev/zero"] {
        let error = JsonLines::open(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
    }
}

#[test]
fn the_last_line_of_a_key_counts() {
    let (_directory, path) = file();
    let mut journal = JsonLines::open(&path).unwrap();
    for body in ["a", "b"] {
        let response = Response::new(Bytes::from(body));
        journal.record(&"key", &response).unwrap();
    }
    let mut journal = JsonLines::open(&path).unwrap().fsync(Fsync::Every(1));
    assert_eq!(journal.recorded(), 1);
    assert_eq!(journal.recall(&"key").unwrap().unwrap().body(), "b");
    assert!(journal.recall(&"another").unwrap().is_none());
    assert!(format!("{journal:?}").contains("Every(1)"));
}

/// Fails as it is told to.
#[derive(Default)]
struct Broken {
    recalls: Vec<usize>,
    records: Vec<usize>,
    syncs: bool,
}

fn full() -> io::Error {
    io::Error::other("the disk is full")
}

impl Journal<usize> for Broken {
    type Error = io::Error;

    fn recall(&mut self, key: &usize) -> io::Result<Option<Response<Bytes>>> {
        let fails = self.recalls.contains(key);
        if fails { Err(full()) } else { Ok(None) }
    }

    fn record(&mut self, key: &usize, _: &Response<Bytes>) -> io::Result<()> {
        let fails = self.records.contains(key);
        if fails { Err(full()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.syncs { Err(full()) } else { Ok(()) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_fails_loses_no_answer() {
    let calls = Calls::default();
    let client = api(&calls);
    let journal = Broken {
        recalls: vec![2],
        records: vec![1],
        syncs: true,
    };
    let batch = Batch::new(&client).ordered().journal(journal);
    let mut results = batch.run(stream::iter(requests([1, 2, 3, 4])));
    assert_eq!(results.next().await.unwrap().unwrap().0, 0);

    let error = results.next().await.unwrap().unwrap_err();
    assert!(matches!(&error, BatchError::NotRecorded { key: 1, .. }));
    assert_eq!(
        error.to_string(),
        "the answer to request 1 was not recorded: the disk is full"
    );
    assert_eq!(error.into_response().unwrap().body(), "/2");

    let error = results.next().await.unwrap().unwrap_err();
    assert!(matches!(error, BatchError::NotRecalled { key: 2, .. }));
    assert_eq!(results.next().await.unwrap().unwrap().0, 3);
    let error = results.next().await.unwrap().unwrap_err();
    assert!(matches!(error, BatchError::Sync { .. }));
    assert!(results.next().await.is_none());
    let progress = results.progress();
    assert_eq!(
        (calls.sent(), progress.done(), progress.failed()),
        (3, 2, 2)
    );
}
