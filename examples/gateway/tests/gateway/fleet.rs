//! Gateways that share a limit through Redis.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use tokio::time::sleep;

use crate::common::{gateway, until, upstream};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn redis() -> (Server, String) {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new("redis-server");
    command.args([
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--port",
        &port.to_string(),
    ]);
    let server = Server(command.stdout(Stdio::null()).spawn().unwrap());
    until("redis-server listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    })
    .await;
    (server, format!("redis://127.0.0.1:{port}/"))
}

#[tokio::test]
#[ignore = "needs redis-server"]
async fn two_gateways_show_each_other_s_shares() {
    let (_server, url) = redis().await;
    let api = upstream(Router::new().fallback(any(async || "done"))).await;
    let start = async || gateway(&api, |config| config.redis = Some(url.parse().unwrap())).await;
    let (one, other) = (start().await, start().await);
    for gateway in [&one, &other] {
        let request = gateway
            .post("/v1/x")
            .header("authorization", "Bearer secret");
        let request = request.body(r#"{"model":"small"}"#).unwrap();
        assert_eq!(gateway.fetch(request).await.body(), "done");
    }
    sleep(Duration::from_secs(1)).await;
    let status = one.status(0).await;
    let fleet = &status["fleets"][0];
    assert_eq!(fleet["model"], "small");
    assert_eq!(fleet["members"].as_array().unwrap().len(), 2, "{status}");
    assert!(!status.to_string().contains("secret"));
}

#[test]
fn a_password_stands_in_no_debug_and_in_no_error() {
    let meeting: gateway::Meeting = "redis://user:secret@127.0.0.1/".parse().unwrap();
    assert!(!format!("{meeting:?}").contains("secret"));
    let error = "nonsense://user:secret@x"
        .parse::<gateway::Meeting>()
        .unwrap_err();
    assert!(!error.contains("secret"), "{error}");
}
