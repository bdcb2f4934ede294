//! The names by which gateways know what they share. Nothing of a credential, a model or an address stands in them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;
use ring::digest::{self, SHA256};
use ring::hmac::{self, HMAC_SHA256};

use crate::headers::KEYS;

/// How many bytes of a hash are kept: two inputs have the same with a probability of 2⁻¹²⁸.
const KEPT: usize = 16;

/// A secret that all gateways which share limits have: without it nobody can tell from a name in Redis whether a
/// credential that he guesses is the right one.
#[derive(Clone, Default)]
pub struct FleetSecret(Arc<str>);

/// What a limit belongs to.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) host: String,
    pub(crate) credential: Fingerprint,
    pub(crate) model: &'a str,
}

impl FleetSecret {
    /// The name of a limit at this path of a server: the same in all gateways that have the same secret.
    pub(crate) fn name(&self, path: &str, parts: &Parts<'_>) -> String {
        let key = hmac::Key::new(HMAC_SHA256, self.0.as_bytes());
        let mut context = hmac::Context::with_key(&key);
        let credential = &parts.credential.0[..];
        for part in [
            parts.host.as_bytes(),
            path.as_bytes(),
            credential,
            parts.model.as_bytes(),
        ] {
            // So that no part can pass for the end of another.
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut name = "gateway:".to_owned();
        for byte in &context.sign().as_ref()[..KEPT] {
            name.push_str(&format!("{byte:02x}"));
        }
        name
    }
}

impl FromStr for FleetSecret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.into()))
    }
}

impl fmt::Debug for FleetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FleetSecret(..)")
    }
}

/// A fingerprint of a request's credential that is the same in all gateways: a half of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; KEPT]);

impl Fingerprint {
    /// The fingerprint of what `headers` say. That of nothing, if they hold no credential.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut context = digest::Context::new(&SHA256);
        for name in &KEYS {
            for value in headers.get_all(name) {
                // Neither a name nor a value holds a zero.
                for part in [name.as_str().as_bytes(), value.as_bytes()] {
                    context.update(part);
                    context.update(&[0]);
                }
            }
        }
        let mut kept = [0; KEPT];
        kept.copy_from_slice(&context.finish().as_ref()[..KEPT]);
        Self(kept)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    fn name(secret: &str, path: &str, headers: &HeaderMap, model: &str) -> String {
        let secret: FleetSecret = secret.parse().unwrap();
        let parts = Parts {
            host: "api.example.com:443".to_owned(),
            credential: Fingerprint::of(headers),
            model,
        };
        secret.name(path, &parts)
    }

    /// Gateways of two versions must not have two names for one limit.
    #[test]
    fn the_name_of_a_limit_stays_what_it_is() {
        let key = headers("authorization", "Bearer one");
        assert_eq!(
            name("secret", "/a", &key, "small"),
            "gateway:7ff5f0ac31bd2d4b0a40c48f2682063c"
        );
    }

    #[test]
    fn whatever_differs_has_another_name() {
        let key = headers("authorization", "Bearer one");
        let names = [
            name("", "", &key, "small"),
            name("secret", "", &key, "small"),
            name("", "/a", &key, "small"),
            name("", "", &key, ""),
            name("", "", &headers("authorization", "Bearer two"), "small"),
            name("", "", &headers("x-api-key", "Bearer one"), "small"),
            name("", "", &HeaderMap::new(), "small"),
        ];
        let different: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn nothing_is_shown() {
        let secret: FleetSecret = "hidden".parse().unwrap();
        assert_eq!(format!("{secret:?}"), "FleetSecret(..)");
        let print = Fingerprint::of(&headers("x-api-key", "hidden"));
        assert_eq!(format!("{print:?}"), "Fingerprint(..)");
    }
}
