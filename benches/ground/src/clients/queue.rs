//! Five workers and a queue: a refused job goes back to the end of the queue, and its worker
//! waits as long as the server asked, or a second. A job is put back ten times at most.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use sim::server::Server;
use tokio::sync::{Semaphore, oneshot};

use super::glue::{Req, ask, refused, status};
use super::{Answer, Client};

const WORKERS: usize = 5;
const PUT_BACK: u32 = 10;

struct Item {
    request: Req,
    put_back: u32,
    done: oneshot::Sender<Option<StatusCode>>,
}

struct Queue {
    items: Mutex<VecDeque<Item>>,
    /// One permit per item in the queue.
    filled: Semaphore,
}

impl Queue {
    fn push(&self, item: Item) {
        self.items.lock().expect("queue").push_back(item);
        self.filled.add_permits(1);
    }

    async fn pop(&self) -> Item {
        self.filled.acquire().await.expect("an open queue").forget();
        self.items
            .lock()
            .expect("queue")
            .pop_front()
            .expect("an item per permit")
    }

    async fn work(&self, server: &Server) {
        loop {
            let mut item = self.pop().await;
            let response = ask(server, &item.request).await;
            match refused(&response) {
                Some(refused) if item.put_back < PUT_BACK => {
                    item.put_back += 1;
                    self.push(item);
                    tokio::time::sleep(refused.retry_after.unwrap_or(Duration::from_secs(1))).await;
                }
                _ => drop(item.done.send(status(&response))),
            }
        }
    }
}

struct Workers(Arc<Queue>);

pub(super) fn build(server: Server) -> Arc<dyn Client> {
    let queue = Arc::new(Queue {
        items: Mutex::default(),
        filled: Semaphore::new(0),
    });
    for _ in 0..WORKERS {
        let (queue, server) = (queue.clone(), server.clone());
        tokio::spawn(async move { queue.work(&server).await });
    }
    Arc::new(Workers(queue))
}

impl Client for Workers {
    fn send(&self, request: Req) -> Answer {
        let (done, answer) = oneshot::channel();
        self.0.push(Item {
            request,
            put_back: 0,
            done,
        });
        Box::pin(async move { answer.await.ok().flatten() })
    }
}
