//! How to begin where the last run has ended.
//!
//! A program that starts each night learns the same limit each night, and pays for it with refusals. Keep what the gate
//! has learned, and give it to the next one:
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! use std::{fs, io, path::Path};
//!
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::concurrency::{Handle, Learnt};
//!
//! /// Nothing, if there is no such file, or if it is of another form.
//! fn recall(path: &Path) -> Option<Learnt> {
//!     serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
//! }
//!
//! fn keep(path: &Path, gate: &Handle) -> io::Result<()> {
//!     fs::write(path, serde_json::to_string(&gate.export())?)
//! }
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = &folder.path().join("learned.json");
//! let layer = AdaptiveConcurrencyLayer::new().resume(recall(path));
//! let gate = layer.handle();
//! // ... the work ...
//! keep(path, &gate).unwrap();
//! # assert!(!gate.is_resumed());
//! # let gate = AdaptiveConcurrencyLayer::new().resume(recall(path)).handle();
//! # assert!(gate.is_resumed());
//! # }
//! ```
//!
//! That needs the feature `serde`, and any of its formats. Without it, [`Learnt`](crate::concurrency::Learnt) can be
//! kept in memory, and made and read by its methods. `cargo run --example resume --features serde` runs twice and shows
//! the record. The program `batch` does the same with `--learnt FILE`.
//!
//! # What is kept
//!
//! Findings, in some hundred bytes: the limit in flight and how well it is known, the rate of requests and what was
//! measured, the fixed window with its quota and its phase, the time of an answer, the told quota, and a pause. No
//! history, no statistics, nothing of any request. Rates and quotas of tokens are learned anew.
//!
//! # What it is worth
//!
//! Makespan over the best possible, and refusals per 1,000 requests: of a first run, of a second one that begins with
//! nothing, and of one that begins with what the first has learned. The mean of twelve seeds
//! (`cargo run --release -p ground -- --resume`; with `--check` it is held to bounds):
//!
//! | API, and how long after | first run | from nothing | resumed |
//! |---|--:|--:|--:|
//! | 5 in flight, 60 s | 1.00 / 20.0 | 1.00 / 20.0 | 1.00 / 4.0 |
//! | 5 in flight, 8.0 h | 1.00 / 20.0 | 1.00 / 20.0 | 1.00 / 4.0 |
//! | 5 in flight, 8.0 h, halved | 1.00 / 20.0 | 1.00 / 22.0 | 1.00 / 22.0 |
//! | 5 in flight, 8.0 h, doubled | 1.00 / 20.0 | 1.00 / 18.0 | 1.03 / 18.0 |
//! | 50 in flight, 60 s | 1.03 / 5.7 | 1.03 / 5.6 | 1.02 / 1.5 |
//! | 50 in flight, 8.0 h | 1.03 / 5.7 | 1.03 / 5.6 | 1.02 / 1.5 |
//! | 50 in flight, 8.0 h, halved | 1.03 / 5.7 | 1.01 / 10.5 | 1.01 / 10.7 |
//! | 50 in flight, 8.0 h, doubled | 1.03 / 5.7 | 1.09 / 3.8 | 1.09 / 3.0 |
//! | 200 in flight and nothing more, 60 s | 1.13 / 2.5 | 1.13 / 2.3 | 1.06 / 0.5 |
//! | 200 in flight and nothing more, 8.0 h | 1.13 / 2.5 | 1.13 / 2.3 | 1.06 / 0.5 |
//! | 200 in flight and nothing more, 8.0 h, halved | 1.13 / 2.5 | 1.05 / 3.1 | 1.02 / 3.0 |
//! | 200 in flight and nothing more, 8.0 h, doubled | 1.13 / 2.5 | 1.31 / 3.0 | 1.24 / 1.0 |
//! | bucket 500/min, burst 10, 60 s | 1.02 / 7.4 | 1.02 / 7.4 | 1.00 / 2.3 |
//! | bucket 500/min, burst 10, 8.0 h | 1.02 / 7.4 | 1.02 / 7.4 | 1.00 / 2.3 |
//! | bucket 500/min, burst 10, 8.0 h, halved | 1.02 / 7.4 | 1.00 / 7.1 | 1.00 / 6.9 |
//! | bucket 500/min, burst 10, 8.0 h, doubled | 1.02 / 7.4 | 1.11 / 7.7 | 1.08 / 2.6 |
//! | bucket 500/min, burst 10, Retry-After, 60 s | 1.03 / 6.3 | 1.02 / 6.4 | 1.01 / 2.5 |
//! | bucket 500/min, burst 10, Retry-After, 8.0 h | 1.03 / 6.3 | 1.02 / 6.4 | 1.01 / 2.5 |
//! | bucket 500/min, burst 10, Retry-After, 8.0 h, halved | 1.03 / 6.3 | 1.00 / 6.2 | 1.00 / 6.3 |
//! | bucket 500/min, burst 10, Retry-After, 8.0 h, doubled | 1.03 / 6.3 | 1.12 / 6.9 | 1.13 / 4.3 |
//! | bucket 500/min, burst 10, OpenAI headers, 60 s | 1.02 / 6.2 | 1.02 / 5.4 | 1.00 / 2.0 |
//! | bucket 500/min, burst 10, OpenAI headers, 8.0 h | 1.02 / 6.2 | 1.02 / 5.3 | 1.00 / 2.0 |
//! | bucket 500/min, burst 10, OpenAI headers, 8.0 h, halved | 1.02 / 6.2 | 1.01 / 6.6 | 1.00 / 4.7 |
//! | bucket 500/min, burst 10, OpenAI headers, 8.0 h, doubled | 1.02 / 6.2 | 1.10 / 6.6 | 1.11 / 5.8 |
//! | bucket 5/min, burst 5, 60 s | 1.00 / 240.0 | 1.01 / 240.0 | 1.02 / 40.0 |
//! | bucket 5/min, burst 5, 8.0 h | 1.00 / 240.0 | 1.01 / 240.0 | 1.02 / 40.0 |
//! | bucket 5/min, burst 5, 8.0 h, halved | 1.00 / 240.0 | 1.01 / 300.0 | 1.02 / 60.0 |
//! | bucket 5/min, burst 5, 8.0 h, doubled | 1.00 / 240.0 | 1.01 / 213.3 | 1.06 / 74.2 |
//! | window 300/min, 60 s | 1.00 / 13.8 | 0.99 / 12.4 | 0.99 / 5.5 |
//! | window 300/min, 8.0 h | 1.00 / 13.8 | 0.99 / 12.4 | 0.99 / 5.5 |
//! | window 300/min, 8.0 h, halved | 1.00 / 13.8 | 0.99 / 12.7 | 0.99 / 10.8 |
//! | window 300/min, 8.0 h, doubled | 1.00 / 13.8 | 0.98 / 8.7 | 0.97 / 6.8 |
//!
//! # What if it is wrong
//!
//! Limits move, plans change, and files are copied to other accounts. So nothing of a record is taken for proven:
//!
//! - The limit grows up to what was found, quickly but in steps that a refusal can stop, and is probed above it soon. If
//!   the first probe is refused and the ceiling was confirmed before, probes are four times as rare from then on.
//! - The pace begins at what was measured and rises at once, by a quarter every eight requests, until it is refused. By
//!   that it is corrected. A pace that is so slow that this took minutes doubles every three requests.
//!   If it is refused for the first time when it is far above what was measured, and the record says that the bucket held
//!   that much, it goes back to what was measured and doubles again.
//! - A window's quota counts as seen once: one request tests it before the others follow. Windows of the same length may
//!   begin at other times.
//!
//! | part of the record | counts |
//! |---|---|
//! | a pause | until its own end, and no longer than [`max_pause`](crate::AdaptiveConcurrencyLayer::max_pause) |
//! | a told window | until its own end, or the first answer that tells more. Of a told bucket, nothing |
//! | limit, rate, window | as they are for a day; then half of the limit and of the rate, and no window |
//! | the time of an answer | until the first answer |
//! | a record of the future, of another version, or that does not parse | not at all |
//!
//! A record that is wrong in everything delays a batch by a bounded time: a pause of two minutes at most, and what it takes
//! to leave a pace of one request in two minutes, which is 20 minutes at an API that takes one request at a time. A slower
//! pace is not believed. No error stops the program. [`Handle::is_resumed`] tells whether the gate began
//! with a record.
//!
//! # To forget
//!
//! [`Handle::forget`] begins anew, as when the key, the account or the plan is another from now on. A pause goes on, as a
//! server asked for it; [`Handle::resume`] ends it.
//!
//! # Keys
//!
//! [`KeyedLayer::on_evict`](crate::keyed::KeyedLayer::on_evict) takes what a key's gate has learned when the key is
//! forgotten, and [`KeyedLayer::resume`](crate::keyed::KeyedLayer::resume) gives it back when the key comes again.
//! [`KeyedHandle::export`](crate::keyed::KeyedHandle::export) has all keys, for the end of a run.
//!
//! # Other limits
//!
//! `Aimd`, `Vegas` and `Gradient2` begin at the limit that is recorded. `Fixed` stays as it was set, and takes the pause
//! only. A limit of your own takes part by [`Limit::learnt`](crate::concurrency::limit::Limit::learnt),
//! [`resume`](crate::concurrency::limit::Limit::resume) and [`forget`](crate::concurrency::limit::Limit::forget); without
//! them it is treated as `Aimd` is.
//!
//! [`Handle::is_resumed`]: crate::concurrency::Handle::is_resumed
//! [`Handle::forget`]: crate::concurrency::Handle::forget
//! [`Handle::resume`]: crate::concurrency::Handle::resume
