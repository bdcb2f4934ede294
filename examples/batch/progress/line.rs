//! What the bar and the lines say.

use std::time::Duration;

use crate::times::{about, grouped};

/// The narrowest and the widest bar, and the narrowest terminal that has more than the narrowest.
const NARROW: usize = 8;
const WIDE: usize = 30;
const ROOMY: usize = 60;

/// Where things stand.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) name: &'static str,
    pub(super) answered: usize,
    pub(super) jobs: usize,
    pub(super) failed: usize,
    pub(super) in_flight: u64,
    pub(super) limit: Option<usize>,
    /// The requests per second that the client keeps to, if it does.
    pub(super) pace: Option<f64>,
    pub(super) paused: Option<Duration>,
    pub(super) refused: u64,
    pub(super) rate: f64,
    /// The time that is left, as far as can be told.
    pub(super) left: Option<Duration>,
}

impl State {
    /// What there is to say besides the count, the most important first.
    fn parts(&self) -> Vec<String> {
        let failed = (self.failed > 0).then(|| format!("{} failed", grouped(self.failed as u64)));
        let paused = self.paused.map(|pause| format!("paused {}", about(pause)));
        let left = self.left.map(|left| format!("{} left", about(left)));
        let limit = self
            .limit
            .map_or("no limit".to_owned(), |limit| format!("limit {limit}"));
        let pace = self
            .pace
            .map_or(String::new(), |pace| format!(", pace {pace:.1}/s"));
        [
            failed,
            // In a pause nobody can tell.
            paused.or(left),
            Some(format!("{:.1}/s", self.rate)),
            Some(format!("{} in flight, {limit}{pace}", self.in_flight)),
            Some(format!("{} refused", grouped(self.refused))),
            Some(self.name.to_owned()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn count(&self) -> String {
        format!(
            "{}/{}",
            grouped(self.answered as u64),
            grouped(self.jobs as u64)
        )
    }

    /// A line for a log.
    pub(super) fn words(&self) -> String {
        format!("{} done, {}", self.count(), self.parts().join(", "))
    }

    /// A bar with as much beside it as the terminal is wide for.
    pub(super) fn bar(&self, width: usize) -> String {
        // A terminal that is full to the last column may begin another line.
        let width = width.saturating_sub(1);
        // Always the same, so that the bar does not jump as the words beside it change.
        let room = match width {
            ..ROOMY => NARROW,
            _ => (width / 4).min(WIDE),
        };
        let mut text = self.count();
        for part in self.parts() {
            let longer = format!("{text}, {part}");
            if room + 3 + longer.len() > width {
                break;
            }
            text = longer;
        }
        if room + 3 + text.len() > width {
            return text.chars().take(width).collect();
        }
        let full = room * self.answered / self.jobs.max(1);
        format!("[{}{}] {text}", "#".repeat(full), "-".repeat(room - full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            name: "throttle",
            answered: 312,
            jobs: 5_000,
            failed: 3,
            in_flight: 5,
            limit: Some(6),
            pace: None,
            paused: None,
            refused: 12,
            rate: 41.23,
            left: Some(Duration::from_secs(114)),
        }
    }

    #[test]
    fn a_line_tells_all() {
        let expected = "312/5,000 done, 3 failed, 2 min left, 41.2/s, 5 in flight, limit 6, 12 refused, throttle";
        assert_eq!(state().words(), expected);
        let paused = State {
            paused: Some(Duration::from_secs(20)),
            failed: 0,
            limit: None,
            ..state()
        };
        let expected =
            "312/5,000 done, paused 20 s, 41.2/s, 5 in flight, no limit, 12 refused, throttle";
        assert_eq!(paused.words(), expected);
    }

    #[test]
    fn a_bar_fits_its_terminal() {
        let wide = "[#-----------------------------] 312/5,000, 3 failed, 2 min left, 41.2/s, \
                    5 in flight, limit 6, 12 refused, throttle";
        assert_eq!(state().bar(200), wide);
        assert_eq!(
            state().bar(50),
            "[--------] 312/5,000, 3 failed, 2 min left"
        );
        let done = State {
            answered: 5_000,
            ..state()
        };
        assert_eq!(done.bar(46), "[########] 5,000/5,000, 3 failed, 2 min left");
        for width in 0..200 {
            assert!(state().bar(width).len() <= width, "{width}");
        }
    }
}
