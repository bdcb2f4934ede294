//! An upstream with TLS and HTTP/2, as AI APIs are.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::binary::{program, start};
use crate::common::client;

/// Serves a router over TLS, and gives its port and its certificate.
async fn upstream(router: Router, protocol: &str) -> (u16, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![protocol.into()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust the certificate hangs up.
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let service = TowerToHyperService::new(router.clone());
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (port, cert.pem())
}

#[tokio::test]
async fn https_with_http_2_and_without() {
    for (protocol, version) in [("h2", "HTTP/2.0"), ("http/1.1", "HTTP/1.1")] {
        let echo = async |request: Request| {
            let to = request
                .headers()
                .get("host")
                .map(|host| host.to_str().unwrap());
            let to = to.or(request.uri().authority().map(|to| to.as_str()));
            format!("{:?} {}", request.version(), to.unwrap())
        };
        let (port, certificate) = upstream(Router::new().fallback(echo), protocol).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), certificate).unwrap();
        let url = format!("https://localhost:{port}/v1");
        let mut program = program(&["--upstream", &url]);
        program.env("SSL_CERT_FILE", file.path());
        let (_child, gateway) = start(program).await;
        let client = client(&gateway);
        let answer = client.get("/v1/x").await;
        assert_eq!(answer.body(), &format!("{version} localhost:{port}"));
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let (port, _) = upstream(Router::new().fallback(async || "done"), "h2").await;
    let (_, other) = upstream(Router::new(), "h2").await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other).unwrap();
    let url = format!("https://localhost:{port}");
    let mut program = program(&["--upstream", &url]);
    program.env("SSL_CERT_FILE", file.path());
    let (_child, gateway) = start(program).await;
    let answer = client(&gateway).get("/v1/x").await;
    assert_eq!(
        crate::common::refusal(&answer),
        "gateway_upstream_unreachable"
    );
}
