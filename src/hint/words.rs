//! Comparing the words of many dialects: `retry_after`, `retryAfter` and `Retry-After` are one word,
//! and so are `RATELIMITED` and `rate_limited`.
//!
//! The words that are looked for stand in lower case, and without what separates their parts.

/// Whether a text is a word.
pub(super) fn same(text: &str, word: &str) -> bool {
    let mut letters = letters_from_the_end(text);
    word.bytes().rev().all(|byte| letters.next() == Some(byte)) && letters.next().is_none()
}

/// Whether a text ends with a word.
pub(super) fn ends_with(text: &str, word: &str) -> bool {
    let mut letters = letters_from_the_end(text);
    word.bytes().rev().all(|byte| letters.next() == Some(byte))
}

fn letters_from_the_end(text: &str) -> impl Iterator<Item = u8> {
    let bytes = text.bytes().rev();
    bytes
        .filter(|byte| !matches!(byte, b'_' | b'-' | b' '))
        .map(|byte| byte.to_ascii_lowercase())
}
