//! The code of the README, as tests: `cargo test -p recipes --doc`. The binaries are examples that need
//! more dependencies than those of the crate.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
