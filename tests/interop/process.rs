//! Servers as child processes.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How long a server may take to start. A machine under load starts Node in seconds.
const START: Duration = Duration::from_secs(60);

/// A server that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Removed after the server has ended.
    _dir: Option<TempDir>,
    /// What the server needs, which ends after it.
    _needs: Option<Box<Process>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts a server that is told its port, with a directory of its own, and waits until it listens.
    pub(crate) async fn listening(command: impl Fn(u16, &Path) -> Result<Command>) -> Result<Self> {
        let mut tries = 3;
        loop {
            let dir = tempfile::tempdir()?;
            let port = free_port()?;
            let started = Self::listens(command(port, dir.path())?, port, dir).await;
            tries -= 1;
            // Somebody may have been quicker to take the port.
            if started.is_ok() || tries == 0 {
                return started;
            }
        }
    }

    async fn listens(mut command: Command, port: u16, dir: TempDir) -> Result<Self> {
        let log = dir.path().join("log");
        let file = File::create(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file);
        let mut server = Self {
            child: spawn(&mut command)?,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            _dir: Some(dir),
            _needs: None,
        };
        let end = Instant::now() + START;
        loop {
            let connected = TcpStream::connect(server.address).await.is_ok();
            if server.child.try_wait()?.is_some() || Instant::now() > end {
                let log = std::fs::read_to_string(&log)?;
                return Err(format!("{command:?} does not listen:\n{log}").into());
            }
            if connected {
                return Ok(server);
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts a server that chooses a port and writes it as its first line.
    pub(crate) fn announcing(mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut server = Self {
            child: spawn(&mut command)?,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            _dir: None,
            _needs: None,
        };
        let mut line = String::new();
        if let Some(output) = server.child.stdout.as_mut() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let port = line.trim().parse().map_err(|_| {
            format!("{command:?} wrote {line:?} instead of its port; what it said is above")
        })?;
        server.address.set_port(port);
        Ok(server)
    }

    /// A server that needs another one.
    pub(crate) fn with(mut self, needs: Self) -> Self {
        self._needs = Some(Box::new(needs));
        self
    }
}

fn spawn(command: &mut Command) -> Result<Child> {
    let spawned = command.spawn();
    spawned.map_err(|error| format!("{:?}: {error}", command.get_program()).into())
}

/// A port that nobody listens on.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// The directory of these tests.
pub(crate) fn home() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop"))
}
