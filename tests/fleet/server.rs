//! A Redis of the test's own, on loopback and in memory only.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use redis::Client;
use tempfile::TempDir;
use tokio::time::sleep;

/// A server that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    dir: TempDir,
}

impl Redis {
    /// Starts a server, and waits until it answers.
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Somebody may be quicker to take the port.
        for _ in 0..3 {
            let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = any.local_addr().unwrap().port();
            drop(any);
            let mut child = spawn(port, &dir);
            if answers(port, &mut child).await {
                return Self { child, port, dir };
            }
        }
        panic!("redis-server does not start");
    }

    pub(crate) fn client(&self) -> Client {
        client(self.port)
    }

    pub(crate) fn stop(&self) {
        signal("-STOP", self.child.id());
    }

    pub(crate) fn go_on(&self) {
        signal("-CONT", self.child.id());
    }

    /// Kills it. What it had is lost.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again, empty, at the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, &self.dir);
        assert!(answers(self.port, &mut self.child).await);
    }

    /// How many microseconds a call of the script took on average, and how many calls there were.
    pub(crate) async fn script_time(&self) -> (f64, f64) {
        let mut connection = self
            .client()
            .get_multiplexed_async_connection()
            .await
            .unwrap();
        let info: String = redis::cmd("INFO")
            .arg("commandstats")
            .query_async(&mut connection)
            .await
            .unwrap();
        let line = info
            .lines()
            .find(|line| line.starts_with("cmdstat_evalsha:"))
            .unwrap();
        let field = |name: &str| {
            let value = line
                .split([':', ','])
                .find_map(|field| field.strip_prefix(name))
                .unwrap();
            value.parse::<f64>().unwrap()
        };
        (field("usec_per_call="), field("calls="))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn client(port: u16) -> Client {
    Client::open(format!("redis://127.0.0.1:{port}/")).unwrap()
}

fn spawn(port: u16, dir: &TempDir) -> Child {
    let mut command = Command::new("redis-server");
    command.args([
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "no",
        "--port",
    ]);
    command.arg(port.to_string()).arg("--dir").arg(dir.path());
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
        .spawn()
        .expect("redis-server, of Debian's package of that name")
}

async fn answers(port: u16, child: &mut Child) -> bool {
    for _ in 0..1000 {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let connected = client(port).get_multiplexed_async_connection().await;
        if let Ok(mut connection) = connected {
            let pong: redis::RedisResult<String> =
                redis::cmd("PING").query_async(&mut connection).await;
            if pong.is_ok() {
                return true;
            }
        }
        sleep(Duration::from_millis(10)).await;
    }
    false
}

fn signal(signal: &str, process: u32) {
    let sent = Command::new("kill")
        .arg(signal)
        .arg(process.to_string())
        .status();
    assert!(sent.unwrap().success());
}
