//! The gateway's command line.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use gateway::{Config, Gateway};
use tokio::net::TcpListener;
use tracing::{Level, info};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Forwards requests to AI APIs, as fast as each allows.
///
/// Point the base URL of any client at http://127.0.0.1:8080/v1. The page at / shows what goes on.
#[derive(Debug, Parser)]
#[command(name = "gateway")]
struct Args {
    /// Where to listen. Whoever reaches this address can use the gateway
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// What is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: Level,

    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // Other crates' lines are left out at every level: those of an HTTP library may hold keys.
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(std::io::stderr().is_terminal()),
        )
        .with(Targets::new().with_target("gateway", args.log))
        .init();
    match run(args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::from(2)
        }
    }
}

async fn run(args: Args) -> Result<bool, String> {
    let gateway = Gateway::new(args.config)?;
    let listener = TcpListener::bind(args.listen).await;
    let listener = listener.map_err(|error| format!("{}: {error}", args.listen))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("Listening on http://{address}/");
    let served = gateway.serve(listener, shutdown()).await;
    served.map_err(|error| error.to_string())
}

/// Ready after the first SIGTERM or Ctrl-C; the second ends the program.
async fn shutdown() {
    // Made once: a signal between two listeners would be lost.
    let mut signals = Signals::new();
    signals.next().await;
    info!("shutting down; a second signal ends the gateway at once");
    tokio::spawn(async move {
        signals.next().await;
        std::process::exit(1);
    });
}

/// What asks the program to end.
#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            terminate: signal(SignalKind::terminate()).expect("SIGTERM can be listened to"),
            interrupt: signal(SignalKind::interrupt()).expect("Ctrl-C can be listened to"),
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What asks the program to end.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
