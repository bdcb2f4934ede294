//! Who is told, and by whom.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::event::Event;

/// The name of a layer that was given none.
pub const DEFAULT_NAME: &str = "default";

/// Is told what a layer does, and why.
///
/// Implemented for closures, and by the crate's own [`Timeline`](super::Timeline). See the
/// [module docs](super) for examples.
///
/// It is called in the task of whoever caused the event, once no lock of the layer is held: it may ask a
/// [`Handle`](crate::concurrency::Handle) for a snapshot. It should be quick, as the request waits for it, and must
/// not block. On several threads, events that happen at the same moment may come in another order.
///
/// A gate keeps its observers. So one that keeps a handle of the same gate keeps that gate alive for ever: keep a
/// `Weak` of what has the handle.
///
/// If it panics, the panic hook reports that, and the request goes on as if nothing had happened.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no observer of a layer's events",
    note = "expected a closure `|source: Source<'_>, event: &Event<'_>|` that is `Send + Sync`, or an implementation of `Observer`"
)]
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on_event(&self, source: Source<'_>, event: &Event<'_>);
}

impl<F: Fn(Source<'_>, &Event<'_>) + Send + Sync> Observer for F {
    fn on_event(&self, source: Source<'_>, event: &Event<'_>) {
        self(source, event);
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn on_event(&self, source: Source<'_>, event: &Event<'_>) {
        (**self).on_event(source, event);
    }
}

/// Which layer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Source<'a> {
    /// What the layer was [named](crate::AdaptiveConcurrencyLayer::name): [`DEFAULT_NAME`] if nothing.
    pub name: &'a str,
    /// What kind of layer it is.
    pub kind: SourceKind,
}

/// What kind of layer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SourceKind {
    /// An [`AdaptiveConcurrencyLayer`](crate::AdaptiveConcurrencyLayer).
    Gate,
    /// A [`RetryOn429Layer`](crate::RetryOn429Layer).
    Retries,
}

impl SourceKind {
    /// `gate` or `retries`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Retries => "retries",
        }
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The observers of one layer, and its name.
#[derive(Clone, Default)]
pub(crate) struct Observers {
    name: Option<Arc<str>>,
    all: Vec<Arc<dyn Observer>>,
}

impl Observers {
    pub(crate) fn add(&mut self, observer: impl Observer + 'static) {
        self.all.push(Arc::new(observer));
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.name = Some(Arc::from(name));
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Tells everybody.
    pub(crate) fn tell(&self, kind: SourceKind, event: &Event<'_>) {
        let name = self.name.as_deref().unwrap_or(DEFAULT_NAME);
        for observer in &self.all {
            // A permit, a place or a waker may depend on what follows. The panic hook has told of it.
            let _ = catch_unwind(AssertUnwindSafe(|| {
                observer.on_event(Source { name, kind }, event);
            }));
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers")
            .field("name", &self.name)
            .field("count", &self.all.len())
            .finish()
    }
}
