use super::*;
use crate::{clients, scenarios};

fn first() -> constants::Constant {
    all().next().expect("a constant")
}

fn scenario(name: &str) -> Scenario {
    let mut all = scenarios::all().into_iter();
    all.find(|s| s.name == name).expect("a scenario")
}

fn row(ratio: f64, refused: f64) -> Row {
    let run = Measured {
        makespan: ratio,
        best: 1.0,
        refused,
        ..Measured::default()
    };
    Row {
        scenario: scenario("five"),
        kind: Kind::with_tuning(Default::default()),
        runs: vec![run],
    }
}

fn judged(default: &Row, changed: &Row) -> Effect {
    let change = first().times(0.5, &Default::default()).expect("a change");
    let (was, is) = (check::figures(default, &[]), check::figures(changed, &[]));
    effect(
        change,
        [((default, was.as_slice()), (changed, is.as_slice()))].into_iter(),
    )
}

#[test]
fn a_figure_that_leaves_its_bound_is_named() {
    let effect = judged(&row(1.04, 30.0), &row(1.06, 20.0));
    let names = |crossings: &[Crossing]| crossings.iter().map(|c| c.to.what).collect::<Vec<_>>();
    assert_eq!(names(&effect.over), ["makespan over best"]);
    assert_eq!(names(&effect.within), ["refused per 1,000"]);
    assert_eq!(effect.ratio.show(3), "+0.020 `five`");
    assert_eq!(effect.refused.by, 0.0, "a fall is no rise");
}

#[test]
fn what_did_not_hold_before_does_not_cross() {
    let effect = judged(&row(1.07, 30.0), &row(1.09, 40.0));
    assert_eq!((effect.over, effect.within), (vec![], vec![]));
    assert_eq!(effect.refused.by, 10.0);
}

#[test]
fn a_figure_that_crosses_often_is_summed_up_at_its_worst() {
    let default = row(1.04, 0.0);
    let changed = [1.03, 1.06, 1.09, 1.07].map(|ratio| judged(&default, &row(ratio, 0.0)));
    let sweep = Sweep {
        seeds: 1,
        scenarios: 1,
        figures: 3,
        missed: Vec::new(),
        effects: changed.into(),
        skipped: vec![("free", 0.5)],
    };
    assert!(!sweep.holds());
    let [(crossing, by, 3)] = sweep.crossed()[..] else {
        panic!("{sweep}")
    };
    assert_eq!((crossing.to.is, by.name), (1.09, first().name));
    let report = sweep.to_string();
    assert!(report.contains("1 of 4 changes"), "{report}");
    assert!(report.contains("- `free` × 0.5"), "{report}");
}

#[test]
fn the_default_values_are_the_client_that_is_held_to_the_bounds() {
    let five = [scenario("five")];
    let kind = clients::ALL
        .iter()
        .find(|kind| kind.name == clients::DEFAULTS);
    let run = |kind| {
        let run = &runs::rows(&five, &[kind], 1..2)[0].runs[0];
        (run.makespan, run.refused, run.peak)
    };
    assert_eq!(
        run(*kind.expect("a client")),
        run(Kind::with_tuning(Default::default()))
    );
}

#[test]
fn every_change_has_a_line_and_the_same_each_time() {
    let mut five = scenario("five");
    five.work.jobs /= 10;
    let sweep = || {
        super::sweep(
            &[five.clone()],
            Kind::with_tuning,
            |name| name == "free",
            &[],
            1..3,
        )
    };
    let report = sweep().expect("a sweep").to_string();
    assert_eq!(report.matches("| `free` |").count(), 2, "{report}");
    assert!(report.contains("1 scenarios, 2 seeds"), "{report}");
    assert_eq!(report, sweep().expect("a sweep").to_string());
    let unknown = super::sweep(&[five.clone()], Kind::with_tuning, |_| false, &[], 1..3);
    assert_eq!(unknown.expect_err("no change"), "no constant of that name");
}
