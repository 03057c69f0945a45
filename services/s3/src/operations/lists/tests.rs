//! Lists over a real store, walked page by page, against plain filtering of everything there is.

use std::collections::{BTreeMap, BTreeSet};

use base::{AccountId, Timestamp};
use proptest::prelude::*;
use store::{Options, Store};

use super::*;
use crate::model::upload_id::UploadId;
use crate::operations::saving::object_for_tests;
use crate::records::{BucketKind, Encryption, UploadRecord};

pub fn bucket(kind: BucketKind) -> Bucket {
    Bucket::for_tests(kind)
}

async fn store_of(bucket: &Bucket, keys: &BTreeSet<String>) -> Store {
    let store = Store::embedded_in_memory(Options::default()).unwrap();
    let id = &bucket.id();
    store
        .transact(|tx| async move {
            for key in keys {
                CURRENT.put(&tx, id, key, &object_for_tests()).await?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    store
}

/// All that pages of this size show, in their order; a page's keys and groups are merged.
async fn walk(store: &Store, bucket: &Bucket, query: &Query, marker: &str) -> Vec<String> {
    let (mut seen, mut marker) = (Vec::new(), marker.to_owned());
    loop {
        let (start, show) = (&query.start(Some(&marker)), &Show::for_tests());
        let page = store.read(|tx| async move { fill(&tx, bucket, query, start, show).await }).await.unwrap();
        let mut names: Vec<String> = page.objects.iter().filter_map(|object| object.key.clone()).collect();
        names.extend(page.groups);
        names.sort();
        assert!(names.len() <= query.limit);
        assert_eq!(page.next.is_some(), page.is_truncated);
        assert_eq!(page.next.as_ref(), names.last().filter(|_| page.is_truncated));
        seen.extend(names);
        match page.next {
            Some(next) => marker = next,
            None => return seen,
        }
    }
}

fn expected(keys: &BTreeSet<String>, query: &Query, marker: &str) -> Vec<String> {
    let shown = keys.iter().filter(|key| key.starts_with(&query.prefix));
    let shown: BTreeSet<String> = shown.map(|key| query.group(key).unwrap_or(key).to_owned()).collect();
    shown.into_iter().filter(|name| name.as_str() > marker).collect()
}

fn text(length: usize) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "/",
        "\0",
        "\u{1}",
        "é",
        "日本",
        "\u{10ffff}",
        " ",
        "+",
        "%",
        "-",
    ]);
    prop::collection::vec(piece, 0..=length).prop_map(|pieces| pieces.concat())
}

fn keys(count: usize) -> impl Strategy<Value = BTreeSet<String>> {
    let key = text(6).prop_filter("keys have characters", |key| !key.is_empty());
    prop::collection::btree_set(key, 0..count)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn a_list_is_what_filtering_and_grouping_everything_gives(
        keys in keys(120),
        prefix in text(2),
        delimiter in prop::option::of(text(1)),
        marker in text(4),
        limit in 1_usize..12,
    ) {
        runtime().block_on(async {
            let bucket = bucket(BucketKind::General);
            let store = store_of(&bucket, &keys).await;
            let query = Query::new(Some(prefix), delimiter, limit);
            assert_eq!(walk(&store, &bucket, &query, &marker).await, expected(&keys, &query, &marker));
        });
    }

    #[test]
    fn the_groups_of_a_directory_bucket_are_also_those_of_uploads(
        keys in keys(30),
        uploads in keys(30),
        limit in 1_usize..6,
    ) {
        runtime().block_on(async {
            let bucket = bucket(BucketKind::Directory { zone: "use1-az4".to_owned() });
            let store = store_of(&bucket, &keys).await;
            let (id, uploads) = (&bucket.id(), &uploads);
            store
                .transact(|tx| async move {
                    for key in uploads {
                        let upload = UploadId { began: 1, tail: [1; 16] };
                        UPLOADS.put(&tx, id, &upload.place(key), &upload_of(key)).await?;
                    }
                    Ok::<_, StoreError>(())
                })
                .await
                .unwrap();
            let query = Query::new(None, Some("/".to_owned()), limit);
            let grouped = uploads.iter().filter(|key| key.contains('/'));
            let all: BTreeSet<String> = keys.iter().chain(grouped).cloned().collect();
            assert_eq!(walk(&store, &bucket, &query, "").await, expected(&all, &query, ""));
        });
    }
}

fn upload_of(key: &str) -> UploadRecord {
    UploadRecord {
        key: key.to_owned(),
        initiated: Timestamp::EPOCH,
        initiator: "arn:aws:iam::000000000000:root".to_owned(),
        account: AccountId::DEV,
        owner: None,
        described: object_for_tests().described,
        encryption: Encryption::Managed { data_key: 1 },
        checksum: None,
        replaces: false,
    }
}

/// With a delimiter, a million keys behind one common prefix are one step.
#[tokio::test]
async fn long_groups_are_passed_over_and_short_ones_read_in_one_piece() {
    let bucket = bucket(BucketKind::General);
    let mut keys = BTreeSet::new();
    let mut sizes = BTreeMap::new();
    for (group, size) in [("a/", 1_u32), ("b/", 30), ("c/", 1_500), ("d/", 2), ("e/", 700)] {
        keys.extend((0..size).map(|number| format!("{group}{number:05}")));
        sizes.insert(group, size);
    }
    keys.insert("f".to_owned());
    let store = store_of(&bucket, &keys).await;
    for limit in [1, 2, 5, 6, 1000] {
        let query = Query::new(None, Some("/".to_owned()), limit);
        let seen = walk(&store, &bucket, &query, "").await;
        assert_eq!(seen, ["a/", "b/", "c/", "d/", "e/", "f"], "{sizes:?} {limit}");
    }
    let all = Query::new(None, None, 1000);
    assert_eq!(walk(&store, &bucket, &all, "").await.len(), keys.len());
}
