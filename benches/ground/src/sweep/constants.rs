//! The constants of `Learned`, one by one.

use tower_throttle::concurrency::limit::Tuning;

/// A constant: what it is called, and what it must be above to mean something.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    pub name: &'static str,
    above: f64,
}

/// Factors of growth mean something only above one. All others must be above zero.
const ABOVE_ONE: [&str; 9] = [
    "stage_growth",
    "slower",
    "max_stretch",
    "outlived",
    "round_range",
    "max_probe_budget",
    "trial_rate",
    "well_above",
    "trusted_rate",
];

/// Every constant: the library names them, so none can be forgotten.
pub fn all() -> impl Iterator<Item = Constant> {
    Tuning::NAMES.iter().map(|name| Constant {
        name,
        above: if ABOVE_ONE.contains(name) { 1.0 } else { 0.0 },
    })
}

/// One constant changed, the others as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub name: &'static str,
    pub from: f64,
    pub to: f64,
    /// What was multiplied is what exceeds this, because the whole would mean nothing.
    pub beyond: Option<f64>,
    pub tuning: Tuning,
}

impl Constant {
    /// The constant times a factor, or `None` where that means nothing.
    pub fn times(&self, factor: f64, tuning: &Tuning) -> Option<Change> {
        let mut tuning = *tuning;
        let number = tuning.get_mut(self.name)?;
        let from = *number;
        let whole = from * factor;
        let beyond = (whole <= self.above && self.above > 0.0).then_some(self.above);
        let to = beyond.map_or(whole, |least| least + (from - least) * factor);
        if to <= self.above || to == from {
            return None;
        }
        *number = to;
        Some(Change {
            name: self.name,
            from,
            to,
            beyond,
            tuning,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(name: &str) -> f64 {
        *Tuning::default().get_mut(name).expect("a name")
    }

    /// The number `free`, of this value.
    fn from(value: f64) -> Tuning {
        let mut tuning = Tuning::default();
        tuning.free = value;
        tuning
    }

    fn constant(above: f64) -> Constant {
        Constant {
            name: "free",
            above,
        }
    }

    #[test]
    fn the_page_about_them_tells_each_and_its_value() {
        let page = include_str!("../../../../docs/learned.md");
        let told = |name: &str| {
            let start = format!("| `{name}` | ");
            let row = page.lines().find_map(|line| line.strip_prefix(&start));
            row.and_then(|row| row.split(' ').next()?.parse().ok())
        };
        for name in Tuning::NAMES {
            assert_eq!(told(name), Some(value(name)), "{name}");
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        let known = Tuning::NAMES.len();
        assert_eq!(rows, known, "the page tells of constants that are gone");
    }

    #[test]
    fn each_is_changed_alone() {
        let default = Tuning::default();
        for constant in all() {
            for factor in [0.5, 1.5] {
                let change = constant.times(factor, &default).expect(constant.name);
                assert_eq!(value(constant.name), change.from);
                let mut back = change.tuning;
                let number = back.get_mut(constant.name).expect("a name");
                assert_eq!(std::mem::replace(number, change.from), change.to);
                assert_eq!(back, default, "{}", constant.name);
            }
        }
    }

    #[test]
    fn those_that_must_be_above_one_exist() {
        for name in ABOVE_ONE {
            assert!(value(name) > 1.0, "{name}");
        }
    }

    #[test]
    fn a_factor_that_would_fall_to_one_loses_half_of_what_is_above() {
        let change = constant(1.0).times(0.5, &from(1.5)).expect("1.25");
        assert_eq!((change.to, change.beyond), (1.25, Some(1.0)));
        let change = constant(1.0).times(0.5, &from(3.0)).expect("1.5");
        assert_eq!((change.to, change.beyond), (1.5, None));
    }

    #[test]
    fn what_stays_the_same_is_no_change() {
        assert!(constant(0.0).times(0.5, &from(0.0)).is_none());
    }
}
