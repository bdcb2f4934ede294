//! What the body of a refusal says.

use crate::limits::{Refusal, Unit};

use super::Style;
use super::date::go_duration;

/// The body of a refusal, as JSON.
pub fn refusal_body(style: Style, refusal: &Refusal) -> String {
    let (what, unit) = match refusal.unit {
        None => ("concurrent requests", "requests"),
        Some(Unit::Requests) => ("requests", "requests"),
        Some(Unit::Tokens) => ("tokens", "tokens"),
    };
    let message = format!("Rate limit reached: too many {what}.");
    match style {
        Style::None | Style::RetryAfter | Style::Epoch | Style::Traefik => {
            format!(r#"{{"error":"{message}"}}"#)
        }
        Style::OpenAi => {
            let again = refusal.wait.map_or(String::new(), |wait| {
                format!(" Please try again in {}.", go_duration(wait))
            });
            format!(
                r#"{{"error":{{"message":"{message}{again}","type":"{unit}","param":null,"code":"rate_limit_exceeded"}}}}"#
            )
        }
        Style::Anthropic => format!(
            r#"{{"type":"error","error":{{"type":"rate_limit_error","message":"{message}"}}}}"#
        ),
        Style::Ietf => format!(
            r#"{{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","title":"{message}"}}"#
        ),
    }
}
