//! A file with what an earlier run has learned.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;
use tower_throttle::concurrency::{Handle, Learnt};

use crate::posts::Source;
use crate::tell;
use crate::times::about;

/// A record takes some hundred bytes. More is something else.
const LONGEST: u64 = 64 << 10;

/// How many links may lead to the file.
const MOST_LINKS: usize = 16;

/// The content of the file. It has no secret: of the address, it has the host and the port.
#[derive(Serialize, Deserialize)]
struct Content<T> {
    server: String,
    learnt: T,
}

/// What an earlier run has learned, and where it is kept.
#[derive(Debug)]
pub(crate) struct Earlier {
    /// Where no link leads elsewhere.
    path: PathBuf,
    /// Whom it is about.
    server: String,
    learnt: Option<Learnt>,
    /// Whether the file holds what this program has not written.
    foreign: bool,
}

/// What became of reading a file.
enum Found {
    Learnt(Box<Learnt>),
    /// Nothing that counts, and why.
    Nothing(String),
    /// Something else.
    Foreign,
}

impl Earlier {
    /// Reads the file, and says what counts of it. What does not count is as good as nothing.
    ///
    /// Fails if the file is the input or the output, or cannot be written.
    pub(crate) fn open(
        path: &Path,
        server: &str,
        source: &Source,
        output: Option<&Path>,
    ) -> Result<Self, String> {
        let of = |reason: &str| format!("--learnt {}: {reason}", path.display());
        if path == Path::new("-") {
            return Err(of("a file is needed"));
        }
        let end = end_of_links(path).map_err(|error| of(&error.to_string()))?;
        if output.is_some_and(|output| end_of_links(output).is_ok_and(|other| other == end)) {
            return Err(of("this is the output"));
        }
        // To open a pipe would wait for its other end.
        if std::fs::metadata(&end).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(of("a file is needed"));
        }
        let file = File::open(&end);
        if let Ok(file) = &file {
            if source.is(file) {
                return Err(of("this is the input"));
            }
            let same = |output| same_file::is_same_file(&end, output).unwrap_or(false);
            if output.is_some_and(same) {
                return Err(of("this is the output"));
            }
        }
        // Whether a file can be made there is found before anything is sent.
        temporary(&end).map_err(|error| of(&error.to_string()))?;
        let found = file
            .and_then(read)
            .map_or_else(|error| absent(&error), |text| parse(&text, server));
        let mut earlier = Self {
            path: end,
            server: server.to_owned(),
            learnt: None,
            foreign: matches!(found, Found::Foreign),
        };
        tell::err(of(&earlier.take_in(found)));
        Ok(earlier)
    }

    /// Takes what was found, and says what that is.
    fn take_in(&mut self, found: Found) -> String {
        match found {
            Found::Nothing(why) => format!("begins with nothing: {why}"),
            Found::Foreign => {
                "begins with nothing: this program has not written it, so it stays as it is"
                    .to_owned()
            }
            Found::Learnt(learnt) => match learnt.age(SystemTime::now()) {
                None => "begins with nothing: by the clock, it is of the future".to_owned(),
                Some(age) => {
                    self.learnt = Some(*learnt);
                    format!("begins with what was learned {} ago", about(age))
                }
            },
        }
    }

    /// What was learned.
    pub(crate) fn learnt(&self) -> Option<Learnt> {
        self.learnt.clone()
    }

    /// Replaces it in one step by what `gate` has learned. Where the API accepted nothing, it stays as it is.
    pub(crate) fn replace(&self, gate: &Handle) -> Result<(), String> {
        if self.foreign || gate.snapshot().accepted == 0 {
            return Ok(());
        }
        self.write(&gate.export())
            .map_err(|error| format!("--learnt {}: {error}", self.path.display()))
    }

    fn write(&self, learnt: &Learnt) -> io::Result<()> {
        let mut file = temporary(&self.path)?;
        let server = self.server.clone();
        serde_json::to_writer_pretty(&mut file, &Content { server, learnt })?;
        file.write_all(b"\n")?;
        if let Ok(metadata) = std::fs::metadata(&self.path) {
            file.as_file().set_permissions(metadata.permissions())?;
        }
        file.persist(&self.path)?;
        Ok(())
    }
}

/// A new file beside this one.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))
}

fn absent(error: &io::Error) -> Found {
    Found::Nothing(match error.kind() {
        io::ErrorKind::NotFound => "there is no such file yet".to_owned(),
        // It is not text.
        io::ErrorKind::InvalidData => return Found::Foreign,
        _ => error.to_string(),
    })
}

fn read(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn parse(text: &str, server: &str) -> Found {
    if text.trim().is_empty() {
        return Found::Nothing("it is empty".to_owned());
    }
    let Ok(content) = serde_json::from_str::<Content<Value>>(text) else {
        return Found::Foreign;
    };
    if content.server != server {
        return Found::Nothing(format!("it is about {}, and not {server}", content.server));
    }
    match serde_json::from_value(content.learnt) {
        Ok(learnt) => Found::Learnt(Box::new(learnt)),
        Err(error) => Found::Nothing(error.to_string()),
    }
}

/// Where `path` leads, whether there is such a file or not: by no other way is it another file.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(end) = path.canonicalize() {
            return Ok(end);
        }
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.canonicalize()?,
            _ => Path::new(".").canonicalize()?,
        };
        match path.read_link() {
            Ok(next) => path = parent.join(next),
            Err(_) => {
                let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
                return Ok(parent.join(name));
            }
        }
    }
    Err(io::Error::other("too many links"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> String {
        let learnt = Learnt::new(12).with_at(SystemTime::now());
        let server = "api.example.com".to_owned();
        serde_json::to_string(&Content { server, learnt }).expect("JSON")
    }

    #[test]
    fn a_record_counts_for_its_server_alone() {
        let found = parse(&record(), "api.example.com");
        assert!(matches!(found, Found::Learnt(learnt) if learnt.limit() == 12));
        for server in ["api.example.org", "api.example.com:8443", "embedded"] {
            assert!(matches!(parse(&record(), server), Found::Nothing(_)));
        }
    }

    #[test]
    fn another_version_counts_as_nothing_and_another_file_is_not_this_programs() {
        let later = record().replace("\"version\":1", "\"version\":2");
        match parse(&later, "api.example.com") {
            Found::Nothing(why) => assert!(why.contains("version 2 is not 1"), "{why}"),
            _ => panic!("it counts"),
        }
        let record = record();
        for text in ["{", "[]", "{\"id\":1}\n{\"id\":2}\n", &record[1..]] {
            assert!(matches!(parse(text, "api.example.com"), Found::Foreign));
        }
        assert!(matches!(parse(" \n", ""), Found::Nothing(_)));
    }
}
