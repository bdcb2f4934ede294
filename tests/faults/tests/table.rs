//! The rows of the table in the README.

use std::fmt;

use crate::client::Seen;
use crate::scenario::Scenario;
use crate::server::Version;

/// Prints a row for each fault, and fails if it does not stand in the README. Where HTTP/1.1 and
/// HTTP/2 see the same, they share a row.
pub(crate) fn check(scenarios: &[Scenario]) {
    let cells = |s: &Scenario| [&s.defaults, &s.get, &s.post].map(ToString::to_string);
    for (at, scenario) in scenarios.iter().enumerate() {
        let same =
            |other: &&Scenario| other.name == scenario.name && cells(other) == cells(scenario);
        if scenarios[..at].iter().find(same).is_some() {
            continue;
        }
        let versions = scenarios[at..].iter().filter(same);
        let versions: Vec<_> = versions.map(|s| s.version.to_string()).collect();
        let [defaults, get, post] = cells(scenario);
        check_row(scenario.name, &versions.join(", "), &defaults, &get, &post);
    }
}

/// The same for what is no [`Scenario`].
pub(crate) fn check_row(fault: &str, versions: &str, defaults: &str, get: &str, post: &str) {
    let row = format!("| {fault} | {versions} | {defaults} | {get} | {post} |");
    println!("{row}");
    assert!(
        include_str!("../README.md").contains(&row),
        "not in README.md: {row}"
    );
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Served => "200",
            Self::Truncated => "200, cut short",
            Self::Refused => "429",
            Self::Error => "error",
            Self::BodyError => "200, error in its body",
            Self::TimedOut => "waits",
            Self::Wrong(_) => "wrong",
        })
    }
}
