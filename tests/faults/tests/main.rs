//! What becomes of requests when the network or the server misbehaves, over real sockets.
//!
//! Each fault is done to half of the callers. Then every permit must be home and nobody wait, no
//! answer be lost or given twice, and those who met no fault be served, as are all who come after.
//! `README.md` has the table, and every test sees to it that its rows stand there:
//!
//! ```sh
//! cargo test -p faults -- --nocapture | grep '^|'
//! ```

mod cancelled;
mod client;
mod clock;
mod connections;
mod down;
mod fault;
mod http1;
mod http2;
mod ledger;
mod lengths;
mod refusals;
mod scenario;
mod server;
mod slow;
mod streams;
mod table;
mod wire;
