//! The gateway over real sockets, between a client and an upstream whose every move is decided here.

mod binary;
mod classes;
mod common;
mod drain;
mod forward;
mod keys;
mod leave;
mod metrics;
mod overload;
mod refuse;
mod tls;
mod tokens;
