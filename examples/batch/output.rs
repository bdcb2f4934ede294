//! The output: a JSON line per answered post, written as it comes.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::posts::{Id, Source};
use crate::reasons::Told;

mod order;

pub(crate) use order::sort;

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Record {
    pub(crate) id: Id,
    /// Of the last answer; `None` if there was none.
    pub(crate) status: Option<u16>,
    /// How often the post was sent.
    pub(crate) attempts: u32,
    /// From sending the last attempt to the end of its answer; without the waiting before it.
    pub(crate) latency_ms: Option<f64>,
    /// The answer: as JSON, if it is JSON, or else as text; the error, if there was none.
    pub(crate) body: Value,
    /// What the answer says of all posts.
    #[serde(skip)]
    pub(crate) told: Told,
}

impl Record {
    /// Whether the API took the post.
    pub(crate) fn succeeded(&self) -> bool {
        is_success(self.status)
    }
}

fn is_success(status: Option<u16>) -> bool {
    matches!(status, Some(200..=299))
}

/// A record without its answer, as it is read again. Whatever lacks one of these was written by something else.
#[derive(Deserialize)]
struct Written {
    id: Id,
    status: Option<u16>,
    #[serde(rename = "attempts")]
    _attempts: u32,
    #[serde(rename = "body")]
    _body: IgnoredAny,
}

/// What an output holds of a former run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Done {
    /// The posts that have a successful line.
    pub(crate) ids: HashSet<Id>,
    /// How many bytes of whole lines there are.
    sound: u64,
}

/// Where the records go.
pub(crate) struct Output {
    to: Box<dyn Write + Send>,
    path: Option<PathBuf>,
}

impl Output {
    /// Keeps nothing.
    pub(crate) fn discard() -> Self {
        Self {
            to: Box::new(io::sink()),
            path: None,
        }
    }

    /// Writes to standard output.
    pub(crate) fn stdout() -> Self {
        Self {
            to: Box::new(io::stdout()),
            path: None,
        }
    }

    /// Writes to a new file in the system's temporary directory.
    pub(crate) fn temporary() -> Result<Self, String> {
        let name = format!("tower-throttle-batch-{:016x}.jsonl", fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        Self::at(&path, file)
    }

    /// Writes to a file from its beginning. Answers that are in it are lost only if that is wanted.
    pub(crate) fn create(path: &Path, overwrite: bool) -> Result<Self, String> {
        let opened = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| of(path, error))?;
        // A device or a pipe has no end to cut off.
        if metadata.is_file() && metadata.len() > 0 {
            if !overwrite {
                let hint = "it holds something: --resume goes on, --overwrite replaces it";
                return Err(of(path, hint));
            }
            file.set_len(0).map_err(|error| of(path, error))?;
        }
        Self::at(path, Ok(file))
    }

    /// Appends to a file. A last line that was not written to its end is cut off.
    pub(crate) fn append(path: &Path, done: &Done) -> Result<Self, String> {
        let file = OpenOptions::new().append(true).create(true).open(path);
        if let Ok(file) = &file {
            file.set_len(done.sound).map_err(|error| of(path, error))?;
        }
        Self::at(path, file)
    }

    fn at(path: &Path, file: io::Result<File>) -> Result<Self, String> {
        Ok(Self {
            to: Box::new(file.map_err(|error| of(path, error))?),
            path: Some(path.to_owned()),
        })
    }

    /// The file, if there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Writes a line in one piece, so that whatever ends the program, at most the last is torn.
    pub(crate) fn write(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.to.write_all(&line)?;
        self.to.flush()
    }
}

fn of(path: &Path, reason: impl std::fmt::Display) -> String {
    format!("{}: {reason}", path.display())
}

/// Refuses an output that is the input, by whatever name or link.
pub(crate) fn check_apart(path: &Path, source: &Source) -> Result<(), String> {
    // Opening a pipe would wait for its other end.
    if !std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return Ok(());
    }
    match File::open(path) {
        Ok(file) if source.is(&file) => {
            Err(of(path, "this is the input; nothing was written to it"))
        }
        _ => Ok(()),
    }
}

/// What a file holds of a former run; nothing, if there is none.
pub(crate) fn done(path: &Path) -> Result<Done, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Done::default()),
        Err(cause) => return Err(of(path, cause)),
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err(of(path, "--resume needs a file"));
    }
    let mut done = Done::default();
    let sound = each_record(BufReader::new(file), |_, record| {
        if is_success(record.status) {
            done.ids.insert(record.id);
        }
    });
    done.sound = sound.map_err(|error| of(path, error))?;
    Ok(done)
}

/// Calls `each` with every whole line and its place, and says how many bytes of whole lines there are.
fn each_record(
    mut reader: impl BufRead,
    mut each: impl FnMut((u64, usize), Written),
) -> Result<u64, String> {
    let (mut line, mut start) = (Vec::new(), 0);
    for number in 1.. {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        let read = read.map_err(|error| error.to_string())?;
        if !line.ends_with(b"\n") {
            break;
        }
        if !line.trim_ascii().is_empty() {
            let record = serde_json::from_slice(&line)
                .map_err(|error| format!("line {number}: not written by this program: {error}"))?;
            each((start, read), record);
        }
        start += read as u64;
    }
    Ok(start)
}

#[cfg(all(test, unix))]
mod tests;
