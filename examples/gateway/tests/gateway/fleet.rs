//! Gateways that share a limit through Redis.

mod name;
mod outage;
mod server;
mod share;
