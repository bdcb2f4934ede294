//! What the layers add to a call over a service that is always ready, beside tower's own.
//!
//! `cargo bench --bench overhead` prints the table and whether each bound is kept;
//! `cargo bench --bench overhead -- --check` exits with 1 when one is not. The heavier peers join in
//! `cargo run --release -p peers`, which is built from the same files.

mod bounds;
mod contenders;
mod measure;

use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let table = measure::table(contenders::all());
    print!("{table}");
    if bounds::report(&table) || !check {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
