//! What is never printed.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What is printed instead of a secret.
pub(crate) const HIDDEN: &str = "***";

/// Shorter ones are not hidden: they stand in every other word.
const SHORTEST: usize = 4;

/// An argument that may hold a secret. Every text is one, so that no error message quotes it.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// The secrets of a run.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Vec<String>>);

impl Secrets {
    pub(crate) fn new(mut secrets: Vec<String>) -> Self {
        secrets.retain(|secret| secret.len() >= SHORTEST);
        // A secret that is a part of another one is hidden after it.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(Arc::new(secrets))
    }

    /// Text that is fit to print: without the secrets, and without what a terminal would obey.
    pub(crate) fn hide(&self, text: &str) -> String {
        let hide = |text: String, secret: &String| text.replace(secret.as_str(), HIDDEN);
        let text = self.0.iter().fold(text.to_owned(), hide);
        text.replace(|c: char| c.is_control(), " ")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_the_longest_first() {
        let secrets = Secrets::new(vec!["token".into(), "Bearer token".into(), "a".into()]);
        let hidden = secrets.hide("wrong: Bearer token, that is token\u{1b}[2J");
        assert_eq!(hidden, "wrong: ***, that is *** [2J");
        assert_eq!(format!("{secrets:?}"), "Secrets(2)");
        let secret: Secret = "token".parse().expect("infallible");
        assert_eq!(format!("{secret:?}"), "***");
    }
}
