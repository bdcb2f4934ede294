//! The form in which a record is written.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{Ceiling, Learnt, MAX_PARTS, Rate, Window};
use crate::hint::{Dimension, Quota, ResetKind};

/// Counts the forms. One that cannot be read by what read the last gets the next number.
const VERSION: u32 = 1;

/// A record as it is written. What is not known by its name is ignored when it is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Document {
    version: u32,
    /// Seconds since 1970.
    at: f64,
    limit: usize,
    #[serde(default)]
    ceiling: Ceiling,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    round_trip: Option<f64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rates: Vec<RateDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<WindowDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    quotas: Vec<QuotaDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RateDocument {
    dimension: String,
    per_second: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    measured: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    depth: Option<f64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WindowDocument {
    length: f64,
    quota: u64,
    #[serde(default)]
    began: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct QuotaDocument {
    dimension: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reset: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window: Option<f64>,
    #[serde(default, skip_serializing_if = "KindDocument::is_unknown")]
    kind: KindDocument,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindDocument {
    #[default]
    Unknown,
    Full,
    Window,
}

impl KindDocument {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// Why a document is no record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Invalid {
    /// Its form is another.
    Version(u32),
    /// This number makes no sense.
    Number(&'static str),
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(f, "version {version} is not {VERSION}"),
            Self::Number(name) => write!(f, "`{name}` makes no sense"),
        }
    }
}

impl From<Learnt> for Document {
    fn from(learnt: Learnt) -> Self {
        let seconds = match learnt.at.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => since.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        };
        Self {
            version: VERSION,
            at: seconds,
            limit: learnt.limit,
            ceiling: learnt.ceiling,
            round_trip: learnt.round_trip.map(|time| time.as_secs_f64()),
            rates: learnt.rates.iter().map(RateDocument::from).collect(),
            window: learnt.window.map(WindowDocument::from),
            quotas: learnt.quotas.iter().map(QuotaDocument::from).collect(),
            pause: learnt.pause.map(|left| left.as_secs_f64()),
        }
    }
}

impl From<&Rate> for RateDocument {
    fn from(rate: &Rate) -> Self {
        Self {
            dimension: rate.dimension().to_string(),
            per_second: rate.per_second(),
            measured: Some(rate.measured()),
            depth: Some(rate.depth()),
        }
    }
}

impl From<Window> for WindowDocument {
    fn from(window: Window) -> Self {
        Self {
            length: window.length().as_secs_f64(),
            quota: window.quota(),
            began: window.began().as_secs_f64(),
        }
    }
}

impl From<&Quota> for QuotaDocument {
    fn from(quota: &Quota) -> Self {
        Self {
            dimension: quota.dimension.to_string(),
            limit: quota.limit,
            remaining: quota.remaining,
            reset: quota.reset.map(|reset| reset.as_secs_f64()),
            window: quota.window.map(|window| window.as_secs_f64()),
            kind: match quota.kind {
                ResetKind::Unknown => KindDocument::Unknown,
                ResetKind::Full => KindDocument::Full,
                ResetKind::Window => KindDocument::Window,
            },
        }
    }
}

impl TryFrom<Document> for Learnt {
    type Error = Invalid;

    fn try_from(document: Document) -> Result<Self, Invalid> {
        if document.version != VERSION {
            return Err(Invalid::Version(document.version));
        }
        if document.limit == 0 {
            return Err(Invalid::Number("limit"));
        }
        if document.rates.len() > MAX_PARTS || document.quotas.len() > MAX_PARTS {
            return Err(Invalid::Number("rates"));
        }
        let since = seconds("at", document.at)?;
        let at = SystemTime::UNIX_EPOCH.checked_add(since);
        let mut learnt = Self::new(document.limit)
            .with_at(at.ok_or(Invalid::Number("at"))?)
            .with_ceiling(document.ceiling);
        learnt.round_trip = some_seconds("round_trip", document.round_trip)?;
        learnt.pause = some_seconds("pause", document.pause)?;
        learnt.window = document.window.map(Window::try_from).transpose()?;
        for rate in document.rates {
            learnt = learnt.with_rate(rate.try_into()?);
        }
        for quota in document.quotas {
            learnt = learnt.with_quota(quota.try_into()?);
        }
        Ok(learnt)
    }
}

impl TryFrom<RateDocument> for Rate {
    type Error = Invalid;

    fn try_from(document: RateDocument) -> Result<Self, Invalid> {
        let dimension = dimension(&document.dimension);
        let rate =
            Self::new(dimension, document.per_second).ok_or(Invalid::Number("per_second"))?;
        Ok(rate
            .with_measured(document.measured.unwrap_or(document.per_second))
            .with_depth(document.depth.unwrap_or(1.0)))
    }
}

impl TryFrom<WindowDocument> for Window {
    type Error = Invalid;

    fn try_from(document: WindowDocument) -> Result<Self, Invalid> {
        let length = seconds("length", document.length)?;
        let began = seconds("began", document.began)?;
        Self::new(length, document.quota, began).ok_or(Invalid::Number("window"))
    }
}

impl TryFrom<QuotaDocument> for Quota {
    type Error = Invalid;

    fn try_from(document: QuotaDocument) -> Result<Self, Invalid> {
        let mut quota = Self::default();
        quota.dimension = dimension(&document.dimension);
        quota.limit = document.limit;
        quota.remaining = match (document.remaining, document.limit) {
            (Some(remaining), Some(limit)) => Some(remaining.min(limit)),
            (remaining, _) => remaining,
        };
        quota.reset = some_seconds("reset", document.reset)?;
        quota.window = some_seconds("window", document.window)?;
        quota.kind = match document.kind {
            KindDocument::Unknown => ResetKind::Unknown,
            KindDocument::Full => ResetKind::Full,
            KindDocument::Window => ResetKind::Window,
        };
        Ok(quota)
    }
}

fn dimension(name: &str) -> Dimension {
    if name == Dimension::Unnamed.to_string() {
        return Dimension::Unnamed;
    }
    Dimension::from_name(name)
}

fn seconds(name: &'static str, value: f64) -> Result<Duration, Invalid> {
    Duration::try_from_secs_f64(value).map_err(|_| Invalid::Number(name))
}

fn some_seconds(name: &'static str, value: Option<f64>) -> Result<Option<Duration>, Invalid> {
    value.map(|value| seconds(name, value)).transpose()
}
