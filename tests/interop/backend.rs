//! The API behind a proxy: it takes its time and answers.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use http::Response;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Serves until the runtime ends. Requests take half to one and a half times the latency.
pub(crate) async fn start(latency: Duration) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let mut random = Rng::with_seed(0);
        while let Ok((stream, _)) = listener.accept().await {
            let random = std::cell::RefCell::new(random.fork());
            let service = service_fn(move |_| {
                let takes = latency.mul_f64(0.5 + random.borrow_mut().f64());
                async move {
                    sleep(takes).await;
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"done"))))
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}
