//! Several processes and machines on one limit.
//!
//! A quota belongs to a key, and not to a process. Ten processes with one key that know nothing of each other are each
//! refused for what the others send. With a [`Fleet`](crate::fleet::Fleet) they behave as one: their shares are
//! equal, few requests are refused, and none if the limit is known; and nothing stops when Redis does.
//!
//! # With Redis
//!
//! The feature `redis` needs Rust 1.88, and a client of the crate `redis` 1.x.
//!
//! ```toml
//! redis = { version = "1", features = ["tokio-comp"] }
//! tower-throttle = { version = "0.1", features = ["redis"] }
//! ```
#![cfg_attr(feature = "redis", doc = "```no_run")]
#![cfg_attr(not(feature = "redis"), doc = "```ignore")]
//! # use bytes::Bytes;
//! # use http::Response;
//! # use http_body_util::Full;
//! # use http::Request;
//! use tower::ServiceBuilder;
//! use tower_throttle::fleet::redis::{Redis, RedisFleet};
//! use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let http_client = tower::service_fn(async |_: Request<Full<Bytes>>| {
//! #     Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::new())))
//! # });
//! let redis = redis::Client::open("rediss://user:password@redis.example.com/")?;
//! // A name for what is limited: all processes with that key call it alike.
//! let fleet = RedisFleet::new(Redis::new(redis, "openai:account-7:gpt-5"));
//! tokio::spawn(fleet.clone().run());
//!
//! let gate = AdaptiveConcurrencyLayer::new().lease(fleet.clone());
//! let handle = gate.handle();
//! let client = ServiceBuilder::new()
//!     .layer(RetryOn429Layer::new())
//!     .layer(gate)
//!     .service(http_client);
//! # drop(client);
//!
//! // At the end: nothing more is sent, and the others have the share at once.
//! handle.close();
//! handle.drained().await;
//! fleet.leave().await;
//! # Ok(())
//! # }
//! ```
//!
//! TLS, users and passwords are the client's affair. A cluster or a `ConnectionManager` goes to
//! `Redis::with_connection`; all is under one key, so that it lies on one node. The crate spawns nothing: if
//! [`run`](crate::fleet::Fleet::run) is not spawned, nobody reports, and the gate sends one request at a time.
//!
//! # If the limit is known
//!
//! State it, and nothing has to be found out. Quotas of requests that answers' headers tell are used in the same way.
//!
//! ```
//! use tower_throttle::fleet::{Capacity, Fleet, Local};
//!
//! let fleet = Fleet::new(Local::new()).capacity(Capacity::unknown().rate(20.0, 20).places(40));
//! # drop(fleet);
//! ```
//!
//! # What is shared, and what is not
//!
//! | shared | not shared |
//! |---|---|
//! | pauses that a server asks for | the line: each process lets its own requests through in order |
//! | quotas that headers tell | requests and permits |
//! | shares of places and of the pace | classes and deadlines |
//! | what was found of a limit that nobody knows | quotas of tokens |
//! | who is a member, and who leads | |
//!
//! Shares follow what each member wants. A member that has nothing to do keeps a fiftieth of the rate, or less, so that
//! it starts at once; it reports as soon as it has work.
//!
//! # What it costs
//!
//! Two calls per second and process, whatever the load, at the default period of half a second, and up to 2.4 while
//! there are refusals. A request waits for none of them. With 200 members a call takes Redis 0.3 ms
//! (`cargo test --all-features --test fleet with_200 -- --include-ignored --nocapture`).
//! [`period`](crate::fleet::Fleet::period) makes it rarer: a share that is given up takes up to two periods to arrive.
//!
//! # When Redis is away
//!
//! A call has 250 ms. If it fails, the member keeps the share that it had: together the shares are the limit, so nobody
//! sends more than before, and nobody stops. Where the limit is unknown, a refusal takes a tenth of a follower's share
//! meanwhile, and after 30 s each goes on alone from there. When Redis comes back empty, members bring what they had, and for
//! two seconds nobody gets more. A process that starts while Redis is away learns alone.
//!
//! # Figures
//!
//! Simulated, 8 processes of 64 tasks each for a minute: `cargo run --release -p ground -- --fleet --seeds 12`. An API
//! that takes 20 requests per second and a burst of 20, answers in 0.5 s and says nothing:
//!
//! | | time / best | refused per 1,000 | after 15 s | Jain's index |
//! |---|--:|--:|--:|--:|
//! | each for itself | 1.002 | 272 | 230 | 0.782 |
//! | a fleet, limit stated | 1.033 | 0 | 0 | 1.000 |
//! | a fleet, limit not known | 1.018 | 53 | 24 | 0.996 |
//! | ... ten seconds without a store, limit stated | 1.033 | 0 | 0 | 1.000 |
//! | ... the same, not known; the store stopped | 1.018 | 56 | 28 | 0.983 |
//! | ... the store lost | 1.023 | 56 | 28 | 0.984 |
//!
//! 40 requests in flight, which take 2 s each:
//!
//! | | time / best | refused per 1,000 | after 15 s | Jain's index |
//! |---|--:|--:|--:|--:|
//! | each for itself | 0.990 | 38 | 25 | 0.979 |
//! | a fleet, limit stated | 1.001 | 0 | 0 | 1.000 |
//! | a fleet, limit not known | 1.044 | 32 | 4 | 1.000 |
//! | ... ten seconds without a store, limit stated | 1.001 | 0 | 0 | 1.000 |
//! | ... the same, not known; the store stopped | 1.045 | 32 | 4 | 1.000 |
//! | ... the store lost | 1.045 | 34 | 6 | 1.000 |
//!
//! With 100 and 1,000 members of a stated limit the figures are those of eight. If nobody knows it, 100 take 1.036 (a
//! rate) and 1.072 (in flight) of the best time, and 1,000 take 1.072 and 1.187, with a Jain's index of 0.98 and more. It
//! is 1 if all parts are equal.
//!
//! Fleets drawn at random: `cargo run --release -p ground -- --fleet --drawn 72 --draw 3 --seeds 1`. 2 to 24 members with 2
//! tasks and more, 5 to 500 requests per second, 0.03 to 8 s for each, and as few as one place for all. Quantiles of 216
//! fleets, the mean of the three kinds of limit (a rate, in flight, both):
//!
//! | | time / best, half | nine of ten | refused per 1,000 after 15 s, half | nine of ten | Jain's index, half | nine of ten |
//! |---|--:|--:|--:|--:|--:|--:|
//! | one process with all tasks | 1.01 | 1.28 | 9 | 29 | 1.000 | 1.000 |
//! | each for itself | 1.01 | 1.06 | 36 | 307 | 0.757 | 0.334 |
//! | a fleet, limit stated | 1.03 | 1.18 | 0 | 0 | 1.000 | 0.984 |
//! | a fleet, limit not known | 1.07 | 1.35 | 10 | 61 | 1.000 | 0.906 |
//!
//! With eight real processes over sockets, a minute for each row, on two cores that had a little other work (a load of 0.3 to
//! 2; `cargo run --release -p fleet`), beside processes that ask Redis about each request (a token bucket, GCRA, and a
//! set of those in flight). The last column is the worst second, as a part of the best. The rows of
//! a limit that is not known are older than the rule that keeps a fleet below the level of a refusal:
//!
//! | limit | shared by | time / best | refused per 1,000 | after a quarter | Jain's index | calls per second and process | least in a second |
//! |---|---|--:|--:|--:|--:|--:|--:|
//! | rate | each for itself | 1.001 | 160 | 79 | 0.644 | 0 | 0.79 |
//! | rate | GCRA | 1.002 | 0.8 | 0 | 0.960 | 22.54 | 0.98 |
//! | rate | a fleet, stated | 1.035 | 0 | 0 | 1.000 | 1.98 | 0.89 |
//! | rate | a fleet, not known | 1.013 | 81 | 24 | 1.000 | 2.02 | 0.89 |
//! | places | each for itself | 1.000 | 34 | 28 | 1.000 | 0 | 1.00 |
//! | places | GCRA | 1.000 | 0 | 0 | 0.949 | 24.41 | 1.00 |
//! | places | a fleet, stated | 1.000 | 0 | 0 | 1.000 | 1.98 | 0.97 |
//! | places | a fleet, not known | 1.032 | 18 | 2.2 | 1.000 | 2.00 | 1.00 |
//! | both | each for itself | 1.006 | 158 | 155 | 0.895 | 0 | 0.90 |
//! | both | GCRA | 1.001 | 0 | 0 | 0.979 | 25.02 | 0.98 |
//! | both | a fleet, stated | 1.038 | 0 | 0 | 1.000 | 1.99 | 0.98 |
//! | both | a fleet, not known | 1.054 | 60 | 26 | 1.000 | 2.02 | 0.92 |
//! | rate | GCRA; Redis stopped for ten seconds | 1.197 | 0 | 0 | 0.992 | 19.27 | 0.00 |
//! | rate | a fleet, stated; Redis stopped for ten seconds | 1.035 | 0 | 0 | 1.000 | 1.69 | 0.93 |
//! | rate | a fleet, stated; Redis killed, and back empty after ten seconds | 1.033 | 0 | 0 | 1.000 | 1.66 | 0.98 |
//! | rate | a fleet, not known; Redis stopped for ten seconds | 1.009 | 40 | 23 | 0.997 | 1.70 | 0.79 |
//! | rate | a fleet, not known; Redis killed, and back empty after ten seconds | 1.043 | 40 | 28 | 1.000 | 1.70 | 0.79 |
//! | places | a fleet, stated; Redis stopped for ten seconds | 1.000 | 0 | 0 | 1.000 | 1.68 | 1.00 |
//! | places | a fleet, stated; Redis killed, and back empty after ten seconds | 1.000 | 0 | 0 | 1.000 | 1.66 | 0.97 |
//! | places | a fleet, not known; Redis stopped for ten seconds | 1.034 | 19 | 6.6 | 1.000 | 1.70 | 1.00 |
//! | places | a fleet, not known; Redis killed, and back empty after ten seconds | 1.033 | 20 | 6.6 | 1.000 | 1.68 | 1.00 |
//!
//! # Where it is weak
//!
//! The bounds that are missed, all of limits that nobody knows: state the limit in these cases.
//!
//! - **Both limits at once**, so that either may bind: 47 refused per 1,000 after the first 15 s, and with two members 72
//!   and 1.23 of the best time.
//! - **Two members**: 62 per 1,000 in the first minute of a rate, and 26 after the first 15 s.
//! - **A member that dies, or a store that is away, while a rate is being kept**: 40 and 28 per 1,000 after the first 15 s.
//! - **Fewer places than members**: each has its turn of four seconds. A place is idle for up to a second when its turn
//!   ends: 1.2 times as long if the limit is stated. If it is not, 1.05 to 1.4 times, and 2 to 96 refused per 1,000
//!   after the first 15 s, in nine of ten of 82 drawn fleets.
//! - **A thousand members that start at once**: from one place to thousands takes them ten seconds.
//!
//! # Beside a gateway in front of all
//!
//! A gateway, such as `examples/gateway` in the repository, is one process that all requests go through. It has one
//! line, so priorities hold over all callers, and it needs no Redis; but every request takes a hop more, and when it is
//! gone, all is. Members of a fleet call the API directly, and none of them is needed by the others. Several gateways can be
//! members of one fleet: `--redis` of the example does that, and its page shows the members and their shares.
//!
//! # Another store
//!
//! [`Store`](crate::fleet::Store) has two methods, and [`Book::sync`](crate::fleet::Book::sync) is the whole protocol:
//! whatever can run it for one report at a time, by a clock of its own, is a store.
