//! Without a file.

use std::path::Path;

use tower_throttle::concurrency::{Handle, Learnt};

use crate::posts::Source;

/// There is none.
#[derive(Debug)]
pub(crate) enum Earlier {}

impl Earlier {
    pub(crate) fn open(_: &Path, _: &str, _: &Source, _: Option<&Path>) -> Result<Self, String> {
        Err("this build keeps nothing, so that it compiles sooner. For --learnt, run the same with\n       \
             cargo run --release -p batch -- ..."
            .to_owned())
    }

    pub(crate) fn learnt(&self) -> Option<Learnt> {
        match *self {}
    }

    pub(crate) fn replace(&self, _: &Handle) -> Result<(), String> {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_which_program_keeps_what_was_learned() {
        let input = tempfile::NamedTempFile::new().expect("a file");
        let source = Source::open(input.path()).expect("readable");
        let error =
            Earlier::open(Path::new("learnt.json"), "", &source, None).expect_err("no file");
        assert!(error.contains("cargo run --release -p batch"), "{error}");
    }
}
