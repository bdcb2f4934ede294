//! One of the processes.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::task::JoinSet;
use tower::{Layer as _, ServiceExt as _};
use tower_throttle::fleet::Capacity;
use tower_throttle::fleet::redis::{Redis, RedisFleet};
use tower_throttle::{AdaptiveConcurrencyLayer, RetryOn429Layer};

use crate::gcra::Gcra;
use crate::{Result, Sharing, api};

/// What a process is told.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Member {
    #[arg(long)]
    pub(crate) index: usize,
    #[arg(long)]
    pub(crate) port: u16,
    #[arg(long)]
    pub(crate) redis: String,
    #[arg(long)]
    pub(crate) sharing: Sharing,
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    #[arg(long, default_value_t = 1)]
    pub(crate) burst: u32,
    #[arg(long)]
    pub(crate) places: Option<u32>,
    #[arg(long, default_value_t = 64)]
    pub(crate) tasks: usize,
}

impl Member {
    fn capacity(&self) -> Capacity {
        let mut capacity = Capacity::unknown();
        if let (Sharing::Known, Some(rate)) = (self.sharing, self.rate) {
            capacity = capacity.rate(rate, self.burst);
        }
        if let (Sharing::Known, Some(places)) = (self.sharing, self.places) {
            capacity = capacity.places(places);
        }
        capacity
    }
}

/// Sends requests until it is killed.
pub(crate) async fn run(member: Member) -> Result<()> {
    let redis = redis::Client::open(member.redis.clone())?;
    let places = member.places.map(|places| places as usize);
    let gcra = Arc::new(Gcra::new(
        redis.clone(),
        member.rate,
        member.burst.into(),
        places,
        member.index,
    ));
    let mut layer = AdaptiveConcurrencyLayer::new();
    let mut tasks = JoinSet::new();
    match member.sharing {
        Sharing::Alone | Sharing::Gcra => {}
        Sharing::Known | Sharing::Unknown => {
            let fleet = RedisFleet::new(Redis::new(redis, "bench")).capacity(member.capacity());
            layer = layer.lease(fleet.clone());
            tasks.spawn(fleet.run());
        }
    }
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let http = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let client = RetryOn429Layer::new().layer(layer.layer(http.clone()));
    let uri = format!("http://127.0.0.1:{}/", member.port);
    let request = move || {
        let request = Request::get(&uri).header(api::MEMBER, member.index);
        request.body(Full::default()).expect("a request")
    };
    for _ in 0..member.tasks {
        let (client, request) = (client.clone(), request.clone());
        let (http, gcra) = (http.clone(), Arc::clone(&gcra));
        if member.sharing == Sharing::Gcra {
            tasks.spawn(async move {
                loop {
                    // What is refused asks again.
                    let name = gcra.take().await;
                    if let Ok(answer) = http.request(request()).await {
                        let _ = answer.into_body().collect().await;
                    }
                    gcra.give(&name).await;
                }
            });
        } else {
            tasks.spawn(async move {
                loop {
                    if let Ok(answer) = client.clone().oneshot(request()).await {
                        let _ = answer.into_body().collect().await;
                    }
                }
            });
        }
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}
