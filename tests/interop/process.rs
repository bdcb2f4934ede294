//! Servers as child processes.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// How long a server may take to start. A machine under load starts Node in seconds.
const START: Duration = Duration::from_secs(60);

/// A server that is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
    pub(crate) address: SocketAddr,
    /// Removed after the server has ended.
    _dir: Option<tempfile::TempDir>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// Starts a server that listens on the port it was told, and waits until it does.
    pub(crate) async fn listening(
        mut command: Command,
        port: u16,
        dir: tempfile::TempDir,
    ) -> Result<Self> {
        let log = dir.path().join("log");
        let file = File::create(&log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .map_err(|error| format!("{:?}: {error}", command.get_program()))?;
        let mut server = Self {
            child,
            log,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            _dir: Some(dir),
        };
        let end = Instant::now() + START;
        while TcpStream::connect(server.address).await.is_err() {
            if server.child.try_wait()?.is_some() || Instant::now() > end {
                let log = std::fs::read_to_string(&server.log)?;
                return Err(format!("{:?} does not listen:\n{log}", command.get_program()).into());
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(server)
    }

    /// Starts a server that chooses a port and writes it as its first line.
    pub(crate) fn announcing(mut command: Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{:?}: {error}", command.get_program()))?;
        let mut line = String::new();
        let read = child.stdout.take().map(BufReader::new);
        if let Some(mut read) = read {
            read.read_line(&mut line)?;
        }
        let mut server = Self {
            child,
            log: PathBuf::new(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            _dir: None,
        };
        let port = line.trim().parse();
        server.address.set_port(port.map_err(|_| {
            let program = command.get_program();
            format!("{program:?} wrote {line:?} instead of its port; what it said is above")
        })?);
        Ok(server)
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

/// The directory of these tests.
pub(crate) fn home() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop"))
}
