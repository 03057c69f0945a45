//! What every engine has to do. Each behaviour runs on the disk, in memory, and on the simulated engine, there
//! once without faults and a few times with many.

#![expect(clippy::unwrap_used, reason = "this is a test")]

mod behaviours {
    pub mod lease;
    pub mod outbox;
    pub mod scan;
    pub mod transaction;
    pub mod watch;
}

use fogbank_store::{Options, SimOptions, Store};

/// A bad day: one commit in five conflicts for no reason, one in ten is lost in a crash, and one in ten happens
/// without the caller learning of it.
pub const BAD_DAY: SimOptions =
    SimOptions { conflicts_percent: 20, crashes_percent: 10, lost_acks_percent: 10 };

/// Runs a behaviour on every engine.
pub fn on_every_engine<Fut: Future<Output = ()>>(behaviour: impl Fn(Store) -> Fut) {
    let folder = tempfile::tempdir().unwrap();
    on(Store::embedded(folder.path(), Options::default()).unwrap(), &behaviour);
    on(Store::embedded_in_memory(Options::default()).unwrap(), &behaviour);
    on(Store::simulated(0, SimOptions::default()).0, &behaviour);
    for seed in 1..=8 {
        on(Store::simulated(seed, BAD_DAY).0, &behaviour);
    }
}

fn on<Fut: Future<Output = ()>>(store: Store, behaviour: impl Fn(Store) -> Fut) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        behaviour(store.clone()).await;
        store.close().await;
    });
}
