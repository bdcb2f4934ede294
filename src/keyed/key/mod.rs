//! Ready-made keys.

mod credential;
mod host;
#[cfg(feature = "json")]
mod model;

use http::{HeaderMap, Request};

pub use self::credential::{Account, Credential};
pub use self::host::Host;
#[cfg(feature = "json")]
pub use self::model::Model;

/// A request of which the ready-made keys can be taken: those of `http`, and of `reqwest` with the feature
/// `reqwest`.
#[diagnostic::on_unimplemented(
    message = "no key can be taken from a request of type `{Self}`",
    note = "`http::Request<B>` has one, and `reqwest::Request` with the feature `reqwest` of tower-throttle",
    note = "for a request of another type, implement `Target`, or give `KeyedLayer::new` a closure"
)]
pub trait Target {
    /// The host that the request goes to.
    fn host(&self) -> Host;

    /// The request's headers.
    fn headers(&self) -> &HeaderMap;
}

impl<B> Target for Request<B> {
    fn host(&self) -> Host {
        Host::of_uri(self.uri(), self.headers())
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}

#[cfg(feature = "reqwest")]
impl Target for reqwest::Request {
    fn host(&self) -> Host {
        let url = self.url();
        Host::new(
            url.host_str().unwrap_or_default(),
            url.port_or_known_default(),
        )
    }

    fn headers(&self) -> &HeaderMap {
        self.headers()
    }
}
