//! Single steps, told by hand.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, StatusCode};
use tower_throttle::Hint;
use tower_throttle::concurrency::limit::{Headroom, Learned, Limit, Load, Now, Outcome, Sent};
use tower_throttle::hint::DEFAULT_MAX_SERVER_WAIT;

const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

type Headers = [(&'static str, &'static str)];

/// A limit with a line before it that never ends, and one request in flight at a time.
#[derive(Debug, Default)]
struct Hand {
    limit: Learned,
    at: Duration,
    seq: u64,
}

impl Hand {
    fn room(&mut self) -> Headroom {
        let load = Load::new(0, 50);
        self.limit.headroom(&Now::at(self.at), load)
    }

    fn send(&mut self) -> Sent {
        assert!(self.room().slots > 0, "nobody may go at {:?}", self.at);
        let load = Load::new(1, 49);
        let sent = Sent::new(self.seq, Some(self.at), 1);
        self.limit.on_send(&Now::at(self.at), &sent, load);
        self.seq += 1;
        sent
    }

    /// 35 ms later.
    fn end(&mut self, sent: &Sent, outcome: Outcome<'_>) {
        self.at += Duration::from_millis(35);
        let load = Load::new(0, 49);
        self.limit
            .on_outcome(&Now::at(self.at), sent, outcome, load);
    }

    /// One request, answered by this status and these headers.
    fn answered(&mut self, status: StatusCode, headers: &Headers) {
        let sent = self.send();
        self.ends_with(&sent, status, headers);
    }

    fn ends_with(&mut self, sent: &Sent, status: StatusCode, headers: &Headers) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let hint = Hint::parse(status, &headers, None, SystemTime::UNIX_EPOCH);
        let hint = &hint;
        let outcome = if status == StatusCode::OK {
            Outcome::Accepted(hint)
        } else {
            Outcome::refused(status, hint)
        };
        self.end(sent, outcome);
    }
}

#[test]
fn nothing_left_sends_nothing_before_the_reset() {
    let mut hand = Hand::default();
    hand.answered(StatusCode::OK, &[("ratelimit", "\"api\";r=0;t=30")]);
    let reset = hand.at + Duration::from_secs(30);
    let room = hand.room();
    assert_eq!(room.slots, 0);
    let off = room.opens_at.unwrap().abs_diff(reset);
    assert!(off < Duration::from_millis(1), "{off:?}");
    hand.at = reset - Duration::from_millis(1);
    assert_eq!(hand.room().slots, 0);
    hand.at = reset;
    assert!(hand.room().slots > 0);
}

/// After such an answer somebody may go within the cap on what a server may ask for.
fn is_not_stalled_by(status: StatusCode, headers: &Headers) {
    let mut hand = Hand::default();
    hand.answered(status, headers);
    hand.at += DEFAULT_MAX_SERVER_WAIT;
    let room = hand.room();
    assert!(room.slots > 0, "{status} with {headers:?}: {room:?}");
}

const A_YEAR_OF_NOTHING: &Headers = &[("ratelimit", "\"api\";r=0;t=31536000")];
const A_BUCKET_OF_YEARS: &Headers = &[
    ("x-ratelimit-limit-requests", "1000"),
    ("x-ratelimit-remaining-requests", "0"),
    ("x-ratelimit-reset-requests", "31536000s"),
];

#[test]
fn a_reset_in_a_year_stalls_nobody_beyond_the_cap() {
    is_not_stalled_by(StatusCode::OK, A_YEAR_OF_NOTHING);
}

#[test]
fn a_bucket_that_fills_in_a_year_stalls_nobody_beyond_the_cap() {
    is_not_stalled_by(StatusCode::OK, A_BUCKET_OF_YEARS);
}

#[test]
fn a_wait_of_a_year_stalls_nobody_beyond_the_cap() {
    let status = StatusCode::TOO_MANY_REQUESTS;
    is_not_stalled_by(status, &[("retry-after", "31536000")]);
    is_not_stalled_by(status, A_YEAR_OF_NOTHING);
    is_not_stalled_by(status, A_BUCKET_OF_YEARS);
}

#[test]
fn a_probe_that_was_given_up_lets_another_go_at_once() {
    let mut hand = Hand::default();
    hand.answered(StatusCode::TOO_MANY_REQUESTS, &[]);
    assert_eq!(hand.room().slots, 0, "the breaker is open");
    hand.at += Duration::from_millis(250);
    let probe = hand.send();
    assert_eq!(hand.room().slots, 0, "one probes, and no other is sent");
    hand.end(&probe, Outcome::Ignored);
    assert_eq!(hand.room().slots, 1, "another one probes");
    // The distance is as it was: the one that is refused doubles it once. A second after the first
    // request is near, and a window may end then.
    hand.answered(StatusCode::TOO_MANY_REQUESTS, &[]);
    let opens = hand.room().opens_at.unwrap();
    assert!(opens < hand.at + Duration::from_millis(1000), "{opens:?}");
    let off = opens.abs_diff(Duration::from_millis(1000));
    assert!(off < Duration::from_millis(100), "{off:?}");
}

#[test]
fn a_limit_that_is_set_holds_at_once() {
    let mut hand = Hand::default();
    hand.limit.set_limit(20);
    assert_eq!((hand.limit.limit(), hand.room().slots), (20, 20));
    hand.limit.set_limit(2);
    assert_eq!((hand.limit.limit(), hand.room().slots), (2, 2));
    hand.limit.set_limit(usize::MAX);
    assert_eq!(hand.limit.limit(), 1000, "the most by default");
}

#[test]
fn bounds_that_are_set_hold_at_once() {
    let mut hand = Hand::default();
    hand.limit.set_bounds(8, 16);
    assert_eq!((hand.limit.limit(), hand.room().slots), (8, 8));
    hand.limit.set_limit(40);
    assert_eq!((hand.limit.limit(), hand.room().slots), (16, 16));
    hand.limit.set_bounds(0, 3);
    assert_eq!((hand.limit.limit(), hand.room().slots), (3, 3));
}

/// An answer from a window of two requests that ends in a number of seconds, by a clock of whole ones.
fn of_two(remaining: &'static str, reset: &'static str) -> [(&'static str, &'static str); 3] {
    [
        ("x-ratelimit-limit", "2"),
        ("x-ratelimit-remaining", remaining),
        ("x-ratelimit-reset", reset),
    ]
}

#[test]
fn one_looks_at_a_round_length_before_the_end_that_was_told() {
    let mut hand = Hand::default();
    hand.answered(StatusCode::OK, &of_two("1", "4"));
    let (length, told) = (hand.at + 3 * SECOND, hand.at + 4 * SECOND);
    hand.answered(StatusCode::OK, &of_two("0", "4"));
    let opens_at = hand.room().opens_at.unwrap();
    assert!(opens_at.abs_diff(length) < MILLISECOND, "{opens_at:?}");
    hand.at = opens_at;
    assert_eq!(hand.room().slots, 1);
    let probe = hand.send();
    // The others wait for its answer, and no longer than the server said.
    assert_eq!(hand.room().slots, 0);
    let opens_at = hand.room().opens_at.unwrap();
    assert!(opens_at.abs_diff(told) < MILLISECOND, "{opens_at:?}");
    hand.ends_with(&probe, StatusCode::OK, &of_two("1", "4"));
    assert_eq!(hand.room().slots, 1);
}

#[test]
fn one_probes_after_a_second_where_two_were_told() {
    let mut hand = Hand::default();
    hand.answered(StatusCode::OK, &of_two("1", "2"));
    let length = hand.at + SECOND;
    hand.answered(StatusCode::OK, &of_two("0", "2"));
    let opens_at = hand.room().opens_at.unwrap();
    assert!(opens_at.abs_diff(length) < MILLISECOND, "{opens_at:?}");
}

#[test]
fn a_refused_probe_is_the_last_one() {
    let mut hand = Hand::default();
    hand.answered(StatusCode::OK, &of_two("1", "32"));
    hand.answered(StatusCode::OK, &of_two("0", "32"));
    hand.at = hand.room().opens_at.unwrap();
    let refused = [of_two("0", "2").as_slice(), &[("retry-after", "2")]].concat();
    hand.answered(StatusCode::TOO_MANY_REQUESTS, &refused);
    let end = hand.at + 2 * SECOND;
    assert_eq!(hand.room().slots, 0);
    hand.at = end;
    hand.answered(StatusCode::OK, &of_two("1", "32"));
    let told = hand.at + 32 * SECOND;
    hand.answered(StatusCode::OK, &of_two("0", "32"));
    let opens_at = hand.room().opens_at.unwrap();
    assert!(opens_at.abs_diff(told) < MILLISECOND, "{opens_at:?}");
}

#[test]
fn no_probe_where_the_length_was_told_or_others_were_counted() {
    for (remaining, policy) in [
        ("\"api\";r=1;t=4", "\"api\";q=2;w=5"),
        ("\"api\";r=9;t=4", "\"api\";q=20"),
    ] {
        let mut hand = Hand::default();
        let spent = "\"api\";r=0;t=4";
        let told = Duration::from_millis(35) + 4 * SECOND;
        for left in [remaining, spent] {
            let headers = [("ratelimit", left), ("ratelimit-policy", policy)];
            hand.answered(StatusCode::OK, &headers);
        }
        let opens_at = hand.room().opens_at.unwrap();
        assert!(opens_at.abs_diff(told) < MILLISECOND, "{opens_at:?}");
    }
}

/// A gate counts a request among those in flight and has let it through before; others may not.
#[test]
fn a_refusal_that_cannot_be_is_no_panic() {
    let hint = Hint::default();
    for (seq, in_flight) in [(0, 0), (u64::MAX, 0), (u64::MAX, usize::MAX)] {
        let mut limit = Learned::new();
        let sent = Sent::new(seq, None, in_flight);
        for second in 0..8 {
            let now = Now::at(Duration::from_secs(second));
            let refused = Outcome::refused(StatusCode::TOO_MANY_REQUESTS, &hint);
            limit.on_outcome(&now, &sent, refused, Load::default());
        }
        assert!(limit.limit() >= 1);
    }
}

const fn of_ten(reset: &'static str) -> [(&'static str, &'static str); 3] {
    [
        ("x-ratelimit-limit-requests", "10"),
        ("x-ratelimit-remaining-requests", "0"),
        ("x-ratelimit-reset-requests", reset),
    ]
}

#[test]
fn a_reset_of_few_whole_seconds_tells_no_rate() {
    // Ten in a third of a second may be told as a second: three times too slow.
    let mut hand = Hand::default();
    for reset in ["1s", "2s", "3s"] {
        hand.answered(StatusCode::OK, &of_ten(reset));
        assert!(hand.room().slots > 0, "{reset}");
    }
    for reset in ["900ms", "8s"] {
        let mut hand = Hand::default();
        hand.answered(StatusCode::OK, &of_ten(reset));
        assert_eq!(hand.room().slots, 0, "{reset}");
        hand.at += SECOND;
        assert!(hand.room().slots > 0, "{reset}");
    }
}
