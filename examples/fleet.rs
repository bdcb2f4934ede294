//! Three processes that share one API's limit through Redis, started by one command.
//!
//! `cargo run --features redis --example fleet`, with `redis-server` installed. The first process starts a Redis and an API
//! that takes 30 requests per second and tells nobody, and then itself twice more. The lines to copy are those of
//! `client`.

use std::error::Error;
use std::net::TcpListener;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sim::limits::Bucket;
use tokio::time::{Instant, sleep, timeout};
use tower::{ServiceBuilder, ServiceExt};
use tower_throttle::fleet::redis::{Redis, RedisFleet};
use tower_throttle::retry::RetryOn429;
use tower_throttle::{AdaptiveConcurrency, AdaptiveConcurrencyLayer, RetryOn429Layer};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;
type Http = Client<HttpConnector, Full<Bytes>>;

const PROCESSES: usize = 3;
const RATE: f64 = 30.0;
const SECONDS: u64 = 10;

/// The client of a process: the usual one, with a lease.
fn client(redis: &str) -> Result<(RetryOn429<AdaptiveConcurrency<Http>>, RedisFleet)> {
    let store = Redis::new(redis::Client::open(redis)?, "example");
    let fleet = RedisFleet::new(store);
    tokio::spawn(fleet.clone().run());
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(AdaptiveConcurrencyLayer::new().lease(fleet.clone()))
        .service(Client::builder(TokioExecutor::new()).build_http());
    Ok((client, fleet))
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [redis, api] => process(redis, api).await.map(|()| ExitCode::SUCCESS),
        _ => all().await,
    }
}

/// One of the processes: sends as much as it may, and gives its share back.
async fn process(redis: &str, api: &str) -> Result<()> {
    let (client, fleet) = client(redis)?;
    let ends = Instant::now() + Duration::from_secs(SECONDS);
    let send = async || {
        while Instant::now() < ends {
            let request = Request::get(api).header("x-process", std::process::id());
            let request = request.body(Full::default()).expect("a request");
            // What is not answered by then is given up.
            let _ = tokio::time::timeout_at(ends, client.clone().oneshot(request)).await;
        }
    };
    let tasks: Vec<_> = (0..20).map(|_| send()).collect();
    futures_util::future::join_all(tasks).await;
    fleet.leave().await;
    Ok(())
}

/// What the API saw of each process.
type Seen = Arc<Mutex<std::collections::BTreeMap<String, (u64, u64)>>>;

async fn all() -> Result<ExitCode> {
    let (redis, _server) = start_redis().await?;
    let seen = Seen::default();
    let api = start_api(Arc::clone(&seen)).await?;
    let children = (0..PROCESSES)
        .map(|_| {
            Command::new(std::env::current_exe()?)
                .args([&redis, &api])
                .spawn()
        })
        .collect::<std::io::Result<Vec<Child>>>()?;
    let watching = RedisFleet::new(Redis::new(redis::Client::open(redis.as_str())?, "example"));
    sleep(Duration::from_secs(SECONDS - 2)).await;
    println!("member            places  pace   accepted/s");
    for row in watching.members().await? {
        let pace = row.rate.map_or("-".into(), |rate| format!("{rate:.1}/s"));
        let places = row.places.unwrap_or_default();
        let leads = if row.leads { "leads" } else { "" };
        println!(
            "{}  {places:>6}  {pace:>6} {:>6.1} {leads}",
            row.id, row.used
        );
    }
    for mut child in children {
        while child.try_wait()?.is_none() {
            sleep(Duration::from_millis(50)).await;
        }
    }
    let seen = seen.lock().expect("what was seen").clone();
    for (process, (accepted, refused)) in &seen {
        println!("process {process}: {accepted} accepted, {refused} refused");
    }
    let accepted: u64 = seen.values().map(|(accepted, _)| accepted).sum();
    let least = 0.7 * RATE * SECONDS as f64;
    let done =
        seen.len() == PROCESSES && accepted as f64 >= least && watching.members().await?.is_empty();
    Ok(ExitCode::from(u8::from(!done)))
}

/// Ends with the program.
#[derive(Debug)]
struct Server(
    Child,
    #[expect(dead_code, reason = "removed at the end")] tempfile::TempDir,
);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn start_redis() -> Result<(String, Server)> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let directory = tempfile::tempdir()?;
    let mut command = Command::new("redis-server");
    command.args([
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--port",
        &port.to_string(),
    ]);
    command.current_dir(directory.path()).stdout(Stdio::null());
    let server = Server(command.spawn()?, directory);
    let answers = async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), answers).await?;
    Ok((format!("redis://127.0.0.1:{port}/"), server))
}

/// An API that takes `RATE` requests per second, ten of them at once, and says nothing of it.
async fn start_api(seen: Seen) -> Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (began, bucket) = (
        Instant::now(),
        Arc::new(Mutex::new(Bucket::new(RATE, 10.0))),
    );
    let answer = move |request: Request<hyper::body::Incoming>| {
        let process = request
            .headers()
            .get("x-process")
            .and_then(|value| value.to_str().ok());
        let process = process.unwrap_or_default().to_owned();
        let taken = bucket
            .lock()
            .expect("the bucket")
            .take(began.elapsed().as_secs_f64());
        let mut seen = seen.lock().expect("what was seen");
        let counts = seen.entry(process).or_default();
        if taken {
            counts.0 += 1
        } else {
            counts.1 += 1
        }
        async move {
            let mut response = Response::new(Full::<Bytes>::default());
            if taken {
                sleep(Duration::from_millis(200)).await;
            } else {
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            }
            Ok::<_, std::convert::Infallible>(response)
        }
    };
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service_fn(answer.clone())));
        }
    });
    Ok(format!("http://{address}/"))
}
