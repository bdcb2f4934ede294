//! What nobody means to do.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::support::{FAILED, Folder, UNUSABLE, program, run};

#[test]
fn a_line_of_ten_megabytes_is_a_post() {
    let text = "x".repeat(10 << 20);
    let folder = Folder::new(format!("{{\"id\":1,\"text\":\"{text}\"}}"));
    let ran = run(folder.program(&["--json"]));
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(folder.answers()[0]["body"]["tokens"], 2_621_445);
}

#[test]
fn inputs_that_are_none_are_named() {
    for (posts, says) in [
        (&b""[..], "holds no posts"),
        (b"\n\r\n \n", "holds no posts"),
        (
            b"{\"id\":1,\"text\":\"\xff\xfe\"}",
            "line 1: invalid unicode",
        ),
        (b"\xff\xfe{\0\"\0", "is UTF-16"),
        (b"\0\0\0\0", "line 1: not a JSON object"),
        (b"id,text\n1,a\n", "line 1: not a JSON object"),
    ] {
        let folder = Folder::new(posts);
        let ran = run(folder.program(&[]));
        assert_eq!(ran.status, Some(UNUSABLE), "{ran:?}");
        assert!(ran.says(says), "{says}: {ran:?}");
        assert!(!folder.output().exists());
    }
}

#[test]
fn a_folder_and_a_file_that_is_not_there_are_named() {
    let folder = Folder::with_posts(1);
    for (option, path, says) in [
        ("--input", folder.path(""), "directory"),
        ("--input", folder.path("none"), "No such file"),
        ("--output", folder.path(""), "directory"),
        ("--output", folder.path("none/answers"), "No such file"),
    ] {
        let mut program = program(&[]);
        if option == "--output" {
            program.arg("--input").arg(folder.input());
        }
        program.arg(option).arg(&path);
        let ran = run(program);
        assert_eq!(ran.status, Some(UNUSABLE), "{ran:?}");
        assert!(
            ran.says(says) && ran.says(path.to_str().expect("UTF-8")),
            "{ran:?}"
        );
    }
}

#[test]
fn a_full_disk_is_an_error_and_no_hang() {
    let folder = Folder::with_posts(500);
    let mut program = program(&["--output", "/dev/full"]);
    program.arg("--input").arg(folder.input());
    let ran = run(program);
    assert_eq!(ran.status, Some(FAILED));
    assert!(ran.says("the output: No space left"), "{ran:?}");
}

#[test]
fn a_closed_output_is_no_panic() {
    let closed = || {
        let mut reader = Command::new("true")
            .stdin(Stdio::piped())
            .spawn()
            .expect("there");
        let writer = reader.stdin.take().expect("piped");
        reader.wait().expect("it ends");
        Stdio::from(writer)
    };
    let folder = Folder::with_posts(5);
    let mut quiet = folder.program(&["--latency", "1ms", "--json"]);
    quiet.stdout(closed()).stderr(closed());
    assert_eq!(quiet.status().expect("it runs").code(), Some(0));
    assert_eq!(folder.answers().len(), 5);
    // Answers that nobody reads are another thing.
    let mut program = program(&["--output", "-"]);
    program.arg("--input").arg(folder.input());
    let output = program
        .stdout(closed())
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(FAILED));
    // A disk that is full for the summary alone keeps nothing from its end.
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("a device");
    let mut program = folder.program(&["--overwrite", "--latency", "1ms"]);
    assert_eq!(
        program.stdout(full).status().expect("it runs").code(),
        Some(0)
    );
}

#[test]
fn a_slip_gets_a_suggestion_and_shows_no_secret() {
    for (arguments, says) in [
        (
            &["--heder=Authorization: Bearer sk-secret"][..],
            "'--header'",
        ),
        (
            &[
                "--url",
                "https://localhost/",
                "--header",
                "Authorization:",
                "Bearer",
                "sk-secret",
            ],
            "quotes",
        ),
        (
            &["--url", "https//me:sk-secret@localhost"],
            "an address such as",
        ),
        (&["--as", "openai-chats", "--model", "m"], "'openai-chat'"),
        (&["--api", "speed=3"], "is none of concurrency"),
        (&["--api", "concurency=3"], "did you mean `concurrency`?"),
        (&["--order", "inptu"], "'input'"),
        (&["--as", "openai-chat", "--model", "m"], "OPENAI_API_KEY"),
    ] {
        let ran = run(program(arguments));
        assert_eq!(ran.status, Some(UNUSABLE), "{arguments:?} {ran:?}");
        assert!(
            ran.says(says) && !ran.says("sk-secret"),
            "{arguments:?} {ran:?}"
        );
    }
}
