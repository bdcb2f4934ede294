//! A journal that is a file.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bytes::Bytes;
use http::Response;

use super::{Journal, record};

/// When a [`JsonLines`] has the operating system write to the disk.
///
/// Without it the system does so when it likes. What was recorded outlives the process in any case, even one that is
/// killed; this is for the end of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fsync {
    /// Never.
    Never,
    /// Once, when the batch has ended. The default.
    #[default]
    AtEnd,
    /// After this number of answers, and at the end. Zero counts as one. The batch waits meanwhile, with its thread.
    Every(u32),
}

/// A [`Journal`] that is a file of JSON lines, to which accepted answers are appended.
///
/// A line is `{"key":"17","status":200,"body":{"text":"hello"}}`. The body stands there as it came if it is a JSON object
/// or array on one line. Any other text is a string, and what is no text is hexadecimal, as `"hex"`. Headers are not
/// recorded.
///
/// Keys are recorded as text, by their `Display`. They must be unique, and mean the same in the next run: the number of
/// a request, which is the default, does so only if the same requests come in the same order. If a key stands in the
/// file more than once, the last line counts.
///
/// # Examples
///
/// ```
/// use futures_util::{TryStreamExt as _, stream};
/// use tower_throttle::batch::{Batch, JsonLines};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = tower::service_fn(async |request: http::Request<String>| {
/// #     Ok::<_, std::convert::Infallible>(http::Response::new(request.into_body()))
/// # });
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("answers.jsonl");
/// // The second time, all answers come out of the file.
/// for _ in 0..2 {
///     let requests = ["hello", "world"].map(|text| http::Request::new(String::from(text)));
///     let batch = Batch::new(&client)
///         .journal(JsonLines::open(&path)?)
///         .run(stream::iter(requests));
///     let answers: Vec<_> = batch.try_collect().await?;
///     assert_eq!(answers.len(), 2);
/// }
/// # assert_eq!(JsonLines::open(&path)?.recorded(), 2);
/// # Ok(())
/// # }
/// ```
///
/// # Crashes
///
/// Each answer is one write. A line that a crash left unfinished is ignored, and its request is sent again; nothing is
/// ever removed from the file. If a write fails, such as on a disk that is full, the next one begins a new line.
///
/// Two processes must not use one file at a time.
///
/// # Memory
///
/// It reads the whole file when it is opened, line by line, and keeps 16 bytes for each answer in it.
pub struct JsonLines {
    file: File,
    /// A hash of each key that the file had when it was opened, and where its line begins. Sorted by hash.
    lines: Vec<(u64, u64)>,
    ignored: usize,
    /// Whether the file ends within a line.
    is_torn: bool,
    fsync: Fsync,
    /// How many answers were recorded since the last sync.
    unsynced: u32,
}

impl JsonLines {
    /// Opens a file, or makes it.
    ///
    /// # Errors
    ///
    /// If it cannot be opened or read, if it is no regular file, or if it holds something of which nothing is a
    /// record: then it is the file of another program, and is left as it is.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        // A device or a pipe may have no end.
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "a journal is a regular file",
            ));
        }
        let mut journal = Self {
            file,
            lines: Vec::new(),
            ignored: 0,
            is_torn: false,
            fsync: Fsync::default(),
            unsynced: 0,
        };
        journal.load()?;
        Ok(journal)
    }

    /// Sets when the system is to write to the disk: [`Fsync::AtEnd`] by default.
    #[must_use]
    pub const fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// Returns how many answers the file had when it was opened.
    #[must_use]
    pub fn recorded(&self) -> usize {
        self.lines.len()
    }

    /// Returns how many lines of the file were ignored, as they are no records. A crash leaves one at most.
    #[must_use]
    pub const fn ignored(&self) -> usize {
        self.ignored
    }

    /// Finds the lines and their keys.
    fn load(&mut self) -> io::Result<()> {
        let mut reader = BufReader::new(&self.file);
        let (mut line, mut at) = (Vec::new(), 0);
        let mut is_foreign = false;
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            match record::key(&line) {
                Some(key) => self.lines.push((hash(&key), at)),
                None if line.trim_ascii().is_empty() => {}
                None => {
                    self.ignored += 1;
                    is_foreign |= !record::may_be_torn(&line);
                }
            }
            self.is_torn = line.last() != Some(&b'\n');
            at += read as u64;
        }
        if self.lines.is_empty() && is_foreign {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the file is no journal of a batch",
            ));
        }
        // Of several lines with one key, the last stays. The sort is stable.
        self.lines.sort_by_key(|(hash, _)| *hash);
        self.lines.reverse();
        self.lines.dedup_by_key(|(hash, _)| *hash);
        self.lines.reverse();
        self.lines.shrink_to_fit();
        Ok(())
    }

    fn find(&self, key: &str) -> io::Result<Option<Response<Bytes>>> {
        let hash = hash(key);
        let Ok(found) = self.lines.binary_search_by_key(&hash, |(hash, _)| *hash) else {
            return Ok(None);
        };
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.lines[found].1))?;
        let mut line = Vec::new();
        BufReader::new(file).read_until(b'\n', &mut line)?;
        // Of two keys with one hash, the earlier is sent again, which is better than to take the other's answer.
        Ok(record::decode(&line, key))
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.file.write_all(b"\n")?;
        }
        self.is_torn = true;
        self.file.write_all(line)?;
        self.is_torn = false;
        self.unsynced = self.unsynced.saturating_add(1);
        match self.fsync {
            Fsync::Every(number) if self.unsynced >= number => self.sync_now(),
            _ => Ok(()),
        }
    }

    fn sync_now(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        self.unsynced = 0;
        Ok(())
    }
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

impl<K: fmt::Display> Journal<K> for JsonLines {
    type Error = io::Error;

    fn recall(&mut self, key: &K) -> io::Result<Option<Response<Bytes>>> {
        if self.lines.is_empty() {
            return Ok(None);
        }
        self.find(&key.to_string())
    }

    fn record(&mut self, key: &K, response: &Response<Bytes>) -> io::Result<()> {
        self.append(&record::encode(&key.to_string(), response))
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.fsync == Fsync::Never || self.unsynced == 0 {
            return Ok(());
        }
        self.sync_now()
    }
}

impl fmt::Debug for JsonLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines")
            .field("recorded", &self.recorded())
            .field("ignored", &self.ignored)
            .field("fsync", &self.fsync)
            .finish_non_exhaustive()
    }
}
