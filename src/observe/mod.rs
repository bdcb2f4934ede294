//! What the layers do, and why: events for logs, metrics and people.
//!
//! [`AdaptiveConcurrencyLayer::observe`](crate::AdaptiveConcurrencyLayer::observe) and
//! [`RetryOn429Layer::observe`](crate::RetryOn429Layer::observe) take an [`Observer`]: a closure, or one of this
//! module's.
//!
//! | observer | feature | what it does with events |
//! |---|---|---|
//! | [`Timeline`] | | writes lines for people |
//! | `Tracing` | `tracing` | tells a subscriber |
//! | `Metrics` | `metrics` | counts and measures with the recorder of the `metrics` facade |
//!
//! By default nobody is told, and a feature alone changes nothing: an observer is always added by the program.
//!
//! ```
//! use tower_throttle::observe::Timeline;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! let timeline = Timeline::new(|line| println!("{line}"));
//! let retries = RetryOn429Layer::new().observe(timeline.clone());
//! let gate = AdaptiveConcurrencyLayer::new().observe(timeline);
//! # let _ = (retries, gate);
//! ```
//!
//! One that counts why requests are refused, and is asked later:
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::sync::{Arc, Mutex};
//!
//! use tower_throttle::AdaptiveConcurrencyLayer;
//! use tower_throttle::observe::{Event, Observer, Source};
//!
//! #[derive(Default)]
//! struct Refusals(Mutex<BTreeMap<u16, u64>>);
//!
//! impl Observer for Refusals {
//!     fn on_event(&self, _: Source<'_>, event: &Event<'_>) {
//!         if let Event::Refused { status, .. } = event {
//!             *self.0.lock().unwrap().entry(status.as_u16()).or_default() += 1;
//!         }
//!     }
//! }
//!
//! let refusals = Arc::new(Refusals::default());
//! let gate = AdaptiveConcurrencyLayer::new()
//!     .name("api.example.com")
//!     .observe(Arc::clone(&refusals));
//! # let _ = gate;
//! assert!(refusals.0.lock().unwrap().is_empty());
//! ```
//!
//! [`guide::observing`](crate::guide::observing) says how to read what they tell.
//!
//! # What it costs
//!
//! Without an observer nothing is allocated, and no clock is read more than otherwise. An observer that does nothing
//! adds less than 100 ns to a request, and no allocation: `cargo bench --bench overhead` measures both, and
//! `cargo test --all-features --test observe alloc` counts allocations.

mod event;
#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod reason;
mod timeline;
mod took;
#[cfg(feature = "tracing")]
mod tracing;

pub use self::event::Event;
#[cfg(feature = "metrics")]
pub use self::metrics::Metrics;
pub(crate) use self::observer::Observers;
pub use self::observer::{DEFAULT_NAME, Observer, Source, SourceKind};
pub use self::reason::{By, Ending, GiveUpReason, RetryReason};
pub use self::timeline::Timeline;
pub use self::took::Took;
#[cfg(feature = "tracing")]
pub use self::tracing::Tracing;
pub use crate::concurrency::limit::{Circuit, Reason};
