//! Watches.

use std::time::Duration;

use fogbank_store::{StoreError, Tx};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::on_every_engine;

const SOON: Duration = Duration::from_secs(10);
const A_WHILE: Duration = Duration::from_millis(20);

#[test]
fn a_watch_wakes_after_a_commit_under_its_prefix_and_finds_it_durable() {
    on_every_engine(|store| async move {
        let mut watch = store.watch("queue/a/");
        let mut waiter = JoinSet::new();
        {
            let store = store.clone();
            waiter.spawn(async move {
                loop {
                    let found = store.read(async |tx: Tx| tx.get(b"queue/a/1").await).await?;
                    if found.is_some() {
                        return Ok::<_, StoreError>(());
                    }
                    watch.changed().await?;
                }
            });
        }
        tokio::task::yield_now().await;
        store.transact(async |tx: Tx| tx.put("queue/a/1", "x").await).await.unwrap();
        timeout(SOON, waiter.join_next()).await.unwrap().unwrap().unwrap().unwrap();
    });
}

#[test]
fn a_watch_sleeps_through_changes_elsewhere_and_through_failed_transactions() {
    on_every_engine(|store| async move {
        let mut watch = store.watch("queue/a/");
        for key in ["queue/a", "queue/b/1", "queue/", "z"] {
            store.transact(async |tx: Tx| tx.put(key, "x").await).await.unwrap();
        }
        let failing = async |tx: Tx| {
            tx.put("queue/a/1", "x").await?;
            Err::<(), _>(StoreError::TimedOut)
        };
        store.transact(failing).await.unwrap_err();
        assert!(timeout(A_WHILE, watch.changed()).await.is_err());
    });
}

#[test]
fn many_changes_wake_a_watch_once() {
    on_every_engine(|store| async move {
        let mut watch = store.watch("a");
        for number in 0..20u8 {
            store.transact(async |tx: Tx| tx.put(vec![b'a', number], "x").await).await.unwrap();
        }
        timeout(SOON, watch.changed()).await.unwrap().unwrap();
        assert!(timeout(A_WHILE, watch.changed()).await.is_err());
        // A deletion is a change as well.
        store.transact(async |tx: Tx| tx.delete(vec![b'a', 3]).await).await.unwrap();
        timeout(SOON, watch.changed()).await.unwrap().unwrap();
    });
}
