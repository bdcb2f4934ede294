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
use crate::fleet::{Fingerprint, Meeting, Member};

/// An account at an upstream, the model that the request names, and what other gateways know the account by.
pub(crate) type Key = (Account, Option<Model>, Fingerprint);

/// How many limits' members are shown.
const SHOWN: usize = 5;

type KeyOf = fn(&Request<Full<Bytes>>) -> Key;

/// The client behind a gate for each key.
pub(crate) type Gated = Keyed<ApiClient, Key, KeyOf>;

/// The gates of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Gates(KeyedHandle<Key>, Option<Meeting>);

impl Gates {
    /// The numbers of all gates together.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.0.total()
    }

    /// Who shares the limits of this upstream, by model. Of the first keys only: the page is for a look at them.
    pub(crate) async fn members(&self) -> Vec<(String, Vec<Member>)> {
        let Some(meeting) = &self.1 else {
            return Vec::new();
        };
        let mut members = Vec::new();
        for key in self.0.keys().iter().take(SHOWN) {
            let model = key.1.as_ref().map_or("", Model::name);
            members.push((model.to_owned(), meeting.members(&fleet_name(key)).await));
        }
        members
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
    (
        Account::of(request),
        Model::of(request),
        Fingerprint::of(request.headers()),
    )
}

/// The name by which gateways know what a key counts against. Nothing of it shows the credential.
fn fleet_name((account, model, fingerprint): &Key) -> String {
    let model = model.as_ref().map_or("", Model::name);
    format!("gateway:{}:{fingerprint}:{model}", account.host())
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
    let meeting = config.redis.clone();
    let layer = KeyedLayer::new(key as KeyOf)
        .gates(move |key| {
            let gate = gate.clone();
            let Some(meeting) = &meeting else {
                return gate;
            };
            // It ends with the gate.
            let fleet = meeting.fleet(&fleet_name(key));
            let gate = gate.lease(fleet.clone());
            tokio::spawn(fleet.run());
            gate
        })
        .observe(watcher)
        .max_keys(config.max_keys)
        // The gateway bounds what waits before a request gets here.
        .max_waiting(usize::MAX);
    let gates = Gates(layer.handle(), config.redis.clone());
    (layer, gates)
}
