//! The folder: who may open it.

use std::fs;

use crate::{Options, Store, StoreError, Tx};

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0u8..3 {
        let store = Store::embedded(folder.path(), Options::default()).unwrap();
        let body = async |tx: Tx| {
            let before = tx.get(b"round").await?;
            tx.put("round", vec![round]).await?;
            Ok::<_, StoreError>(before)
        };
        let before = store.transact(body).await.unwrap();
        assert_eq!(before.map(|bytes| bytes[0]), round.checked_sub(1));
    }
}

#[tokio::test]
async fn a_second_instance_on_a_folder_is_refused_and_told_by_whom() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::embedded(folder.path(), Options::default()).unwrap();
    let error = Store::embedded(folder.path(), Options::default()).err().unwrap();
    assert!(matches!(&error, StoreError::Locked { process: Some(id), .. } if *id == std::process::id()));
    assert!(error.to_string().contains("another folder with --data"), "{error}");
    // Closing is enough, even if somebody still holds a handle.
    store.close().await;
    Store::embedded(folder.path(), Options::default()).unwrap();
}

#[test]
fn a_folder_of_a_newer_version_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    drop(Store::embedded(folder.path(), Options::default()).unwrap());
    fs::write(folder.path().join("format"), "fogbank store 2\n").unwrap();
    let error = Store::embedded(folder.path(), Options::default()).err().unwrap();
    assert!(matches!(error, StoreError::NewerVersion { found: 2, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("use a newer Fogbank"), "{error}");
    fs::write(folder.path().join("format"), "something else").unwrap();
    let error = Store::embedded(folder.path(), Options::default()).err().unwrap();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}

#[test]
fn a_file_that_is_no_database_is_reported_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.redb"), vec![b'x'; 10_000]).unwrap();
    let error = Store::embedded(folder.path(), Options::default()).err().unwrap();
    assert!(matches!(error, StoreError::Corrupt(_) | StoreError::Io(_)), "{error:?}");
}
