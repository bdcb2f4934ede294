//! The shapes of XML errors, as AWS and Azure send them:
//! `<Error><Code>SlowDown</Code><Message>...</Message></Error>`.
//!
//! An element of an error that holds text alone is read as a member of a JSON error is. Which
//! elements it lies in is of no interest.

use super::keys::{self, Key};
use super::prose;
use super::reader::{Reader, start};

/// How many tags are looked at.
const MAX_TAGS: usize = 64;

/// Takes the codes and times of an XML body; a page for people has none.
pub(super) fn read(text: &str, reader: &mut Reader<'_>) {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if !text.starts_with('<') || is_page(text) {
        return;
    }
    for tag in text.split('<').skip(1).take(MAX_TAGS) {
        // `name attributes>content`, with what follows cut off.
        let Some((tag, content)) = tag.split_once('>') else {
            continue;
        };
        let name = tag.split_ascii_whitespace().next().unwrap_or(tag);
        let name = name.rsplit(':').next().unwrap_or(name);
        let content = content.trim();
        match keys::find(name).filter(|_| !content.is_empty()) {
            Some(Key::Code) => reader.take_code(content, &std::iter::once(text)),
            Some(Key::Wait(unit)) => reader.take_wait(content, unit),
            Some(Key::Reset(unit)) => reader.take_reset(content, unit),
            Some(Key::Inner | Key::Headers) | None => {}
        }
    }
}

fn is_page(text: &str) -> bool {
    let start = start(text, 512);
    prose::contains(start, "<!doctype html") || prose::contains(start, "<html")
}
