//! Which public types are Send, Sync, Unpin and Clone, checked by the compiler.

use std::fmt::Debug;

use tower_throttle::keyed::{
    Account, Credential, Host, Keyed, KeyedHandle, KeyedLayer, ResponseFuture,
};
use tower_throttle::spread::{Spread, SpreadLayer};

use crate::support::{Api, ByPath, Client, Req};

fn all<T: Send + Sync + Unpin + Debug>() {}
fn clone<T: Clone>() {}
fn future<T: Send + Debug>() {}

#[test]
fn auto_traits() {
    all::<KeyedLayer<String, ByPath>>();
    all::<Keyed<(), String, ByPath>>();
    all::<KeyedHandle<String>>();
    all::<Host>();
    all::<Credential>();
    all::<Account>();
    all::<Spread<()>>();
    all::<SpreadLayer<()>>();
    future::<ResponseFuture<Api, String, Req>>();

    clone::<KeyedLayer<String, ByPath>>();
    clone::<Client>();
    clone::<KeyedHandle<String>>();
    clone::<Spread<()>>();
}
