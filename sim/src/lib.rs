//! Simulated APIs, for the proving ground (`benches/ground`), the tests of the default limit and of both
//! layers (`tests/learned`, `tests/lives`) and the API of the example `batch`.
//!
//! | module | what it is | knows a clock |
//! |---|---|---|
//! | [`schedule`] | a number that changes with time | is told the time |
//! | [`limits`] | what an API allows: in flight, token bucket, windows, sliding log | is told the time |
//! | [`hints`] | what an API tells of its limits: headers, and the bodies of refusals | is told the time |
//! | [`api`] | an API: limits, hints, outages, random refusals, a knee; and one at work | is told the time |
//! | [`work`] | jobs: when each arrives, what it costs, how long it takes | |
//! | [`best`] | the yardstick: the best possible time for a list of jobs | |
//! | [`server`] | a tower service in front of an API or of a closure | tokio's |
//!
//! All randomness is seeded, and all times are seconds as `f64`.
//!
//! # To add a server
//!
//! - **It counts in another way.** Add a variant to [`limits::Rule`], write its meter in a file of
//!   `src/limits/` beside the others (`wait`, `count`, `quota`), and list it in [`limits::Limits`]. The
//!   compiler then names the places in [`best`] that must know it, and a test there holds its best time
//!   against a closed form.
//! - **It tells its limits in another way.** Add a variant to [`hints::Style`] and the headers to
//!   `hints::describe`.
//! - **It refuses for another reason.** That is a field of [`api::Api`], which [`api::Simulated`] asks.
//! - **It is odd, and one test needs it.** Give [`Server::new`] a closure from [`Arrival`] to [`Fate`]; the
//!   meters of [`limits`] count in it (`tests/lives/quotas.rs` has some).
//!
//! A server that differs from another in a detail has the detail as a field, and is not a second server.

pub mod api;
pub mod best;
pub mod costs;
pub mod hints;
pub mod limits;
pub mod requests;
pub mod schedule;
pub mod server;
pub mod work;

pub use api::{Api, Simulated};
pub use server::{Arrival, Backend, Fate, Server};
