//! Reading a refused answer's body before it is thrown away.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};

use super::body::{ResponseBody, poll_bytes};

/// The most frames that are read: a server may send its bytes one by one, or send none at all.
const MAX_FRAMES: usize = 1024;

/// How much of a refused answer is read, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct DrainLimits {
    pub(super) bytes: usize,
    pub(super) time: Duration,
}

/// A body that is being read within bounds, and can be given back whole.
pub(super) struct Drain<B: Body> {
    /// `None` once it has ended.
    rest: Option<Pin<Box<B>>>,
    frames: VecDeque<Frame<Bytes>>,
    error: Option<B::Error>,
    limits: DrainLimits,
    read: usize,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<B: Body> Drain<B> {
    pub(super) fn new(body: B, limits: DrainLimits) -> Self {
        Self {
            rest: (!body.is_end_stream()).then(|| Box::pin(body)),
            frames: VecDeque::new(),
            error: None,
            limits,
            read: 0,
            timer: None,
        }
    }

    /// Reads until the end, an error, or the first bound. Polled again, it reads no further.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(rest) = &mut self.rest {
            let late = self.timer.as_ref().is_some_and(|timer| timer.is_elapsed());
            if late || self.read >= self.limits.bytes || self.frames.len() >= MAX_FRAMES {
                break;
            }
            match poll_bytes(rest.as_mut(), cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.read += frame.data_ref().map_or(0, Bytes::len);
                    self.frames.push_back(frame);
                    // Lets go of the connection without another poll.
                    if rest.is_end_stream() {
                        self.rest = None;
                    }
                }
                Poll::Ready(end) => {
                    self.error = end.and_then(Result::err);
                    self.rest = None;
                }
                Poll::Pending => {
                    let limit = self.limits.time;
                    let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
                    return timer.as_mut().poll(cx);
                }
            }
        }
        Poll::Ready(())
    }

    /// What was read, in one piece.
    pub(super) fn bytes(&self) -> Bytes {
        let mut data = self.frames.iter().filter_map(|frame| frame.data_ref());
        let Some(first) = data.next() else {
            return Bytes::new();
        };
        let rest: Vec<_> = data.collect();
        if rest.is_empty() {
            return first.clone();
        }
        let mut all = BytesMut::with_capacity(self.read);
        all.extend_from_slice(first);
        rest.into_iter()
            .for_each(|data| all.extend_from_slice(data));
        all.freeze()
    }

    /// The body as if nothing had been read.
    pub(super) fn into_body(self) -> ResponseBody<B> {
        ResponseBody::drained(self.frames, self.error, self.rest)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::task::Waker;

    use bytes::Buf;
    use futures_util::stream;
    use http_body_util::StreamBody;

    use super::*;

    /// What of these frames is read, up to `bytes` bytes. Each is of two chunks, of which either may be
    /// empty.
    fn read(frames: &[(&'static str, &'static str)], bytes: usize) -> Bytes {
        let frames: Vec<_> = frames
            .iter()
            .map(|(a, b)| Bytes::from(*a).chain(Bytes::from(*b)))
            .map(|data| Ok::<_, Infallible>(Frame::data(data)))
            .collect();
        let limits = DrainLimits {
            bytes,
            time: Duration::ZERO,
        };
        let mut drain = Drain::new(StreamBody::new(stream::iter(frames)), limits);
        let read = drain.poll(&mut Context::from_waker(Waker::noop()));
        assert!(read.is_ready());
        drain.bytes()
    }

    #[test]
    fn frames_and_their_pieces_are_joined_whether_or_not_some_are_empty() {
        assert_eq!(read(&[("one", "")], 100), "one");
        assert_eq!(
            read(&[("one", ""), ("two", ""), ("three", "")], 100),
            "onetwothree"
        );
        assert_eq!(
            read(&[("", ""), ("one", ""), ("", ""), ("", "two")], 100),
            "onetwo"
        );
        assert_eq!(
            read(&[("zero", ""), ("one", "two"), ("three", "")], 100),
            "zeroonetwothree"
        );
    }

    #[test]
    fn no_frame_is_read_beyond_the_bound() {
        assert_eq!(read(&[("one", "two"), ("three", "")], 5), "onetwo");
        assert_eq!(read(&[("one", "two"), ("three", "")], 6), "onetwo");
        assert_eq!(read(&[("one", "two"), ("three", "")], 7), "onetwothree");
        assert_eq!(read(&[("one", "")], 0), "");
    }

    #[test]
    fn nothing_read_is_nothing() {
        assert!(read(&[], 100).is_empty());
        assert!(read(&[("", ""), ("", "")], 100).is_empty());
    }
}
