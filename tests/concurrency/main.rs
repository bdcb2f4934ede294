//! The gate: its line, its permits, its pauses, and each limit but the default's own tests.

#[path = "../support/purse.rs"]
mod purse;
mod support;

mod alloc;
mod body;
mod bounds;
mod close;
mod cost;
mod growth;
mod handle;
mod idle;
mod learned;
#[cfg(feature = "serde")]
mod learnt_json;
mod limits;
mod line;
mod outcome;
mod parked;
mod pause;
mod queue;
mod resume;
mod service;
mod timers;
mod types;
mod watch;
