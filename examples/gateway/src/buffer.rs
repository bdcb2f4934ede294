//! Requests' bodies, read to their end before they are sent, so that they can be sent again.

use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use bytesize::ByteSize;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What memory is counted in. A body takes at least one.
const BLOCK: usize = 4096;

/// What is allocated before anything of a body has come, whatever its length is said to be.
const FIRST: usize = 64 * 1024;

/// The memory for all bodies that are kept.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    blocks: Arc<Semaphore>,
    max_body: ByteSize,
}

/// Memory that a body takes, given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    memory: Memory,
    blocks: Option<OwnedSemaphorePermit>,
}

/// Why a body is not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is larger than one body may be.
    TooLarge,
    /// All bodies together would be larger than they may be.
    NoMemory,
    /// The client did not send all of it.
    Broken,
}

impl Memory {
    pub(crate) fn new(total: ByteSize, max_body: ByteSize) -> Self {
        let blocks = blocks(bytes(total)).min(Semaphore::MAX_PERMITS);
        Self {
            blocks: Arc::new(Semaphore::new(blocks)),
            max_body,
        }
    }

    /// Reads a body to its end.
    pub(crate) async fn read(&self, mut body: Body) -> Result<(Bytes, Held), Unread> {
        let mut held = Held {
            memory: self.clone(),
            blocks: None,
        };
        // A length that is told is a promise: if there is no room for it, nothing is read.
        let told = axum::body::HttpBody::size_hint(&body).exact().unwrap_or(0);
        let told = usize::try_from(told).unwrap_or(usize::MAX);
        held.grow(told)?;
        let mut kept = BytesMut::with_capacity(told.min(FIRST));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Unread::Broken)?;
            // Trailers are not passed on.
            if let Some(data) = frame.data_ref() {
                held.grow(kept.len() + data.len())?;
                kept.extend_from_slice(data);
            }
        }
        Ok((kept.freeze(), held))
    }
}

impl Held {
    /// Takes memory for as many bytes in all.
    fn grow(&mut self, bytes: usize) -> Result<(), Unread> {
        if bytes as u64 > self.memory.max_body.as_u64() {
            return Err(Unread::TooLarge);
        }
        let has = self
            .blocks
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let more =
            u32::try_from(blocks(bytes).saturating_sub(has)).map_err(|_| Unread::TooLarge)?;
        if more > 0 {
            let permit = Arc::clone(&self.memory.blocks).try_acquire_many_owned(more);
            let permit = permit.map_err(|_| Unread::NoMemory)?;
            match &mut self.blocks {
                Some(blocks) => blocks.merge(permit),
                blocks => *blocks = Some(permit),
            }
        }
        Ok(())
    }
}

fn blocks(bytes: usize) -> usize {
    bytes.div_ceil(BLOCK)
}

fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(total: u64, max_body: u64) -> Memory {
        Memory::new(ByteSize::kib(total), ByteSize::kib(max_body))
    }

    /// A body whose length is not told.
    fn streamed(pieces: &'static [usize]) -> Body {
        let pieces = pieces
            .iter()
            .map(|size| Ok::<_, std::io::Error>(vec![b'x'; *size]));
        Body::from_stream(tokio_stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_read_and_its_memory_given_back() {
        let memory = memory(8, 8);
        let (bytes, held) = memory.read(streamed(&[3000, 0, 3000])).await.unwrap();
        assert_eq!(bytes.len(), 6000);
        assert_eq!(memory.blocks.available_permits(), 0);
        drop(held);
        assert_eq!(memory.blocks.available_permits(), 2);
    }

    #[tokio::test]
    async fn the_largest_body_fits_and_one_byte_more_does_not() {
        let memory = memory(64, 4);
        assert!(memory.read(Body::from(vec![0; 4096])).await.is_ok());
        assert!(memory.read(streamed(&[4095, 1])).await.is_ok());
        for body in [Body::from(vec![0; 4097]), streamed(&[4095, 2])] {
            assert_eq!(memory.read(body).await.unwrap_err(), Unread::TooLarge);
        }
        assert_eq!(memory.blocks.available_permits(), 16);
    }

    #[tokio::test]
    async fn bodies_share_the_memory() {
        let memory = memory(8, 8);
        let first = memory.read(Body::from(vec![0; 5000])).await.unwrap();
        for body in [Body::from("x"), streamed(&[1])] {
            assert_eq!(memory.read(body).await.unwrap_err(), Unread::NoMemory);
        }
        assert!(memory.read(Body::empty()).await.is_ok());
        drop(first);
        assert!(memory.read(Body::from("x")).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_not_sent() {
        let pieces = [Ok(vec![0; 10]), Err(std::io::Error::other("gone"))];
        let body = Body::from_stream(tokio_stream::iter(pieces));
        assert_eq!(memory(8, 8).read(body).await.unwrap_err(), Unread::Broken);
    }
}
