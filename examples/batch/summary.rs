//! What a run came to.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Counts;
use crate::classes::Classes;
use crate::posts::Id;
use crate::reasons::Reasons;
use crate::stopping::Stop;
use crate::times::grouped;

/// How many reasons are printed; the JSON has all.
const REASONS: usize = 5;

/// The figures of one client's run.
#[derive(Debug, Clone)]
pub(crate) struct Summary {
    pub(crate) client: &'static str,
    /// The embedded API's limits, or the host that was called.
    pub(crate) api: String,
    /// Posts to send; those that `--resume` passed over are not among them.
    pub(crate) jobs: usize,
    pub(crate) skipped: usize,
    pub(crate) done: usize,
    pub(crate) failed: usize,
    /// Answers with status 429, and the most requests in flight, as the client saw them.
    pub(crate) refused: u64,
    pub(crate) peak_in_flight: u64,
    pub(crate) makespan: Duration,
    pub(crate) reasons: Reasons,
    /// When the posts of each class were done, if there are classes.
    pub(crate) classes: Option<Classes>,
    pub(crate) stopped: Option<Stop>,
    pub(crate) embedded: Option<Embedded>,
    pub(crate) output: Option<PathBuf>,
}

/// What is known of the embedded API alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedded {
    pub(crate) hints: &'static str,
    pub(crate) latency: Duration,
    /// What it counted itself.
    pub(crate) counts: Counts,
    /// The best possible makespan under its limits.
    pub(crate) best: Duration,
}

impl Summary {
    pub(crate) fn refused_per_1000(&self) -> f64 {
        self.refused as f64 * 1000.0 / self.jobs.max(1) as f64
    }

    /// Makespan over the best possible; of a batch that was not done to its end there is none.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let best = self.embedded?.best;
        let whole = self.done == self.jobs && !best.is_zero();
        whole.then(|| self.makespan.as_secs_f64() / best.as_secs_f64())
    }

    /// One JSON object; times in seconds.
    pub(crate) fn to_json(&self) -> Value {
        let api = self.embedded.map(|api| {
            json!({
                "hints": api.hints,
                "latency_s": api.latency.as_secs_f64(),
                "accepted": api.counts.accepted,
                "refused": api.counts.refused,
                "peak_in_flight": api.counts.peak,
            })
        });
        json!({
            "client": self.client,
            "api": self.api,
            "jobs": self.jobs,
            "skipped": self.skipped,
            "done": self.done,
            "failed": self.failed,
            "refused": self.refused,
            "refused_per_1000": rounded(self.refused_per_1000()),
            "peak_in_flight": self.peak_in_flight,
            "makespan_s": rounded(self.makespan.as_secs_f64()),
            "best_s": self.embedded.map(|api| rounded(api.best.as_secs_f64())),
            "ratio": self.ratio().map(rounded),
            "reasons": self.reasons.to_json(),
            "classes": self.classes.as_ref().map(Classes::to_json),
            "stopped": self.stopped.as_ref().map(Stop::name),
            "embedded": api,
            "output": self.output,
        })
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "client    {} against {}", self.client, self.api)?;
        if let Some(api) = self.embedded {
            writeln!(
                f,
                "          {:?} a request, hints: {}",
                api.latency, api.hints
            )?;
        }
        let number = |count: usize| grouped(count as u64);
        write!(
            f,
            "posts     {} done, {} failed",
            number(self.done),
            number(self.failed)
        )?;
        let left = self.jobs - self.done - self.failed;
        if left > 0 {
            write!(f, ", {} not sent", number(left))?;
        }
        if self.skipped > 0 {
            write!(f, ", {} skipped", number(self.skipped))?;
        }
        writeln!(f)?;
        self.fmt_reasons(f)?;
        for times in self.classes.iter().flat_map(Classes::times) {
            let (half, all) = (times.half.as_secs_f64(), times.all.as_secs_f64());
            let (name, done) = (times.class.name(), number(times.done));
            writeln!(
                f,
                "{name:<11} {done}: half by {half:.2} s, all by {all:.2} s"
            )?;
        }
        let per_1000 = self.refused_per_1000();
        writeln!(
            f,
            "refused   {}, {per_1000:.0} per 1,000 posts",
            grouped(self.refused)
        )?;
        writeln!(f, "in flight {} at most", self.peak_in_flight)?;
        self.fmt_makespan(f)?;
        if let Some(path) = &self.output {
            write!(f, "\nanswers   {}", path.display())?;
        }
        Ok(())
    }
}

impl Summary {
    fn fmt_reasons(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons = self.reasons.sorted();
        for (reason, failures) in reasons.iter().take(REASONS) {
            let (count, first) = (grouped(failures.count as u64), first(&failures.first));
            writeln!(f, "  {count} x {reason}; first {first}")?;
            if let Some(message) = &failures.message {
                writeln!(f, "      \"{message}\"")?;
            }
        }
        match reasons.len().saturating_sub(REASONS) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} other reasons; see --json"),
        }
    }

    fn fmt_makespan(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "makespan  {:.2} s", self.makespan.as_secs_f64())?;
        let Some(api) = self.embedded else {
            return Ok(());
        };
        // Of a batch that was not sent to its end the best possible says nothing.
        if let Some(ratio) = self.ratio() {
            let best = api.best.as_secs_f64();
            write!(f, "\n          best possible {best:.2} s, ratio {ratio:.2}")?;
        }
        let counts = api.counts;
        let (accepted, refused) = (grouped(counts.accepted), grouped(counts.refused));
        write!(f, "\nthe API   accepted {accepted}, refused {refused}")?;
        write!(f, ",\n          worked on {} at most", counts.peak)
    }
}

/// A name that a person can search for, and not a whole line of it.
fn first(id: &Id) -> String {
    let id = id.to_string();
    match id.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &id[..end]),
        None => id,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn summary() -> Summary {
        let counts = Counts {
            accepted: 500,
            refused: 6,
            peak: 5,
        };
        Summary {
            client: "throttle",
            api: "concurrency=5".to_owned(),
            jobs: 500,
            skipped: 0,
            done: 500,
            failed: 0,
            refused: 6,
            peak_in_flight: 6,
            makespan: Duration::from_millis(10_500),
            reasons: Reasons::default(),
            classes: None,
            stopped: None,
            embedded: Some(Embedded {
                hints: "none",
                latency: Duration::from_millis(100),
                counts,
                best: Duration::from_secs(10),
            }),
            output: None,
        }
    }

    #[test]
    fn json_has_the_keys_that_were_promised() {
        let json = summary().to_json();
        assert_eq!(json["client"], "throttle");
        assert_eq!(json["api"], "concurrency=5");
        assert_eq!(json["jobs"], 500);
        assert_eq!(json["done"], 500);
        assert_eq!(json["failed"], 0);
        assert_eq!(json["refused"], 6);
        assert_eq!(json["refused_per_1000"], 12.0);
        assert_eq!(json["peak_in_flight"], 6);
        assert_eq!(json["makespan_s"], 10.5);
        assert_eq!(json["best_s"], 10.0);
        assert_eq!(json["ratio"], 1.05);
        assert_eq!(json["embedded"]["peak_in_flight"], 5);
        assert!(!json.to_string().contains('\n'));
    }

    #[test]
    fn without_an_embedded_api_best_and_ratio_are_null() {
        let summary = Summary {
            embedded: None,
            ..summary()
        };
        let json = summary.to_json();
        assert!(json["best_s"].is_null() && json["ratio"].is_null());
        assert!(!summary.to_string().contains("best possible"));
    }

    #[test]
    fn work_that_was_not_done_earns_no_ratio() {
        let summary = Summary {
            done: 400,
            failed: 90,
            ..summary()
        };
        assert!(summary.to_json()["ratio"].is_null());
        let text = summary.to_string();
        assert!(
            text.contains("10 not sent") && !text.contains("best possible"),
            "{text}"
        );
    }

    #[test]
    fn the_summary_says_why_posts_failed() {
        let body = json!({"error": {"code": "invalid_api_key", "message": "a wrong key"}});
        let mut reasons = Reasons::default();
        reasons.add(&crate::reasons::tests::record(401, body));
        let summary = Summary {
            failed: 1,
            done: 0,
            reasons,
            stopped: Some(Stop::KeyRefused("401".to_owned())),
            ..summary()
        };
        let text = summary.to_string();
        assert!(
            text.contains("  1 x 401 invalid_api_key; first 1\n      \"a wrong key\"\n"),
            "{text}"
        );
        let json = summary.to_json();
        assert_eq!(json["reasons"], json!({"401 invalid_api_key": 1}));
        assert_eq!(json["stopped"], "key-refused");
    }

    #[test]
    fn the_summary_fits_fifty_columns() {
        for line in summary().to_string().lines() {
            assert!(line.len() <= 50, "{line}");
        }
    }
}
