//! Ways into the cloud that somebody made: VPC endpoints, each with a listener of its own and a policy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use service::Through;

/// Knows the endpoint behind a listener.
pub trait Way: Send + Sync + 'static {
    /// What a request to this service comes through, as it is now. Asked for each request.
    fn through<'a>(&'a self, service: &'a str) -> BoxFuture<'a, Through>;
}

/// All ways, by a number that connections carry.
#[derive(Default)]
pub(crate) struct Ways {
    next: AtomicU64,
    known: Mutex<HashMap<u64, Arc<dyn Way>>>,
}

/// A way that is open; dropping it closes it for requests that come later.
pub(crate) struct Open<'a> {
    ways: &'a Ways,
    pub number: u64,
}

impl Ways {
    pub fn open(&self, way: Arc<dyn Way>) -> Open<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.known.lock().insert(number, way);
        Open { ways: self, number }
    }

    /// What a request comes through. A way that was closed lets nothing pass.
    pub async fn through(&self, number: u64, service: &str) -> Through {
        let way = self.known.lock().get(&number).cloned();
        match way {
            Some(way) => way.through(service).await,
            None => Through::nowhere(),
        }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.ways.known.lock().remove(&self.number);
    }
}
