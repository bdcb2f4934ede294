//! Several gates that share one limit: in memory on a paused clock, and through a real Redis.

mod away;
mod book;
mod cold;
mod lease;
mod local;
mod mirror;
mod outages;
mod partition;
mod real;
mod server;
mod support;
mod table;
