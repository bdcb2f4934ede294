//! Standard output and standard error. Whoever closed them hears nothing, and the batch goes on.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};

/// A line on standard output.
pub(crate) fn out(line: impl Display) {
    let _ = writeln!(stdout(), "{line}");
}

/// A line on standard error.
pub(crate) fn err(line: impl Display) {
    let _ = writeln!(stderr(), "{line}");
}
