//! Finds the usage in JSON that comes in pieces.
//!
//! JSON is not taken apart: brackets and strings are followed, and only the object that is wanted is kept. So it takes the
//! same little memory whatever comes, and rubbish is no error.

/// The keys of what is wanted.
const WANTED: [&[u8]; 2] = [b"usage", b"usageMetadata"];

/// The objects in which it is looked for, beside the outermost one: of OpenAI's Responses API, and of Anthropic's
/// `message_start`.
const AROUND: [&[u8]; 2] = [b"response", b"message"];

/// The longest of these keys.
const LONGEST_KEY: usize = 13;

/// An object that is larger than this is none that is wanted. They have a few hundred bytes.
const MOST_KEPT: usize = 4 * 1024;

/// Reads JSON, piece by piece.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// How many brackets are open.
    depth: usize,
    /// Of how many of these, from the outermost one, the members are looked at.
    open: usize,
    /// The outermost one is a list.
    is_list: bool,
    text: Text,
    /// The last string at a place where it may be a key.
    key: Key,
    kept: Option<Kept>,
}

/// Whether it is in a string.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Text {
    #[default]
    Outside,
    Inside,
    /// Behind a backslash.
    Escaped,
}

/// An object that is wanted.
#[derive(Debug)]
struct Kept {
    bytes: Vec<u8>,
    /// How many brackets were open before it.
    depth: usize,
    is_nested: bool,
}

#[derive(Debug, Default)]
struct Key {
    bytes: [u8; LONGEST_KEY],
    /// Longer than the bytes if it is none that matters.
    length: usize,
    /// A colon came after it.
    is_key: bool,
}

impl Key {
    fn begin(&mut self) {
        (self.length, self.is_key) = (0, false);
    }

    fn push(&mut self, text: &[u8]) {
        let end = self.length.saturating_add(text.len());
        if let Some(room) = self.bytes.get_mut(self.length..end) {
            room.copy_from_slice(text);
        }
        self.length = end;
    }

    fn is_one_of(&self, keys: &[&[u8]]) -> bool {
        self.is_key
            && self
                .bytes
                .get(..self.length)
                .is_some_and(|key| keys.contains(&key))
    }
}

impl Scanner {
    /// Reads a piece. Calls `found` with each object that is wanted, and whether it is in another than the outermost.
    pub(super) fn read(&mut self, mut piece: &[u8], found: &mut impl FnMut(&[u8], bool)) {
        while !piece.is_empty() {
            let length = if self.text == Text::Outside {
                self.read_structure(piece, found)
            } else {
                self.read_string(piece)
            };
            piece = &piece[length..];
        }
    }

    /// Whether a string may be a key that matters.
    fn is_open(&self) -> bool {
        self.depth == self.open && self.kept.is_none()
    }

    /// Reads up to the end of a string. Returns how many bytes that are.
    fn read_string(&mut self, piece: &[u8]) -> usize {
        if self.text == Text::Escaped {
            // No key that matters has one.
            self.key.push(&[b'\\'; LONGEST_KEY]);
            self.keep(&piece[..1]);
            self.text = Text::Inside;
            return 1;
        }
        let end = piece.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        let text = &piece[..end.unwrap_or(piece.len())];
        if self.is_open() {
            self.key.push(text);
        }
        let Some(end) = end else {
            self.keep(text);
            return text.len();
        };
        self.text = if piece[end] == b'"' {
            Text::Outside
        } else {
            Text::Escaped
        };
        self.keep(&piece[..=end]);
        end + 1
    }

    /// Reads up to the next bracket, colon, comma or quote, and that. Returns how many bytes that are.
    fn read_structure(&mut self, piece: &[u8], found: &mut impl FnMut(&[u8], bool)) -> usize {
        let marks = |byte: &u8| matches!(byte, b'{' | b'}' | b'[' | b']' | b':' | b',' | b'"');
        let Some(at) = piece.iter().position(marks) else {
            self.keep(piece);
            return piece.len();
        };
        if matches!(piece[at], b'{' | b'[') {
            self.open(piece[at]);
            self.keep(&piece[at..=at]);
            return at + 1;
        }
        self.keep(&piece[..=at]);
        match piece[at] {
            b'}' | b']' => self.close(found),
            b'"' => {
                self.text = Text::Inside;
                if self.is_open() {
                    self.key.begin();
                }
            }
            b':' if self.is_open() => self.key.is_key = true,
            b',' if self.is_open() => self.key.begin(),
            _ => {}
        }
        at + 1
    }

    fn open(&mut self, bracket: u8) {
        if self.depth == 0 {
            (self.open, self.is_list) = (1, bracket == b'[');
        } else if self.is_open() && bracket == b'{' {
            if self.key.is_one_of(&WANTED) {
                self.kept = Some(Kept {
                    bytes: Vec::new(),
                    depth: self.depth,
                    is_nested: self.depth > 1 + usize::from(self.is_list),
                });
            } else if self.key.is_one_of(&AROUND) || (self.is_list && self.depth == 1) {
                self.open += 1;
            }
        }
        self.key.begin();
        self.depth = self.depth.saturating_add(1);
    }

    fn close(&mut self, found: &mut impl FnMut(&[u8], bool)) {
        self.depth = self.depth.saturating_sub(1);
        self.open = self.open.min(self.depth);
        let depth = self.depth;
        if let Some(kept) = self.kept.take_if(|kept| kept.depth >= depth) {
            found(&kept.bytes, kept.is_nested);
        }
    }

    /// Keeps a part of the object that is wanted.
    fn keep(&mut self, part: &[u8]) {
        if let Some(kept) = &mut self.kept {
            if kept.bytes.len() + part.len() > MOST_KEPT {
                self.kept = None;
            } else {
                kept.bytes.extend_from_slice(part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in these pieces.
    fn scan<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<(String, bool)> {
        let mut all = Vec::new();
        let mut scanner = Scanner::default();
        for piece in pieces {
            scanner.read(piece, &mut |object, is_nested| {
                all.push((String::from_utf8_lossy(object).into_owned(), is_nested));
            });
        }
        all
    }

    /// The same in pieces of every length.
    fn all_ways(json: &str) -> Vec<(String, bool)> {
        let whole = scan([json.as_bytes()]);
        for length in 1..json.len() {
            assert_eq!(scan(json.as_bytes().chunks(length)), whole, "{length}");
        }
        whole
    }

    fn objects(json: &str) -> Vec<String> {
        all_ways(json).into_iter().map(|(found, _)| found).collect()
    }

    #[test]
    fn the_outermost_usage_is_found_wherever_it_stands() {
        for json in [
            r#"{"usage":{"a":{"b":[1]},"c":"}"},"choices":[{"usage":{"no":1}}]}"#,
            r#"{"choices":[{"usage":{"no":1}}, "usage"], "usage" : {"a":{"b":[1]},"c":"}"}}"#,
            r#"{"x":"\"usage\":{","y":{"usage":{"no":1}},"usage":{"a":{"b":[1]},"c":"}"},"z":null}"#,
            r#"{"usage":null,"usage":"usage","usage":{"a":{"b":[1]},"c":"}"}}"#,
        ] {
            assert_eq!(objects(json), [r#"{"a":{"b":[1]},"c":"}"}"#], "{json}");
        }
    }

    #[test]
    fn so_is_that_in_a_response_or_a_message_or_a_list() {
        let nested = [(String::from(r#"{"n":1}"#), true)];
        assert_eq!(
            all_ways(r#"{"type":"x","response":{"id":1,"usage":{"n":1}}}"#),
            nested
        );
        assert_eq!(all_ways(r#"{"message":{"usage":{"n":1}}}"#), nested);
        let list = r#"[{"usageMetadata":{"n":1}},{"x":[],"usageMetadata":{"n":2}}]"#;
        let outermost = [r#"{"n":1}"#, r#"{"n":2}"#].map(|found| (found.to_owned(), false));
        assert_eq!(all_ways(list), outermost);
    }

    #[test]
    fn what_only_reads_alike_is_not() {
        for json in [
            r#"{"content":"\"usage\":{\"n\":1}"}"#,
            r#"{"usage2":{"n":1},"usag":{"n":1},"us\u0061ge":{"n":1},"\usage":{"n":1}}"#,
            r#"{"message":[{"usage":{"n":1}}]}"#,
            r#"["usage",{"x":["usage"]},["usage",{"n":1}]]"#,
            r#"{"usage","n":{"n":1}}"#,
        ] {
            assert_eq!(objects(json), Vec::<String>::new(), "{json}");
        }
    }

    #[test]
    fn one_that_is_too_long_is_not_kept_and_what_follows_is_read() {
        let long = "x".repeat(MOST_KEPT);
        let json = format!(r#"{{"usage":{{"a":"{long}"}},"usage":{{"n":1}}}}"#);
        assert_eq!(scan(json.as_bytes().chunks(97)).len(), 1);
    }

    #[test]
    fn rubbish_is_read_to_its_end() {
        let mut rng = fastrand::Rng::with_seed(5);
        let alphabet = br#"{}[]:,"\ usage"usageMetadata"{1"#;
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..300)
                .map(|_| alphabet[rng.usize(..alphabet.len())])
                .collect();
            let whole = scan([&bytes[..]]);
            assert_eq!(scan(bytes.chunks(7)), whole);
        }
    }
}
