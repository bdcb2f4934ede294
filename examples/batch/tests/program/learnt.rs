//! What a run has learned, kept for the next one.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;

use crate::server::Server;
use crate::stops::interrupted;
use crate::support::{FAILED, Folder, Ran, UNUSABLE, run};

const FIVE: [&str; 5] = ["--api", "concurrency=5", "--latency", "20ms", "--json"];

fn file(folder: &Folder) -> PathBuf {
    folder.path("learnt.json")
}

/// Runs all posts again.
fn again(folder: &Folder, arguments: &[&str]) -> Ran {
    let mut program = folder.program(arguments);
    program.arg("--overwrite").arg("--learnt").arg(file(folder));
    run(program)
}

fn content(folder: &Folder) -> Value {
    let text = std::fs::read_to_string(file(folder)).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_second_run_is_refused_less_often() {
    let folder = Folder::with_posts(300);
    let first = again(&folder, &FIVE);
    assert!(first.says("there is no such file yet"), "{first:?}");
    let second = again(&folder, &FIVE);
    assert!(second.says("begins with what was learned"), "{second:?}");
    let refused = |ran: &Ran| ran.summary()["refused"].as_u64().expect("a number");
    let (before, after) = (refused(&first), refused(&second));
    println!("{before} refused, then {after}");
    assert!(2 * after <= before, "{after} after {before}");
    assert_eq!(content(&folder)["learnt"]["limit"], 5);
    let names: Vec<_> = std::fs::read_dir(folder.path(""))
        .expect("a folder")
        .collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[tokio::test]
async fn what_was_learned_is_kept_after_ctrl_c() {
    let folder = Folder::with_posts(2000);
    let mut program = folder.program(&FIVE);
    program.arg("--learnt").arg(file(&folder));
    let ran = interrupted(program).await;
    assert_eq!(ran.status, Some(130), "{ran:?}");
    assert_eq!(content(&folder)["server"], "embedded");
}

#[test]
fn it_is_kept_after_failures_and_counts_for_its_server_alone() {
    let folder = Folder::with_posts(100);
    assert_eq!(again(&folder, &FIVE).status, Some(0));
    let server = Server::start(None, |number| match number % 2 {
        0 => (200, &[], "{}".to_owned()),
        _ => (400, &[], "{}".to_owned()),
    });
    let ran = again(&folder, &["--url", &server.url()]);
    assert_eq!(ran.status, Some(FAILED), "{ran:?}");
    let address = server.address.to_string();
    assert!(
        ran.says(&format!("it is about embedded, and not {address}")),
        "{ran:?}"
    );
    assert_eq!(content(&folder)["server"], address);
}

#[test]
fn it_has_no_secret_and_where_nothing_was_accepted_it_stays_as_it_is() {
    let folder = Folder::with_posts(20);
    let server = Server::always(200, "{}");
    let url = format!("http://me:sk-user@{}/v1?key=sk-query", server.address);
    let secret = ["--url", &url, "--header", "X-Api-Key: sk-header"];
    assert_eq!(again(&folder, &secret).status, Some(0));
    let before = std::fs::read_to_string(file(&folder)).expect("a file");
    assert!(
        !before.contains("sk-") && !before.contains("me:"),
        "{before}"
    );

    let nobody = Server::always(401, "{}");
    assert_ne!(again(&folder, &["--url", &nobody.url()]).status, Some(0));
    let after = std::fs::read_to_string(file(&folder)).expect("a file");
    assert_eq!(after, before);
}

#[test]
fn what_does_not_count_stops_no_run_and_what_is_not_the_programs_is_not_replaced() {
    let folder = Folder::with_posts(20);
    assert_eq!(again(&folder, &FIVE).status, Some(0));
    let whole = std::fs::read_to_string(file(&folder)).expect("a file");
    for (text, told) in [
        (
            whole.replace("\"version\": 1", "\"version\": 9"),
            "version 9 is not 1",
        ),
        (
            whole.replace("\"limit\": ", "\"limit\": -"),
            "invalid value",
        ),
        (
            whole.replace("\"at\": 1", "\"at\": 9"),
            "it is of the future",
        ),
        (String::new(), "it is empty"),
    ] {
        std::fs::write(file(&folder), text).expect("writable");
        let ran = again(&folder, &FIVE);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(ran.says("begins with nothing") && ran.says(told), "{ran:?}");
        assert_eq!(content(&folder)["learnt"]["version"], 1);
    }
    for other in [&b"{\"id\":1}\n"[..], b"[1, 2", &[0xFF; 100]] {
        std::fs::write(file(&folder), other).expect("writable");
        let ran = again(&folder, &FIVE);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        assert!(ran.says("it stays as it is"), "{ran:?}");
        assert_eq!(std::fs::read(file(&folder)).expect("readable"), other);
    }
}

#[test]
fn it_is_never_the_input_or_the_output() {
    let folder = Folder::with_posts(5);
    let before = std::fs::read(folder.input()).expect("readable");
    symlink(folder.input(), folder.path("to-input")).expect("a link");
    std::fs::hard_link(folder.input(), folder.path("input")).expect("a link");
    symlink("answers.jsonl", folder.path("to-output")).expect("a link");
    symlink("to-output", folder.path("to-link")).expect("a link");
    // Neither the output nor what the links lead to is there yet.
    for name in [
        "answers.jsonl",
        "./answers.jsonl",
        "to-output",
        "to-link",
        "input",
        "to-input",
    ] {
        let mut program = folder.program(&FIVE);
        program
            .arg("--overwrite")
            .arg("--learnt")
            .arg(folder.path(name));
        let ran = run(program);
        assert_eq!(ran.status, Some(UNUSABLE), "{name} {ran:?}");
        assert!(ran.says("this is the "), "{name} {ran:?}");
        assert!(!folder.output().exists(), "{name}");
    }
    for name in ["", "missing/learnt.json"] {
        let mut program = folder.program(&FIVE);
        program.arg("--learnt").arg(folder.path(name));
        let ran = run(program);
        assert_eq!(ran.status, Some(UNUSABLE), "{name} {ran:?}");
    }
    std::fs::write(folder.output(), "kept").expect("writable");
    std::fs::hard_link(folder.output(), folder.path("output")).expect("a link");
    let mut program = folder.program(&FIVE);
    program
        .arg("--overwrite")
        .arg("--learnt")
        .arg(folder.path("output"));
    assert!(run(program).says("this is the output"));
    assert_eq!(std::fs::read(folder.output()).expect("readable"), b"kept");
    assert_eq!(std::fs::read(folder.input()).expect("readable"), before);
}

#[test]
fn a_link_to_it_stays_one() {
    let folder = Folder::with_posts(20);
    symlink("real.json", file(&folder)).expect("a link");
    for _ in 0..2 {
        assert_eq!(again(&folder, &FIVE).status, Some(0));
        assert!(file(&folder).is_symlink() && !folder.path("real.json").is_symlink());
        assert_eq!(content(&folder)["server"], "embedded");
    }
}
