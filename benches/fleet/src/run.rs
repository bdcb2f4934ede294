//! One row: an API, a Redis and the processes.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::api::{Api, Limits, Log};
use crate::store::Store;
use crate::{Result, Sharing};

/// What happens to Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    Stopped,
    Lost,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) limits: Limits,
    pub(crate) sharing: Sharing,
    pub(crate) outage: Option<Outage>,
}

/// How it went.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    /// The time for what was accepted, over the best.
    pub(crate) time: f64,
    /// Of 1,000 accepted.
    pub(crate) refused: f64,
    /// The same after the first quarter.
    pub(crate) refused_late: f64,
    pub(crate) jain: f64,
    /// Calls of Redis per second and process.
    pub(crate) calls: f64,
    /// The least that was accepted in a second after the first quarter, as a part of the best.
    pub(crate) least: f64,
}

pub(crate) async fn run(row: &Row, seconds: u64, members: usize) -> Result<Ran> {
    let mut store = Store::start().await?;
    let (api, port) = Api::start(row.limits).await?;
    let children: Vec<Child> = (0..members)
        .map(|index| start(row, index, port, &store))
        .collect::<Result<_>>()?;
    // A process takes a while to start.
    while api.now() < 5.0 && api.take_log().accepted.is_empty() && row.sharing == Sharing::Alone {
        sleep(Duration::from_millis(1)).await;
    }
    let (began, mut calls) = (api.now(), 0.0);
    let total = Duration::from_secs(seconds);
    if let Some(outage) = row.outage {
        let lasts = total.mul_f64(10.0 / 60.0);
        sleep(total.mul_f64(0.4)).await;
        calls = away(outage, lasts, &mut store).await?;
        let spent = Duration::from_secs_f64(api.now() - began);
        sleep(total.saturating_sub(spent)).await;
    } else {
        sleep(total).await;
    }
    let log = api.take_log();
    calls += store.commands().await?;
    drop(children);
    Ok(measure(row, &log, began, seconds as f64, calls, members))
}

/// Takes Redis away for a while. Returns what it had counted, if that is lost.
async fn away(outage: Outage, lasts: Duration, store: &mut Store) -> Result<f64> {
    if outage == Outage::Stopped {
        store.signal("-STOP")?;
        sleep(lasts).await;
        store.signal("-CONT")?;
        return Ok(0.0);
    }
    let calls = store.commands().await?;
    store.kill()?;
    sleep(lasts).await;
    store.restart().await?;
    Ok(calls)
}

fn start(row: &Row, index: usize, port: u16, store: &Store) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["member", "--index", &index.to_string()]);
    command.args(["--port", &port.to_string(), "--redis", &store.url()]);
    command.args(["--sharing", &format!("{:?}", row.sharing).to_lowercase()]);
    if let Some((rate, burst)) = row.limits.rate {
        command.args(["--rate", &rate.to_string(), "--burst", &burst.to_string()]);
    }
    if let Some(places) = row.limits.places {
        command.args(["--places", &places.to_string()]);
    }
    Ok(command.stdin(Stdio::null()).kill_on_drop(true).spawn()?)
}

fn measure(row: &Row, log: &Log, began: f64, seconds: f64, calls: f64, members: usize) -> Ran {
    let late = began + seconds / 4.0;
    let best = row.limits.best(seconds);
    let accepted = log.accepted.len() as f64;
    let accepted_late = log.accepted.iter().filter(|(at, _)| *at >= late).count() as f64;
    let refused_late = log.refused.iter().filter(|at| **at >= late).count() as f64;
    let mut parts = vec![0.0; members];
    let mut each = vec![0.0; seconds as usize];
    for (at, member) in &log.accepted {
        if *at >= late {
            parts[*member] += 1.0;
        }
        if let Some(second) = each.get_mut((at - began).max(0.0) as usize) {
            *second += 1.0;
        }
    }
    let sum: f64 = parts.iter().sum();
    let squares: f64 = parts.iter().map(|part| part * part).sum();
    // Where answers take two seconds, a second alone says little.
    let width = if row.limits.latency > 1.0 { 4 } else { 1 };
    let steady = &each[(seconds / 4.0) as usize..];
    let least = steady
        .windows(width)
        .map(|some| some.iter().sum::<f64>() / width as f64);
    Ran {
        time: best / accepted,
        refused: 1000.0 * log.refused.len() as f64 / accepted,
        refused_late: 1000.0 * refused_late / accepted_late,
        jain: sum * sum / (members as f64 * squares),
        calls: calls / seconds / members as f64,
        least: least.fold(f64::INFINITY, f64::min) / (best / seconds),
    }
}
