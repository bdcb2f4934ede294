//! https, and what an API on the web is sent.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use tokio_rustls::TlsAcceptor;

use crate::server::Server;
use crate::support::{FAILED, Folder, UNUSABLE, ids, run};

/// A server with a certificate of its own, in PEM.
fn server() -> (Server, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("a provider")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a sound certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let answer = |_| (200, &[][..], json!({ "ok": true }).to_string());
    (Server::start(Some(acceptor), answer), cert.pem())
}

#[test]
fn a_certificate_of_ones_own_is_trusted_if_it_is_named() {
    let (server, certificate) = server();
    let folder = Folder::with_posts(20);
    let ca = folder.path("ca.pem");
    std::fs::write(&ca, certificate).expect("writable");
    let url = format!(
        "https://me:pass%2Fword@localhost:{}/v1?key=query-secret",
        server.address.port()
    );
    let arguments = ["--url", &url, "--ca", ca.to_str().expect("UTF-8"), "--json"];
    let mut program = folder.program(&arguments);
    program.args([
        "--header",
        "X-Key: header-secret",
        "--header-env",
        "X-Other=Key MY_KEY",
    ]);
    program.args([
        "--as",
        "openai-chat",
        "--model",
        "some-model",
        "--order",
        "input",
    ]);
    program
        .env("MY_KEY", "env-secret")
        .env("OPENAI_API_KEY", "sk-secret");
    let ran = run(program);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert_eq!(ran.summary()["done"], 20);
    assert_eq!(ids(&folder.answers()), (1..=20).collect::<Vec<_>>());
    assert!(!ran.says("secret") && !ran.says("word"), "{ran:?}");
    for request in server.take() {
        let headers = request.headers();
        assert_eq!(
            headers["authorization"], "Basic bWU6cGFzcy93b3Jk",
            "not the key of OpenAI"
        );
        assert_eq!(headers["x-key"], "header-secret");
        assert_eq!(headers["x-other"], "Key env-secret");
        assert_eq!(
            headers["host"].to_str().ok(),
            Some(&*format!("localhost:{}", server.address.port()))
        );
        assert_eq!(request.uri(), "/v1?key=query-secret");
        let body: Value = serde_json::from_slice(request.body()).expect("JSON");
        assert_eq!(body["model"], "some-model");
        assert!(
            body["messages"][0]["content"]
                .as_str()
                .expect("text")
                .starts_with("the post")
        );
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_a_reason() {
    let (server, _) = server();
    let (_, other) = self::server();
    let folder = Folder::with_posts(3);
    let ca = folder.path("ca.pem");
    std::fs::write(&ca, other).expect("writable");
    let url = format!("https://localhost:{}/", server.address.port());
    let ca = ca.to_str().expect("UTF-8");
    let ran = run(folder.program(&["--url", &url, "--ca", ca]));
    assert_eq!(ran.status, Some(FAILED));
    assert!(
        ran.says("3 x no answer: ") && ran.says("certificate"),
        "{ran:?}"
    );
    assert_eq!(server.count(), 0);
}

#[test]
fn a_file_without_a_certificate_sends_nothing() {
    let folder = Folder::with_posts(3);
    let ca = folder.input();
    let ca = ca.to_str().expect("UTF-8");
    let ran = run(folder.program(&["--url", "https://localhost:1/", "--ca", ca]));
    assert_eq!(ran.status, Some(UNUSABLE));
    assert!(ran.says("holds no certificate"), "{ran:?}");
    assert!(!folder.output().exists());
}

#[test]
fn a_dry_run_shows_a_request_without_its_secrets_and_sends_nothing() {
    let server = Server::always(200, "{}");
    let folder = Folder::with_posts(3);
    let url = server.url();
    let mut program = folder.program(&["--url", &url, "--dry-run", "--tokens"]);
    program.args(["--header", "Authorization: Bearer header-secret"]);
    program.args([
        "--body-template",
        "{\"input\":\"say: {{text}}\",\"max_tokens\":9}",
    ]);
    let ran = run(program);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(
        ran.says(&format!("POST {url}\n")) && ran.says("authorization: Bearer ***"),
        "{ran:?}"
    );
    assert!(
        ran.says("{\"input\":\"say: the post number 1\",\"max_tokens\":9}"),
        "{ran:?}"
    );
    assert!(
        ran.says("Posts in all: 3, of 147 bytes") && ran.says("Tokens in all: 66."),
        "{ran:?}"
    );
    assert!(!ran.says("secret") && !folder.output().exists());
    assert_eq!(server.count(), 0);
}
