//! The program itself.

use std::process::Stdio;
use std::time::Duration;

use axum::Router;
use axum::http::Response;
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::common::{Patient, client, until, upstream};

pub(crate) fn program(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gateway"));
    command.args(["--listen", "127.0.0.1:0"]).args(options);
    command
}

/// Starts the program and says where it listens.
pub(crate) async fn start(mut program: Command) -> (Child, String) {
    let mut child = program
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).await.unwrap();
    let url = line.trim().strip_prefix("Listening on ").unwrap();
    (child, url.trim_end_matches('/').to_owned())
}

async fn log(child: &mut Child) -> String {
    let mut log = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut log)
        .await
        .unwrap();
    log
}

/// A program that works on a request when SIGTERM reaches it.
#[cfg(unix)]
struct Terminated {
    upstream: Patient,
    child: Child,
    request: JoinHandle<Response<Bytes>>,
}

#[cfg(unix)]
impl Terminated {
    async fn start() -> Self {
        let upstream = Patient::start().await;
        let (mut child, url) = start(program(&["--upstream", &upstream.url])).await;
        let request = client(&url).in_background();
        until("one is worked on", || upstream.working() == 1).await;
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        terminate(&child).await;
        while !log
            .next_line()
            .await
            .unwrap()
            .unwrap()
            .contains("shutting down")
        {}
        Self {
            upstream,
            child,
            request,
        }
    }
}

#[cfg(unix)]
async fn terminate(child: &Child) {
    // The shell's own: the program of that name is not everywhere.
    let kill = format!("kill -TERM {}", child.id().unwrap());
    let kill = Command::new("sh").args(["-c", &kill]).status();
    assert!(kill.await.unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_drains() {
    let mut it = Terminated::start().await;
    it.upstream.may.add_permits(1);
    assert_eq!(it.request.await.unwrap().body(), "done");
    assert!(it.child.wait().await.unwrap().success());
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_sigterm_ends_it_at_once() {
    let mut it = Terminated::start().await;
    terminate(&it.child).await;
    let status = timeout(Duration::from_secs(10), it.child.wait()).await;
    assert_eq!(status.expect("it ends").unwrap().code(), Some(1));
    assert!(it.request.await.is_err());
}

#[tokio::test]
async fn no_key_is_logged_at_any_level() {
    let url = upstream(Router::new().fallback(async || "done")).await;
    let gone = "gone=http://127.0.0.1:1";
    let (mut child, gateway) = start(program(&[
        "--upstream",
        &url,
        "--upstream",
        gone,
        "--log",
        "trace",
    ]))
    .await;
    for path in ["/v1/x?key=SECRET-query", "/gone/v1/x?key=SECRET-query"] {
        let client = client(&gateway);
        let request = client.post(path);
        let request = request
            .header("authorization", "Bearer SECRET-authorization")
            .header("x-api-key", "SECRET-api-key")
            .header("x-other", "SECRET-other");
        client.fetch(request.body("SECRET-body").unwrap()).await;
    }
    child.start_kill().unwrap();
    let log = log(&mut child).await;
    assert!(log.contains("path=\"/v1/x\""), "{log}");
    assert!(log.contains("gateway_upstream_unreachable"), "{log}");
    assert!(!log.contains("SECRET"), "{log}");
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    for options in [
        &["--upstream", "https://user:SECRET@api.example.com"][..],
        &["--upstream", "http://x", "--upstream", "http://x"],
        &["--upstream", "http://x", "--max-buffered", "1kB"],
        &[],
    ] {
        let output = program(options).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(!output.stderr.is_empty());
    }
}
