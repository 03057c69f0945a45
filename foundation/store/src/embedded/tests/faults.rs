//! A disk that fills up, fails a sync, or goes away for a while: the store says so, and goes on by itself.

use std::time::Duration;

use super::disk::{Disk, Remains};
use crate::embedded::Embedded;
use crate::{Direction, KeyRange, Store, StoreError, Tx};

fn open(disk: &Disk) -> Store {
    Store::on(Embedded::open(Box::new(disk.clone())).unwrap())
}

async fn put(store: &Store, number: u32) -> Result<(), StoreError> {
    store.transact(async |tx: Tx| tx.put(number.to_be_bytes().to_vec(), vec![1; 50_000]).await).await
}

async fn numbers(store: &Store) -> Vec<u32> {
    let body = async |tx: Tx| tx.scan(&KeyRange::all(), 1000, Direction::Forward).await;
    let page = store.read(body).await.unwrap();
    assert!(page.next.is_none());
    page.pairs.iter().map(|(key, _)| u32::from_be_bytes(key[..].try_into().unwrap())).collect()
}

/// Puts until it works, for at most some seconds.
async fn put_at_last(store: &Store, number: u32) {
    for _ in 0..200 {
        if put(store, number).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the store did not go on: {:?}", put(store, number).await);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_service_resumes_when_there_is_room() {
    let disk = Disk::default();
    let store = open(&disk);
    for number in 0..10 {
        put(&store, number).await.unwrap();
    }
    disk.set_capacity(Some(disk.len_bytes()));
    let mut stored = 10;
    let error = loop {
        match put(&store, stored).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 1000, "the disk never fills");
    };
    assert!(matches!(error, StoreError::Full), "{error}");
    assert_eq!(numbers(&store).await, (0..stored).collect::<Vec<_>>(), "reads go on");
    assert!(matches!(put(&store, stored).await, Err(StoreError::Full)));
    store.transact(async |tx: Tx| tx.delete(vec![0, 0, 0, 0]).await).await.expect("deletes go on");
    disk.set_capacity(None);
    put_at_last(&store, stored).await;
    assert_eq!(numbers(&store).await, (1..=stored).collect::<Vec<_>>());
    let crashed = open(&disk.after_crash(Remains::Nothing));
    assert_eq!(numbers(&crashed).await, (1..=stored).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_commit_whose_sync_failed_is_not_acknowledged_and_gone() {
    let disk = Disk::default();
    let store = open(&disk);
    put(&store, 1).await.unwrap();
    disk.fail_syncs(1);
    let error = put(&store, 2).await.unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
    put_at_last(&store, 3).await;
    assert_eq!(numbers(&store).await, [1, 3]);
    assert_eq!(numbers(&open(&disk.after_crash(Remains::Nothing))).await, [1, 3]);
}

#[tokio::test]
async fn a_transaction_that_read_what_a_failed_sync_undid_runs_again() {
    let disk = Disk::default();
    let store = open(&disk);
    put(&store, 1).await.unwrap();
    disk.fail_syncs(1);
    let mut writers = tokio::task::JoinSet::new();
    for number in 2..6 {
        let store = store.clone();
        writers.spawn(async move {
            let body = async |tx: Tx| {
                let page = tx.scan(&KeyRange::all(), 1000, Direction::Forward).await?;
                tokio::task::yield_now().await;
                let count = page.pairs.len() as u32;
                tx.put((100 + count).to_be_bytes().to_vec(), vec![]).await?;
                tx.put(u32::to_be_bytes(number).to_vec(), vec![]).await
            };
            store.transact::<_, StoreError, _, _>(body).await
        });
    }
    let done = writers.join_all().await.into_iter().filter(Result::is_ok).count() as u32;
    let found = numbers(&store).await;
    // Each left a mark named after the number of entries it saw: 1, 3, 5 and so on.
    let marks: Vec<u32> = found.into_iter().filter(|number| *number >= 100).collect();
    assert_eq!(marks, (0..done).map(|index| 101 + 2 * index).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_disk_that_goes_away_and_comes_back_is_taken_up_again() {
    let disk = Disk::default();
    let store = open(&disk);
    put(&store, 1).await.unwrap();
    disk.set_broken(true);
    assert!(matches!(put(&store, 2).await, Err(StoreError::Io(_))));
    assert!(matches!(put(&store, 2).await, Err(StoreError::Io(_))));
    disk.set_broken(false);
    put_at_last(&store, 3).await;
    assert_eq!(numbers(&store).await, [1, 3]);
}
