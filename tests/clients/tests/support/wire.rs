//! A server that keeps each request as it came over the wire, in HTTP/1.1.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Refuses the first requests, then accepts all.
pub struct Wire {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Wire {
    pub async fn refusing(refusals: usize) -> Self {
        Self::answering(refusals, "429 Too Many Requests").await
    }

    /// The first requests are answered with this status.
    pub async fn answering(first: usize, status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    while let Some(request) = read(&mut stream).await {
                        let count = {
                            let mut kept = kept.lock().unwrap();
                            kept.push(request);
                            kept.len()
                        };
                        let status = if count > first { "200 OK" } else { status };
                        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
        Self { address, seen }
    }

    pub fn url(&self) -> String {
        format!("http://{}/upload?part=1", self.address)
    }

    /// The requests, without what differs from server to server and from form to form: the port and the
    /// boundary.
    pub fn seen(&self) -> Vec<String> {
        let port = format!(":{}", self.address.port());
        let seen = self.seen.lock().unwrap();
        let requests = seen.iter().map(|request| {
            let request = String::from_utf8(request.clone()).unwrap();
            let boundary = request.split("boundary=").nth(1);
            let boundary = boundary.map(|rest| rest.split("\r\n").next().unwrap().to_owned());
            let request = request.replace(&port, ":port");
            match boundary {
                Some(boundary) => request.replace(&boundary, "boundary"),
                None => request,
            }
        });
        requests.collect()
    }
}

/// One request, whole. `None` when the connection is over.
async fn read(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut read = Vec::new();
    loop {
        if let Some(head) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
            let whole = match text.split("content-length: ").nth(1) {
                Some(length) => {
                    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
                    read.len() >= head + 4 + length
                }
                None if text.contains("transfer-encoding: chunked") => {
                    read.ends_with(b"\r\n0\r\n\r\n")
                }
                None => true,
            };
            if whole {
                return Some(read);
            }
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
}
