//! Eight processes call one API over sockets, and share its limit in one way or another.
//!
//! `cargo run --release -p fleet` prints the table; `-- --seconds 15` takes a quarter of the time. It needs
//! `redis-server`.

mod api;
mod gcra;
mod member;
mod run;
mod store;
mod table;

use std::error::Error;

use clap::{Parser, ValueEnum};

use crate::member::Member;

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Eight processes that share one limit.
#[derive(Debug, Parser)]
struct Args {
    /// How long each row takes
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How many processes there are
    #[arg(long, default_value_t = 8)]
    members: usize,
    /// Only rows whose name begins so (repeatable)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Debug, clap::Subcommand)]
enum Role {
    /// One of the processes: started by the program itself
    #[command(hide = true)]
    Member(Member),
}

/// How a limit is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sharing {
    /// Each for itself
    Alone,
    /// A decision of Redis for each request
    Gcra,
    /// Leases of a limit that is stated
    Known,
    /// Leases of a limit that one finds out
    Unknown,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let args = Args::parse();
    match args.role {
        Some(Role::Member(member)) => member::run(member).await,
        None => table::print(args.seconds, args.members, &args.only).await,
    }
}
