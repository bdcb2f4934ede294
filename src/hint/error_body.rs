//! Reads the body of an error: JSON, XML, or a text.

mod content;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod keys;
#[cfg(feature = "json")]
mod prefix;
#[cfg(feature = "json")]
mod prose;
#[cfg(feature = "json")]
mod rates;
#[cfg(feature = "json")]
mod reader;
#[cfg(feature = "json")]
mod xml;

pub(super) use self::content::ErrorBody;
use super::dialect::Dialect;
use super::reference::Reference;

/// No more than this much of a body is looked at.
#[cfg(feature = "json")]
const MAX_LENGTH: usize = 64 * 1024;

/// Reads an error's body, or as much of it as is there.
#[cfg(feature = "json")]
pub(super) fn read(body: &[u8], dialect: &Dialect, reference: &Reference<'_>) -> ErrorBody {
    let mut reader = reader::Reader::new(dialect, reference);
    let (body, cut) = match body.get(..MAX_LENGTH) {
        Some(start) => (start, body.len() > MAX_LENGTH),
        None => (body, false),
    };
    if let Some(value) = prefix::parse(body) {
        json::read(&value, &mut reader);
        return reader.found;
    }
    // Not JSON: XML, plain text, or a page.
    let text = String::from_utf8_lossy(body);
    let text = if cut {
        prefix::whole_words(&text)
    } else {
        &text
    };
    xml::read(text, &mut reader);
    reader.take_text(text);
    reader.found
}

/// Reading bodies is not compiled in.
#[cfg(not(feature = "json"))]
pub(super) fn read(_: &[u8], _: &Dialect, _: &Reference<'_>) -> ErrorBody {
    ErrorBody::default()
}
