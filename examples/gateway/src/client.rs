//! The HTTP client below the layers.

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use tower::util::MapResponse;
use tower::{Service, ServiceExt, service_fn};
use tower_http::decompression::{Decompression, DecompressionBody};
use tower_throttle::Hint;

/// How long it may take to reach an upstream.
const CONNECT: Duration = Duration::from_secs(10);

type Client = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// An answer's body: of a refusal decoded, of any other as it came.
type ApiBody = Either<DecompressionBody<Incoming>, Incoming>;

/// A client whose refusals can be read.
pub(crate) type ApiClient = MapResponse<Client, fn(Response<Incoming>) -> Response<ApiBody>>;

/// Decodes the body of a refusal, so that the retries can read why: every SDK accepts gzip, and an API may
/// use it for its errors as well. Everything else is passed on as it came.
fn readable(response: Response<Incoming>) -> Response<ApiBody> {
    let status = response.status();
    let hint = Hint::parse(status, response.headers(), None, SystemTime::now());
    // Of these two, only the body may tell that they are refusals.
    let body_decides = matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN);
    if !hint.is_refusal() && !body_decides {
        return response.map(Either::Right);
    }
    // tower-http decodes what a service answers; this one answers with what is there.
    let mut response = Some(response);
    let mut decoder = Decompression::new(service_fn(move |_: Request<()>| {
        ready(Ok::<_, Infallible>(response.take().expect("called once")))
    }));
    let decoded = pin!(decoder.call(Request::new(())));
    match decoded.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response.map(Either::Left),
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => unreachable!("the answer is there"),
    }
}

/// A client for upstreams with and without TLS, HTTP/1.1 and HTTP/2. The system's certificates are
/// read only if `tls` says that they are needed.
pub(crate) fn client(tls: bool) -> Result<ApiClient, String> {
    let mut roots = RootCertStore::empty();
    if tls {
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
        if roots.is_empty() {
            return Err("the system has no root certificates, which https needs".to_owned());
        }
    }
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(connector);
    Ok(
        hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            // Without a timer, connections that idle are closed only when the next is asked for.
            .pool_timer(TokioTimer::new())
            .build(connector)
            .map_response(readable as fn(_) -> _),
    )
}
