//! The input: JSON lines, checked as a whole before anything is sent.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

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
    /// The input line, unchanged: the request's body.
    pub(crate) body: Bytes,
}

/// What a line must have; whatever else it has is sent along.
#[derive(Deserialize)]
struct Line {
    id: Id,
    text: String,
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
            line => write!(f, "line {line}: {}", self.reason),
        }
    }
}

/// Reads the posts of a file. The error names the file, the line and the reason.
pub(crate) fn read(path: &Path) -> Result<Vec<Post>, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    parse(&bytes.into()).map_err(|malformed| format!("{name}: {malformed}"))
}

/// Reads posts; blank lines are passed over.
pub(crate) fn parse(file: &Bytes) -> Result<Vec<Post>, Malformed> {
    let mut posts = Vec::new();
    let mut seen = HashSet::new();
    for (index, line) in file.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let malformed = |reason| Malformed {
            line: index + 1,
            reason,
        };
        let id = check(line).map_err(malformed)?;
        if !seen.insert(id.clone()) {
            return Err(malformed(format!("the id {id} was used before")));
        }
        posts.push(Post {
            id,
            body: file.slice_ref(line),
        });
    }
    if posts.is_empty() {
        let reason = "holds no posts".to_owned();
        return Err(Malformed { line: 0, reason });
    }
    Ok(posts)
}

fn check(line: &[u8]) -> Result<Id, String> {
    if line[0] != b'{' {
        // A struct would also be read from an array.
        return Err("not a JSON object".to_owned());
    }
    let line: Line = serde_json::from_slice(line).map_err(|error| match error.classify() {
        serde_json::error::Category::Data if error.to_string().contains("untagged") => {
            "the id is neither a string nor a number".to_owned()
        }
        _ => error.to_string().replace(" at line 1 column", " at column"),
    })?;
    if line.text.trim().is_empty() {
        return Err("the text is empty".to_owned());
    }
    Ok(line.id)
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
mod tests {
    use super::*;

    fn error(file: &'static str) -> String {
        let bytes = Bytes::from_static(file.as_bytes());
        parse(&bytes).expect_err("malformed").to_string()
    }

    #[test]
    fn lines_are_sent_unchanged() {
        let file = Bytes::from_static(
            b"{\"id\": 1, \"text\":\"a\"}\r\n\n{\"text\":\"b\",\"id\":\"1\",\"n\":[]}",
        );
        let posts = parse(&file).expect("sound");
        assert_eq!(posts.len(), 2, "the number 1 is not the string 1");
        assert_eq!(posts[0].id, Id::Number(1.into()));
        assert_eq!(&posts[0].body[..], b"{\"id\": 1, \"text\":\"a\"}");
        assert_eq!(posts[1].id, Id::Text("1".to_owned()));
        assert_eq!(
            &posts[1].body[..],
            b"{\"text\":\"b\",\"id\":\"1\",\"n\":[]}"
        );
    }

    #[test]
    fn the_error_names_line_and_reason() {
        let good = "{\"id\":1,\"text\":\"a\"}\n\n";
        assert_eq!(error(""), "holds no posts");
        for (bad, reason) in [
            (
                "{\"id\":2",
                "line 3: EOF while parsing an object at column 7",
            ),
            ("[2, \"b\"]", "line 3: not a JSON object"),
            (
                "{\"text\":\"b\"}",
                "line 3: missing field `id` at column 12",
            ),
            ("{\"id\":2}", "line 3: missing field `text` at column 8"),
            (
                "{\"id\":null,\"text\":\"b\"}",
                "line 3: the id is neither a string nor a number",
            ),
            ("{\"id\":2,\"text\":\" \"}", "line 3: the text is empty"),
            (
                "{\"id\":1,\"text\":\"b\"}",
                "line 3: the id 1 was used before",
            ),
        ] {
            let file = Bytes::from(format!("{good}{bad}"));
            assert_eq!(parse(&file).expect_err(bad).to_string(), reason);
        }
        let not_text = Bytes::from_static(b"{\"id\":1,\"text\":\"\xff\"}");
        let error = parse(&not_text).expect_err("not UTF-8").to_string();
        assert!(error.starts_with("line 1: invalid unicode"), "{error}");
    }

    #[test]
    fn the_posts_that_come_with_the_crate_are_sound() {
        let file = include_bytes!("../data/posts.jsonl");
        let posts = parse(&Bytes::from_static(file)).expect("sound");
        assert_eq!(posts.len(), 500);
        assert_eq!(posts[499].id, Id::Text("post-500".to_owned()));
    }
}
