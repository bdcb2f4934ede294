//! What all forms of bodies have in common: codes, times, and texts meant for people.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::content::ErrorBody;
use super::{prose, rates};
use crate::hint::codes::Meaning;
use crate::hint::date;
use crate::hint::dialect::Dialect;
use crate::hint::number::{self, Decimal};
use crate::hint::reference::Reference;
use crate::hint::{rate_limit, retry_after};

/// How many codes are looked at.
const MAX_CODES: usize = 64;
/// How many texts beside a code are looked at.
const MAX_TEXTS: usize = 16;
/// How much of a text beside a code is looked at.
const MAX_TEXT: usize = 1_024;

/// Collects what a body says.
pub(super) struct Reader<'a> {
    dialect: &'a Dialect,
    reference: &'a Reference<'a>,
    pub(super) found: ErrorBody,
    codes: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(dialect: &'a Dialect, reference: &'a Reference<'a>) -> Self {
        Self {
            dialect,
            reference,
            found: ErrorBody::default(),
            codes: 0,
        }
    }

    /// Takes a text meant for people.
    pub(super) fn take_text(&mut self, text: &str) {
        let found = &mut self.found;
        found.wait = found.wait.max(prose::wait(text));
        found.secondary_limit |= prose::is_secondary_limit(text);
        found.refusal |= found.secondary_limit || prose::is_refusal(text);
        found.permanent |= prose::is_permanent(text);
        found.of_request |= prose::is_too_large(text);
        if found.rate.is_none() {
            found.rate = rates::quota(text);
        }
    }

    /// Takes an error's code; `texts` are what the error says beside it.
    pub(super) fn take_code<'t>(
        &mut self,
        code: &str,
        texts: &(impl Iterator<Item = &'t str> + Clone),
    ) {
        self.codes += 1;
        if self.codes > MAX_CODES {
            return;
        }
        let says = |phrase: &str| {
            let mut texts = texts.clone().take(MAX_TEXTS);
            texts.any(|text| prose::contains(start(text, MAX_TEXT), phrase))
        };
        let found = &mut self.found;
        match self.dialect.meaning(code, says) {
            Some(Meaning::Temporary) => found.refusal = true,
            Some(Meaning::Daily) => {
                found.refusal = true;
                found.daily = true;
            }
            Some(Meaning::Permanent) => found.permanent = true,
            Some(Meaning::Request) => found.of_request = true,
            Some(Meaning::Mistake) => found.mistake = true,
            None => {}
        }
    }

    pub(super) fn take_wait(&mut self, text: &str, unit: u64) {
        self.found.wait = self.found.wait.max(self.time(text, unit));
    }

    pub(super) fn take_reset(&mut self, text: &str, unit: u64) {
        self.found.reset = self.found.reset.max(self.time(text, unit));
    }

    /// Takes the headers of an answer behind this one, as gateways pass them on (openclaude#936).
    pub(super) fn take_headers<'h>(&mut self, lines: impl Iterator<Item = (&'h str, String)>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::try_from(value)) {
                headers.append(name, value);
            }
        }
        let reference = self.reference.within(&headers);
        let ordered = retry_after::read(&headers, self.dialect, &reference);
        self.found.wait = self.found.wait.max(ordered.wait);
        let quotas = rate_limit::quotas(&headers, &reference);
        if self.found.quotas.is_empty() {
            self.found.quotas = quotas;
        }
    }

    /// The time that a value tells: a number of units, a duration with its own, or a date.
    fn time(&self, text: &str, unit: u64) -> Option<Duration> {
        let text = text.trim().as_bytes();
        if let Some(number) = Decimal::parse(text) {
            return Some(self.reference.delay(number, unit));
        }
        let date = date::rfc3339(text).or_else(|| self.reference.http_date(text));
        match date {
            Some(date) => Some(self.reference.until(date)),
            None => number::go_duration(text).or_else(|| prose::duration(text)),
        }
    }
}

/// The start of a text, up to `length` bytes of it.
pub(super) fn start(text: &str, length: usize) -> &str {
    let mut end = length.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
