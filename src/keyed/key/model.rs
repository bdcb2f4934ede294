//! Which model a request asks for.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::Request;
use http_body::Body;

/// A longer name is none: the name is kept with the key.
const MAX_NAME: usize = 256;

/// The key of those who count by model: what stands under `model` in a request's JSON body.
///
/// The body is read up to that field, and no further. So where the field comes last, all of it is.
///
/// # Examples
///
/// ```
/// use tower_throttle::keyed::Model;
///
/// let model = Model::of_json(br#"{"messages": [], "model": "gpt-5"}"#);
/// assert_eq!(model.unwrap().name(), "gpt-5");
/// assert_eq!(Model::of_json(b"not JSON"), None);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model(Box<str>);

impl Model {
    /// The model that a request asks for, if its body is in memory: in one piece, and cheap to clone, such as
    /// a `Full<Bytes>`. `None` if the body is a stream, is not a JSON object, or names no model.
    ///
    /// A `reqwest::Request` has `request.body()?.as_bytes()?` for [`of_json`](Self::of_json).
    pub fn of<B>(request: &Request<B>) -> Option<Self>
    where
        B: Body<Data = Bytes> + Clone + Unpin,
    {
        let mut body = request.body().clone();
        let cx = &mut Context::from_waker(Waker::noop());
        match Pin::new(&mut body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => Self::of_json(frame.data_ref()?),
            _ => None,
        }
    }

    /// The model that a JSON body names. `None` if it names none, or one of more than 256 bytes.
    #[must_use]
    pub fn of_json(body: &[u8]) -> Option<Self> {
        let name = Scanner { rest: body }.model()?;
        // With its quotes; an escape is longer than what it stands for.
        let name: String = serde_json::from_slice(name).ok()?;
        (name.len() <= MAX_NAME).then(|| Self(name.into()))
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({:?})", self.0)
    }
}

/// Passes over JSON without taking it apart.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl<'a> Scanner<'a> {
    /// The string under `model` in the outermost object, with its quotes.
    fn model(mut self) -> Option<&'a [u8]> {
        self.expect(b'{')?;
        loop {
            let is_model = self.string()? == br#""model""#;
            self.expect(b':')?;
            self.blank();
            if is_model {
                return self.string();
            }
            self.value()?;
            self.expect(b',')?;
            self.blank();
        }
    }

    fn blank(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    /// This byte, with blanks before and after it.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.blank();
        self.rest = self.rest.strip_prefix(&[byte])?;
        self.blank();
        Some(())
    }

    /// A string, with its quotes.
    fn string(&mut self) -> Option<&'a [u8]> {
        let inner = self.rest.strip_prefix(b"\"")?;
        let mut at = 0;
        loop {
            match inner.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        let (string, rest) = self.rest.split_at(at + 2);
        self.rest = rest;
        Some(string)
    }

    /// Any value: up to the comma or bracket behind it.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.rest.first()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => return Some(()),
                b'}' | b']' => depth -= 1,
                b',' if depth == 0 => return Some(()),
                _ => {}
            }
            self.rest = &self.rest[1..];
        }
    }
}
