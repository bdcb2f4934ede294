//! What a request counts against: the upstream, the credential and the model.

use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Snapshot;
use tower_throttle::keyed::{Account, Keyed, KeyedHandle, KeyedLayer, Model};
use tower_throttle::queue::Priority;

use crate::client::ApiClient;
use crate::config::Config;
use crate::events::Watcher;

/// An account at an upstream, and the model that the request names.
pub(crate) type Key = (Account, Option<Model>);

type KeyOf = fn(&Request<Full<Bytes>>) -> Key;

/// The client behind a gate for each key.
pub(crate) type Gated = Keyed<ApiClient, Key, KeyOf>;

/// The gates of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Gates(KeyedHandle<Key>);

impl Gates {
    /// The numbers of all gates together.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.0.total()
    }

    /// How long one waits behind `queued` others, while there is one line. Of several, it depends on the key.
    pub(crate) fn estimate(&self, queued: usize) -> Option<Duration> {
        match self.0.keys().as_slice() {
            [key] => self.0.get(key)?.estimate(queued),
            _ => None,
        }
    }

    /// How long a request of this key and class would wait that comes now.
    pub(crate) fn wait(&self, key: &Key, class: Priority) -> Option<Duration> {
        let gate = self.0.get(key)?;
        gate.estimate(gate.ahead(class))
    }
}

/// The key of a request.
pub(crate) fn key(request: &Request<Full<Bytes>>) -> Key {
    (Account::of(request), Model::of(request))
}

/// A layer with a gate for each key, and what shows the gates.
pub(crate) fn layer(
    config: &Config,
    name: &str,
    watcher: Watcher,
) -> (KeyedLayer<Key, KeyOf>, Gates) {
    // All gates of an upstream have its name, so that no key of a client's stands in a metric.
    let gate = AdaptiveConcurrencyLayer::new()
        .max_limit(config.max_in_flight)
        .name(name);
    let layer = KeyedLayer::new(key as KeyOf)
        .gates(move |_| gate.clone())
        .observe(watcher)
        .max_keys(config.max_keys)
        // The gateway bounds what waits before a request gets here.
        .max_waiting(usize::MAX);
    let gates = Gates(layer.handle());
    (layer, gates)
}
