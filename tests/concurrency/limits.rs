//! The classic limits, told what happened by hand.

use std::time::Duration;

use http::StatusCode;
use tower_throttle::Hint;
use tower_throttle::concurrency::limit::{
    Aimd, Fixed, Gradient2, Limit, Load, Now, Outcome, Sent, Vegas,
};

/// A limit that is kept full by one caller, and the time that went by.
struct Bench<L> {
    limit: L,
    now: Duration,
    seq: u64,
    waiting: usize,
    hint: Hint,
}

impl<L: Limit> Bench<L> {
    fn new(limit: L) -> Self {
        Self {
            limit,
            now: Duration::ZERO,
            seq: 0,
            waiting: 1,
            hint: Hint::default(),
        }
    }

    fn send(&mut self, in_flight: usize) -> Sent {
        let load = Load::new(in_flight, self.waiting);
        let sent = Sent::new(self.seq, Some(self.now), in_flight);
        self.limit.on_send(&Now::at(self.now), &sent, load);
        self.seq += 1;
        sent
    }

    fn answer(&mut self, sent: &Sent, refused: bool, latency: Duration) {
        let now = Now::at(sent.at.unwrap_or_default() + latency);
        let outcome = if refused {
            Outcome::refused(StatusCode::TOO_MANY_REQUESTS, &self.hint)
        } else {
            Outcome::Accepted(&self.hint)
        };
        let load = Load::new(sent.in_flight - 1, self.waiting);
        self.limit.on_outcome(&now, sent, outcome, load);
    }

    /// As many requests as the limit allows at once, all answered.
    fn round(&mut self, latency: Duration) {
        let all: Vec<_> = (1..=self.limit.limit()).map(|n| self.send(n)).collect();
        all.iter()
            .for_each(|sent| self.answer(sent, false, latency));
        self.now += latency;
    }

    /// As many requests as the limit allows at once, all refused.
    fn refuse_all(&mut self) {
        let all: Vec<_> = (1..=self.limit.limit()).map(|n| self.send(n)).collect();
        all.iter().for_each(|sent| self.answer(sent, true, MS));
        self.now += MS;
    }
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn every_limit_starts_at_4_and_keeps_its_bounds() {
    let limits: [Box<dyn Limit>; 3] = [
        Box::new(Aimd::new()),
        Box::new(Vegas::new()),
        Box::new(Gradient2::new()),
    ];
    for mut limit in limits {
        assert_eq!(limit.limit(), 4, "{limit:?}");
        limit.set_limit(5000);
        assert_eq!(limit.limit(), 1000);
        limit.set_bounds(0, 10);
        assert_eq!(limit.limit(), 10);
        limit.set_limit(0);
        assert_eq!(limit.limit(), 1);
        limit.set_bounds(3, 2);
        assert_eq!(limit.limit(), 3);
        let room = limit.headroom(&Now::at(MS), Load::new(1, 9));
        assert_eq!((room.slots, room.opens_at), (2, None));
        let room = limit.headroom(&Now::at(MS), Load::new(9, 9));
        assert_eq!(room.slots, 0);
    }
}

#[test]
fn no_limit_falls_below_1_or_grows_above_its_bound() {
    fn check(limit: impl Limit) {
        let mut bench = Bench::new(limit);
        bench.limit.set_bounds(1, 50);
        (0..100).for_each(|_| bench.round(100 * MS));
        assert!(bench.limit.limit() <= 50);
        (0..100).for_each(|_| bench.refuse_all());
        assert_eq!(bench.limit.limit(), 1, "{:?}", bench.limit);
        (0..10).for_each(|_| bench.round(100 * MS));
        assert!(bench.limit.limit() > 1, "it comes back: {:?}", bench.limit);
    }
    check(Aimd::new());
    check(Vegas::new());
    check(Gradient2::new());
}

#[test]
fn fixed_stays_where_it_is_put() {
    let mut bench = Bench::new(Fixed::new(0));
    assert_eq!(bench.limit.limit(), 1);
    bench.limit.set_limit(3000);
    bench.refuse_all();
    bench.round(MS);
    assert_eq!(bench.limit.limit(), 3000);
    bench.limit.set_bounds(2, 10);
    assert_eq!(bench.limit.limit(), 10);
}

#[test]
fn aimd_grows_by_one_per_round_trip() {
    let mut bench = Bench::new(Aimd::new());
    bench.limit.set_limit(20);
    for expected in 21..30 {
        // The harmonic sum falls a little short of one.
        bench.round(100 * MS);
        let grown = bench.limit.limit();
        assert!(
            grown == expected || grown == expected - 1,
            "{grown} is not {expected}"
        );
    }
}

#[test]
fn aimd_grows_only_while_the_limit_binds() {
    let mut bench = Bench::new(Aimd::new());
    bench.waiting = 0;
    for _ in 0..1000 {
        let sent = bench.send(3);
        bench.answer(&sent, false, MS);
    }
    assert_eq!(bench.limit.limit(), 4);
    for _ in 0..5 {
        let sent = bench.send(4);
        bench.answer(&sent, false, MS);
    }
    assert_eq!(bench.limit.limit(), 5, "it was used to the full");
}

#[test]
fn aimd_cuts_once_per_event() {
    let mut bench = Bench::new(Aimd::new());
    bench.limit.set_limit(100);
    bench.refuse_all();
    assert_eq!(bench.limit.limit(), 90);
    bench.refuse_all();
    assert_eq!(bench.limit.limit(), 81);

    // One that was sent before the cut and is refused long after belongs to the old event.
    let (late, other) = (bench.send(1), bench.send(2));
    bench.answer(&other, true, MS);
    let cut = bench.limit.limit();
    bench.answer(&late, true, 1000 * MS);
    assert_eq!(bench.limit.limit(), cut);
}

#[test]
fn aimd_takes_its_constants_and_no_nonsense() {
    let mut bench = Bench::new(Aimd::default().increase(2.0).decrease(0.5));
    bench.limit.set_limit(40);
    bench.refuse_all();
    assert_eq!(bench.limit.limit(), 20);
    bench.round(MS);
    assert!(bench.limit.limit() >= 21);
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 7.0] {
        let mut bench = Bench::new(Aimd::new().increase(odd).decrease(odd));
        for _ in 0..50 {
            bench.refuse_all();
            bench.round(MS);
            assert!(
                (1..=1000).contains(&bench.limit.limit()),
                "{odd}: {:?}",
                bench.limit
            );
        }
    }
}

#[test]
fn failures_and_cancelled_requests_move_nothing() {
    fn check(limit: impl Limit) {
        let mut bench = Bench::new(limit);
        for outcome in [Outcome::Failed, Outcome::Ignored] {
            for _ in 0..100 {
                let sent = bench.send(4);
                bench
                    .limit
                    .on_outcome(&Now::at(MS), &sent, outcome, Load::default());
            }
        }
        assert_eq!(bench.limit.limit(), 4);
    }
    check(Aimd::new());
    check(Vegas::new());
    check(Gradient2::new());
}

#[test]
fn vegas_grows_on_an_idle_server_and_shrinks_on_a_slow_one() {
    let mut bench = Bench::new(Vegas::new());
    bench.round(100 * MS);
    bench.round(100 * MS);
    let grown = bench.limit.limit();
    assert!(grown > 20, "{grown}");
    for _ in 0..3 {
        bench.round(1000 * MS);
    }
    assert!(bench.limit.limit() < grown, "{:?}", bench.limit);
}

#[test]
fn vegas_settles_where_a_few_requests_queue() {
    for seed in 0..64 {
        // When the least latency is measured anew is random. For a while after that, the queue of
        // the moment is not seen, and the limit may be above.
        // Ten at once take 100 ms each; more queue.
        let mut bench = Bench::new(Vegas::new());
        bench.limit.set_seed(seed);
        let mut limits = Vec::new();
        for _ in 0..100 {
            let n = bench.limit.limit() as u32;
            bench.round(Duration::from_millis(100) * n.max(10) / 10);
            limits.push(bench.limit.limit());
        }
        limits.sort_unstable();
        let (usual, most) = (limits[50], limits[99]);
        assert!((8..=40).contains(&usual), "seed {seed}: {usual}");
        assert!(most <= 100, "seed {seed}: {most}");
    }
}

#[test]
fn vegas_loses_a_step_for_each_refusal() {
    let mut bench = Bench::new(Vegas::new());
    bench.limit.set_limit(50);
    let sent = bench.send(50);
    bench.answer(&sent, true, MS);
    assert_eq!(bench.limit.limit(), 49);
}

#[test]
fn gradient2_grows_on_steady_latency_and_shrinks_as_it_rises() {
    let mut bench = Bench::new(Gradient2::new());
    bench.limit.set_bounds(1, 40);
    (0..20).for_each(|_| bench.round(100 * MS));
    let grown = bench.limit.limit();
    assert!(grown > 10, "{grown}");
    bench.round(400 * MS);
    assert!(bench.limit.limit() < grown, "{:?}", bench.limit);
}

#[test]
fn gradient2_cuts_once_per_event() {
    let mut bench = Bench::new(Gradient2::new());
    bench.limit.set_limit(100);
    bench.refuse_all();
    assert_eq!(bench.limit.limit(), 90);
}

#[test]
fn gradient2_and_vegas_ignore_samples_of_a_limit_that_is_not_used() {
    fn check(limit: impl Limit) {
        let mut bench = Bench::new(limit);
        bench.limit.set_limit(100);
        for _ in 0..50 {
            let sent = bench.send(10);
            bench.answer(&sent, false, 100 * MS);
        }
        assert_eq!(bench.limit.limit(), 100);
    }
    check(Vegas::new());
    check(Gradient2::new());
}
