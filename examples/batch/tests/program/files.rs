//! The input and the output: pipes, links, what is there already.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use crate::support::{Folder, UNUSABLE, ids, program, ran, run};

const QUICK: [&str; 3] = ["--latency", "1ms", "--json"];

#[test]
fn the_input_is_never_written_to_by_whatever_name() {
    let folder = Folder::with_posts(5);
    let before = std::fs::read(folder.input()).expect("readable");
    symlink(folder.input(), folder.path("soft")).expect("a link");
    std::fs::hard_link(folder.input(), folder.path("hard")).expect("a link");
    for name in ["posts.jsonl", "soft", "hard", "./posts.jsonl"] {
        for more in [
            &[][..],
            &["--overwrite"],
            &["--resume"],
            &["--order", "input"],
        ] {
            let mut program = program(&QUICK);
            program.arg("--input").arg(folder.input());
            program.arg("--output").arg(folder.path(name)).args(more);
            let ran = run(program);
            assert_eq!(ran.status, Some(UNUSABLE), "{name} {more:?} {ran:?}");
            assert!(ran.says("this is the input"), "{ran:?}");
        }
        // Standard input may be a file, too.
        let mut program = program(&["--input", "-", "--overwrite"]);
        program.arg("--output").arg(folder.path(name));
        program.stdin(File::open(folder.input()).expect("readable"));
        let ran = run(program);
        assert_eq!(ran.status, Some(UNUSABLE), "{name} {ran:?}");
    }
    assert_eq!(std::fs::read(folder.input()).expect("readable"), before);
}

#[test]
fn answers_of_a_former_run_are_lost_only_if_that_is_wanted() {
    let folder = Folder::with_posts(5);
    assert_eq!(run(folder.program(&QUICK)).status, Some(0));
    let before = std::fs::read(folder.output()).expect("readable");
    let ran = run(folder.program(&QUICK));
    assert_eq!(ran.status, Some(UNUSABLE));
    assert!(
        ran.says("--resume goes on, --overwrite replaces it"),
        "{ran:?}"
    );
    assert_eq!(std::fs::read(folder.output()).expect("readable"), before);
    assert_eq!(
        run(folder.program(&["--overwrite", "--latency", "1ms"])).status,
        Some(0)
    );
    assert_eq!(folder.answers().len(), 5);
    // Nothing is left to do, and nothing to show.
    let ran = run(folder.program(&["--resume", "--dry-run"]));
    assert!(ran.says("nothing to send"), "{ran:?}");
    let ran = run(folder.program(&[&QUICK[..], &["--resume"]].concat()));
    assert_eq!(
        (ran.status, &ran.summary()["skipped"]),
        (Some(0), &5.into())
    );
}

#[test]
fn an_input_that_is_wrong_writes_nothing() {
    let folder = Folder::new("{\"id\":1,\"text\":\"a\"}\n{\"id\":1,\"text\":\"b\"}\n");
    let ran = run(folder.program(&QUICK));
    assert_eq!(ran.status, Some(UNUSABLE));
    assert!(ran.says("line 2: the id 1 was used before"), "{ran:?}");
    assert!(!folder.output().exists());
}

#[test]
fn it_stands_in_a_pipeline() {
    let mut program = program(&[
        "--input",
        "-",
        "--output",
        "-",
        "--latency",
        "1ms",
        "--json",
    ]);
    program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = program.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    for id in 0..50 {
        writeln!(stdin, "{{\"id\":{id},\"text\":\"a\"}}\r").expect("written");
    }
    drop(stdin);
    let ran = ran(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let answers = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let mut ids = ids(&answers.collect::<Vec<_>>());
    ids.sort_unstable();
    assert_eq!(ids, (0..50).collect::<Vec<_>>());
    assert!(ran.stderr.contains("50 done, 0 failed"), "{ran:?}");
}

#[test]
fn sorting_keeps_the_link_and_the_permissions() {
    let folder = Folder::with_posts(50);
    let real = folder.path("real.jsonl");
    File::create(&real).expect("writable");
    std::fs::set_permissions(&real, Permissions::from_mode(0o640)).expect("allowed");
    symlink(&real, folder.output()).expect("a link");
    let ran = run(folder.program(&[&QUICK[..], &["--order", "input"]].concat()));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(folder.output().is_symlink());
    assert_eq!(ids(&folder.answers()), (1..=50).collect::<Vec<_>>());
    let mode = std::fs::metadata(&real)
        .expect("there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}

#[test]
fn what_cannot_be_sorted_or_gone_on_with_is_refused() {
    let folder = Folder::with_posts(2);
    for (output, option) in [
        ("-", "--resume"),
        ("/dev/null", "--resume"),
        ("/dev/null", "--order=input"),
    ] {
        let mut program = program(&["--output", output, option]);
        program.arg("--input").arg(folder.input());
        let ran = run(program);
        assert_eq!(ran.status, Some(UNUSABLE), "{ran:?}");
        assert!(ran.says("a file"), "{ran:?}");
    }
}

#[test]
fn classes_are_told_apart() {
    let post = |id: usize| {
        let class = if id % 20 == 0 { "interactive" } else { "batch" };
        format!("{{\"id\":{id},\"text\":\"a\",\"class\":\"{class}\"}}\n")
    };
    let folder = Folder::new((1..=200).map(post).collect::<String>());
    let ran = run(folder.program(&["--classes", "--latency", "10ms", "--json"]));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    let classes = &ran.summary()["classes"];
    let all = |class: &str| classes[class]["all_s"].as_f64().expect("a number");
    assert_eq!(classes["interactive"]["done"], 10);
    assert!(all("interactive") < all("batch") / 2.0, "{classes}");
}
