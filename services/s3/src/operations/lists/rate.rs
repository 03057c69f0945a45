//! How fast a list of a large bucket is, and how large its records are. To be run by hand:
//! `cargo test --release -p fogbank-s3 a_list_of_a_bucket_with_ten_million_keys -- --ignored --nocapture`

use std::time::{Duration, Instant};

use base::{Ids, Timestamp};
use store::{Options, Store};

use super::tests::bucket;
use super::*;
use crate::model::checksum::Algorithm;
use crate::model::etag::ETag;
use crate::operations::saving::object_for_tests;
use crate::records::BucketKind;

const KEYS: u32 = 10_000_000;
const KEYS_AT_ONCE: u32 = 20_000;
const LISTS: u32 = 200;

/// A photograph of 4 KiB, as PutObject stores it.
fn object(number: u32, ids: &Ids) -> ObjectRecord {
    let mut object = object_for_tests();
    object.order = 1_800_000_000_000_000 + u64::from(number);
    object.modified = Timestamp::from_millis(1_800_000_000_000 + i64::from(number));
    object.size = 4096;
    object.etag = ETag::Whole(ids.bytes());
    let bytes = ids.bytes::<8>().to_vec();
    object.checksum = Some(Checksum { algorithm: Algorithm::Crc64Nvme, bytes, kind: Kind::FullObject });
    object.described.system.insert("content-type".to_owned(), "image/jpeg".to_owned());
    object
}

fn key(number: u32) -> String {
    format!("photos/{:02}/{:03}/IMG_{number:08}.jpg", number / 1_000_000, number / 1_000 % 1_000)
}

#[tokio::test]
#[ignore = "takes minutes and gigabytes"]
async fn a_list_of_a_bucket_with_ten_million_keys() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::embedded(folder.path(), Options::default()).unwrap();
    let (bucket, ids) = (bucket(BucketKind::General), Ids::seeded(1));
    let began = Instant::now();
    for first in (0..KEYS).step_by(KEYS_AT_ONCE as usize) {
        let records: Vec<(String, ObjectRecord)> =
            (first..first + KEYS_AT_ONCE).map(|number| (key(number), object(number, &ids))).collect();
        let (id, records) = (&bucket.id(), &records);
        store
            .transact(|tx| async move {
                for (key, record) in records {
                    CURRENT.put(&tx, id, key, record).await?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }
    println!("{KEYS} keys written in {:.0?}", began.elapsed());
    for (what, delimiter) in [("1,000 keys", None), ("1,000 groups of 1,000", Some("/".to_owned()))] {
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..LISTS {
            let number = ids.below(u64::from(KEYS) - 1_000_000) as u32;
            let (query, marker) = match delimiter {
                None => (Query::new(None, None, 1000), key(number)),
                Some(_) => {
                    let prefix = format!("photos/{:02}/", number / 1_000_000);
                    (Query::new(Some(prefix), delimiter.clone(), 1000), String::new())
                }
            };
            let (start, began) = (query.start(Some(&marker)), Instant::now());
            let (query, start, bucket, show) = (&query, &start, &bucket, &Show::for_tests());
            let page =
                store.read(|tx| async move { fill(&tx, bucket, query, start, show).await }).await.unwrap();
            times.push(began.elapsed());
            assert_eq!(page.objects.len() + page.groups.len(), 1000);
        }
        times.sort();
        let at = |percent: usize| times[times.len() * percent / 100 - 1];
        println!("{what}: median {:.2?}, 99 % {:.2?}, worst {:.2?}", at(50), at(99), at(100));
    }
    store.close().await;
    let bytes: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    println!("{} bytes a key on the disk", bytes / u64::from(KEYS));
}
