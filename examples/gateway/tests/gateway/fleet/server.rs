//! A Redis of the test's own, on loopback and in memory only.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

/// A server that is killed when this is dropped.
pub(super) struct Redis {
    child: Child,
    port: u16,
    options: Vec<String>,
    dir: TempDir,
}

impl Redis {
    pub(super) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// Starts a server with these options beside its own, and waits until it listens.
    pub(super) async fn with(options: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        // Somebody may be quicker to take the port.
        for _ in 0..3 {
            let any = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = any.local_addr().unwrap().port();
            drop(any);
            let mut child = spawn(port, &options, dir.path());
            if listens(port, &mut child).await {
                return Self {
                    child,
                    port,
                    options,
                    dir,
                };
            }
        }
        panic!("redis-server does not start");
    }

    /// Where it is, for a user and a password such as `user:password@`.
    pub(super) fn url(&self, user: &str) -> String {
        format!("redis://{user}127.0.0.1:{}/", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn stop(&self) {
        self.signal("STOP");
    }

    pub(super) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success());
    }

    /// Kills it. What it had is lost.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty, at the same port.
    pub(super) async fn restart(&mut self) {
        self.child = spawn(self.port, &self.options, self.dir.path());
        assert!(listens(self.port, &mut self.child).await);
    }

    /// All that it holds, as text.
    pub(super) async fn contents(&self) -> Vec<(String, String)> {
        let client = redis::Client::open(self.url("")).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let all = redis::cmd("KEYS").arg("*").to_owned();
        let keys: Vec<String> = all.query_async(&mut connection).await.unwrap();
        let mut contents = Vec::new();
        for key in keys {
            let get = redis::cmd("GET").arg(&key).to_owned();
            let record: Vec<u8> = get.query_async(&mut connection).await.unwrap();
            contents.push((key, String::from_utf8_lossy(&record).into_owned()));
        }
        contents
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, options: &[String], dir: &Path) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    // With TLS it has no other port.
    let is_tls = options.iter().any(|option| option.starts_with("--tls"));
    let (with, without) = if is_tls {
        ("--tls-port", "--port")
    } else {
        ("--port", "--tls-port")
    };
    command.args([with, &port.to_string(), without, "0"]);
    command.args(options).arg("--dir").arg(dir);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
        .spawn()
        .expect("redis-server, of Debian's package of that name")
}

async fn listens(port: u16, child: &mut Child) -> bool {
    for _ in 0..1000 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}
