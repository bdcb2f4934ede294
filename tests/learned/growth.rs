//! How far the window grows, and how soon.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tower_throttle::Hint;
use tower_throttle::concurrency::limit::{Learned, Limit, Load, Now, Outcome, Sent};

/// An API whose answers come when the test says so.
#[derive(Debug, Default)]
struct Slow {
    limit: Learned,
    at: Duration,
    out: Vec<Sent>,
    seq: u64,
    /// The number of the next request when the window grew last.
    grown: u64,
}

impl Slow {
    fn load(&self) -> Load {
        Load::new(self.out.len(), 500)
    }

    /// Sends all that may go until `end`, as time allows it.
    fn send_until(&mut self, end: Duration) {
        while self.at <= end {
            let load = self.load();
            let room = self.limit.headroom(&Now::at(self.at), load);
            if room.slots == 0 {
                match room.opens_at.filter(|at| *at <= end) {
                    Some(at) => self.at = self.at.max(at),
                    None => break,
                }
                continue;
            }
            let sent = Sent::new(self.seq, Some(self.at), load.in_flight + 1);
            self.out.push(sent);
            self.seq += 1;
            let load = self.load();
            self.limit.on_send(&Now::at(self.at), &sent, load);
        }
        self.at = end;
    }

    /// The oldest of them end.
    fn end(&mut self, count: usize, outcome: Outcome<'_>) {
        for sent in self.out.drain(..count).collect::<Vec<_>>() {
            let load = self.load();
            self.limit
                .on_outcome(&Now::at(self.at), &sent, outcome, load);
        }
    }

    fn accept(&mut self, count: usize) {
        let hint = Hint::parse(
            StatusCode::OK,
            &HeaderMap::new(),
            None,
            std::time::SystemTime::UNIX_EPOCH,
        );
        for _ in 0..count {
            self.end(1, Outcome::Accepted(&hint));
            self.send_until(self.at);
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn sixteen_go_before_any_answer_and_never_more() {
    let mut slow = Slow::default();
    slow.send_until(Duration::ZERO);
    assert_eq!(slow.out.len(), 4, "at once");
    slow.send_until(SECOND);
    assert!((6..=10).contains(&slow.out.len()), "{}", slow.out.len());
    slow.send_until(3 * SECOND);
    assert_eq!(slow.out.len(), 16);
    slow.send_until(60 * SECOND);
    assert_eq!(slow.out.len(), 16);
}

#[test]
fn a_third_that_is_answered_doubles_the_window() {
    let mut slow = Slow::default();
    for (size, at) in [(16, 10), (32, 20), (64, 30), (128, 40)] {
        slow.send_until(at * SECOND);
        assert_eq!(slow.out.len(), size);
        // The answers to those from before it grew say nothing of the window that it has now.
        let old = slow.out.iter().filter(|sent| sent.seq < slow.grown);
        let old = old.count();
        slow.accept(old);
        slow.send_until((at + 5) * SECOND);
        assert_eq!(slow.out.len(), size, "after the old ones");
        slow.grown = slow.seq;
        slow.accept(size / 3 + 1);
    }
}

#[test]
fn as_long_as_all_fail_no_more_go() {
    let mut slow = Slow::default();
    slow.send_until(SECOND / 10);
    assert_eq!(slow.out.len(), 4);
    for second in 1..60 {
        slow.end(1, Outcome::Failed);
        slow.send_until(second * SECOND);
        assert_eq!(slow.out.len(), 4);
    }
    slow.accept(2);
    slow.send_until(90 * SECOND);
    assert_eq!(slow.out.len(), 8, "the first answers prove that it works");
}
