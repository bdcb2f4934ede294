//! The output: a JSON line per answered post, written as it comes.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::posts::Id;

/// What became of a post.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
}

impl Record {
    /// Whether the API took the post.
    pub(crate) fn succeeded(&self) -> bool {
        matches!(self.status, Some(200..=299))
    }
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

    /// Writes to a new file in the system's temporary directory.
    pub(crate) fn temporary() -> Result<Self, String> {
        let name = format!("tower-throttle-batch-{:016x}.jsonl", fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        Self::at(&path, file)
    }

    /// Writes to a file from its beginning; what was in it is gone.
    pub(crate) fn create(path: &Path) -> Result<Self, String> {
        Self::at(path, File::create(path))
    }

    /// Appends to a file, and gives the ids that already have a successful line in it.
    ///
    /// A last line that was not written to its end is cut off.
    pub(crate) fn resume(path: &Path) -> Result<(Self, HashSet<Id>), String> {
        let error = |error| format!("{}: {error}", path.display());
        let written = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(cause) => return Err(error(cause)),
        };
        let (done, sound) =
            scan(&written).map_err(|cause| format!("{}: {cause}", path.display()))?;
        let file = OpenOptions::new().append(true).create(true).open(path);
        if let Ok(file) = &file {
            file.set_len(sound as u64).map_err(error)?;
        }
        Ok((Self::at(path, file)?, done))
    }

    fn at(path: &Path, file: io::Result<File>) -> Result<Self, String> {
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self {
            to: Box::new(file),
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

/// The ids of the successful lines, and how many bytes of whole lines there are.
fn scan(written: &[u8]) -> Result<(HashSet<Id>, usize), String> {
    let sound = match written.iter().rposition(|byte| *byte == b'\n') {
        Some(last) => last + 1,
        None => 0,
    };
    let mut done = HashSet::new();
    for (index, line) in written[..sound].split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let record: Record = serde_json::from_slice(line)
            .map_err(|error| format!("line {}: not written by this example: {error}", index + 1))?;
        if record.succeeded() {
            done.insert(record.id);
        }
    }
    Ok((done, sound))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u32, status: Option<u16>) -> Record {
        Record {
            id: Id::Number(id.into()),
            status,
            attempts: 2,
            latency_ms: Some(1.5),
            body: "text".into(),
        }
    }

    #[test]
    fn a_resumed_file_keeps_its_successes_and_loses_its_torn_line() {
        let path = Output::temporary().expect("a file");
        let path = path.path().expect("a path").to_owned();
        let mut output = Output::create(&path).expect("writable");
        for line in [record(1, Some(200)), record(2, Some(429)), record(3, None)] {
            output.write(&line).expect("written");
        }
        let whole = std::fs::read(&path).expect("readable");
        let torn = [&whole[..], b"{\"id\":4,\"status\":200,\"at"].concat();
        std::fs::write(&path, torn).expect("writable");

        let (mut output, done) = Output::resume(&path).expect("resumes");
        assert_eq!(done, HashSet::from([Id::Number(1.into())]));
        output.write(&record(5, Some(200))).expect("written");
        let (_, done) = Output::resume(&path).expect("resumes again");
        assert_eq!(
            done,
            HashSet::from([Id::Number(1.into()), Id::Number(5.into())])
        );
        assert!(std::fs::read(&path).expect("readable").starts_with(&whole));
        std::fs::remove_file(&path).expect("removable");
    }

    #[test]
    fn a_file_of_another_kind_is_not_touched() {
        let error = scan(b"{\"id\":1}\nnotes\n").expect_err("no record");
        assert!(error.starts_with("line 1: "), "{error}");
    }

    #[test]
    fn a_missing_file_resumes_from_the_start() {
        assert_eq!(scan(b"").expect("nothing"), (HashSet::new(), 0));
        assert_eq!(scan(b"{\"id\":").expect("only torn"), (HashSet::new(), 0));
    }
}
