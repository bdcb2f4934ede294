//! A server of a few lines that speaks as much HTTP/1.1 as the tests need.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server answers.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: &'static str,
    pub body: String,
    /// Answers when the head of the request is there, before its body was read.
    pub early: bool,
}

impl Answer {
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            headers: "",
            body: body.into(),
            early: false,
        }
    }

    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }
}

/// Gives the answers in turn, over any number of connections, then an empty 200 each.
pub struct Server {
    address: std::net::SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    answers: Mutex<VecDeque<Answer>>,
    bodies: Mutex<Vec<String>>,
    heads: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

impl Server {
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            answers: Mutex::new(answers.into_iter().collect()),
            ..State::default()
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, SeqCst);
                let shared = Arc::clone(&shared);
                tokio::spawn(async move { serve(stream, &shared).await });
            }
        });
        Self { address, state }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(SeqCst)
    }

    /// The bodies that were read to their end.
    pub fn bodies(&self) -> Vec<String> {
        self.state.bodies.lock().unwrap().clone()
    }

    pub fn heads(&self) -> Vec<String> {
        self.state.heads.lock().unwrap().clone()
    }
}

/// One connection. `None` when it is over.
async fn serve(mut stream: TcpStream, state: &State) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            more(&mut stream, &mut read).await?;
        };
        let head = String::from_utf8(read.drain(..end).collect())
            .unwrap()
            .to_lowercase();
        state.heads.lock().unwrap().push(head.clone());
        let answer = state.answers.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| Answer::new(200, ""));
        if answer.early {
            reply(&mut stream, &answer).await?;
        }
        let body = if head.contains("transfer-encoding: chunked") {
            chunked(&mut stream, &mut read).await?
        } else {
            let length = head.split("content-length: ").nth(1);
            let length = length.map_or(0, |l| l.split("\r\n").next().unwrap().parse().unwrap());
            while read.len() < length {
                more(&mut stream, &mut read).await?;
            }
            read.drain(..length).collect()
        };
        state
            .bodies
            .lock()
            .unwrap()
            .push(String::from_utf8(body).unwrap());
        if !answer.early {
            reply(&mut stream, &answer).await?;
        }
    }
}

/// Head and body in writes of their own, as servers do whose answers cost a connection when they
/// are not read.
async fn reply(stream: &mut TcpStream, answer: &Answer) -> Option<()> {
    let Answer {
        status,
        headers,
        body,
        ..
    } = answer;
    let length = body.len();
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.ok()
}

async fn chunked(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = loop {
            if let Some(line) = read.windows(2).position(|w| w == b"\r\n") {
                break line;
            }
            more(stream, read).await?;
        };
        let size = std::str::from_utf8(&read[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        while read.len() < line + 2 + size + 2 {
            more(stream, read).await?;
        }
        body.extend_from_slice(&read[line + 2..line + 2 + size]);
        read.drain(..line + 2 + size + 2);
        if size == 0 {
            return Some(body);
        }
    }
}

async fn more(stream: &mut TcpStream, read: &mut Vec<u8>) -> Option<()> {
    (stream.read_buf(read).await.ok()? > 0).then_some(())
}
