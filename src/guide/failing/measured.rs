//! Measures what the page says, on a paused clock.
//!
//! ```
//! use std::convert::Infallible;
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
//! use std::time::Duration;
//!
//! use http::{Request, Response};
//! use tokio::task::JoinSet;
//! use tokio::time::{Instant, sleep, timeout};
//! use tower::{Service, ServiceBuilder, ServiceExt as _, service_fn};
//! use tower_throttle::message::Unsent;
//! use tower_throttle::retry::Attempts;
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! const SOON: Duration = Duration::from_millis(50);
//! const LATE: Duration = Duration::from_secs(10);
//! const SECOND: Duration = Duration::from_secs(1);
//! const QUOTA: &str = r#"{"error":{"code":"insufficient_quota"}}"#;
//!
//! type Answer = (http::response::Builder, &'static str, Duration);
//!
//! /// The head and body of the answer to the request number `n`, and how long it takes.
//! type Api = fn(n: u32, path: &str, since_start: Duration) -> Answer;
//!
//! fn status(status: u16) -> http::response::Builder {
//!     Response::builder().status(status)
//! }
//!
//! fn refused(wait: u32) -> http::response::Builder {
//!     status(429).header("retry-after", wait)
//! }
//!
//! fn client(
//!     api: Api,
//! ) -> impl Service<Request<()>, Response = Response<impl Sized + Send>, Error = Infallible, Future: Send> + Clone + Send {
//!     let (sent, start) = (Arc::new(AtomicU32::new(0)), Instant::now());
//!     ServiceBuilder::new()
//!         .layer(RetryOn429Layer::new().seed(1))
//!         .layer(AdaptiveConcurrencyLayer::new().seed(1))
//!         .service(service_fn(move |request: Request<()>| {
//!             let n = sent.fetch_add(1, Relaxed);
//!             let (head, body, took) = api(n, request.uri().path(), start.elapsed());
//!             async move {
//!                 sleep(took).await;
//!                 Ok(head.body(body.to_owned()).unwrap())
//!             }
//!         }))
//! }
//!
//! fn request(path: &str) -> Request<()> {
//!     Request::post(path).body(()).unwrap()
//! }
//!
//! /// Sends one request to `/`, beside one to `/other` each second.
//! async fn post(api: Api) -> (u16, u128, u32) {
//!     let client = client(api);
//!     let others = tokio::spawn({
//!         let client = client.clone();
//!         async move {
//!             // At an API that serves nobody, they would only add to the refusals.
//!             while api(1, "/other", SECOND).0.body(()).unwrap().status() == 200 {
//!                 sleep(SECOND).await;
//!                 tokio::spawn(client.clone().oneshot(request("/other")));
//!             }
//!         }
//!     });
//!     let start = Instant::now();
//!     let response = client.oneshot(request("/")).await.unwrap();
//!     let (took, attempts) = (start.elapsed(), Attempts::of(response.extensions()).get());
//!     others.abort();
//!     (response.status().as_u16(), took.as_millis(), attempts)
//! }
//!
//! /// A request each second, at an API that answers 503 for an hour.
//! async fn outage() {
//!     let api: Api = |_, _, now| (status(if now < 3600 * SECOND { 503 } else { 200 }), "", SOON);
//!     let (client, start) = (client(api), Instant::now());
//!     let mut requests = JoinSet::new();
//!     for second in 0..3700 {
//!         let client = client.clone();
//!         requests.spawn(async move {
//!             sleep(second * SECOND).await;
//!             let response = client.oneshot(request("/")).await.unwrap();
//!             let sent = Unsent::of(response.extensions()).is_none();
//!             (response.status() == 200, sent, start.elapsed())
//!         });
//!     }
//!     let answers = requests.join_all().await;
//!     let first = |served| answers.iter().filter(|answer| answer.0 == served).map(|answer| answer.2).min().unwrap();
//!     let failed = answers.iter().filter(|answer| !answer.0).count();
//!     let unsent = answers.iter().filter(|answer| !answer.1).count();
//!     assert!((300..=305).contains(&first(false).as_secs()));
//!     assert!((3600..=3620).contains(&first(true).as_secs()));
//!     assert!(unsent * 100 >= failed * 98);
//! }
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)]
//! async fn main() {
//!     let (status_, took, attempts) = post(|n, _, _| (if n == 0 { refused(2) } else { status(200) }, "", SOON)).await;
//!     assert!(status_ == 200 && (2000..2300).contains(&took) && attempts == 2);
//!
//!     for api in [|_, _: &_, _| (status(429), "", SOON), |_, _: &_, _| (status(503), "", SOON)] as [Api; 2] {
//!         let (_, took, attempts) = post(api).await;
//!         assert!((215_000..=227_000).contains(&took) && attempts == 32);
//!     }
//!     let (_, took, attempts) = post(|_, _, _| (refused(60), "", SOON)).await;
//!     assert!((300_000..=310_000).contains(&took) && attempts == 6);
//!
//!     let one = |_, _: &_, _| (refused(3600), "", SOON);
//!     assert_eq!(post(one).await, (429, 50, 1));
//!     if cfg!(feature = "json") {
//!         assert_eq!(post(|_, _, _| (status(429), QUOTA, SOON)).await, (429, 50, 1));
//!     }
//!     assert_eq!(post(|_, _, _| (status(503), "", LATE)).await, (503, 10_000, 1));
//!     // A 503 that is not late is taken at its word.
//!     let once: Api = |n, _, _| (status(if n == 0 { 503 } else { 200 }), "", 19 * SECOND / 10);
//!     assert_eq!(post(once).await.2, 2);
//!     assert_eq!(post(|_, _, _| (status(500), "", SOON)).await, (500, 50, 1));
//!     assert_eq!(post(|_, _, _| (status(502), "", SOON)).await, (502, 50, 1));
//!
//!     let (_, took, attempts) = post(|_, path, _| (if path == "/" { refused(120) } else { status(200) }, "", SOON)).await;
//!     assert!((3_700_000..=3_800_000).contains(&took) && attempts == 32);
//!
//!     let client = client(|_, _, _| (status(200), "", Duration::MAX));
//!     assert!(timeout(24 * 3600 * SECOND, client.oneshot(request("/"))).await.is_err());
//!     outage().await;
//! }
//! ```
