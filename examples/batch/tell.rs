//! Standard output and standard error. Whoever closed them hears nothing, and the batch goes on.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

use terminal_size::terminal_size_of;

/// A line on standard output.
pub(crate) fn out(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// A line on standard error.
pub(crate) fn err(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}

/// The columns of the terminal on standard output, if it is one.
pub(crate) fn width_of_stdout() -> Option<usize> {
    terminal_size_of(stdout()).map(|(width, _)| width.0.into())
}

/// The columns of the terminal on standard error, if it tells.
pub(crate) fn width_of_stderr() -> Option<usize> {
    terminal_size_of(stderr()).map(|(width, _)| width.0.into())
}
