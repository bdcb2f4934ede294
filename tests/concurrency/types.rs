//! Which public types are Send, Sync, Unpin and Clone, checked by the compiler.

use std::cell::Cell;
use std::fmt::Debug;
use std::rc::Rc;

use tower_throttle::concurrency::limit::{Aimd, Fixed, Gradient2, Limit, Vegas};
use tower_throttle::concurrency::{
    Classified, GuardedBody, Handle, ReleaseAt, ResponseFuture, Snapshot, Watch,
};
use tower_throttle::message::HintSink;
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer};

fn all<T: Send + Sync + Unpin + Debug>() {}
fn send<T: Send>() {}
fn sync<T: Sync>() {}
fn unpin<T: Unpin>() {}
fn clone<T: Clone>() {}
fn default<T: Default>() {}
fn limit<T: Limit + Sync + Unpin + Clone>() {}

#[test]
fn auto_traits() {
    all::<AdaptiveConcurrencyLayer>();
    all::<AdaptiveConcurrency<()>>();
    all::<ResponseFuture<()>>();
    all::<GuardedBody<()>>();
    all::<Handle>();
    all::<Watch>();
    all::<Snapshot>();
    all::<ReleaseAt>();
    all::<Classified>();
    all::<HintSink>();
    limit::<Fixed>();
    limit::<Aimd>();
    limit::<Vegas>();
    limit::<Gradient2>();

    // What is wrapped decides alone.
    send::<AdaptiveConcurrency<Cell<()>>>();
    send::<ResponseFuture<Cell<()>>>();
    send::<GuardedBody<Cell<()>>>();
    sync::<GuardedBody<std::sync::MutexGuard<'static, ()>>>();
    unpin::<ResponseFuture<Rc<()>>>();
    unpin::<GuardedBody<Rc<()>>>();

    clone::<AdaptiveConcurrencyLayer>();
    clone::<AdaptiveConcurrency<()>>();
    clone::<Handle>();
    clone::<Watch>();
    default::<AdaptiveConcurrencyLayer>();
    default::<Aimd>();
    default::<Vegas>();
    default::<Gradient2>();
}
