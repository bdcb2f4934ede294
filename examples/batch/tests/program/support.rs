//! What the tests run the program with.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The exit statuses.
pub(crate) const FAILED: i32 = 1;
pub(crate) const UNUSABLE: i32 = 2;
pub(crate) const KEY_REFUSED: i32 = 3;
pub(crate) const USED_UP: i32 = 4;
pub(crate) const NOT_NOW: i32 = 5;

/// A folder with an input.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(posts: impl AsRef<[u8]>) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        std::fs::write(folder.input(), posts).expect("writable");
        folder
    }

    pub(crate) fn with_posts(count: usize) -> Self {
        let post = |id: usize| format!("{{\"id\":{id},\"text\":\"the post number {id}\"}}\n");
        Self::new((1..=count).map(post).collect::<String>())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn input(&self) -> PathBuf {
        self.path("posts.jsonl")
    }

    pub(crate) fn output(&self) -> PathBuf {
        self.path("answers.jsonl")
    }

    /// The program with the input and an output, quick.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let mut program = program(&[]);
        program.arg("--input").arg(self.input());
        program.arg("--output").arg(self.output());
        program.args(arguments);
        program
    }

    /// The lines of the output.
    pub(crate) fn answers(&self) -> Vec<Value> {
        lines(&self.output())
    }
}

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("an output");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// The ids of lines, in their order.
pub(crate) fn ids(lines: &[Value]) -> Vec<u64> {
    lines
        .iter()
        .map(|line| line["id"].as_u64().expect("a number"))
        .collect()
}

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_batch"));
    program.args(arguments).stdin(Stdio::null());
    program
        .env_remove("OPENAI_API_KEY")
        .env_remove("ANTHROPIC_API_KEY");
    program
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The summary, of a run with `--json`.
    pub(crate) fn summary(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether any of the outputs has this.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

pub(crate) fn run(mut program: Command) -> Ran {
    ran(program.output().expect("the program starts"))
}

pub(crate) fn ran(output: Output) -> Ran {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}
