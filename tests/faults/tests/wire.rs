//! A proxy between an HTTP/2 server and its socket, which adds what the `h2` crate would not send.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedReceiver;

/// What is done to the connection, between two frames of the server's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Interference {
    /// GOAWAY, with the last stream that was processed.
    GoAway { last: u32 },
    /// The connection is closed.
    Close,
    /// The connection is reset.
    Reset,
}

/// The length of a frame's head (RFC 9113, section 4.1).
const HEAD: usize = 9;

/// Passes on what comes from either side until one of them ends, or a reset is wanted.
pub(crate) async fn pass(
    socket: TcpStream,
    server: DuplexStream,
    mut orders: UnboundedReceiver<Interference>,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = socket.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let inward = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await?;
        Ok(false)
    };
    let outward = async {
        let mut read = Vec::new();
        loop {
            let frame = async {
                while frame_length(&read).is_none_or(|length| read.len() < length) {
                    if from_server.read_buf(&mut read).await? == 0 {
                        return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                    }
                }
                Ok(())
            };
            tokio::select! {
                Some(order) = orders.recv() => match order {
                    Interference::GoAway { last } => to_client.write_all(&go_away(last)).await?,
                    Interference::Close => return Ok(false),
                    Interference::Reset => return Ok(true),
                },
                frame = frame => {
                    frame?;
                    let length = frame_length(&read).unwrap();
                    to_client.write_all(&read[..length]).await?;
                    read.drain(..length);
                }
            }
        }
    };
    let reset: io::Result<bool> = tokio::select! {
        reset = outward => reset,
        reset = inward => reset,
    };
    if reset? {
        to_client.reunite(from_client).unwrap().set_zero_linger()?;
    }
    Ok(())
}

fn frame_length(read: &[u8]) -> Option<usize> {
    let length = read.get(..HEAD)?;
    Some(HEAD + u32::from_be_bytes([0, length[0], length[1], length[2]]) as usize)
}

/// RFC 9113, section 6.8: type 7, on stream 0, with `NO_ERROR`.
fn go_away(last: u32) -> Vec<u8> {
    let mut frame = vec![0, 0, 8, 7, 0, 0, 0, 0, 0];
    frame.extend(last.to_be_bytes());
    frame.extend(0_u32.to_be_bytes());
    frame
}
