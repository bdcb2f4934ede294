//! Which account a request belongs to.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::OnceLock;

use http::HeaderMap;

use super::{Host, Target};
use crate::message::credentials;

/// A fingerprint of a credential, such as an API key. The credential itself is not kept.
///
/// It is 128 bits of a hash under a random key that this process draws once. So it cannot be turned back or
/// looked up, it differs in every run, and `Debug` shows nothing of it. Two credentials get the same
/// one with a probability of 2⁻¹²⁸.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use tower_throttle::keyed::Credential;
///
/// let request = |key: &str| Request::get("/").header("x-api-key", key).body(()).unwrap();
/// assert_eq!(Credential::of(&request("one")), Credential::of(&request("one")));
/// assert_ne!(Credential::of(&request("one")), Credential::of(&request("two")));
/// assert_eq!(format!("{:?}", Credential::new("one")), "Credential(..)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Credential(u64, u64);

impl Credential {
    /// The credential in a request's headers: `Authorization`, `X-Api-Key`, `Api-Key` and `X-Goog-Api-Key`, as
    /// many of them as there are. `None` if there is none.
    pub fn of<R: Target>(request: &R) -> Option<Self> {
        Self::of_headers(request.headers())
    }

    /// The fingerprint of a credential that is sent in another way, such as in a query.
    #[must_use]
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        Self::hash(&secret.as_ref())
    }

    fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut found = false;
        let [first, second] = keys();
        let (mut first, mut second) = (first.build_hasher(), second.build_hasher());
        for part in credentials(headers) {
            part.hash(&mut first);
            part.hash(&mut second);
            found = true;
        }
        found.then(|| Self(first.finish(), second.finish()))
    }

    fn hash(secret: &impl Hash) -> Self {
        let [first, second] = keys();
        Self(first.hash_one(secret), second.hash_one(secret))
    }
}

/// The keys of the two halves, drawn once in a process.
fn keys() -> &'static [RandomState; 2] {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    KEYS.get_or_init(|| [RandomState::new(), RandomState::new()])
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// The key of those who count by account: a [`Host`], and the [`Credential`] that is sent to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    host: Host,
    credential: Option<Credential>,
}

impl Account {
    /// The account that a request belongs to.
    pub fn of<R: Target>(request: &R) -> Self {
        Self {
            host: request.host(),
            credential: Credential::of(request),
        }
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.host
    }

    /// The credential, if one is sent.
    #[must_use]
    pub const fn credential(&self) -> Option<Credential> {
        self.credential
    }
}
