//! How to keep to a limit on tokens per minute.
//!
//! APIs of language models limit requests and tokens. A gate that knows only of requests finds the number that the
//! tokens allow on average: dear requests are refused, and cheap ones wait for nothing. Tell it what each request costs:
//!
//! ```
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower::ServiceBuilder;
//! use tower_throttle::cost::Cost;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! /// What OpenAI counts when a request arrives: the prompt, and the most that the answer may have.
//! fn cost(request: &Request<Full<Bytes>>) -> Cost {
//!     let prompt = http_body::Body::size_hint(request.body()).lower() / 4;
//!     Cost::tokens(prompt + 400)
//! }
//!
//! # let http_client = ();
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new().cost(cost))
//!     .service(http_client);
//! # let _ = client;
//! ```
//!
//! Where the request was made, its cost is often better known than from its bytes. Put it into the request's
//! extensions, and give the layer [`FromExtensions`](crate::cost::FromExtensions), or to reqwest-middleware's
//! `with_extension`. reqwest alone shows no extensions: there, a closure reads the body. `cargo run --example tokens` is a
//! whole program.
//!
//! # What becomes of a cost
//!
//! | | when | by what |
//! |---|---|---|
//! | announced | before the gate lets the request go | a layer that has the request: see [below](#who-announces-it) |
//! | reserved | in the same place, if nothing was announced | the gate, by what the latest requests took |
//! | charged | when the request is sent | `cost` of the gate, or what was announced |
//! | returned | when it is refused | the gate |
//! | settled | when the answer has ended | [`UsageLayer`](crate::usage), or your own [`Charge`](crate::cost::Charge) |
//!
//! # What it is worth
//!
//! Makespan over the best possible, and refusals per 1,000 requests, where 120,000 tokens a minute are allowed, and
//! 12,000 at once; the mean of twelve seeds
//! (`cargo run --release -p ground -- --tokens --client 'throttle*' --seeds 12`):
//!
//! | what is told | what a request costs | no cost | cost | cost announced |
//! |---|---|--:|--:|--:|
//! | nothing | 800 on average, log-normal | 1.15 / 57 | 1.06 / 12 | 1.06 / 20 |
//! |  | 200, one in ten 6,000 | 1.39 / 83 | 1.03 / 12 | 1.02 / 16 |
//! |  | 200, then 3,000, then 200 | 1.07 / 45 | 1.01 / 20 | 1.01 / 20 |
//! | `Retry-After` | 800 on average, log-normal | 1.19 / 37 | 1.06 / 12 | 1.06 / 17 |
//! |  | 200, one in ten 6,000 | 1.46 / 55 | 1.03 / 10 | 1.02 / 12 |
//! |  | 200, then 3,000, then 200 | 1.08 / 41 | 1.01 / 17 | 1.01 / 16 |
//! | `Retry-After`, fixed minutes | 800 on average, log-normal | 1.01 / 64 | 1.00 / 6 | 1.00 / 6 |
//! | OpenAI's headers | 800 on average, log-normal | 1.16 / 32 | 1.01 / 3 | 1.00 / 0 |
//! |  | 200, one in ten 6,000 | 1.38 / 61 | 1.01 / 0 | 1.00 / 0 |
//! |  | 200, then 3,000, then 200 | 1.11 / 35 | 1.00 / 1 | 1.00 / 0 |
//! | Anthropic's headers | 900 of input, 100 of output | 1.04 / 34 | 1.01 / 3 | 1.00 / 0 |
//! | Azure's headers, fixed minutes | 800 on average, log-normal | 1.01 / 64 | 1.00 / 2 | 0.99 / 3 |
//!
//! # What the gate reads
//!
//! The quotas of tokens, of input tokens and of output tokens that headers tell, and the bodies of refusals that say
//! "Limit 200000, Used 195663, Requested 7592" (OpenAI, Groq): what is left, and the server's own count of the
//! request, by which further costs are corrected. Each quota has a mirror that is charged what is sent, and corrected
//! by each answer. A refusal is taken for that of the quota that had no room. So a refusal for tokens says nothing of
//! how many requests the API takes, and the other way round.
//!
//! Costs may be told too low, even zero. If the server refuses a request although it told that enough was left, the gate takes
//! requests for dearer, as far as what is left shrinks by more than they are told to cost. Where OpenAI's headers are told
//! and costs are half of what the server counts, or zero, at most 20 of 1,000 requests are refused (`cargo test --lib
//! told_too_low`). Costs that are told too high are kept to, and cost throughput: only the server's own count lowers them.
//! Costs that are settled for less than the server keeps are not found, and some refusals go on.
//!
//! # Where nothing is told
//!
//! Refusals tell what they are for, if costs differ: under a limit on tokens they come when much was sent in tokens, and
//! under one on requests when much was sent in requests. Once three refusals or more show that it is tokens, their rate is
//! measured between refusals, and kept to as a rate of requests would be. Where both are limited, both paces are kept. Until
//! then, and where all requests cost the same, the gate learns requests. Fixed windows of tokens are learned where refusals ask for
//! a wait.
//!
//! # Input and output
//!
//! Anthropic counts them apart: `Cost::input(1_200).and_output(400)`. Where one quota counts both, the sum counts. A
//! cost of [`Cost::tokens`](crate::cost::Cost::tokens) counts as input where a server counts them apart.
//!
//! # Before the request is known
//!
//! `poll_ready` comes before `call`, so the gate does not know what the next request costs. It reserves what the dearest
//! of the latest 256 to 512 took, up to nine tenths of the bucket. A request that is dearer than that may be refused, once: its retry
//! waits until the quota has room for it.
//!
//! A request dearer than the whole bucket is sent when the bucket is full. If the server says that it is too large
//! ("Limit 30000, Requested 35000"), the refusal is final.
//!
//! # Who announces it
//!
//! What has the request before it waits can tell its cost, and the gate then waits for exactly that. Announced, a cost is
//! charged as well, so that it need be told in one place only:
//!
//! | layer | how |
//! |---|---|
//! | [`QueueLayer`](crate::QueueLayer) | [`cost`](crate::QueueLayer::cost) |
//! | [`KeyedLayer`](crate::KeyedLayer) | [`gates`](crate::KeyedLayer::gates) of layers with a `cost`, which may differ by key |
//! | `ThrottleMiddleware` of reqwest-middleware | a [`Cost`](crate::cost::Cost) in the request's extensions, its `cost`, or a gate with one |
//! | [`RetryOn429Layer`](crate::RetryOn429Layer) | by what the attempt before was charged |
//! | one of your own | [`announce`](crate::cost::announce) |
//!
//! ```
//! # use bytes::Bytes;
//! # use http::Request;
//! # use http_body_util::Full;
//! # use tower::ServiceBuilder;
//! # use tower_throttle::cost::Cost;
//! use tower_throttle::{AdaptiveConcurrencyLayer, QueueLayer, RetryOn429Layer};
//!
//! # fn cost(request: &Request<Full<Bytes>>) -> Cost {
//! #     Cost::tokens(http_body::Body::size_hint(request.body()).lower() / 4 + 400)
//! # }
//! # let http_client = ();
//! let client = ServiceBuilder::new()
//!     .layer(QueueLayer::new().cost(cost))
//!     .layer(RetryOn429Layer::new())
//!     .layer(AdaptiveConcurrencyLayer::new())
//!     .service(http_client);
//! # let _ = client;
//! ```
//!
//! A `Buffer` between that layer and the gate loses it. A [`SpreadLayer`](crate::SpreadLayer) passes it to all of its gates.
//!
//! [Classes](crate::queue) share by requests, whatever these cost, and a request that is dearer than what is left holds up
//! those behind it: the line is served in its order, so that dear requests do not wait for ever.
//!
//! # A quota for each model
//!
//! APIs count each model apart. [`Model`](crate::keyed::Model) is the key, and the cost may depend on it:
//!
//! ```
//! # #[cfg(feature = "json")] {
//! use bytes::Bytes;
//! use http::Request;
//! use http_body_util::Full;
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::cost::Cost;
//! use tower_throttle::keyed::{KeyedLayer, Model};
//!
//! let keyed = KeyedLayer::new(Model::of::<Full<Bytes>>).gates(|model: &Option<Model>| {
//!     let reasons = model.as_ref().is_some_and(|model| model.name().starts_with('o'));
//!     let answer = if reasons { 8_000 } else { 400 };
//!     AdaptiveConcurrencyLayer::new().cost(move |request: &Request<Full<Bytes>>| {
//!         Cost::tokens(http_body::Body::size_hint(request.body()).lower() / 4 + answer)
//!     })
//! });
//! # let _ = keyed;
//! # }
//! ```
//!
//! # After the answer
//!
//! Some servers give back what a request did not take. [`UsageLayer`](crate::usage::UsageLayer) reads that from the answers,
//! and settles the charge:
//!
//! ```
//! # #[cfg(feature = "json")] {
//! # use tower::ServiceBuilder;
//! # use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//! use tower_throttle::usage::{Usage, UsageLayer};
//!
//! # let (gate, http_client) = (AdaptiveConcurrencyLayer::new(), ());
//! let client = ServiceBuilder::new()
//!     .layer(UsageLayer::new(Usage::anthropic()))
//!     .layer(RetryOn429Layer::new())
//!     .layer(gate)
//!     .service(http_client);
//! # let _ = client;
//! # }
//! ```
//!
//! Or tell it yourself:
//!
//! ```
//! use tower_throttle::cost::{Charge, Cost};
//!
//! # fn settle<B>(response: &http::Response<B>) {
//! let actual = Cost::input(1_180).and_output(212);
//! if let Some(charge) = Charge::of(response.extensions()) {
//!     charge.settle(actual);
//! }
//! # }
//! ```
//!
//! | provider | counts | gives back | |
//! |---|---|---|---|
//! | OpenAI, Azure | the prompt and `max_tokens`, on arrival | no | `Usage::openai()` raises a charge that was too low |
//! | Anthropic | input without cached reads; output by `max_tokens`, corrected at the end | yes | `Usage::anthropic()` |
//! | Gemini | input, with what is cached | | `Usage::gemini()` |
//! | LiteLLM's proxy | what was taken | yes | `Usage::openai_compatible()` |
//! | Bedrock | input and `max_tokens` on arrival, and five for each token of output at the end | yes | `Charge::settle` |
