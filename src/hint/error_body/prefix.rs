//! JSON of which only the beginning is there.

use serde_json::Value;

/// Deeper JSON is not looked at; `serde_json` has the same bound.
const MAX_DEPTH: usize = 127;

/// Reads the first JSON value of a body; if the body breaks off within it, what is complete, and
/// the beginning of the string in which it breaks off.
pub(super) fn parse(body: &[u8]) -> Option<Value> {
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        // A character may have been cut in two at the end.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&body[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let text = text.trim_start_matches('\u{feff}');
    // Anything else at the root is no error object, and a plain text may start with a number.
    text.trim_start().starts_with(['{', '[']).then_some(())?;
    match serde_json::Deserializer::from_str(text)
        .into_iter()
        .next()?
    {
        Ok(value) => Some(value),
        Err(error) if error.is_eof() => {
            complete(text).and_then(|text| serde_json::from_str(&text).ok())
        }
        Err(_) => None,
    }
}

/// The text without what may be part of a longer word or number.
pub(super) fn whole_words(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_alphanumeric() || matches!(c, '.' | '\\'))
}

/// Closes what is open at the end of a JSON text that breaks off.
fn complete(text: &str) -> Option<String> {
    let mut open = Vec::new();
    // Where the text can be cut and closed, and how much is open there.
    let mut safe = (0, 0);
    let mut string = None;
    let mut is_key = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (string, byte) {
            (Some(_), b'\\') => {
                bytes.next();
            }
            (Some(_), b'"') => {
                string = None;
                if !is_key {
                    safe = (at + 1, open.len());
                }
            }
            (Some(_), _) => {}
            (None, b'"') => string = Some(at),
            (None, b'{' | b'[') => {
                open.push(if byte == b'{' { '}' } else { ']' });
                (open.len() <= MAX_DEPTH).then_some(())?;
                is_key = byte == b'{';
                safe = (at + 1, open.len());
            }
            (None, b'}' | b']') => {
                open.pop()?;
                safe = (at + 1, open.len());
            }
            (None, b':') => is_key = false,
            (None, b',') => {
                is_key = open.last() == Some(&'}');
                safe = (at, open.len());
            }
            (None, _) => {}
        }
    }
    let (end, depth) = match string {
        Some(_) if !is_key => (text.len(), open.len()),
        _ => {
            string = None;
            safe
        }
    };
    let mut text = match string {
        Some(start) => {
            // An escape that was cut, \u00e9 say, goes too, with its backslash.
            let content = whole_words(&text[start + 1..end]);
            format!("{}\"{content}\"", &text[..start])
        }
        None => text[..end].to_owned(),
    };
    text.extend(open[..depth].iter().rev());
    Some(text)
}
