//! The way to a server: with TLS in the package `batch`, without it in the example, which compiles sooner.

use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;

#[cfg(not(feature = "tls"))]
mod plain;
#[cfg(feature = "tls")]
mod tls;

#[cfg(not(feature = "tls"))]
pub(crate) use plain::{Connector, connector};
#[cfg(feature = "tls")]
pub(crate) use tls::{Connector, connector};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    // Requests are small and each is waited for.
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp
}
