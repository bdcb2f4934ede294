//! `RateLimit` and `RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers.
//!
//! - Since draft 08: lists of strings, `"api";r=999;t=295` and `"api";q=1000;w=300`.
//! - Drafts 04 to 07: a dictionary, `limit=100, remaining=50, reset=5`, with policies
//!   `100;w=60`. express-rate-limit still sends it.
//! - Drafts 00 to 03 had three fields; those are read with the `X-RateLimit-*` family.
//!
//! A malformed line is ignored, as the draft demands; the others stand.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::quota::{Dimension, MAX_QUOTAS, MAX_VALUE_LENGTH, Quota, ResetKind};
use super::structured::{self, Bare, Member};

/// How many lines of one field are looked at.
const MAX_LINES: usize = 8;

/// One policy: a quota's name, size and window.
struct Policy<'a> {
    name: Bare<'a>,
    quota: u64,
    unit: Option<&'a str>,
    window: Option<Duration>,
}

/// The quotas that `RateLimit` and `RateLimit-Policy` tell of.
pub(super) fn quotas(headers: &HeaderMap, quotas: &mut Vec<Quota>) {
    let policies: Vec<Policy<'_>> = lines(headers, "ratelimit-policy")
        .filter_map(policies)
        .flatten()
        .collect();
    let mut told = [false; MAX_QUOTAS];
    for line in lines(headers, "ratelimit") {
        if let Some(members) = structured::list(line).and_then(|members| limits(&members)) {
            for (name, mut quota) in members {
                let policy = policies.iter().position(|policy| policy.name == name);
                if let Some(found) = policy {
                    policies[found].describe(&mut quota);
                    told.get_mut(found)
                        .into_iter()
                        .for_each(|told| *told = true);
                }
                quotas.push(quota);
            }
        } else if let Some(mut quota) = structured::dictionary(line).and_then(|m| combined(&m)) {
            let limit = quota.limit;
            let policy = policies
                .iter()
                .position(|policy| Some(policy.quota) == limit);
            if let Some(found) = policy {
                policies[found].describe(&mut quota);
                told.get_mut(found)
                    .into_iter()
                    .for_each(|told| *told = true);
            }
            quotas.push(quota);
        }
    }
    // A policy of which no state was told is still a limit to keep to.
    for (policy, _) in policies.iter().zip(told).filter(|(_, told)| !told) {
        let mut quota = Quota::default();
        policy.describe(&mut quota);
        quotas.push(quota);
    }
}

impl Policy<'_> {
    fn describe(&self, quota: &mut Quota) {
        quota.limit = Some(self.quota);
        quota.window = self.window;
        // The draft's default unit is requests.
        quota.dimension = Dimension::from_name(self.unit.unwrap_or("requests"));
    }
}

/// A line of `RateLimit-Policy`: `"name";q=100;w=60`, or `100;w=60` in drafts 04 to 07.
fn policies(line: &str) -> Option<Vec<Policy<'_>>> {
    let members = structured::list(line)?;
    members
        .into_iter()
        .map(|member| {
            let quota = match member.value {
                Bare::String(_) => member.q?,
                number => number,
            };
            let window = match member.w {
                Some(seconds) => Some(natural(seconds).filter(|&seconds| seconds > 0)?),
                None => None,
            };
            let unit = match member.qu {
                Some(Bare::String(unit)) => Some(unit),
                Some(_) => return None,
                None => None,
            };
            Some(Policy {
                name: member.value,
                quota: natural(quota)?,
                unit,
                window: window.map(Duration::from_secs),
            })
        })
        .collect()
}

/// A line of `RateLimit`: `"name";r=50;t=30`.
fn limits<'a>(members: &[Member<'a>]) -> Option<Vec<(Bare<'a>, Quota)>> {
    members
        .iter()
        .map(|member| {
            let Bare::String(_) = member.value else {
                return None;
            };
            let remaining = Some(natural(member.r?)?);
            let reset = match member.t {
                Some(seconds) => Some(Duration::from_secs(natural(seconds)?)),
                None => None,
            };
            let kind = if reset.is_some() {
                ResetKind::Window
            } else {
                ResetKind::Unknown
            };
            Some((
                member.value,
                Quota {
                    remaining,
                    reset,
                    kind,
                    ..Quota::default()
                },
            ))
        })
        .collect()
}

/// The `RateLimit` of drafts 04 to 07: `limit=100, remaining=50, reset=5`.
fn combined(members: &[Member<'_>]) -> Option<Quota> {
    let number = |key| match members.iter().rfind(|member| member.key == key) {
        Some(member) => natural(member.value).map(Some),
        None => Some(None),
    };
    let (limit, remaining, reset) = (number("limit")?, number("remaining")?, number("reset")?);
    let told = limit.is_some() || remaining.is_some() || reset.is_some();
    let kind = if reset.is_some() {
        ResetKind::Window
    } else {
        ResetKind::Unknown
    };
    let reset = reset.map(Duration::from_secs);
    told.then(|| Quota {
        limit,
        remaining,
        reset,
        kind,
        ..Quota::default()
    })
}

fn natural(value: Bare<'_>) -> Option<u64> {
    match value {
        Bare::Integer(value) => u64::try_from(value).ok(),
        _ => None,
    }
}

fn lines<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().take(MAX_LINES);
    lines
        .filter(|line| line.len() <= MAX_VALUE_LENGTH)
        .filter_map(text)
}

/// The value's text; `to_str` of `HeaderValue` refuses what structured fields refuse.
fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}
