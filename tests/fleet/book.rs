//! The protocol, case by case, without a store.

use tower_throttle::fleet::{Book, Capacity, Grant, Report};

const PERIOD: f64 = 500.0;

/// Members that say what they have, as those of a real fleet do.
#[derive(Debug, Default)]
struct Fleet {
    book: Book,
    now: f64,
    capacity: Capacity,
    held: std::collections::BTreeMap<String, Grant>,
}

impl Fleet {
    fn of(capacity: Capacity) -> Self {
        Self {
            now: 1e6,
            capacity,
            ..Self::default()
        }
    }

    fn report(&self, id: &str, wants: u64) -> Report {
        let held = self.held.get(id).copied().unwrap_or_default();
        let mut report = Report::default();
        (report.id, report.period) = (id.into(), PERIOD);
        (report.wants, report.used, report.capacity) = (wants, 1.0, self.capacity);
        (report.places, report.rate, report.led) = (held.places, held.rate, held.leads);
        report
    }

    fn send(&mut self, report: &Report) -> Grant {
        let grant = self.book.sync(self.now, report);
        self.held.insert(report.id.clone(), grant);
        grant
    }

    /// One period, in which each of these reports once.
    fn period(&mut self, members: &[(&str, u64)]) -> Vec<Grant> {
        let each = |(id, wants): &(&str, u64)| {
            let report = self.report(id, *wants);
            self.now += PERIOD / members.len() as f64;
            self.send(&report)
        };
        members.iter().map(each).collect()
    }

    fn places(&mut self, members: &[(&str, u64)]) -> Vec<f64> {
        let grants = self.period(members);
        grants
            .iter()
            .map(|grant| grant.places.unwrap_or(-1.0))
            .collect()
    }
}

fn forty() -> Fleet {
    Fleet::of(Capacity::unknown().places(40))
}

#[test]
fn the_sum_of_all_leases_never_exceeds_the_capacity() {
    let mut luck = fastrand::Rng::with_seed(1);
    let mut fleet = Fleet::of(Capacity::unknown().places(40).rate(20.0, 20));
    for step in 0..20_000 {
        let id = format!("member-{}", luck.u8(..12));
        let mut report = fleet.report(&id, luck.u64(..60) * luck.u64(..2));
        report.leaves = luck.u8(..50) == 0;
        fleet.now += luck.f64() * 200.0;
        fleet.send(&report);
        let rows = fleet.book.members();
        let places: f64 = rows.iter().filter_map(|row| row.places).sum();
        let rate: f64 = rows.iter().filter_map(|row| row.rate).sum();
        assert!(
            places <= 40.0 && rate <= 20.0 + 1e-9,
            "step {step}: {places}, {rate}"
        );
    }
}

#[test]
fn a_newcomer_gets_what_the_others_give_up_and_no_sooner() {
    let mut fleet = forty();
    fleet.period(&[("a", 99)]);
    assert_eq!(fleet.places(&[("a", 99)]), [40.0]);
    // The first still has all.
    assert_eq!(fleet.places(&[("b", 99), ("a", 99)]), [0.0, 20.0]);
    assert_eq!(fleet.places(&[("b", 99), ("a", 99)]), [20.0, 20.0]);
}

#[test]
fn what_is_in_flight_is_held_though_the_lease_is_smaller() {
    let mut fleet = forty();
    fleet.period(&[("a", 99), ("b", 0)]);
    fleet.period(&[("a", 99), ("b", 0)]);
    let newcomer = fleet.report("b", 99);
    fleet.send(&newcomer);
    let mut busy = fleet.report("a", 99);
    busy.in_flight = 39;
    assert_eq!(fleet.send(&busy).places, Some(20.0));
    let newcomer = fleet.report("b", 99);
    assert_eq!(fleet.send(&newcomer).places, Some(1.0));
}

#[test]
fn a_dead_member_s_share_is_back_within_three_periods() {
    let mut fleet = forty();
    for _ in 0..3 {
        fleet.period(&[("a", 99), ("b", 99)]);
    }
    let places: Vec<_> = (0..3).map(|_| fleet.places(&[("a", 99)])[0]).collect();
    assert_eq!(places, [20.0, 20.0, 40.0]);
}

#[test]
fn a_store_that_was_away_takes_nobody_for_dead() {
    let mut fleet = forty();
    for _ in 0..3 {
        fleet.period(&[("a", 99), ("b", 99)]);
    }
    fleet.now += 20.0 * PERIOD;
    assert_eq!(fleet.places(&[("a", 99), ("b", 99)]), [20.0, 20.0]);
}

#[test]
fn after_a_restart_nobody_gets_more_than_it_had_for_four_periods() {
    let mut fleet = forty();
    for _ in 0..3 {
        fleet.period(&[("a", 99), ("b", 99)]);
    }
    fleet.book = Book::default();
    // The other one is still to come.
    for _ in 0..4 {
        assert_eq!(fleet.places(&[("a", 99)]), [20.0]);
    }
    assert_eq!(fleet.places(&[("a", 99)]), [40.0]);
}

#[test]
fn one_leads_and_after_a_restart_only_it_does() {
    let mut fleet = Fleet::of(Capacity::unknown());
    let leads = |grants: &[Grant]| grants.iter().map(|grant| grant.leads).collect::<Vec<_>>();
    let grants = fleet.period(&[("a", 9), ("b", 9)]);
    assert_eq!(leads(&grants), [true, false]);
    fleet.book = Book::default();
    let grants = fleet.period(&[("b", 9), ("a", 9)]);
    assert_eq!(leads(&grants), [false, true]);
}

#[test]
fn a_leader_without_work_hands_over_to_one_that_has_some() {
    let mut fleet = Fleet::of(Capacity::unknown());
    fleet.period(&[("a", 9), ("b", 9)]);
    let grants = fleet.period(&[("a", 0), ("b", 9)]);
    assert!(!grants[0].leads && grants[1].leads);
}

#[test]
fn a_leader_hands_on_what_it_found_until_all_have_as_much() {
    let mut fleet = Fleet::of(Capacity::unknown());
    fleet.period(&[("a", 99), ("b", 99), ("c", 99), ("d", 99)]);
    let mut found = fleet.report("a", 99);
    found.places = Some(40.0);
    fleet.send(&found);
    let mut last = Vec::new();
    for _ in 0..8 {
        last = fleet.places(&[("b", 99), ("c", 99), ("d", 99), ("a", 99)]);
    }
    assert!(
        last.iter().all(|places| (9.0..=11.0).contains(places)),
        "{last:?}"
    );
    assert!(last.iter().sum::<f64>() <= 40.0, "{last:?}");
}

#[test]
fn what_a_refusal_takes_of_a_follower_goes_to_nobody() {
    let mut fleet = Fleet::of(Capacity::unknown());
    fleet.period(&[("a", 99), ("b", 99)]);
    let mut found = fleet.report("a", 99);
    found.places = Some(20.0);
    fleet.send(&found);
    for _ in 0..6 {
        fleet.period(&[("b", 99), ("a", 99)]);
    }
    let before = fleet.held["b"].places.unwrap();
    let mut refused = fleet.report("b", 99);
    refused.refused = 1;
    assert_eq!(fleet.send(&refused).places, Some(before - 1.0));
    let rows = fleet.book.members();
    let sum: f64 = rows.iter().filter_map(|row| row.places).sum();
    assert!(sum <= 19.0, "{sum}");
    // A burst that is refused takes half.
    let mut burst = fleet.report("b", 99);
    burst.refused = 50;
    let left = fleet.send(&burst).places.unwrap();
    assert_eq!(left, before - 1.0 - ((before - 1.0) / 2.0).floor());
}

#[test]
fn a_pause_is_told_to_all_for_what_is_left_of_it() {
    let mut fleet = forty();
    let mut paused = fleet.report("a", 9);
    paused.pause = 3000.0;
    fleet.send(&paused);
    fleet.now += 1000.0;
    let other = fleet.report("b", 9);
    assert_eq!(fleet.send(&other).pause, 2000.0);
}

#[test]
fn a_reply_that_was_lost_makes_no_places_and_loses_none() {
    let mut fleet = Fleet::of(Capacity::unknown());
    fleet.period(&[("a", 99), ("b", 99)]);
    let mut found = fleet.report("a", 99);
    found.places = Some(20.0);
    fleet.send(&found);
    // What it is granted does not arrive.
    let report = fleet.report("b", 99);
    let granted = fleet.book.sync(fleet.now, &report).places.unwrap();
    assert!(granted > 0.0);
    let again = fleet.report("b", 99);
    assert_eq!(fleet.send(&again).places, Some(granted));
}

#[test]
fn a_pace_that_one_member_brings_is_not_that_of_all() {
    let mut fleet = Fleet::of(Capacity::unknown());
    let mut rates = Vec::new();
    for (id, rate) in [("a", None), ("b", Some(2.0)), ("c", None)] {
        let mut report = fleet.report(id, 99);
        (report.places, report.rate, report.used) = (Some(4.0), rate, 3.0);
        rates.push(fleet.send(&report).rate);
    }
    // The store was lost: what the others send without a pace counts as theirs.
    assert_eq!(rates, [None, Some(2.5), Some(8.0 / 3.0)]);
}

#[test]
fn places_that_cannot_be_divided_go_round() {
    let mut fleet = Fleet::of(Capacity::unknown().places(3));
    let (mut sums, members) = ([0.0; 2], [("a", 99), ("b", 99)]);
    for _ in 0..64 {
        let places = fleet.places(&members);
        sums = [sums[0] + places[0], sums[1] + places[1]];
    }
    assert!(
        (sums[0] - sums[1]).abs() <= 8.0 && sums[0] + sums[1] >= 180.0,
        "{sums:?}"
    );
}

#[test]
fn who_has_no_place_gets_no_pace() {
    let mut fleet = Fleet::of(Capacity::unknown().places(1).rate(20.0, 20));
    for _ in 0..3 {
        fleet.period(&[("a", 99), ("b", 99)]);
    }
    let grants = fleet.period(&[("a", 99), ("b", 99)]);
    let with_place = grants
        .iter()
        .find(|grant| grant.places == Some(1.0))
        .unwrap();
    assert!(with_place.rate.unwrap() >= 19.0, "{grants:?}");
}

#[test]
fn what_a_follower_was_refused_for_is_not_tried_by_its_leader_for_a_while() {
    let mut fleet = Fleet::of(Capacity::unknown());
    fleet.period(&[("a", 99), ("b", 99)]);
    let mut found = fleet.report("a", 99);
    found.places = Some(20.0);
    fleet.send(&found);
    for _ in 0..6 {
        fleet.period(&[("b", 99), ("a", 99)]);
    }
    // Its own limit allows one more in each period. Returns in how many the whole has grown.
    let climb = |fleet: &mut Fleet, periods: usize| {
        let sum = |fleet: &Fleet| -> f64 {
            let rows = fleet.book.members();
            rows.iter().filter_map(|row| row.places).sum()
        };
        let mut sums = vec![sum(fleet)];
        for _ in 0..periods {
            let mut more = fleet.report("a", 99);
            more.places = more.places.map(|places| places + 1.0);
            fleet.send(&more);
            fleet.period(&[("b", 99), ("a", 99)]);
            sums.push(sum(fleet));
        }
        sums
    };
    // Twice as long as the last time, if it is met again.
    for believed in [2, 4, 8] {
        let mut refused = fleet.report("b", 99);
        (refused.refused, refused.in_flight) = (1, 9);
        fleet.send(&refused);
        let before = climb(&mut fleet, believed - 1);
        let level = before[0] + 1.0;
        assert!(
            before.iter().all(|sum| *sum < level),
            "{believed}: {before:?}"
        );
        let after = climb(&mut fleet, 6);
        assert!(after.last() > Some(&level), "{believed}: {after:?}");
    }
}
