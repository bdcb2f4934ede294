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
//! extensions, and give the layer [`FromExtensions`](crate::cost::FromExtensions).
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
//! |  | 200, then 3,000, then 200 | 1.07 / 45 | 1.01 / 26 | 1.01 / 25 |
//! | `Retry-After` | 800 on average, log-normal | 1.19 / 37 | 1.05 / 12 | 1.05 / 18 |
//! |  | 200, one in ten 6,000 | 1.46 / 55 | 1.03 / 10 | 1.02 / 13 |
//! |  | 200, then 3,000, then 200 | 1.07 / 37 | 1.01 / 22 | 1.01 / 21 |
//! | `Retry-After`, fixed minutes | 800 on average, log-normal | 1.01 / 64 | 1.00 / 6 | 1.00 / 6 |
//! | OpenAI's headers | 800 on average, log-normal | 1.16 / 32 | 1.01 / 3 | 1.00 / 0 |
//! |  | 200, one in ten 6,000 | 1.38 / 61 | 1.01 / 0 | 1.00 / 0 |
//! |  | 200, then 3,000, then 200 | 1.12 / 35 | 1.00 / 1 | 1.00 / 0 |
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
//! waits until the quota has room for it. A middleware that has the request before it polls for readiness can tell its
//! cost: see [`announce`](crate::cost::announce).
//!
//! A request dearer than the whole bucket is sent when the bucket is full. If the server says that it is too large
//! ("Limit 30000, Requested 35000"), the refusal is final.
//!
//! # After the answer
//!
//! Some servers give back what a request did not take. Tell that from the answer's `usage`:
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
//! | provider | counts | settle |
//! |---|---|---|
//! | OpenAI, Azure | the prompt and `max_tokens`, on arrival | no |
//! | Anthropic | input without cached reads; output by `max_tokens`, corrected at the end | yes |
//! | Bedrock | input and `max_tokens` on arrival, and five for each token of output at the end | yes |
