//! The input: JSON lines, checked as a whole before anything is sent, and read again one by one as they are sent.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tower_throttle::cost::Cost;
use tower_throttle::queue::Priority;

use crate::args::Args;
use crate::template::Template;
use crate::times::{grouped, meant};

/// The longest line that is read.
const LONGEST_LINE: u64 = 64 << 20;

/// A post's name. The string "1" and the number 1 are two names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Id {
    Text(String),
    Number(serde_json::Number),
}

/// One post, as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) id: Id,
    /// The request's body: the input line, or what the template makes of it.
    pub(crate) body: Bytes,
    pub(crate) class: Class,
    /// What it takes of a quota of tokens, if these are counted.
    pub(crate) cost: Option<Cost>,
}

/// Who goes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    Interactive,
    #[default]
    Normal,
    Batch,
}

impl Class {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Normal => "normal",
            Self::Batch => "batch",
        }
    }

    pub(crate) fn priority(self) -> Priority {
        match self {
            Self::Interactive => Priority::INTERACTIVE,
            Self::Normal => Priority::NORMAL,
            Self::Batch => Priority::BATCH,
        }
    }
}

/// How a line becomes a post.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) template: Option<Template>,
    pub(crate) classes: bool,
    pub(crate) tokens: bool,
}

impl Shape {
    pub(crate) fn of(args: &Args) -> Result<Self, String> {
        let web = &args.web;
        let template = match (&web.body_template, web.preset, &web.model) {
            (Some(text), _, _) => Some(Template::read(text)?),
            (None, Some(preset), Some(model)) => Some(preset.body(model, web.max_tokens).into()),
            _ => None,
        };
        Ok(Self {
            template,
            classes: args.classes,
            tokens: args.tokens,
        })
    }

    /// Makes a post of a line, or says why it cannot.
    pub(crate) fn post(&self, line: &[u8]) -> Result<Post, String> {
        if line[0] != b'{' {
            return Err("not a JSON object".to_owned());
        }
        let fields: Map<String, Value> = serde_json::from_slice(line)
            .map_err(|error| error.to_string().replace(" at line 1 column", " at column"))?;
        let id = id(&fields)?;
        let body = match &self.template {
            Some(template) => template.fill(&fields)?.into(),
            None => {
                check_text(&fields)?;
                Bytes::copy_from_slice(line)
            }
        };
        let class = if self.classes {
            class(&fields)?
        } else {
            Class::default()
        };
        let cost = self.tokens.then(|| cost(&body));
        Ok(Post {
            id,
            body,
            class,
            cost,
        })
    }
}

fn missing(field: &str, fields: &Map<String, Value>) -> String {
    match meant(field, fields.keys().map(String::as_str)) {
        Some(key) => format!("the field `{field}` is missing; did you mean `{key}`?"),
        None => {
            let there: Vec<_> = fields.keys().map(|key| format!("`{key}`")).collect();
            format!(
                "the field `{field}` is missing; there is {}",
                there.join(", ")
            )
        }
    }
}

fn id(fields: &Map<String, Value>) -> Result<Id, String> {
    match fields.get("id") {
        Some(Value::String(text)) => Ok(Id::Text(text.clone())),
        Some(Value::Number(number)) => Ok(Id::Number(number.clone())),
        Some(_) => Err("the id is neither a string nor a number".to_owned()),
        None => Err(missing("id", fields)),
    }
}

fn check_text(fields: &Map<String, Value>) -> Result<(), String> {
    match fields.get("text") {
        Some(Value::String(text)) if text.trim().is_empty() => Err("the text is empty".to_owned()),
        Some(Value::String(_)) => Ok(()),
        Some(_) => Err("the text is no string".to_owned()),
        None => Err(missing("text", fields)),
    }
}

fn class(fields: &Map<String, Value>) -> Result<Class, String> {
    let Some(class) = fields.get("class") else {
        return Ok(Class::default());
    };
    Class::deserialize(class)
        .map_err(|_| format!("the class {class} is none of interactive, normal, batch"))
}

/// What a body takes: four bytes are a token, and the answer may have what the body allows.
fn cost(body: &[u8]) -> Cost {
    /// The names that APIs have for the most tokens of an answer.
    #[derive(Deserialize)]
    struct Most {
        #[serde(alias = "max_completion_tokens", alias = "max_output_tokens")]
        max_tokens: Option<u64>,
    }
    let prompt = body.len().div_ceil(4).max(1) as u64;
    let most = serde_json::from_slice::<Most>(body)
        .ok()
        .and_then(|most| most.max_tokens);
    Cost::input(prompt).and_output(most.unwrap_or(0))
}

/// Why the input cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// Counted from 1; 0 is the file as a whole.
    line: usize,
    reason: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.reason),
            line => write!(f, "line {}: {}", grouped(line as u64), self.reason),
        }
    }
}

/// The posts as they come to be sent. An error ends the batch.
pub(crate) type Posts = Box<dyn Iterator<Item = Result<Post, String>> + Send>;

/// A file of posts, of which nothing is known yet.
#[derive(Debug)]
pub(crate) struct Source {
    name: String,
    file: File,
}

impl Source {
    /// Opens a file, or standard input (`-`).
    ///
    /// What cannot be read twice, such as a pipe, is copied to a temporary file.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        if path == Path::new("-") {
            let name = "standard input".to_owned();
            let file = copied(&mut std::io::stdin().lock());
            let file = file.map_err(|error| format!("{name}: {error}"))?;
            return Ok(Self { name, file });
        }
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|mut file| {
            let metadata = file.metadata()?;
            match metadata.is_file() || metadata.is_dir() {
                true => Ok(file),
                false => copied(&mut file),
            }
        });
        let file = opened.map_err(|error| format!("{name}: {error}"))?;
        Ok(Self { name, file })
    }

    /// Whether `other` is this very file, whatever its name.
    pub(crate) fn is(&self, other: &File) -> bool {
        let handle = |file: &File| same_file::Handle::from_file(file.try_clone()?);
        // Standard input may be a file as well.
        let stdin = same_file::Handle::stdin().ok();
        match (handle(&self.file), handle(other)) {
            (Ok(this), Ok(other)) => {
                this == other || (self.name == "standard input" && stdin.as_ref() == Some(&other))
            }
            _ => false,
        }
    }

    /// Checks all lines, and passes over the posts whose ids are in `done`.
    pub(crate) fn check(self, shape: Shape, done: &HashSet<Id>) -> Result<Input, String> {
        let Self { name, file } = self;
        match scan(&file, &shape, done) {
            Ok((spans, skipped)) => Ok(Input {
                inner: Arc::new(Inner { file, shape, spans }),
                skipped,
            }),
            Err(malformed) => Err(format!("{name}: {malformed}")),
        }
    }
}

fn copied(from: &mut impl Read) -> std::io::Result<File> {
    let mut file = tempfile::tempfile()?;
    std::io::copy(from, &mut file)?;
    file.flush()?;
    Ok(file)
}

/// Where a line is in the file.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    length: u32,
}

/// A file of sound posts. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    inner: Arc<Inner>,
    /// How many posts were passed over.
    pub(crate) skipped: usize,
}

#[derive(Debug)]
struct Inner {
    file: File,
    shape: Shape,
    spans: Vec<Span>,
}

impl Input {
    /// How many posts there are to send.
    pub(crate) fn len(&self) -> usize {
        self.inner.spans.len()
    }

    /// The posts, from the first. Each is read when it is asked for, so a batch of any size takes little memory.
    pub(crate) fn posts(&self) -> Posts {
        let (inner, count) = (Arc::clone(&self.inner), self.len());
        Box::new((0..count).map(move |index| {
            let span = inner.spans[index];
            let mut line = vec![0; span.length as usize];
            let mut file = &inner.file;
            file.seek(SeekFrom::Start(span.start))
                .and_then(|_| file.read_exact(&mut line))
                .map_err(|error| error.to_string())
                .and_then(|()| inner.shape.post(&line))
                .map_err(|error| format!("the input changed while it was sent: {error}"))
        }))
    }

    /// All ids of the file, those passed over as well, in their order.
    pub(crate) fn ids(&self) -> Result<Vec<Id>, String> {
        let mut ids = Vec::new();
        each_line(&self.inner.file, |_, line| {
            let post = self.inner.shape.post(line)?;
            ids.push(post.id);
            Ok(())
        })
        .map_err(|malformed| format!("the input: {malformed}"))?;
        Ok(ids)
    }
}

fn scan(file: &File, shape: &Shape, done: &HashSet<Id>) -> Result<(Vec<Span>, usize), Malformed> {
    let (mut spans, mut seen, mut skipped) = (Vec::new(), HashSet::new(), 0);
    each_line(file, |span, line| {
        let post = shape.post(line)?;
        if seen.contains(&post.id) {
            return Err(format!("the id {} was used before", post.id));
        }
        match done.contains(&post.id) {
            true => skipped += 1,
            false => spans.push(span),
        }
        seen.insert(post.id);
        Ok(())
    })?;
    if seen.is_empty() {
        let reason = "holds no posts".to_owned();
        return Err(Malformed { line: 0, reason });
    }
    Ok((spans, skipped))
}

/// Calls `each` with every line that is not blank, trimmed.
fn each_line(
    mut file: &File,
    mut each: impl FnMut(Span, &[u8]) -> Result<(), String>,
) -> Result<(), Malformed> {
    let fails = |line: usize, reason: String| Malformed { line, reason };
    file.seek(SeekFrom::Start(0))
        .map_err(|error| fails(0, error.to_string()))?;
    let mut reader = BufReader::new(file);
    let (mut buffer, mut start) = (Vec::new(), 0);
    for number in 1.. {
        buffer.clear();
        let mut limited = (&mut reader).take(LONGEST_LINE);
        let read = limited.read_until(b'\n', &mut buffer);
        let read = read.map_err(|error| fails(0, error.to_string()))? as u64;
        if read == 0 {
            break;
        }
        if read == LONGEST_LINE && !buffer.ends_with(b"\n") {
            return Err(fails(
                number,
                format!("longer than {} MiB", LONGEST_LINE >> 20),
            ));
        }
        let mut line = &buffer[..];
        if number == 1 {
            if line.starts_with(b"\xff\xfe") || line.starts_with(b"\xfe\xff") {
                return Err(fails(0, "is UTF-16; it must be UTF-8".to_owned()));
            }
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        let before = buffer.len() - line.trim_ascii_start().len();
        let line = line.trim_ascii();
        if !line.is_empty() {
            let span = Span {
                start: start + before as u64,
                length: line.len() as u32,
            };
            each(span, line).map_err(|reason| fails(number, reason))?;
        }
        start += read;
    }
    Ok(())
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
