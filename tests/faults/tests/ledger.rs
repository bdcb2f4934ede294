//! What the server saw of each request, by the request's own number.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};

use tokio::time::Instant;

/// Filled in by the server, read by the tests.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    calls: Mutex<HashMap<u32, Calls>>,
    pub(crate) connections: AtomicUsize,
    most_refused: AtomicU64,
}

/// What became of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    /// When each attempt arrived.
    pub(crate) arrived: Vec<Instant>,
    /// How often the server acted on it, whether or not the answer came through.
    pub(crate) worked: u32,
}

impl Ledger {
    /// A request was read. The number of its attempt, from 1.
    pub(crate) fn arrive(&self, id: u32) -> usize {
        let mut calls = self.calls.lock().unwrap();
        let arrived = &mut calls.entry(id).or_default().arrived;
        arrived.push(Instant::now());
        arrived.len()
    }

    /// The server acted on the request.
    pub(crate) fn work(&self, id: u32) {
        self.calls.lock().unwrap().entry(id).or_default().worked += 1;
    }

    /// Records how many bytes of a refused answer's body went to the socket.
    pub(crate) fn refused_bytes(&self, bytes: u64) {
        self.most_refused.fetch_max(bytes, SeqCst);
    }

    pub(crate) fn of(&self, id: u32) -> Calls {
        self.calls
            .lock()
            .unwrap()
            .get(&id)
            .cloned()
            .unwrap_or_default()
    }

    /// When the attempts came of each request that was sent more than once.
    pub(crate) fn refused_attempts(&self) -> Vec<Vec<Instant>> {
        let calls = self.calls.lock().unwrap();
        let arrived = calls.values().map(|calls| calls.arrived.clone());
        arrived.filter(|arrived| arrived.len() > 1).collect()
    }

    pub(crate) fn most_refused_bytes(&self) -> u64 {
        self.most_refused.load(SeqCst)
    }
}
