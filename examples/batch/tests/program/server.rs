//! An API that answers as a test says, with TLS or without.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A running API, which keeps what it is sent.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
    _runtime: Runtime,
}

/// A status, headers and a body for the request of this number.
pub(crate) type Answer = (u16, &'static [(&'static str, &'static str)], String);

impl Server {
    /// Answers the request of each number, counted from 0, by `answer`.
    pub(crate) fn start(
        tls: Option<TlsAcceptor>,
        answer: impl Fn(usize) -> Answer + Clone + Send + Sync + 'static,
    ) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests: Arc<Mutex<Vec<_>>> = Arc::default();
        let seen = Arc::clone(&requests);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, seen, answer) = (tls.clone(), Arc::clone(&seen), answer.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, seen, answer).await,
                        // A client that does not trust the certificate hangs up.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, seen, answer).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            requests,
            _runtime: runtime,
        }
    }

    /// Answers all requests alike.
    pub(crate) fn always(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(None, move |_| (status, &[], body.clone()))
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1/posts", self.address)
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().expect("no holder panics").len()
    }

    pub(crate) fn take(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut *self.requests.lock().expect("no holder panics"))
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    seen: Arc<Mutex<Vec<Request<Bytes>>>>,
    answer: impl Fn(usize) -> Answer + Clone + Send + 'static,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (seen, answer) = (Arc::clone(&seen), answer.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let number = {
                let mut seen = seen.lock().expect("no holder panics");
                seen.push(Request::from_parts(head, body));
                seen.len() - 1
            };
            let (status, headers, body) = answer(number);
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(*name, *value);
            }
            let response = response.body(Full::new(Bytes::from(body)));
            Ok::<_, hyper::Error>(response.expect("a sound answer"))
        }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
