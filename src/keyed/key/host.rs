//! Which server a request goes to.

use std::fmt;
use std::hash::{Hash, Hasher};

use http::uri::Authority;
use http::{HeaderMap, Uri, header};

use super::Target;

/// How long a name may be without memory of its own.
const SHORT: usize = 46;

/// Each byte in lower case, and zero for what no plain name has.
const PLAIN: [u8; 256] = {
    let mut plain = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = match byte as u8 {
            b':' | b'@' | b'[' => 0,
            other => other.to_ascii_lowercase(),
        };
        byte += 1;
    }
    plain
};

/// The key of those who count by server: its name and its port.
///
/// Names are compared as DNS does, without regard to case, and `https://example.com` is
/// `https://example.com:443`. User names and passwords in a URI are no part of it. Of a URI without a host, the
/// header `Host` counts. All requests that have neither share one key, with an empty name.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use tower_throttle::keyed::Host;
///
/// let host = |uri| Host::of(&Request::get(uri).body(()).unwrap());
/// assert_eq!(host("https://api.example.com/v1"), host("https://API.example.com:443/v2"));
/// assert_ne!(host("https://api.example.com/"), host("http://api.example.com/"));
/// assert_eq!(host("https://api.example.com/").name(), "api.example.com");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    name: Name,
    port: Option<u16>,
}

/// In lower case. The two forms never hold the same name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    /// The rest is zeros.
    Short(u8, [u8; SHORT]),
    Long(Box<str>),
}

impl Host {
    /// The host that a request goes to.
    pub fn of<R: Target>(request: &R) -> Self {
        request.host()
    }

    /// A host by name and port.
    #[must_use]
    pub fn new(name: &str, port: Option<u16>) -> Self {
        let mut bytes = [0; SHORT];
        let name = match (bytes.get_mut(..name.len()), u8::try_from(name.len())) {
            (Some(start), Ok(len)) => {
                start.copy_from_slice(name.as_bytes());
                start.make_ascii_lowercase();
                Name::Short(len, bytes)
            }
            _ => Name::Long(name.to_ascii_lowercase().into()),
        };
        Self { name, port }
    }

    pub(super) fn of_uri(uri: &Uri, headers: &HeaderMap) -> Self {
        if let Some(authority) = uri.authority() {
            let of_scheme = match uri.scheme_str() {
                Some("https" | "wss") => Some(443),
                Some("http" | "ws") => Some(80),
                _ => None,
            };
            return Self::of_authority(authority, of_scheme);
        }
        let header = headers.get(header::HOST).map(|host| host.as_bytes());
        match header.and_then(|host| Authority::try_from(host).ok()) {
            Some(authority) => Self::of_authority(&authority, None),
            None => Self::new("", None),
        }
    }

    fn of_authority(authority: &Authority, port: Option<u16>) -> Self {
        // As a rule there is nothing but a name.
        match Name::plain(authority.as_str()) {
            Some(name) => Self { name, port },
            None => Self::new(authority.host(), authority.port_u16().or(port)),
        }
    }

    /// The name in lower case, as a URI has it: an IPv6 address stands in brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        std::str::from_utf8(self.name.bytes()).unwrap_or_default()
    }

    /// The port, if it was told or follows from the scheme.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }
}

impl Name {
    /// Of an authority that is nothing but a short name, read once: whatever else may be there has one of three bytes.
    #[inline]
    fn plain(authority: &str) -> Option<Self> {
        let mut bytes = [0; SHORT];
        let name = bytes.get_mut(..authority.len())?;
        for (lower, byte) in name.iter_mut().zip(authority.as_bytes()) {
            *lower = PLAIN[usize::from(*byte)];
            if *lower == 0 {
                return None;
            }
        }
        Some(Self::Short(authority.len() as u8, bytes))
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Short(len, bytes) => &bytes[..usize::from(*len)],
            Self::Long(name) => name.as_bytes(),
        }
    }
}

// In two pieces, and without the zeros behind a short name: each request is hashed.
impl Hash for Host {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.name.bytes());
        state.write_u32(self.port.map_or(u32::MAX, u32::from));
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({self})")
    }
}
