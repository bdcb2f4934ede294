//! What is known of one answer's usage.

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::events::Events;
use super::provider::{Taken, Usage};
use super::scanner::Scanner;
use crate::cost::Charge;
use crate::message::HttpResponse;

/// Reads one answer. Settles its charge when it is dropped.
pub(super) struct Reader {
    usage: Usage,
    charge: Charge,
    scanner: Scanner,
    /// `None` if the answer is JSON as it is.
    events: Option<Events>,
    taken: Taken,
}

impl Reader {
    /// Of an answer that can be read, and has a charge to settle.
    pub(super) fn of(usage: Usage, response: &impl HttpResponse) -> Option<Box<Self>> {
        let charge = Charge::of(response.extensions())?.clone();
        let headers = response.headers();
        if is_encoded(headers) {
            return None;
        }
        let events = match headers.get(CONTENT_TYPE).map(essence) {
            Some(b"text/event-stream") => Some(Events::default()),
            Some(other) if !other.ends_with(b"json") => return None,
            _ => None,
        };
        Some(Box::new(Self {
            usage,
            charge,
            scanner: Scanner::default(),
            events,
            taken: Taken::default(),
        }))
    }

    /// Reads a piece of the body.
    pub(super) fn read(&mut self, data: &[u8]) {
        let (usage, taken) = (self.usage, &mut self.taken);
        let mut found = |object: &[u8], is_nested| usage.read(object, is_nested, taken);
        match &mut self.events {
            Some(events) => events.read(data, &mut self.scanner, &mut found),
            None => self.scanner.read(data, &mut found),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let charged = self.charge.cost();
        if let Some(cost) = self.usage.settled(charged, &self.taken) {
            self.charge.settle(cost);
        }
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING);
    encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// A media type without its parameters.
fn essence(value: &HeaderValue) -> &[u8] {
    let value = value.as_bytes().split(|byte| *byte == b';').next();
    value.unwrap_or_default().trim_ascii()
}
