//! The faults over HTTP/2: the `h2` crate, behind a proxy for what it would not do.

use std::future::{pending, poll_fn};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep};

use crate::fault::{Answer, End, Fault};
use crate::server::{Shared, id_of};
use crate::wire::{Interference, pass};

type Orders = UnboundedSender<Interference>;

/// One connection.
pub(crate) async fn serve(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (near, far) = tokio::io::duplex(256 * 1024);
    let (orders, received) = unbounded_channel();
    tokio::select! {
        passed = pass(stream, far, received) => passed,
        spoken = speak(near, shared, orders) => spoken.map_err(io::Error::other),
    }
}

async fn speak(
    near: tokio::io::DuplexStream,
    shared: Arc<Shared>,
    orders: Orders,
) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(near).await?;
    let mut answers = JoinSet::new();
    let mut processed = 0;
    // Once the connection is going away: what came after, which nobody looks at.
    let mut ignored = None;
    while let Some(accepted) = connection.accept().await {
        let (request, respond) = accepted?;
        let id = id_of(request.uri().path());
        let stream = respond.stream_id().as_u32();
        let ignored = match &mut ignored {
            Some(ignored) => ignored,
            none => match shared.arrive(id) {
                Fault::GoAway => {
                    let _ = orders.send(Interference::GoAway { last: processed });
                    none.insert(Vec::new())
                }
                fault => {
                    processed = stream;
                    let (shared, orders) = (Arc::clone(&shared), orders.clone());
                    answers.spawn(handle(id, fault, request, respond, shared, orders));
                    continue;
                }
            },
        };
        // Kept, as to drop it would answer it.
        ignored.push((request, respond));
    }
    Ok(())
}

async fn handle(
    id: u32,
    fault: Fault,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    shared: Arc<Shared>,
    orders: Orders,
) -> Result<(), h2::Error> {
    let mut body = request.into_body();
    while let Some(data) = body.data().await {
        let length = data?.len();
        body.flow_control().release_capacity(length)?;
    }
    match fault {
        Fault::Answer(answer) => reply(&mut respond, id, &answer, &shared, &orders).await,
        Fault::Limited(work) => {
            let answer = shared.limited(id, work).await;
            reply(&mut respond, id, &answer, &shared, &orders).await
        }
        Fault::SlowHead => pending().await,
        Fault::ResetConnection => {
            let _ = orders.send(Interference::Reset);
            pending().await
        }
        Fault::CloseConnection => {
            let _ = orders.send(Interference::Close);
            pending().await
        }
        Fault::ResetStream => {
            respond.send_reset(Reason::INTERNAL_ERROR);
            Ok(())
        }
        Fault::RefuseStream => {
            respond.send_reset(Reason::REFUSED_STREAM);
            Ok(())
        }
        Fault::GoAwayAfter => {
            let last = u32::MAX >> 1;
            let _ = orders.send(Interference::GoAway { last });
            let _ = orders.send(Interference::Close);
            pending().await
        }
        Fault::GoAway => unreachable!("is of the connection"),
    }
}

async fn reply(
    respond: &mut SendResponse<Bytes>,
    id: u32,
    answer: &Answer,
    shared: &Shared,
    orders: &Orders,
) -> Result<(), h2::Error> {
    let mut head = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        head = head.header(*name, value);
    }
    if let Some(length) = answer.length {
        head = head.header("content-length", length);
    }
    let mut stream = respond.send_response(head.body(()).unwrap(), false)?;
    let mut sent = 0;
    while let Some(part) = answer.body.next(id, sent).await {
        sent += part.len() as u64;
        send(&mut stream, part.into()).await?;
        if answer.status == 429 {
            shared.ledger.refused_bytes(sent);
        }
    }
    if matches!(answer.end, End::Cut | End::Reset) {
        // A reset overtakes what was not sent yet, or not read.
        sleep(Duration::from_millis(50)).await;
    }
    match answer.end {
        End::Complete if answer.length.is_some_and(|length| length > sent) => pending().await,
        End::Complete => stream.send_data(Bytes::new(), true),
        // What is said with a FIN on HTTP/1.1.
        End::Close => stream.send_data(Bytes::new(), true),
        End::Cut => {
            stream.send_reset(Reason::INTERNAL_ERROR);
            Ok(())
        }
        End::Reset => {
            let _ = orders.send(Interference::Reset);
            pending().await
        }
    }
}

/// Sends as fast as the client reads.
async fn send(stream: &mut SendStream<Bytes>, mut data: Bytes) -> Result<(), h2::Error> {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(room) => room?,
            None => return Err(Reason::STREAM_CLOSED.into()),
        };
        stream.send_data(data.split_to(room.min(data.len())), false)?;
    }
    Ok(())
}
