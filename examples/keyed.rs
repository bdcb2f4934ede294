//! A gate for each account: what one is refused holds no other back.
//!
//! `cargo run --example keyed`

use std::collections::HashMap;
use std::convert::Infallible;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_throttle::RetryOn429Layer;
use tower_throttle::keyed::{Account, KeyedLayer};

type Body = Full<Bytes>;

/// Each account, and how many of its requests the API works on at a time.
const ACCOUNTS: [(&str, usize); 3] = [("small", 2), ("middle", 8), ("large", 30)];
const REQUESTS: usize = 100;

#[tokio::main]
async fn main() -> ExitCode {
    let keyed = KeyedLayer::new(Account::of::<Request<Body>>);
    let gates = keyed.handle();
    let client = ServiceBuilder::new()
        .layer(RetryOn429Layer::new())
        .layer(keyed)
        .service(api());

    let mut served = 0;
    let mut tasks = JoinSet::new();
    for (account, _) in ACCOUNTS {
        for _ in 0..REQUESTS {
            tasks.spawn(client.clone().oneshot(request(account)));
        }
    }
    while let Some(Ok(Ok(response))) = tasks.join_next().await {
        served += usize::from(response.status().is_success());
    }
    println!("{served} of {} served", ACCOUNTS.len() * REQUESTS);

    for (account, places) in ACCOUNTS {
        let key = Account::of(&request(account));
        let gate = gates.get(&key).expect("it was just used").snapshot();
        println!(
            "{account:<7} the API takes {places:>2}, the gate found {:>2}; refused {} of {}",
            gate.limit,
            gate.refused,
            gate.accepted + gate.refused,
        );
    }
    // A key does not hold the credential, and shows nothing of it.
    println!("the keys: {:?}", gates.keys());
    if served == ACCOUNTS.len() * REQUESTS {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn request(account: &str) -> Request<Body> {
    Request::post("https://api.example.com/v1/posts")
        .header("authorization", format!("Bearer sk-{account}"))
        .body(Full::from("hello"))
        .expect("a valid request")
}

/// In place of a client: an API that counts by account, and tells nobody how much it takes.
fn api() -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    let busy = Arc::new(Mutex::new(HashMap::new()));
    service_fn(move |request: Request<Body>| {
        let busy = Arc::clone(&busy);
        async move {
            let key = request.headers()["authorization"].clone();
            let places = ACCOUNTS
                .iter()
                .find(|(name, _)| key.as_bytes().ends_with(name.as_bytes()));
            let places = places.map_or(0, |(_, places)| *places);
            let mut response = Response::new(Full::from("{}"));
            {
                let mut busy = busy.lock().unwrap();
                let busy = busy.entry(key.clone()).or_insert(0);
                if *busy >= places {
                    *response.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                    return Ok(response);
                }
                *busy += 1;
            }
            sleep(Duration::from_millis(50)).await;
            *busy.lock().unwrap().entry(key).or_insert(1) -= 1;
            Ok(response)
        }
    })
}
