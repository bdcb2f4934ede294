//! The failures that usually pass, as hyper-util's client and reqwest's report them, over real sockets.

use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer, ServiceExt};
use tower_throttle::RetryOn429Layer;
use tower_throttle::retry::{Backoff, Preset};

/// What becomes of a connection on which a request came.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Closed without an answer.
    Close,
    /// Closed while more was to be read, which resets it.
    Reset,
    /// Closed in the midst of the answer's head.
    Cut,
}

/// Has these faults, then answers, and counts the requests.
async fn server(faults: &[Fault]) -> (SocketAddr, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let faults = Mutex::new(faults.iter().copied().collect::<VecDeque<_>>());
    let requests = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *counted.lock().unwrap() += 1;
            let fault = faults.lock().unwrap().pop_front();
            serve(stream, fault).await;
        }
    });
    (address, requests)
}

async fn serve(mut stream: TcpStream, fault: Option<Fault>) {
    let mut read = [0; 16];
    if let Some(Fault::Reset) = fault {
        let _ = stream.read(&mut read[..4]).await;
        return;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut read[..1]).await {
            Ok(1) => head.push(read[0]),
            _ => return,
        }
    }
    let answer: &[u8] = match fault {
        Some(Fault::Cut) => b"HTTP/1.1 200 O",
        Some(_) => b"",
        None => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    };
    let _ = stream.write_all(answer).await;
}

fn layer() -> RetryOn429Layer<Preset> {
    RetryOn429Layer::new()
        .backoff(Backoff::exponential(ms(1), ms(5)))
        .max_attempts(3)
        .classify(Preset::idempotent_failures())
}

/// Whether a request by hyper-util's client is answered.
async fn hyper(method: Method, url: String) -> bool {
    let client = layer().layer(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::builder().method(method).uri(url);
    let request = request.body(Full::<Bytes>::default()).unwrap();
    client.oneshot(request).await.is_ok()
}

/// Whether a request by reqwest's client is answered.
#[cfg(feature = "reqwest")]
async fn reqwest(method: Method, url: String) -> bool {
    // reqwest has a retry of its own, for HTTP/2 only.
    let client = layer().layer(reqwest::Client::new());
    let request = reqwest::Request::new(method, url.parse().unwrap());
    client.oneshot(request).await.is_ok()
}

/// Stands in for the client that is not there.
#[cfg(not(feature = "reqwest"))]
use hyper as reqwest;

use crate::support::*;

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_costs_a_get_nothing_and_ends_a_post() {
    for fault in [Fault::Close, Fault::Reset, Fault::Cut] {
        for (method, requests) in [(Method::GET, 3), (Method::POST, 1)] {
            let answered = requests == 3;
            let (address, seen) = server(&[fault, fault]).await;
            let url = format!("http://{address}/");
            assert_eq!(hyper(method.clone(), url).await, answered, "{fault:?}");
            assert_eq!(*seen.lock().unwrap(), requests, "{fault:?}");

            let (address, seen) = server(&[fault, fault]).await;
            let url = format!("http://{address}/");
            assert_eq!(reqwest(method, url).await, answered, "{fault:?}");
            assert_eq!(*seen.lock().unwrap(), requests, "{fault:?}");
        }
    }
}

/// An address at which nobody listens until a moment from now.
async fn opens_soon() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let opens = tokio::spawn(async move {
        tokio::time::sleep(ms(300)).await;
        let listener = TcpListener::bind(address).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, None).await;
    });
    (format!("http://{address}/"), opens)
}

#[tokio::test]
async fn a_post_that_found_no_connection_is_sent_again() {
    let patient = || {
        layer()
            .max_attempts(100)
            .backoff(Backoff::exponential(ms(20), ms(20)))
    };
    let (url, opens) = opens_soon().await;
    let client = patient().layer(Client::builder(TokioExecutor::new()).build_http());
    let request = Request::post(url).body(Full::<Bytes>::from("hello"));
    client.oneshot(request.unwrap()).await.unwrap();
    opens.await.unwrap();

    #[cfg(feature = "reqwest")]
    {
        let (url, opens) = opens_soon().await;
        let client = patient().layer(reqwest::Client::new());
        let request = reqwest::Client::new().post(url).body("hello");
        client.oneshot(request.build().unwrap()).await.unwrap();
        opens.await.unwrap();
    }
}

fn decision(error: &(dyn Error + 'static)) -> tower_throttle::retry::Decision {
    Preset::idempotent_failures().decide(Err(error))
}

#[tokio::test]
async fn a_name_without_an_address_proves_that_nothing_was_done() {
    // RFC 6761: no such name exists.
    let url = "http://nobody.invalid/";
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::post(url).body(Full::default()).unwrap();
    let error = client.request(request).await.unwrap_err();
    let unprocessed = tower_throttle::retry::Decision::RetryUnprocessed;
    assert_eq!(decision(&error), unprocessed);
    #[cfg(feature = "reqwest")]
    {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let error = client.post(url).send().await.unwrap_err();
        assert_eq!(decision(&error), unprocessed);
    }
}

#[tokio::test]
async fn the_error_of_the_requests_own_body_is_not_the_servers() {
    struct Torn;
    impl http_body::Body for Torn {
        type Data = Bytes;
        type Error = std::io::Error;
        fn poll_frame(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
            let reset = std::io::ErrorKind::ConnectionReset.into();
            std::task::Poll::Ready(Some(Err(reset)))
        }
    }
    let (address, _) = server(&[]).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Torn>();
    let request = Request::put(format!("http://{address}/"))
        .body(Torn)
        .unwrap();
    let error = client.request(request).await.unwrap_err();
    assert_eq!(decision(&error), tower_throttle::retry::Decision::Default);
}
