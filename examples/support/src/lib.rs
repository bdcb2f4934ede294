//! A rate-limited HTTP API on loopback: it works on a few requests at once, answers the next with
//! status 429, and says nothing of its limit.

mod answers;
mod place;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

pub use self::answers::{posts, stream, text, with_status};
pub use self::place::Counts;
use self::place::{Held, Places};

/// What the API answers.
pub type Answer = Response<BoxBody<Bytes, Infallible>>;

/// How long the API takes to turn a request away.
const REFUSAL: Duration = Duration::from_millis(2);

/// A running API. It stops, with all its connections, when this is dropped.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    places: Arc<Places>,
    server: JoinHandle<()>,
}

impl Api {
    /// Starts an API that works on `places` requests at once. A post takes it 20 ms; `/v1/stream`
    /// is answered piece by piece ([`posts`]).
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn start(places: usize) -> io::Result<Self> {
        Self::with_handler(places, posts).await
    }

    /// Starts an API that answers by `handler` what it lets in. A request has its place until the
    /// answer's body is sent, or its connection or stream is gone.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn with_handler<H, F>(places: usize, handler: H) -> io::Result<Self>
    where
        H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let places = Arc::new(Places::new(places));
        let server = tokio::spawn(accept(listener, Arc::clone(&places), handler));
        Ok(Self {
            address,
            places,
            server,
        })
    }

    /// The address of `path`, which begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What the API has seen so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.places.counts()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn accept<H, F>(listener: TcpListener, places: Arc<Places>, handler: H)
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    // Connections end with the API.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    places.connected();
                    connections.spawn(serve(stream, Arc::clone(&places), handler.clone()));
                }
                // Out of files: until some connection closes, all that can be done is to wait.
                Err(_) => sleep(REFUSAL).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve<H, F>(stream: TcpStream, places: Arc<Places>, handler: H)
where
    H: Fn(Request<Bytes>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    // Answers are small and each is waited for.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, Arc::clone(&places), handler.clone()));
    #[cfg(not(feature = "http2"))]
    let builder = hyper::server::conn::http1::Builder::new();
    #[cfg(feature = "http2")]
    let builder = {
        use hyper_util::{rt::TokioExecutor, server::conn::auto};
        auto::Builder::new(TokioExecutor::new())
    };
    // A client that hangs up is no concern of the API's.
    let _ = builder
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer<H, F>(
    request: Request<Incoming>,
    places: Arc<Places>,
    handler: H,
) -> Result<Answer, hyper::Error>
where
    H: Fn(Request<Bytes>) -> F,
    F: Future<Output = Answer>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let place = match places.take() {
        Ok(place) => place,
        Err(_being_refused) => {
            sleep(REFUSAL).await;
            let refusal = text(r#"{"error":{"message":"too many requests at once"}}"#);
            return Ok(with_status(StatusCode::TOO_MANY_REQUESTS, refusal));
        }
    };
    let answer = handler(Request::from_parts(head, body)).await;
    Ok(answer.map(|body| Held::new(body, place).boxed()))
}
