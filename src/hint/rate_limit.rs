//! The quotas that a response's headers tell of, collected in one scan over the names.

use http::{HeaderMap, header};

use super::family::{self, Field, Name};
use super::ietf;
use super::number::{self, Decimal, SECOND};
use super::quota::{Dimension, MAX_QUOTAS, MAX_VALUE_LENGTH, Quota, State};
use super::reference::Reference;
use super::reset::{Reset, Style};
use super::window;

/// How many header lines are looked at.
const MAX_LINES: usize = 256;

/// A quota while its headers are being collected.
struct Draft<'a> {
    prefix: &'a str,
    dimension: &'a str,
    quota: Quota,
    /// The reset's value: how to read it depends on other headers.
    reset: Option<&'a [u8]>,
    reset_after: Option<&'a [u8]>,
    used: Option<u64>,
    status: Option<&'a [u8]>,
}

/// The quotas that a response's headers tell of. Allocates nothing if there are none.
pub(super) fn quotas(headers: &HeaderMap, reference: &Reference<'_>) -> Vec<Quota> {
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    let mut structured = false;
    let mut milliseconds = false;
    for (name, value) in headers.iter().take(MAX_LINES) {
        if !family::may_tell_of_quota(name) {
            continue;
        }
        if matches!(name.as_str(), "ratelimit" | "ratelimit-policy") {
            structured = true;
        } else if let Some(name) = Name::parse(name.as_str()) {
            milliseconds |= name.field == Field::RenewalPeriod;
            let value = value.as_bytes().trim_ascii();
            let found = drafts.iter().position(|draft| draft.belongs(name));
            let at = found.unwrap_or(drafts.len());
            if found.is_none() && at < MAX_QUOTAS {
                drafts.push(Draft::new(name));
            }
            let draft = drafts
                .get_mut(at)
                .filter(|_| value.len() <= MAX_VALUE_LENGTH);
            draft
                .into_iter()
                .for_each(|draft| draft.take(name.field, value));
        }
    }
    if !structured && drafts.is_empty() {
        return Vec::new();
    }
    // The IETF draft: what a cache answers says nothing of the quota now.
    let age = headers
        .get(header::AGE)
        .and_then(|age| number::count(age.as_bytes()));
    if age.is_some_and(|age| age > 0) {
        return Vec::new();
    }
    let mut quotas = Vec::with_capacity(drafts.len());
    if structured {
        ietf::quotas(headers, &mut quotas);
    }
    let read = drafts
        .into_iter()
        .map(|draft| draft.finish(milliseconds, reference));
    quotas.extend(read.filter(|quota| {
        quota.limit.is_some() || quota.remaining.is_some() || quota.reset.is_some()
    }));
    quotas.truncate(MAX_QUOTAS);
    for quota in &mut quotas {
        // Against a hostile or broken server (the IETF draft's security considerations).
        quota.remaining = quota
            .remaining
            .map(|left| left.min(quota.limit.unwrap_or(u64::MAX)));
    }
    quotas
}

/// Whether there may be a header that tells of a quota. This is on the path of every response.
pub(super) fn any(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .take(MAX_LINES)
        .any(family::may_tell_of_quota)
}

impl<'a> Draft<'a> {
    fn new(name: Name<'a>) -> Self {
        let (stem, window) = window::of_name(name.dimension);
        let dimension = Dimension::from_name(stem);
        Self {
            prefix: name.prefix,
            dimension: name.dimension,
            quota: Quota {
                dimension,
                window,
                ..Quota::default()
            },
            reset: None,
            reset_after: None,
            used: None,
            status: None,
        }
    }

    fn belongs(&self, name: Name<'_>) -> bool {
        self.prefix == name.prefix && self.dimension == name.dimension
    }

    /// Takes a header's value. Of several counts the least is kept, of several resets the last.
    fn take(&mut self, field: Field, value: &'a [u8]) {
        let quota = &mut self.quota;
        match field {
            Field::Limit => {
                let (limit, window) = window::of_limit(value);
                quota.limit = least(quota.limit, limit);
                quota.window = window.or(quota.window);
            }
            Field::Remaining => {
                let (remaining, window) = window::member(first_member(value)).unzip();
                quota.remaining = least(quota.remaining, remaining);
                quota.window = quota.window.or(window.flatten());
            }
            Field::Reset => self.reset = Some(value),
            Field::ResetAfter => self.reset_after = Some(value),
            Field::RenewalPeriod => {
                quota.window = Decimal::parse(value).map(|number| number.duration(SECOND));
            }
            Field::UsedOfLimit => {
                let slash = value
                    .iter()
                    .position(|&byte| byte == b'/')
                    .unwrap_or(value.len());
                self.used = number::count(&value[..slash]);
                quota.limit = value.get(slash + 1..).and_then(number::count);
            }
            Field::Used => self.used = number::count(value),
            Field::Status => self.status = Some(value),
        }
    }

    fn finish(mut self, milliseconds: bool, reference: &Reference<'_>) -> Quota {
        let style = Style {
            milliseconds,
            bucket: self.prefix.ends_with("anthropic-"),
            window: self.prefix.is_empty() && self.dimension.is_empty(),
        };
        let after = self.reset_after.and_then(|value| {
            Reset::parse(
                value,
                Style {
                    window: true,
                    ..Style::default()
                },
                reference,
            )
        });
        // A date has a comma of its own.
        let absolute = || {
            let read = |value| Reset::parse(value, style, reference);
            let first = |value| read(without_parameters(first_member(value)));
            self.reset
                .and_then(|value| read(value).or_else(|| first(value)))
        };
        let reset = after.or_else(absolute);
        let quota = &mut self.quota;
        if let Some(reset) = reset {
            quota.reset = Some(reset.after);
            quota.kind = reset.kind;
            if reset.refills {
                quota.state = State::Refilling;
            }
        }
        let unused = quota.limit.zip(self.used);
        let unused = unused.map(|(limit, used)| limit.saturating_sub(used));
        quota.remaining = quota.remaining.or(unused);
        match self.status {
            // `allowed`, and `allowed_warning` near the end of it.
            Some(status) if status.starts_with(b"allowed") => quota.state = State::Open,
            Some(b"rejected") => quota.remaining = Some(0),
            _ => {}
        }
        self.quota
    }
}

fn least(old: Option<u64>, new: Option<u64>) -> Option<u64> {
    old.into_iter().chain(new).min()
}

/// The first member of a list: the limit that applies now, by drafts 00 to 03 of the IETF.
fn first_member(value: &[u8]) -> &[u8] {
    value
        .split(|&byte| byte == b',')
        .next()
        .unwrap_or(value)
        .trim_ascii()
}

/// A value without the parameters after it.
fn without_parameters(value: &[u8]) -> &[u8] {
    value
        .split(|&byte| byte == b';')
        .next()
        .unwrap_or(value)
        .trim_ascii()
}
