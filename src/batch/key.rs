//! What tells the requests of a batch apart.

/// How the items of a stream become requests with keys.
///
/// [`ByIndex`] numbers them, [`InPairs`] takes pairs as they come, and [`ByRequest`] asks a closure.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not make a key and a request of `{Item}`",
    note = "after `.keyed()`, the stream gives pairs of a key and a request",
    note = "the closure of `.key()` needs the type of its argument: `.key(|request: &{Item}| ..)`"
)]
pub trait KeyOf<Item> {
    /// What tells a request apart from the others.
    type Key;
    /// What is sent.
    type Request;

    /// Makes a request and its key of the item with this number, counted from zero.
    fn split(&mut self, index: usize, item: Item) -> (Self::Key, Self::Request);
}

/// The key of a request is its number in the stream, counted from zero. The default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByIndex;

impl<Req> KeyOf<Req> for ByIndex {
    type Key = usize;
    type Request = Req;

    fn split(&mut self, index: usize, request: Req) -> (usize, Req) {
        (index, request)
    }
}

/// The items of the stream are pairs of a key and a request: see [`Batch::keyed`](super::Batch::keyed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InPairs;

impl<K, Req> KeyOf<(K, Req)> for InPairs {
    type Key = K;
    type Request = Req;

    fn split(&mut self, _: usize, pair: (K, Req)) -> (K, Req) {
        pair
    }
}

/// A closure makes the key of the request: see [`Batch::key`](super::Batch::key).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByRequest<F>(pub(super) F);

impl<F, K, Req> KeyOf<Req> for ByRequest<F>
where
    F: FnMut(&Req) -> K,
{
    type Key = K;
    type Request = Req;

    fn split(&mut self, _: usize, request: Req) -> (K, Req) {
        ((self.0)(&request), request)
    }
}
