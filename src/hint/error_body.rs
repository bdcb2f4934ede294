//! What the body of an error says.

use std::time::Duration;

#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod prefix;
#[cfg(feature = "json")]
mod prose;

/// No more than this much of a body is looked at.
#[cfg(feature = "json")]
const MAX_LENGTH: usize = 64 * 1024;

/// What the body of an error says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// A code, or the numbers, of a refusal that no wait will change.
    pub(super) permanent: bool,
    /// The longest wait it asks for.
    pub(super) wait: Option<Duration>,
    /// It speaks of GitHub's secondary rate limit.
    pub(super) secondary_limit: bool,
}

/// Reads an error's body, or as much of it as is there.
#[cfg(feature = "json")]
pub(super) fn read(body: &[u8]) -> ErrorBody {
    let (body, cut) = match body.get(..MAX_LENGTH) {
        Some(start) => (start, body.len() > MAX_LENGTH),
        None => (body, false),
    };
    let mut found = ErrorBody::default();
    match prefix::parse(body) {
        Some(json) => json::read(&json, &mut found),
        // Not JSON: plain text, or a page.
        None => {
            let text = String::from_utf8_lossy(body);
            found.take_text(if cut {
                prefix::whole_words(&text)
            } else {
                &text
            });
        }
    }
    found
}

/// Reading bodies is not compiled in.
#[cfg(not(feature = "json"))]
pub(super) fn read(_body: &[u8]) -> ErrorBody {
    ErrorBody::default()
}

#[cfg(feature = "json")]
impl ErrorBody {
    /// Takes what a text meant for people says.
    fn take_text(&mut self, text: &str) {
        self.wait = self.wait.max(prose::wait(text));
        self.secondary_limit |= prose::contains(text, "secondary rate");
        self.permanent |= prose::is_too_large(text);
    }
}
