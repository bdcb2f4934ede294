//! How the numbers are declared, and which make sense.

/// Declares the numbers once: fields, defaults, names and access by name.
macro_rules! tuning {
    ($($(#[$doc:meta])* $name:ident = $default:literal,)*) => {
        /// The numbers that decide what [`Learned`](super::Learned) does.
        ///
        /// None is tuned to one API: each is a cost, a share or a level of confidence. They are public
        /// so that they can be swept; there is no need to change them. A number that is infinite, not a
        /// number, zero or less is replaced by the default.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct Tuning {
            $($(#[$doc])* pub $name: f64,)*
        }

        impl Default for Tuning {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Tuning {
            /// The name of each number, in the order of the fields.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            /// The number of that name.
            pub fn get_mut(&mut self, name: &str) -> Option<&mut f64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }

            /// Replaces each number that makes no sense by its default.
            pub(super) fn sane(self) -> Self {
                let usual = Self::default();
                let sane = Self { $($name: sane(self.$name, usual.$name),)* };
                Self { max_wait: bounded_wait(sane.max_wait), ..sane }
            }
        }
    };
}
pub(super) use tuning;

/// Beyond these, arithmetic loses its meaning.
const LEAST: f64 = 1e-9;
const MOST: f64 = 1e9;

/// The value, or the usual one if it makes no sense.
pub(super) fn sane(value: f64, usual: f64) -> f64 {
    if value.is_finite() && value > 0.0 {
        value.clamp(LEAST, MOST)
    } else {
        usual
    }
}

/// A day is longer than anybody waits, and the arithmetic stays exact.
pub(crate) fn bounded_wait(seconds: f64) -> f64 {
    seconds.clamp(1.0, 86_400.0)
}
