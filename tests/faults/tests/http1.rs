//! As much of HTTP/1.1 as the faults need, written by hand: libraries refuse to lie.

use std::fmt::Write;
use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::fault::{Answer, End, Fault};
use crate::server::{Shared, id_of};

/// One connection.
pub(crate) async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    while let Some(id) = request(&mut stream, &mut read).await? {
        let fault = shared.arrive(id);
        let end = match fault {
            Fault::Answer(answer) => reply(&mut stream, id, &answer, shared).await?,
            Fault::Limited(work) => {
                let answer = shared.limited(id, work).await;
                reply(&mut stream, id, &answer, shared).await?
            }
            Fault::SlowHead => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nx-slow: ").await?;
                loop {
                    stream.write_all(b"x").await?;
                    sleep(Duration::from_millis(20)).await;
                }
            }
            Fault::ResetConnection => End::Reset,
            Fault::CloseConnection => End::Close,
            _ => unreachable!("HTTP/2 only"),
        };
        match end {
            End::Complete => {}
            End::Close | End::Cut => return stream.shutdown().await,
            End::Reset => return stream.set_zero_linger(),
        }
    }
    Ok(())
}

/// The number of the next request, once its body was read as well.
async fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<u32>> {
    let end = loop {
        if let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(read.drain(..end).collect()).unwrap();
    let head = head.to_lowercase();
    let path = head.split(' ').nth(1).unwrap();
    let length = head.split("content-length: ").nth(1);
    let length: usize = length.map_or(0, |l| l.split("\r\n").next().unwrap().parse().unwrap());
    while read.len() < length {
        if stream.read_buf(read).await? == 0 {
            return Ok(None);
        }
    }
    read.drain(..length);
    Ok(Some(id_of(path)))
}

async fn reply(
    stream: &mut TcpStream,
    id: u32,
    answer: &Answer,
    shared: &Shared,
) -> io::Result<End> {
    let mut head = format!("HTTP/1.1 {} x\r\n", answer.status);
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    match answer.length {
        Some(length) => write!(head, "content-length: {length}\r\n\r\n").unwrap(),
        None => head.push_str("transfer-encoding: chunked\r\n\r\n"),
    }
    stream.write_all(head.as_bytes()).await?;
    let mut sent = 0;
    while let Some(part) = answer.body.next(id, sent).await {
        if answer.length.is_some() {
            stream.write_all(&part).await?;
        } else {
            let chunk = [format!("{:x}\r\n", part.len()).as_bytes(), &part, b"\r\n"].concat();
            stream.write_all(&chunk).await?;
        }
        sent += part.len() as u64;
        if answer.status == 429 {
            shared.ledger.refused_bytes(sent);
        }
    }
    if answer.end == End::Complete && answer.length.is_none() {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    if answer.end == End::Reset {
        // A reset overtakes what was not read yet.
        sleep(Duration::from_millis(50)).await;
    }
    if answer.end == End::Complete && answer.length.is_some_and(|length| length > sent) {
        return pending().await;
    }
    Ok(answer.end)
}
