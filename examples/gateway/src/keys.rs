//! What a request counts against: the upstream, the credential and the model.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use axum::http::Request;
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use serde::Serialize;
use tower_throttle::AdaptiveConcurrencyLayer;
use tower_throttle::concurrency::Snapshot;
use tower_throttle::keyed::{Host, Keyed, KeyedHandle, KeyedLayer, Model};
use tower_throttle::queue::Priority;

use crate::client::ApiClient;
use crate::config::Config;
use crate::events::Watcher;
use crate::fleet::{Fingerprint, Fleets, Member, Parts};

/// How many limits are shown, with their members: those of the most requests.
const SHOWN: usize = 8;

/// An account at an upstream, and the model that the request names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    host: Host,
    credential: Fingerprint,
    model: Option<Model>,
}

impl Key {
    /// The key of a request.
    pub(crate) fn of(request: &Request<Full<Bytes>>) -> Self {
        Self {
            host: Host::of(request),
            credential: Fingerprint::of(request.headers()),
            model: Model::of(request),
        }
    }

    fn model(&self) -> &str {
        self.model.as_ref().map_or("", Model::name)
    }

    /// The name by which other gateways know it.
    fn name(&self, fleets: &Fleets) -> String {
        fleets.name(&Parts {
            host: self.host.to_string(),
            credential: self.credential,
            model: self.model(),
        })
    }
}

type KeyOf = fn(&Request<Full<Bytes>>) -> Key;

/// The client behind a gate for each key.
pub(crate) type Gated = Keyed<ApiClient, Key, KeyOf>;

/// The gates of one upstream.
#[derive(Clone, Debug)]
pub(crate) struct Gates {
    handle: KeyedHandle<Key>,
    /// With `--redis`.
    fleets: Option<Fleets>,
}

/// What an upstream's gates share with those of other gateways.
#[derive(Debug, Serialize)]
pub(crate) struct Sharing {
    /// Why Redis does not serve, if it does not.
    failure: Option<String>,
    limits: Vec<SharedLimit>,
}

/// A limit, and who has a share of it.
#[derive(Debug, Serialize)]
struct SharedLimit {
    model: String,
    members: Vec<Member>,
}

impl Gates {
    /// The numbers of all gates together.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.handle.total()
    }

    /// How long one waits behind `queued` others, while there is one line. Of several, it depends on the key.
    pub(crate) fn estimate(&self, queued: usize) -> Option<Duration> {
        match self.handle.keys().as_slice() {
            [key] => self.handle.get(key)?.estimate(queued),
            _ => None,
        }
    }

    /// How long a request of this key and class would wait that comes now.
    pub(crate) fn wait(&self, key: &Key, class: Priority) -> Option<Duration> {
        let gate = self.handle.get(key)?;
        gate.estimate(gate.ahead(class))
    }

    /// Who shares the limits of the keys that are used most.
    pub(crate) async fn sharing(&self) -> Option<Sharing> {
        let fleets = self.fleets.as_ref()?;
        let mut keys = self.handle.keys();
        keys.sort_by_cached_key(|key| {
            let gate = self.handle.get(key).map(|gate| gate.snapshot());
            Reverse(gate.map_or(0, |gate| gate.accepted + gate.refused))
        });
        let limits = keys.iter().take(SHOWN).map(async |key| SharedLimit {
            model: key.model().to_owned(),
            members: fleets.members(&key.name(fleets)).await,
        });
        let limits = join_all(limits).await;
        Some(Sharing {
            failure: fleets.failure(),
            limits,
        })
    }

    /// Forgets what was shared for keys that were forgotten.
    pub(crate) fn forget_unused(&self) {
        let Some(fleets) = self.fleets.as_ref() else {
            return;
        };
        if fleets.len() > self.handle.len() {
            let keys = self.handle.keys();
            let known: HashSet<_> = keys.iter().map(|key| key.name(fleets)).collect();
            fleets.keep(|name| known.contains(name));
        }
    }

    /// Gives the shares back to other gateways.
    pub(crate) async fn leave(&self) {
        if let Some(fleets) = self.fleets.as_ref() {
            fleets.leave().await;
        }
    }
}

/// A layer with a gate for each key, and what shows the gates.
pub(crate) fn layer(
    config: &Config,
    name: &str,
    watcher: Watcher,
    fleets: Option<Fleets>,
) -> (KeyedLayer<Key, KeyOf>, Gates) {
    // All gates of an upstream have its name, so that no key of a client's stands in a metric.
    let gate = AdaptiveConcurrencyLayer::new()
        .max_limit(config.max_in_flight)
        .name(name);
    let shared = fleets.clone();
    let layer = KeyedLayer::new(Key::of as KeyOf)
        .gates(move |key: &Key| match &shared {
            Some(fleets) => fleets.join(key.name(fleets), gate.clone()),
            None => gate.clone(),
        })
        .observe(watcher)
        .max_keys(config.max_keys)
        // The gateway bounds what waits before a request gets here.
        .max_waiting(usize::MAX);
    let handle = layer.handle();
    (layer, Gates { handle, fleets })
}
