//! The constants of `Learned`, one by one.

use tower_throttle::concurrency::limit::Constants;

/// A constant: what it is called, and how it is read and set.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    pub name: &'static str,
    /// It means something only above this: a factor of growth only above one.
    above: f64,
    whole: bool,
    get: fn(&Constants) -> f64,
    set: fn(&mut Constants, f64),
}

macro_rules! constants {
    ($($name:ident > $above:literal),* $(,)?) => {
        &[$(Constant {
            name: stringify!($name),
            above: $above,
            whole: is_whole(|constants| constants.$name),
            get: |constants| constants.$name as f64,
            set: |constants, to| constants.$name = Number::of(to),
        }),*]
    };
}

/// Every constant, and what it must be above. The only place that names them.
pub const ALL: &[Constant] = constants![
    free > 0.0,
    reach > 1.0,
    spread > 0.0,
    probe_requests > 0.0,
    probe_rounds > 0.0,
    slower > 1.0,
    confidence > 0.0,
    margin > 0.0,
    step > 0.0,
    excess > 0.0,
    max_step > 0.0,
    bump > 0.0,
    memory > 0.0,
    first_gap > 0.0,
    max_gap > 0.0,
    max_wait > 0.0,
];

/// What a constant can be, so that the table need not say.
trait Number: Copy {
    const WHOLE: bool;
    fn of(value: f64) -> Self;
}

macro_rules! numbers {
    ($($number:ty, $whole:literal;)*) => {$(
        impl Number for $number {
            const WHOLE: bool = $whole;
            fn of(value: f64) -> Self {
                value as Self
            }
        }
    )*};
}

numbers! {
    f64, false;
    f32, false;
    u8, true;
    u32, true;
    u64, true;
    usize, true;
}

const fn is_whole<N: Number>(_: fn(&Constants) -> N) -> bool {
    N::WHOLE
}

/// One constant changed, the others as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    pub name: &'static str,
    pub from: f64,
    pub to: f64,
    /// What was multiplied is what exceeds this, because the whole would mean nothing.
    pub beyond: Option<f64>,
    pub constants: Constants,
}

impl Constant {
    /// The constant times a factor, or `None` where that means nothing.
    pub fn times(&self, factor: f64, constants: &Constants) -> Option<Change> {
        let from = (self.get)(constants);
        let whole = from * factor;
        let beyond = (whole <= self.above && self.above > 0.0).then_some(self.above);
        let mut to = beyond.map_or(whole, |least| least + (from - least) * factor);
        if self.whole {
            let one_off = if factor < 1.0 { from - 1.0 } else { from + 1.0 };
            to = if factor < 1.0 {
                to.round().min(one_off)
            } else {
                to.round().max(one_off)
            };
        }
        if to <= self.above || to == from {
            return None;
        }
        let mut constants = *constants;
        (self.set)(&mut constants, to);
        Some(Change {
            name: self.name,
            from,
            to,
            beyond,
            constants,
        })
    }
}

/// Constants that the library has and the table does not. Its struct can gain some, and cannot be
/// taken apart exhaustively elsewhere, so its `Debug` is asked.
pub fn forgotten() -> Vec<String> {
    let shown = format!("{:#?}", Constants::default());
    let field = |line: &str| {
        let line = line.strip_prefix("    ")?;
        Some(line.split_once(": ")?.0.to_owned()).filter(|name| !name.starts_with(' '))
    };
    let mut names: Vec<String> = shown.lines().filter_map(field).collect();
    names.retain(|name| !ALL.iter().any(|constant| constant.name == name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(above: f64, whole: bool) -> Constant {
        Constant {
            above,
            whole,
            ..ALL[0]
        }
    }

    fn from(value: f64) -> Constants {
        let mut constants = Constants::default();
        (ALL[0].set)(&mut constants, value);
        constants
    }

    #[test]
    fn none_is_forgotten() {
        assert_eq!(forgotten(), Vec::<String>::new(), "add it to `ALL`");
    }

    #[test]
    fn the_page_about_them_tells_each_and_its_value() {
        let page = include_str!("../../../../docs/learned.md");
        let told = |constant: &Constant| {
            let start = format!("| `{}` | ", constant.name);
            let row = page.lines().find_map(|line| line.strip_prefix(&start));
            row.and_then(|row| row.split(' ').next()?.parse().ok())
        };
        for constant in ALL {
            let is = (constant.get)(&Constants::default());
            assert_eq!(told(constant), Some(is), "{}", constant.name);
        }
        let rows = page.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(rows, ALL.len(), "the page tells of constants that are gone");
    }

    #[test]
    fn each_is_changed_alone() {
        let default = Constants::default();
        for constant in ALL {
            for factor in [0.5, 1.5] {
                let change = constant.times(factor, &default).expect(constant.name);
                assert_eq!((constant.get)(&default), change.from);
                assert_eq!((constant.get)(&change.constants), change.to);
                let mut back = change.constants;
                (constant.set)(&mut back, change.from);
                assert_eq!(back, default, "{}", constant.name);
            }
        }
    }

    #[test]
    fn a_factor_that_would_fall_to_one_loses_half_of_what_is_above() {
        let change = constant(1.0, false).times(0.5, &from(1.5)).expect("1.25");
        assert_eq!((change.to, change.beyond), (1.25, Some(1.0)));
        let change = constant(1.0, false).times(0.5, &from(3.0)).expect("1.5");
        assert_eq!((change.to, change.beyond), (1.5, None));
    }

    #[test]
    fn whole_numbers_change_by_one_at_least() {
        let times = |factor, value| Some(constant(0.0, true).times(factor, &from(value))?.to);
        assert_eq!((times(0.5, 5.0), times(1.5, 5.0)), (Some(3.0), Some(8.0)));
        assert_eq!((times(0.5, 2.0), times(1.5, 1.0)), (Some(1.0), Some(2.0)));
        assert_eq!(times(0.5, 1.0), None, "nothing below one is above zero");
    }

    #[test]
    fn what_stays_the_same_is_no_change() {
        assert_eq!(constant(0.0, false).times(0.5, &from(0.0)), None);
    }
}
