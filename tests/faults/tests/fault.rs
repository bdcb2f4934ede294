//! What a server can do to a request.

use std::time::Duration;

/// What is done to one attempt.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// It is answered, faultily or not.
    Answer(Answer),
    /// It is answered after so much work, or refused if too much is being worked on.
    Limited(Duration),
    /// The connection is reset when the request was read.
    ResetConnection,
    /// The same, but it is closed.
    CloseConnection,
    /// The head of the answer comes byte by byte and never ends. On HTTP/2, a frame of headers comes
    /// whole or not at all: nothing comes.
    SlowHead,
    /// HTTP/2: the stream is reset as internal error.
    ResetStream,
    /// HTTP/2: the stream is reset as refused.
    RefuseStream,
    /// HTTP/2: the connection takes no more; this stream and later ones were not processed.
    GoAway,
    /// HTTP/2: the connection takes no more, but this stream may have been processed; then it is
    /// closed.
    GoAwayAfter,
}

/// An answer, which need not be what it says.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What `content-length` says, if it stands there.
    pub(crate) length: Option<u64>,
    pub(crate) body: Source,
    pub(crate) end: End,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The request's own number.
    Id,
    /// The first digit of it.
    HalfId,
    /// The number, and then an answer that nobody asked for.
    IdAndMore,
    /// This number of bytes.
    Bytes(u64),
    /// A byte now and then, for ever.
    Drip,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// As it should.
    Complete,
    /// The connection (on HTTP/2: the stream) is closed, as if all had been said.
    Close,
    /// The connection is closed; on HTTP/2 the stream is reset as internal error.
    Cut,
    /// The connection is reset.
    Reset,
}

impl Answer {
    pub(crate) fn new(status: u16, body: Source) -> Self {
        Self {
            status,
            headers: Vec::new(),
            length: None,
            body,
            end: End::Complete,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    pub(crate) fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}

impl Fault {
    /// No fault.
    pub(crate) fn none() -> Self {
        Self::Answer(Answer::new(200, Source::Id))
    }

    /// Whether the server acts on a request that it treats so.
    pub(crate) fn works(&self) -> bool {
        match self {
            Self::Answer(answer) => answer.status != 429,
            Self::ResetConnection | Self::CloseConnection => true,
            Self::SlowHead | Self::ResetStream | Self::GoAwayAfter => true,
            // Decided later.
            Self::Limited(_) => false,
            Self::RefuseStream | Self::GoAway => false,
        }
    }

    /// Whether it ends the whole connection.
    pub(crate) fn breaks(&self) -> bool {
        match self {
            Self::Answer(answer) => answer.end == End::Reset,
            Self::ResetConnection | Self::CloseConnection | Self::GoAwayAfter => true,
            _ => false,
        }
    }
}

impl Source {
    /// The next part of the body of the answer to request `id`, of which `sent` bytes are sent.
    pub(crate) async fn next(&self, id: u32, sent: u64) -> Option<Vec<u8>> {
        const PART: u64 = 16 * 1024;
        let whole = id.to_string().into_bytes();
        let first = sent == 0;
        match self {
            Self::Id => first.then_some(whole),
            Self::HalfId => first.then(|| whole[..1].to_vec()),
            Self::IdAndMore => first.then(|| {
                let more = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong";
                [&whole, &more[..]].concat()
            }),
            Self::Bytes(all) => {
                let left = all - sent;
                let part = usize::try_from(left.min(PART)).unwrap();
                (left > 0).then(|| vec![b'x'; part])
            }
            Self::Drip => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some(b"x".to_vec())
            }
        }
    }
}
