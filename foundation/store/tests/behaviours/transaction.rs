//! Atomicity, isolation, serialisability and limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fogbank_store::{Direction, KeyRange, Options, SimOptions, Store, StoreError, Tx, limits};
use proptest::prelude::*;
use tokio::task::JoinSet;

use crate::on_every_engine;

async fn number(tx: &Tx, key: &str) -> Result<u64, StoreError> {
    let found = tx.get(key.as_bytes()).await?;
    Ok(found.map_or(0, |bytes| std::str::from_utf8(&bytes).unwrap().parse().unwrap()))
}

async fn set_number(tx: &Tx, key: &str, number: u64) -> Result<(), StoreError> {
    tx.put(key.to_owned(), number.to_string()).await
}

#[test]
fn a_committed_write_is_read_and_a_deleted_one_is_not() {
    on_every_engine(|store| async move {
        store.transact(|tx| async move { tx.put("a", "one").await }).await.unwrap();
        let read = store.read(|tx| async move { tx.get(b"a").await });
        assert_eq!(read.await.unwrap().as_deref(), Some(&b"one"[..]));
        store.transact(|tx| async move { tx.delete("a").await }).await.unwrap();
        let read = store.read(|tx| async move { tx.get(b"a").await });
        assert_eq!(read.await.unwrap(), None::<bytes::Bytes>);
    });
}

#[test]
fn a_transaction_sees_its_own_writes() {
    on_every_engine(|store| async move {
        let body = |tx: Tx| async move {
            tx.put("b", "old").await?;
            tx.put("b", "new").await?;
            tx.put("a", "gone").await?;
            tx.delete("a").await?;
            let page = tx.scan(&KeyRange::all(), 9, Direction::Forward).await?;
            Ok::<_, StoreError>((tx.get(b"a").await?, tx.get(b"b").await?, page.pairs.len()))
        };
        let (a, b, entries) = store.transact(body).await.unwrap();
        assert_eq!((a, b.as_deref(), entries), (None, Some(&b"new"[..]), 1));
    });
}

#[test]
fn a_transaction_that_returns_an_error_writes_nothing() {
    #[derive(Debug, thiserror::Error)]
    enum Refused {
        #[error("no")]
        No,
        #[error(transparent)]
        Store(#[from] StoreError),
    }
    on_every_engine(|store| async move {
        let body = |tx: Tx| async move {
            tx.get(b"a").await?;
            tx.put("a", "x").await?;
            Err::<(), _>(Refused::No)
        };
        assert!(matches!(store.transact(body).await, Err(Refused::No)));
        let found = store.read(|tx| async move { tx.get(b"a").await }).await.unwrap();
        assert_eq!(found, None);
        let _: fn(StoreError) -> Refused = Refused::Store;
    });
}

#[test]
fn concurrent_increments_are_all_counted() {
    on_every_engine(|store| async move {
        count_together(store, 8, 12).await;
    });
}

/// So many tasks, each adding one so many times to the same counter.
async fn count_together(store: Store, tasks: u64, rounds: u64) {
    let mut counting = JoinSet::new();
    for task in 0..tasks {
        let store = store.clone();
        counting.spawn(async move {
            for round in 0..rounds {
                // An acknowledgement may get lost, so each increment leaves a mark, and its rerun finds it.
                let mark = format!("mark/{task}/{round}");
                let body = async |tx: Tx| {
                    if tx.get(mark.as_bytes()).await?.is_none() {
                        tx.put(mark.clone(), "").await?;
                        tokio::task::yield_now().await;
                        let count = number(&tx, "count").await?;
                        set_number(&tx, "count", count + 1).await?;
                    }
                    Ok::<_, StoreError>(())
                };
                store.transact(body).await.unwrap();
            }
        });
    }
    counting.join_all().await;
    let count = store.read(async |tx: Tx| number(&tx, "count").await).await.unwrap();
    assert_eq!(count, tasks * rounds);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn concurrent_increments_are_all_counted_whatever_goes_wrong(
        seed: u64,
        conflicts_percent in 0..40u8,
        crashes_percent in 0..30u8,
        lost_acks_percent in 0..30u8,
        tasks in 1..10u64,
    ) {
        let options = SimOptions { conflicts_percent, crashes_percent, lost_acks_percent };
        let count = || {
            let (store, control) = Store::simulated(seed, options);
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
            runtime.block_on(count_together(store, tasks, 10));
            control.counts()
        };
        prop_assert_eq!(count(), count(), "one seed gives one run");
    }
}

#[test]
fn increments_from_many_threads_are_all_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::embedded(folder.path(), Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(count_together(store, 16, 100));
}

#[test]
fn write_skew_is_prevented() {
    on_every_engine(|store| async move {
        // Two doctors are on call, and either may leave if the other stays.
        for round in 0..10 {
            let keys = [format!("call/{round}/a"), format!("call/{round}/b")];
            let prepare = async |tx: Tx| {
                set_number(&tx, &keys[0], 1).await?;
                set_number(&tx, &keys[1], 1).await
            };
            store.transact(prepare).await.unwrap();
            let leave = |mine: String, other: String| {
                let store = store.clone();
                async move {
                    let body = async |tx: Tx| {
                        if number(&tx, &other).await? == 1 {
                            tokio::task::yield_now().await;
                            set_number(&tx, &mine, 0).await?;
                        }
                        Ok::<_, StoreError>(())
                    };
                    store.transact(body).await.unwrap();
                }
            };
            let (a, b) = (keys[0].clone(), keys[1].clone());
            tokio::join!(leave(a.clone(), b.clone()), leave(b, a));
            let left = async |tx: Tx| {
                Ok::<_, StoreError>(number(&tx, &keys[0]).await? + number(&tx, &keys[1]).await?)
            };
            assert_eq!(store.read(left).await.unwrap(), 1, "exactly one has left");
        }
    });
}

#[test]
fn a_snapshot_never_shows_half_a_transaction() {
    on_every_engine(|store| async move {
        let transfer = |from: &'static str, to: &'static str| {
            let store = store.clone();
            async move {
                for _ in 0..30 {
                    let body = async |tx: Tx| {
                        let (rich, poor) = (number(&tx, from).await?, number(&tx, to).await?);
                        if rich > 0 {
                            set_number(&tx, from, rich - 1).await?;
                            tokio::task::yield_now().await;
                            set_number(&tx, to, poor + 1).await?;
                        }
                        Ok::<_, StoreError>(())
                    };
                    store.transact(body).await.unwrap();
                }
            }
        };
        store.transact(async |tx: Tx| set_number(&tx, "a", 100).await).await.unwrap();
        let watch = async {
            for round in 0..60 {
                let body = async |tx: Tx| {
                    let a = number(&tx, "a").await?;
                    tokio::task::yield_now().await;
                    Ok::<_, StoreError>(a + number(&tx, "b").await?)
                };
                let sum = if round % 2 == 0 { store.read(body).await } else { store.transact(body).await };
                assert_eq!(sum.unwrap(), 100);
            }
        };
        tokio::join!(transfer("a", "b"), transfer("b", "a"), watch);
    });
}

#[test]
fn a_phantom_in_a_range_that_was_read_is_a_conflict() {
    on_every_engine(|store| async move {
        let runs = Arc::new(AtomicUsize::new(0));
        let body = |tx: Tx| {
            let (runs, store) = (runs.clone(), store.clone());
            async move {
                let page = tx.scan(&KeyRange::prefix("p/"), 10, Direction::Forward).await?;
                if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                    store.transact(|tx| async move { tx.put("p/new", "").await }).await?;
                }
                tx.put("count", page.pairs.len().to_string()).await
            }
        };
        store.transact::<(), StoreError, _, _>(body).await.unwrap();
        let count = store.read(async |tx: Tx| number(&tx, "count").await).await.unwrap();
        assert_eq!(count, 1, "the transaction ran again and saw the new entry");
    });
}

#[test]
fn a_write_behind_the_page_that_was_read_is_no_conflict() {
    let store = Store::embedded_in_memory(Default::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        store.transact(async |tx: Tx| tx.put("q/1", "").await).await.unwrap();
        store.transact(async |tx: Tx| tx.put("q/2", "").await).await.unwrap();
        let runs = AtomicUsize::new(0);
        let body = async |tx: Tx| {
            let page = tx.scan(&KeyRange::prefix("q/"), 1, Direction::Forward).await?;
            runs.fetch_add(1, Ordering::Relaxed);
            store.transact(async |tx: Tx| tx.put("q/3", "").await).await?;
            tx.delete(page.pairs[0].0.clone()).await
        };
        store.transact::<(), StoreError, _, _>(body).await.unwrap();
        assert_eq!(runs.into_inner(), 1);
    });
}

#[test]
fn what_exceeds_a_limit_is_refused() {
    on_every_engine(|store| async move {
        let long_key = vec![b'k'; limits::KEY_BYTES_MAX + 1];
        let put = |key: Vec<u8>, value: Vec<u8>| {
            store.transact(move |tx| {
                let (key, value) = (key.clone(), value.clone());
                async move { tx.put(key, value).await }
            })
        };
        assert!(matches!(put(long_key, vec![]).await, Err(StoreError::TooLarge { what: "key", .. })));
        let largest = vec![0; limits::VALUE_BYTES_MAX];
        assert!(matches!(
            put(vec![1], [&largest[..], &[0]].concat()).await,
            Err(StoreError::TooLarge { what: "value", .. })
        ));
        put(vec![b'k'; limits::KEY_BYTES_MAX], largest.clone()).await.unwrap();
        let many = |tx: Tx| {
            let largest = largest.clone();
            async move {
                for number in 0u8..10 {
                    tx.put(vec![number], largest.clone()).await?;
                }
                Ok::<_, StoreError>(())
            }
        };
        let error = store.transact(many).await.unwrap_err();
        assert!(matches!(error, StoreError::TooLarge { what: "transaction", .. }), "{error}");
    });
}

#[test]
fn a_transaction_that_takes_too_long_is_ended() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let (store, _) = Store::simulated(1, Default::default());
        let body = async |tx: Tx| {
            tx.put("a", "").await?;
            tokio::time::sleep(limits::TRANSACTION_TIME_MAX * 2).await;
            Ok::<_, StoreError>(())
        };
        assert!(matches!(store.transact(body).await, Err(StoreError::TimedOut)));
        assert_eq!(store.read(async |tx: Tx| number(&tx, "a").await).await.unwrap(), 0);
    });
}

#[test]
fn a_closed_store_says_so() {
    on_every_engine(|store| async move {
        store.transact(async |tx: Tx| tx.put("a", "").await).await.unwrap();
        store.close().await;
        let put = store.transact(async |tx: Tx| tx.put("a", "").await).await;
        assert!(matches!(put, Err(StoreError::Closed)), "{put:?}");
        let get = store.read(async |tx: Tx| tx.get(b"a").await).await;
        assert!(matches!(get, Err(StoreError::Closed)), "{get:?}");
    });
}
