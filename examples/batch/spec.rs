//! The embedded API's limits, as `--api` names them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sim::limits::{self, Unit};
use sim::schedule::Schedule;

use crate::times::meant;

/// One limit, as `--api` names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// The most requests at once, each until its answer's body is written.
    Concurrency(u64),
    /// A token bucket, filled at an even rate: `per_minute` units, of which `burst` fit in.
    Bucket {
        unit: Unit,
        per_minute: u64,
        burst: u64,
    },
    /// Fixed windows of `quota` requests each; the first opens with the first request, and one
    /// follows the other.
    Window { quota: u64, length: Duration },
}

/// The limits of an API; a request needs the consent of each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec(pub(crate) Vec<Rule>);

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rules = Vec::new();
        for part in text.split(',') {
            let (key, value) = part
                .trim()
                .split_once('=')
                .ok_or_else(|| format!("`{part}` is not of the form key=value"))?;
            match key {
                "concurrency" => rules.push(Rule::Concurrency(positive(value)?)),
                "rpm" => {
                    let per_minute = positive(value)?;
                    rules.push(Rule::Bucket {
                        unit: Unit::Requests,
                        per_minute,
                        // A second's worth: providers enforce 60 a minute as one a second.
                        burst: (per_minute / 60).max(1),
                    });
                }
                "tpm" => {
                    let per_minute = positive(value)?;
                    rules.push(Rule::Bucket {
                        unit: Unit::Tokens,
                        per_minute,
                        // A request needs its whole cost at once, so a second's worth is too few.
                        burst: (per_minute / 6).max(1),
                    });
                }
                "burst" => match rules.last_mut() {
                    Some(Rule::Bucket { burst, .. }) => *burst = positive(value)?,
                    _ => return Err("burst= must follow rpm= or tpm=".to_owned()),
                },
                "window" => {
                    let (quota, length) = value
                        .split_once('/')
                        .ok_or_else(|| format!("`{part}` is not of the form window=300/60s"))?;
                    let length = parse_duration(length)?;
                    if length.is_zero() {
                        return Err("a window must last longer than nothing".to_owned());
                    }
                    let quota = positive(quota)?;
                    rules.push(Rule::Window { quota, length });
                }
                _ => return Err(unknown(key)),
            }
        }
        Ok(Self(rules))
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, rule) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match rule {
                Rule::Concurrency(limit) => write!(f, "concurrency={limit}")?,
                Rule::Bucket {
                    unit,
                    per_minute,
                    burst,
                } => {
                    let key = match unit {
                        Unit::Requests => "rpm",
                        _ => "tpm",
                    };
                    write!(f, "{key}={per_minute},burst={burst}")?;
                }
                Rule::Window { quota, length } => write!(f, "window={quota}/{length:?}")?,
            }
        }
        Ok(())
    }
}

fn unknown(key: &str) -> String {
    const KEYS: [&str; 5] = ["concurrency", "rpm", "tpm", "burst", "window"];
    match meant(key, KEYS) {
        Some(meant) => format!("there is no `{key}`; did you mean `{meant}`?"),
        None => format!("`{key}` is none of {}", KEYS.join(", ")),
    }
}

fn positive(text: &str) -> Result<u64, String> {
    match text.parse() {
        // Beyond this a number is a slip of the finger, and the arithmetic stays exact.
        Ok(number @ 1..=1_000_000_000) => Ok(number),
        _ => Err(format!("`{text}` is not a number from 1 to 1000000000")),
    }
}

/// Reads `250ms`, `1.5s`, `2m`, `12h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` needs a unit: us, ms, s, m or h")),
    };
    let seconds = digits
        .parse::<f64>()
        .map_err(|_| format!("`{text}` is not a time such as 100ms"))?
        * unit;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if seconds <= 86_400.0 => Ok(duration),
        _ => Err(format!("`{text}` is not between 0 and a day")),
    }
}

impl Spec {
    /// The limits as the simulated API has them.
    pub(crate) fn rules(&self) -> Vec<limits::Rule> {
        let rule = |rule: &Rule| match *rule {
            Rule::Concurrency(limit) => limits::Rule::in_flight(always(limit)),
            Rule::Bucket {
                unit,
                per_minute,
                burst,
            } => limits::Rule::Bucket {
                per_minute: always(per_minute),
                burst: burst as f64,
                unit,
            },
            Rule::Window { quota, length } => limits::Rule::Window {
                limit: always(quota),
                period: length.as_secs_f64(),
                phase: None,
            },
        };
        self.0.iter().map(rule).collect()
    }

    /// Whether a request of `tokens` could ever be taken.
    pub(crate) fn takes(&self, tokens: u32) -> bool {
        self.0.iter().all(|rule| match *rule {
            Rule::Bucket {
                unit: Unit::Tokens,
                burst,
                ..
            } => u64::from(tokens) <= burst,
            _ => true,
        })
    }
}

fn always(number: u64) -> Schedule {
    Schedule::always(number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combination_reads_as_it_prints() {
        let spec: Spec = "concurrency=5,rpm=600,burst=20,tpm=60000,window=300/60s"
            .parse()
            .expect("a sound combination");
        assert_eq!(
            spec.to_string(),
            "concurrency=5,rpm=600,burst=20,tpm=60000,burst=10000,window=300/60s"
        );
        assert_eq!(spec.to_string().parse(), Ok(spec));
    }

    #[test]
    fn bursts_default_to_a_second_of_requests_and_ten_of_tokens() {
        let spec: Spec = "rpm=600,tpm=600,rpm=30".parse().expect("three buckets");
        assert_eq!(
            spec.to_string(),
            "rpm=600,burst=10,tpm=600,burst=100,rpm=30,burst=1"
        );
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "concurrency",
            "concurrency=0",
            "rpm=-1",
            "rpm=9999999999",
            "burst=3",
            "concurrency=5,burst=3",
            "window=300",
            "window=300/60",
            "window=300/0s",
            "speed=3",
        ] {
            assert!(text.parse::<Spec>().is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit_and_stay_within_a_day() {
        assert_eq!(parse_duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("250us"), Ok(Duration::from_micros(250)));
        assert_eq!(parse_duration("12h"), Ok(Duration::from_secs(12 * 3600)));
        for text in [
            "", "5", "ms", "-1s", "NaNs", "infs", "99999m", "25h", "1d", "1\u{e9}s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
