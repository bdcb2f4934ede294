//! When the program stops, what it says, and with which exit status.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::server::Server;
use crate::support::{FAILED, Folder, KEY_REFUSED, NOT_NOW, Ran, USED_UP, ids, ran, run};

/// Runs 500 posts against a server, and counts its requests.
fn against(server: &Server, arguments: &[&str]) -> (Ran, usize, Folder) {
    let folder = Folder::with_posts(500);
    let url = server.url();
    let ran = run(folder.program(&[&["--url", &url, "--json"], arguments].concat()));
    (ran, server.count(), folder)
}

#[test]
fn a_wrong_key_stops_it_at_once() {
    let body =
        r#"{"error":{"code":"invalid_api_key","message":"Incorrect API key provided: sk-secret"}}"#;
    let server = Server::always(401, body);
    let (ran, sent, folder) = against(&server, &["--header", "Authorization: Bearer sk-secret"]);
    assert_eq!(ran.status, Some(KEY_REFUSED));
    assert!(sent < 20, "{sent}");
    assert!(
        ran.says("does not take the key (401 invalid_api_key)"),
        "{ran:?}"
    );
    assert!(
        ran.says("Incorrect API key provided: ***") && !ran.says("sk-secret"),
        "{ran:?}"
    );
    let summary = ran.summary();
    assert_eq!(summary["stopped"], "key-refused");
    assert_eq!(summary["reasons"]["401 invalid_api_key"], summary["failed"]);
    // With the right key all of them are sent.
    let right = Server::always(200, "{}");
    let url = right.url();
    let ran = run(folder.program(&["--url", &url, "--resume", "--json", "--order", "input"]));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(ran.summary()["done"], 500);
    assert_eq!(ids(&folder.answers()), (1..=500).collect::<Vec<_>>());
}

#[test]
fn a_plan_that_is_used_up_stops_it_at_once() {
    let body =
        r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#;
    let server = Server::start(None, move |number| match number {
        ..50 => (200, &[], "{}".to_owned()),
        _ => (429, &[], body.to_owned()),
    });
    let (ran, sent, folder) = against(&server, &[]);
    assert_eq!(ran.status, Some(USED_UP));
    assert!(sent < 200, "{sent}");
    assert!(ran.says("used up (429 insufficient_quota)"), "{ran:?}");
    let summary = ran.summary();
    assert_eq!(summary["done"], 50);
    // What was never sent is no failure, and has no line.
    assert_eq!(summary["failed"].as_u64(), Some(sent as u64 - 50));
    assert_eq!(folder.answers().len(), sent);
}

#[test]
fn a_wait_of_hours_stops_it() {
    let server = Server::start(None, |_| (429, &[("retry-after", "7200")], String::new()));
    let (ran, sent, _) = against(&server, &[]);
    assert_eq!(ran.status, Some(NOT_NOW));
    assert!(ran.says("asks to wait 2 h") && sent < 20, "{sent} {ran:?}");
}

#[test]
fn an_api_that_serves_nobody_stops_it() {
    let server = Server::always(503, "");
    let (ran, _, _) = against(&server, &["--patience", "2s"]);
    assert_eq!(ran.status, Some(NOT_NOW));
    assert!(ran.says("the API serves nobody"), "{ran:?}");
}

#[test]
fn a_wrong_address_stops_it() {
    let server = Server::always(404, "<html>nothing here</html>");
    let (ran, sent, _) = against(&server, &[]);
    assert_eq!(ran.status, Some(FAILED));
    assert!(
        ran.says("the first 20 posts all failed alike (404 Not Found)"),
        "{ran:?}"
    );
    assert!(sent < 100, "{sent}");
}

#[test]
fn posts_that_fail_are_counted_by_their_reason() {
    let long = r#"{"error":{"code":"context_length_exceeded"}}"#;
    let server = Server::start(None, move |number| match number % 10 {
        0 => (400, &[], long.to_owned()),
        1 => (500, &[], "oops".to_owned()),
        _ => (200, &[], "{}".to_owned()),
    });
    let (ran, sent, _) = against(&server, &[]);
    assert_eq!((ran.status, sent), (Some(FAILED), 500));
    let summary = ran.summary();
    assert_eq!(summary["reasons"]["400 context_length_exceeded"], 50);
    assert_eq!(summary["reasons"]["500 Internal Server Error"], 50);
    assert!(
        ran.says("  50 x 400 context_length_exceeded; first "),
        "{ran:?}"
    );
}

#[test]
fn a_server_that_hangs_is_given_up() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let folder = Folder::with_posts(2);
    let ran = run(folder.program(&["--url", &url, "--timeout", "200ms"]));
    assert_eq!(ran.status, Some(FAILED));
    assert!(ran.says("2 x no answer: timed out after 200ms"), "{ran:?}");
}

fn interrupt(child: &Child) {
    let id = child.id().to_string();
    let killed = Command::new("kill").args(["-INT", &id]).status();
    assert!(killed.expect("kill is there").success());
}

/// Runs the program, and interrupts it after a while.
pub(crate) async fn interrupted(mut program: Command) -> Ran {
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = program.spawn().expect("the program starts");
    sleep(Duration::from_millis(1_500)).await;
    interrupt(&child);
    ran(child.wait_with_output().expect("it ends"))
}

#[tokio::test]
async fn a_stopped_run_says_how_long_it_was_and_goes_on_where_it_ended() {
    let folder = Folder::with_posts(200);
    let program = folder.program(&["--api", "concurrency=2", "--json"]);
    let started = Instant::now();
    let ran = interrupted(program).await;
    let took = started.elapsed().as_secs_f64();
    assert_eq!(ran.status, Some(130), "{ran:?}");
    let summary = ran.summary();
    let makespan = summary["makespan_s"].as_f64().expect("a number");
    assert!(makespan > 1.0 && makespan <= took, "{makespan} of {took}");
    assert_eq!(summary["stopped"], "interrupted");
    assert!(
        !ran.says("best possible") && ran.says("--resume"),
        "{ran:?}"
    );
    let before = folder.answers().len();
    assert!((1..200).contains(&before), "{before}");
    let ran = run(folder.program(&["--latency", "1ms", "--resume", "--json", "--order", "input"]));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(ran.summary()["skipped"].as_u64(), Some(before as u64));
    assert_eq!(ids(&folder.answers()), (1..=200).collect::<Vec<_>>());
}
