//! The program as a whole: its files, its terminal, its exit status.

mod explain;
mod files;
mod hostile;
mod learnt;
mod server;
mod stops;
mod support;
mod tls;
