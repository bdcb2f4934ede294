//! What the default limit does of itself, without a gate: it is told the time and what happened.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use tower_throttle::Hint;
use tower_throttle::concurrency::limit::{Learned, Limit, Load, Now, Outcome, Sent};

/// One thing that may happen at a gate.
#[derive(Clone, Debug)]
enum Event {
    /// As many go as may.
    Send,
    /// Time passes, in milliseconds.
    Wait(u32),
    /// The oldest request is answered, refused, fails or is given up.
    Accept,
    Refuse {
        status: u16,
        headers: Vec<(usize, u64)>,
    },
    Fail,
    Ignore,
    SetLimit(usize),
    SetBounds(usize, usize),
}

/// Headers of hostile and of honest servers.
const NAMES: [&str; 6] = [
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset",
    "ratelimit",
];

fn event() -> impl Strategy<Value = Event> {
    let headers = prop::collection::vec(
        (0..NAMES.len(), prop_oneof![0..200_u64, any::<u64>()]),
        0..4,
    );
    let status = prop_oneof![Just(429_u16), Just(503), Just(529), Just(425)];
    prop_oneof![
        4 => Just(Event::Send),
        3 => prop_oneof![0..50_u32, 0..100_000_u32].prop_map(Event::Wait),
        6 => Just(Event::Accept),
        3 => (status, headers).prop_map(|(status, headers)| Event::Refuse { status, headers }),
        1 => Just(Event::Fail),
        1 => Just(Event::Ignore),
        1 => bound().prop_map(Event::SetLimit),
        1 => (bound(), bound()).prop_map(|(min, max)| Event::SetBounds(min, max)),
    ]
}

fn bound() -> impl Strategy<Value = usize> {
    prop_oneof![0..2_000_usize, Just(usize::MAX)]
}

fn hint(status: u16, headers: &[(usize, u64)]) -> Hint {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = match NAMES[*name] {
            "ratelimit" => format!("\"p\";r={};t={}", value % 1000, value % 100),
            _ => value.to_string(),
        };
        map.append(NAMES[*name], value.parse().unwrap());
    }
    Hint::parse(
        StatusCode::from_u16(status).unwrap(),
        &map,
        None,
        SystemTime::UNIX_EPOCH,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens, nothing panics, what may go is within the limit, the limit is within its
    /// bounds, and who has to wait for time alone is told when.
    #[test]
    fn nothing_that_happens_leads_out_of_bounds(events in prop::collection::vec(event(), 1..400)) {
        let mut limit = Learned::new();
        let mut now = Duration::ZERO;
        let mut out: VecDeque<Sent> = VecDeque::new();
        let mut seq = 0;
        let (mut min, mut max) = (1, 1000);
        for event in events {
            let mut load = Load::new(out.len(), 3);
            let outcome_hint;
            match event {
                Event::Send => loop {
                    let room = limit.headroom(&Now::at(now), load);
                    prop_assert!(room.slots == 0 || load.in_flight + room.slots <= limit.limit());
                    if let Some(at) = room.opens_at {
                        prop_assert!(at + Duration::from_micros(1) >= now, "opens in the past");
                        prop_assert!(at <= now + Duration::from_secs(121), "holds for too long");
                    }
                    if room.slots == 0 || load.in_flight > 5_000 {
                        break;
                    }
                    load.in_flight += 1;
                    let mut sent = Sent::new(seq, None, load.in_flight);
                    limit.on_send(&Now::at(now), &sent, load);
                    sent.at = limit.wants_time(seq, load).then_some(now);
                    out.push_back(sent);
                    seq += 1;
                },
                Event::Wait(millis) => now += Duration::from_millis(u64::from(millis)),
                Event::SetLimit(size) => limit.set_limit(size),
                Event::SetBounds(low, high) => {
                    (min, max) = (low.max(1), high.max(low.max(1)));
                    limit.set_bounds(low, high);
                }
                Event::Accept | Event::Refuse { .. } | Event::Fail | Event::Ignore => {
                    let Some(sent) = out.pop_front() else { continue };
                    load.in_flight -= 1;
                    let outcome = match &event {
                        Event::Accept => {
                            outcome_hint = Hint::default();
                            Outcome::Accepted(&outcome_hint)
                        }
                        Event::Refuse { status, headers } => {
                            outcome_hint = hint(*status, headers);
                            let status = StatusCode::from_u16(*status).unwrap();
                            Outcome::refused(status, &outcome_hint)
                        }
                        Event::Fail => Outcome::Failed,
                        _ => Outcome::Ignored,
                    };
                    limit.on_outcome(&Now::at(now), &sent, outcome, load);
                }
            }
            // One more than the bound may be in flight, as a probe.
            prop_assert!(limit.limit() >= min.min(1 << 30));
            prop_assert!(limit.limit() <= max.saturating_add(1));
            prop_assert!(limit.rate().is_none_or(|rate| rate.is_finite() && rate > 0.0));
        }
    }
}
