//! Many hosts, many accounts, several deployments: which layer, and what it costs.
//!
//! A quota belongs to something: a server, an account, a model. Requests that share a quota should share a gate, and
//! others should not. There are three cases:
//!
//! | what you have | use |
//! |---|---|
//! | one quota | one [`AdaptiveConcurrencyLayer`](crate::AdaptiveConcurrencyLayer) |
//! | a request tells which quota it counts against: its host, its credential, its model | [`KeyedLayer`](crate::keyed::KeyedLayer) |
//! | several quotas would do for each request: two API keys, three regions | [`SpreadLayer`](crate::spread::SpreadLayer) |
//!
//! # By what to key
//!
//! | an API counts by | key |
//! |---|---|
//! | server | [`Host::of`](crate::keyed::Host::of) |
//! | account or API key | [`Account::of`](crate::keyed::Account::of): the host, and a fingerprint of the credential |
//! | account and model, as AI APIs do | `(Account::of(request), Model::of(request))` |
//! | a bucket that it names in the answer | the route, and [`alias`](crate::keyed::KeyedLayer::alias) |
//! | models that share a quota | a function of yours that gives them the same key |
//!
//! `Host::of` and `Account::of` take requests of `http`, and of `reqwest` with that feature:
//!
//! ```
//! # #[cfg(all(feature = "reqwest", feature = "json"))] {
//! use tower::ServiceBuilder;
//! use tower_throttle::RetryOn429Layer;
//! use tower_throttle::keyed::{Account, KeyedLayer, Model};
//!
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(KeyedLayer::new(|request: &reqwest::Request| {
//!         let body = request.body().and_then(reqwest::Body::as_bytes);
//!         (Account::of(request), body.and_then(Model::of_json))
//!     }))
//!     .service(reqwest::Client::new());
//! # let _ = client;
//! # }
//! ```
//!
//! Inside a reqwest-middleware client it is a layer like others:
//!
//! ```
//! # #[cfg(feature = "reqwest-middleware")] {
//! use tower::ServiceBuilder;
//! use tower_throttle::keyed::{Host, KeyedLayer};
//! use tower_throttle::{RetryOn429Layer, ThrottleMiddleware};
//!
//! let layers = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(KeyedLayer::new(Host::of::<reqwest::Request>))
//!     .into_inner();
//! let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
//!     .with(ThrottleMiddleware::with_layer(layers))
//!     .build();
//! # let _ = client;
//! # }
//! ```
//!
//! The client's type can be named with a function pointer as the key's function:
//!
//! ```
//! # type HttpClient = ();
//! use http::Request;
//! use tower::ServiceBuilder;
//! use tower_throttle::keyed::{Host, Keyed, KeyedLayer};
//! use tower_throttle::{RetryOn429, RetryOn429Layer};
//!
//! type ByHost = fn(&Request<String>) -> Host;
//!
//! struct Program {
//!     client: RetryOn429<Keyed<HttpClient, Host, ByHost>>,
//! }
//!
//! # let http_client = ();
//! let by_host: ByHost = Host::of;
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(KeyedLayer::new(by_host))
//!     .service(http_client);
//! # let _ = Program { client }.client;
//! ```
//!
//! The key is taken of the request as the layer sees it. So a layer that adds the credential or changes the host
//! belongs above it, or else all requests have one key. (Below a `Spread` it is the other way round: each deployment
//! adds its own.)
//!
//! A key is kept as long as its gate, so it must hold no secret. [`Credential`](crate::keyed::Credential) keeps 128 bits
//! of a hash under a key that each process draws, and `Debug` does not show them.
//!
//! Where users choose keys, such as hosts or credentials that they send, they can bring as many as they like.
//! [`max_keys`](crate::keyed::KeyedLayer::max_keys) bounds how many are kept, 10,000 by default.
//!
//! # Where the retries go
//!
//! Above, one layer for all keys. A refused request waits without a permit, and passes the gate of its key anew. What one
//! key's refusal asks for pauses that key's gate, and no other. The
//! [circuit breaker](crate::retry#the-circuit-breaker) tells accounts apart by their credentials: a spent quota of one
//! is not told to others, until eight accounts in a row are refused for good and nothing is served between. With many
//! accounts that may be spent, switch it off: [`circuit_breaker(false)`](crate::RetryOn429Layer::circuit_breaker).
//!
//! # Classes and deadlines
//!
//! A [`QueueLayer`](crate::QueueLayer) goes above the retries, as with [one gate](super::priorities). Classes share each
//! key's line, and `deadline`, `max_wait`, `max_waiting` and `reject_when_full` hold in it:
//!
//! ```
//! # use std::convert::Infallible;
//! use std::time::Duration;
//!
//! use http::{Request, Response};
//! use tower::ServiceBuilder;
//! use tower::util::BoxCloneSyncService;
//! use tower_throttle::concurrency::GuardedBody;
//! use tower_throttle::keyed::{Account, KeyedLayer};
//! use tower_throttle::queue::{Priority, QueueError, QueueLayer};
//! use tower_throttle::retry::{ResponseBody, RetryOn429Layer};
//!
//! # type ClientBody = String;
//! # type ClientError = Infallible;
//! type Answer = Response<ResponseBody<GuardedBody<ClientBody>>>;
//! type Client = BoxCloneSyncService<Request<String>, Answer, QueueError<ClientError>>;
//!
//! # let http_client = tower::service_fn(async |_: Request<String>| {
//! #     Ok::<_, Infallible>(Response::new(String::new()))
//! # });
//! let queue = QueueLayer::new()
//!     .priority(|request: &Request<String>| {
//!         request.extensions().get::<Priority>().copied().unwrap_or_default()
//!     })
//!     .deadline(|request: &Request<String>| request.extensions().get::<Duration>().copied())
//!     .max_wait(Duration::from_secs(30));
//! let client = ServiceBuilder::new()
//!     .layer(queue)
//!     .layer(RetryOn429Layer::new())
//!     .layer(KeyedLayer::new(Account::of::<Request<String>>))
//!     .service(http_client);
//! let client: Client = BoxCloneSyncService::new(client);
//! # let _ = client;
//! ```
//!
//! `max_waiting` of the queue counts the requests of all keys, without a share for each: with `reject_when_full`, a
//! paused key may take all seats. Where that matters, leave it unset; the
//! [`max_waiting`](crate::keyed::KeyedLayer::max_waiting) of the keyed layer has shares.
//!
//! Two things differ from one gate. A class decides nothing among those that wait for a ticket of the keyed layer, who
//! go first come, first served. And [`max_time`](crate::RetryOn429Layer::max_time) does not end the wait in a key's
//! line: to the retries it is a part of the attempt, and so an open circuit breaker does not answer those who stand
//! there. Bound that wait with `deadline`, or the first one with `max_wait`.
//!
//! # Shutdown
//!
//! As with [one gate](super::recipes#shutdown): close the retries, and wait for both.
//! [`KeyedHandle::drained`](crate::keyed::KeyedHandle::drained) waits for the gates of all keys.
//!
//! # What keys cost
//!
//! | | figure | command |
//! |---|---:|---|
//! | an idle key | 1,521 bytes in 5 allocations | `cargo test --all-features --test keyed alloc -- --nocapture` |
//! | 10,000 idle keys are swept, the shortest of 20 times | 4.8 ms | `cargo test --release --test keyed alloc -- --nocapture` |
//! | a call of a key that is known, over one gate's | 0 allocations | `cargo bench --bench overhead` |
//! | ... keyed by a number | 98 to 162 ns | `cargo bench --bench overhead` |
//! | ... keyed by `Host` | 148 to 196 ns | the same |
//! | a call of a `Spread` over three gates, over one gate's | 29 ns, 0 allocations, while a gate added 239 | the same |
//!
//! (Times on a machine with two cores and much other work, where a gate added 110 ns, and tower's `ConcurrencyLimit`
//! 50. They differ that much from run to run.)
//! A key that was busy takes up to 24 KiB more, for what its gate remembers of its last requests.
//!
//! # Several deployments
//!
//! 3,000 requests of two seconds to deployments that work on 5, 20 and 60 at a time, which nobody is told. At best that
//! takes 70.6 s. The mean of 12 seeds on a paused clock (`cargo test --all-features --test keyed spread --
//! --nocapture`):
//!
//! | | time, over the shortest possible | refused per 1,000 |
//! |---|---:|---:|
//! | [`Spread`](crate::spread::Spread) | 1.053 | 9.2 |
//! | tower's `balance::p2c` in a `Buffer`, by our `Load` | 1.055 | 9.2 |
//!
//! Most of the refusals are probes: each gate finds its own limit, and tries one request more every fourth round
//! trip. So three gates are refused three times as often as one.
//!
//! A deployment that fails at once has room for everything: [it is left out](crate::spread#a-deployment-that-fails) while
//! others serve. Of 500 requests to two deployments, one of which answers 500, 11 fail
//! (`cargo test --all-features --test keyed failing`), and 495 by room alone.
//!
//! # With tower's balance
//!
//! With the feature `util`, a gate tells its load to tower's
//! [`balance`](https://docs.rs/tower/0.5/tower/balance/index.html): the share of its limit that one more request would
//! use, and infinity in a pause. Put the balance into a `Buffer`, as it cannot be cloned, and the retries above that. Use
//! it where deployments come and go (`Discover`); where they are known, `Spread` needs no `Buffer`, which takes the
//! client's error type away and loses the places of retries. A balance that is idle holds a ready permit of each
//! gate. `examples/deployments.rs` has both.
//!
//! A task cannot hold the future of such a `Buffer` by its own type: `tokio::spawn` of it does not compile ("implementation
//! of `From` is not general enough"). Put the service into a `tower::util::BoxCloneSyncService`, as the example does.
