//! The handle that everybody holds, and the loop that runs a transaction until it is decided.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use crate::embedded::{Embedded, Options};
use crate::engine::{Engine, View};
use crate::limits::{RETRY_PAUSE_MAX, RETRY_PAUSE_MIN, TRANSACTION_RETRIES_MAX, TRANSACTION_TIME_MAX};
use crate::sim::{Sim, SimControl, SimOptions};
use crate::tx::Tx;
use crate::watch::Watch;
use crate::{StoreError, sim};

/// An ordered key-value store with serialisable transactions. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<dyn Engine>);

impl Store {
    /// Opens the store in a folder, or makes one there. Blocks for as long as the disk takes: a few
    /// milliseconds, and longer if a crash has to be repaired.
    pub fn embedded(folder: &Path, options: Options) -> Result<Store, StoreError> {
        Ok(Store(Arc::new(Embedded::in_folder(folder, options)?)))
    }

    /// The same engine without a disk: nothing outlives the process.
    pub fn embedded_in_memory(options: Options) -> Result<Store, StoreError> {
        Ok(Store(Arc::new(Embedded::in_memory(options)?)))
    }

    /// A store for tests, whose conflicts, crashes and lost acknowledgements follow from the seed.
    pub fn simulated(seed: u64, options: SimOptions) -> (Store, SimControl) {
        let sim = Arc::new(Sim::new(seed, options));
        (Store(sim.clone()), sim::SimControl::new(sim))
    }

    #[cfg(test)]
    pub(crate) fn on(engine: Embedded) -> Store {
        Store(Arc::new(engine))
    }

    /// Runs `body` as one transaction and returns once its writes are durable.
    ///
    /// The closure may run several times, and even after a run whose writes did happen (an acknowledgement can
    /// get lost), so it has no other effects than through `tx`, and where it matters it looks for what an earlier
    /// run of itself left behind. If it returns an error, nothing is written, and the error is returned once
    /// everything it read is durable.
    pub async fn transact<T, E, F, Fut>(&self, body: F) -> Result<T, E>
    where
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<StoreError>,
    {
        self.run(View::Latest, body).await
    }

    /// Runs `body` on a snapshot of what is durable now. Waits for nobody; writing in it is a bug and panics.
    pub async fn read<T, E, F, Fut>(&self, body: F) -> Result<T, E>
    where
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<StoreError>,
    {
        self.run(View::Durable, body).await
    }

    /// Watches all keys that begin with `prefix`.
    pub fn watch(&self, prefix: impl Into<Bytes>) -> Watch {
        self.0.watches().join(prefix.into())
    }

    /// Finishes the commits that wait, refuses new ones, and lets go of the folder. Dropping the last handle
    /// does the same.
    pub async fn close(&self) {
        self.0.close().await;
    }

    async fn run<T, E, F, Fut>(&self, view: View, mut body: F) -> Result<T, E>
    where
        F: FnMut(Tx) -> Fut,
        Fut: Future<Output = Result<T, E>> + Send,
        E: From<StoreError>,
    {
        for attempt in 0.. {
            let tx = Tx::begin(self.0.clone(), view);
            let Ok(result) = timeout(TRANSACTION_TIME_MAX, body(tx.clone())).await else {
                return Err(StoreError::TimedOut.into());
            };
            let decided = if tx.is_doomed() {
                Err(StoreError::Conflict)
            } else if view == View::Durable {
                Ok(())
            } else {
                let mut commit = tx.into_commit();
                if result.is_err() {
                    commit.writes.clear();
                }
                self.0.commit(commit).await
            };
            match decided {
                Ok(()) => return result,
                Err(error) if error.is_retried() && attempt < TRANSACTION_RETRIES_MAX => {
                    self.pause(attempt).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
        unreachable!("the last attempt returns");
    }

    /// The first retry comes at once, since most conflicts are over when they are found.
    async fn pause(&self, attempt: u32) {
        if attempt == 0 {
            return tokio::task::yield_now().await;
        }
        let longest = RETRY_PAUSE_MIN.saturating_mul(1 << attempt.min(16)).min(RETRY_PAUSE_MAX);
        let nanos = self.0.ids().below(longest.as_nanos() as u64 + 1);
        tokio::time::sleep(Duration::from_nanos(nanos)).await;
    }
}
