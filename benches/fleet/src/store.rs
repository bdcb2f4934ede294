//! A Redis of the program's own.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use crate::Result;

#[derive(Debug)]
pub(crate) struct Store {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Store {
    pub(crate) async fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let dir = tempfile::tempdir()?;
        let store = Self {
            child: spawn(port, &dir)?,
            port,
            dir,
        };
        store.wait().await?;
        Ok(store)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    async fn wait(&self) -> Result<()> {
        for _ in 0..500 {
            if self.commands().await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err("redis-server does not answer".into())
    }

    /// How many commands came from outside.
    pub(crate) async fn commands(&self) -> Result<f64> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let info: String = redis::cmd("INFO")
            .arg("commandstats")
            .query_async(&mut connection)
            .await?;
        let calls = |line: &str| {
            let (name, fields) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let is_outside = ["evalsha", "eval"].contains(&name);
            is_outside.then(|| fields.split(',').next()?.parse::<f64>().ok())?
        };
        Ok(info.lines().filter_map(calls).sum())
    }

    pub(crate) fn signal(&self, signal: &str) -> Result<()> {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status()?;
        Ok(())
    }

    /// Kills it, with all that it has.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.child = spawn(self.port, &self.dir)?;
        self.wait().await
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, dir: &TempDir) -> Result<Child> {
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
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?)
}
