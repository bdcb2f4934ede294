//! What an earlier run has learned: in a file in the package `batch`, and not at all in the example, which compiles
//! sooner.

#[cfg(feature = "serde")]
mod file;
#[cfg(not(feature = "serde"))]
mod none;

#[cfg(feature = "serde")]
pub(crate) use file::Earlier;
#[cfg(not(feature = "serde"))]
pub(crate) use none::Earlier;

/// What the embedded API is called in such a file: its port is another in each run.
pub(crate) const EMBEDDED: &str = "embedded";
