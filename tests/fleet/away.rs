//! A store that was never there: who is told, and what a stated limit is then worth.

use std::future::pending;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tower_throttle::fleet::{Capacity, Fleet, Grant, Local, Report, Row, Store};

use crate::support::{Api, Process, seconds};

/// A store in memory that is there, fails or hangs.
#[derive(Clone)]
struct Ailing {
    local: Local,
    state: Arc<AtomicU8>,
}

const WELL: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;

impl Ailing {
    fn new(state: u8) -> Self {
        Self {
            local: Local::new(),
            state: Arc::new(AtomicU8::new(state)),
        }
    }

    async fn reach(&self) -> Result<(), &'static str> {
        match self.state.load(Relaxed) {
            WELL => Ok(()),
            FAILS => Err("wrong password"),
            _ => pending().await,
        }
    }
}

impl Store for Ailing {
    type Error = &'static str;

    async fn sync(&self, report: &Report) -> Result<Grant, &'static str> {
        self.reach().await?;
        Ok(self.local.sync(report).await.unwrap())
    }

    async fn members(&self) -> Result<Vec<Row>, &'static str> {
        self.reach().await?;
        Ok(self.local.members().await.unwrap())
    }
}

#[tokio::test(start_paused = true)]
async fn a_stated_limit_bounds_one_that_never_reached_the_store() {
    for state in [FAILS, HANGS] {
        for (stated, api) in [
            (
                Capacity::unknown().rate(20.0, 20),
                Api::new(Some((20.0, 20.0)), None, 0.2),
            ),
            (Capacity::unknown().places(6), Api::new(None, Some(6), 0.2)),
        ] {
            let fleet = Fleet::new(Ailing::new(state)).capacity(stated).seed(1);
            let process = Process::start(fleet, &api, 0, 32);
            seconds(60.0).await;
            let (accepted, refused) = (process.handle.accepted(), process.handle.refused());
            assert_eq!(refused, 0, "{state} {stated:?}");
            assert!(accepted >= 1_150, "{state} {stated:?}: {accepted}");
            drop(process);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_store_says_is_told_once_each_time_that_it_changes() {
    let store = Ailing::new(FAILS);
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&told);
    let fleet = Fleet::new(store.clone()).seed(1).on_store(move |state| {
        let text = state.map_or_else(|reason| reason.to_string(), |()| "there".to_owned());
        log.lock().unwrap().push(text);
    });
    let api = Api::new(None, Some(8), 0.2);
    let processes = [0, 1].map(|index| Process::start(fleet.clone(), &api, index, 4));
    for (state, texts) in [
        (FAILS, &["wrong password"][..]),
        (WELL, &["wrong password", "there"]),
        (HANGS, &["wrong password", "there", "no answer in 250 ms"]),
        (
            WELL,
            &["wrong password", "there", "no answer in 250 ms", "there"],
        ),
    ] {
        store.state.store(state, Relaxed);
        seconds(10.0).await;
        assert_eq!(*told.lock().unwrap(), texts);
    }
    drop(processes);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_there_from_the_start_is_no_news() {
    let fleet = Fleet::new(Local::new()).on_store(|state| panic!("{:?}", state.is_ok()));
    let process = Process::start(fleet, &Api::new(None, Some(8), 0.2), 0, 4);
    seconds(10.0).await;
    assert!(process.handle.accepted() > 0);
}
