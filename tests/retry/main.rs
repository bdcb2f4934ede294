//! The retries: what is sent again, when, how often, and what the caller gets in the end.

#[path = "../support/mod.rs"]
mod support;

mod alloc;
mod body;
mod bounds;
mod circuit;
mod classify;
mod clone_request;
mod close;
#[cfg(feature = "json")]
mod dialect;
mod drop;
mod headers;
mod hint_sink;
mod jitter;
mod not_sent_again;
mod on_refusal;
mod on_refusal_ends;
mod pause;
mod place;
mod preset;
#[cfg(feature = "hyper-util")]
mod preset_hyper;
mod refresh;
mod refusals;
mod replay;
mod replay_locks;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(feature = "reqwest-middleware")]
mod reqwest_middleware;
mod served;
mod socket;
mod types;
