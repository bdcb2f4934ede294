//! The seams to other HTTP clients, each behind a feature.

#[cfg(feature = "reqwest")]
mod reqwest;
