//! What a request counts against: the upstream, the credential and the model.

use axum::http::Request;
use bytes::Bytes;
use http_body_util::Full;
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Snapshot;
use tower_throttle::keyed::{Account, Keyed, KeyedHandle, KeyedLayer, Model};

use crate::client::ApiClient;
use crate::config::Config;

/// An account at an upstream, and the model that the request names.
type Key = (Account, Option<Model>);

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
}

/// A layer with a gate for each key, and what shows the gates.
pub(crate) fn layer(config: &Config) -> (KeyedLayer<Key, KeyOf>, Gates) {
    let gate = AdaptiveConcurrencyLayer::new().max_limit(config.max_in_flight);
    let key: KeyOf = |request| (Account::of(request), Model::of(request));
    let layer = KeyedLayer::new(key)
        .gates(move |_| gate.clone())
        .max_keys(config.max_keys)
        // The gateway bounds what waits before a request gets here.
        .max_waiting(usize::MAX);
    let gates = Gates(layer.handle());
    (layer, gates)
}
