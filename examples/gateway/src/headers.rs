//! Which headers are passed on.

use std::sync::Arc;

use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    VIA,
};
use axum::http::{HeaderMap, HeaderValue, Version};

use crate::priority::{DEADLINE, PRIORITY};

/// Of the connection, not of the message: RFC 9110, section 7.6.1, and those that older clients send.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Where clients put their keys.
pub(crate) const KEYS: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// What holds secrets. Marked as sensitive, they show in no `Debug`, and HTTP/2 does not
/// put them into its table of known headers.
pub(crate) fn sensitive() -> Arc<[HeaderName]> {
    KEYS.into_iter().chain([COOKIE, SET_COOKIE]).collect()
}

/// A request's headers, as the upstream gets them.
pub(crate) fn to_upstream(mut headers: HeaderMap, version: Version) -> HeaderMap {
    remove_hop_by_hop(&mut headers);
    // The upstream's own is derived from its address, and the length from the body, which was read.
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    // The gateway's own.
    headers.remove(PRIORITY);
    headers.remove(DEADLINE);
    // Met when the body was read.
    headers.remove(EXPECT);
    // RFC 9110, section 7.6.3: a gateway says that it was there.
    let via = match version {
        Version::HTTP_2 => "2 tower-throttle-gateway",
        Version::HTTP_10 => "1.0 tower-throttle-gateway",
        _ => "1.1 tower-throttle-gateway",
    };
    headers.append(VIA, HeaderValue::from_static(via));
    headers
}

/// Takes out of a message's headers what is not for the next hop.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_connection_header_names_goes_with_it() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static("close, X-One"));
        headers.append(CONNECTION, HeaderValue::from_static(" x-two ,,b@d"));
        for name in ["x-one", "x-two", "x-three", "keep-alive", "te", "upgrade"] {
            headers.append(name, HeaderValue::from_static("x"));
        }
        remove_hop_by_hop(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["x-three"]);
    }
}
