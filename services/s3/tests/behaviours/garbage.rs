//! What nobody refers to any more gives its room back.

use futures_util::StreamExt;
use s3_api::*;

use crate::support::*;

const LARGE: usize = 1 << 20;

/// Waits until the engine keeps no more than so many bytes.
async fn shrinks_to(cloud: &testkit::Cloud, bytes: u64) -> u64 {
    let mut kept = u64::MAX;
    for _ in 0..300 {
        cloud.settle().await;
        kept = kept_bytes(cloud).await;
        if kept <= bytes {
            return kept;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{kept} bytes are kept, not {bytes}");
}

#[tokio::test]
async fn what_is_replaced_or_deleted_is_given_back() {
    let cloud = cloud(1).await;
    put(&cloud, "small", "x".repeat(10_000)).await;
    put(&cloud, "large", vec![7_u8; LARGE]).await;
    let both = kept_bytes(&cloud).await;
    assert!(both > LARGE as u64);
    put(&cloud, "large", "tiny").await;
    shrinks_to(&cloud, both - LARGE as u64 / 2).await;
    for key in ["small", "large"] {
        let input = DeleteObjectInput {
            bucket: BUCKET.to_owned(),
            key: key.to_owned(),
            ..DeleteObjectInput::default()
        };
        cloud.call(DeleteObject, input).await.unwrap();
    }
    shrinks_to(&cloud, 0).await;
}

#[tokio::test]
async fn who_reads_an_object_reads_it_to_the_end_though_it_was_replaced() {
    let cloud = cloud(2).await;
    let old = vec![7_u8; LARGE];
    put(&cloud, "k", old.clone()).await;
    let mut reading = get(&cloud, "k").await.body.expect("there is a body").take();
    let first = reading.next().await.unwrap().unwrap();
    put(&cloud, "k", "new").await;
    for _ in 0..50 {
        cloud.settle().await;
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert!(kept_bytes(&cloud).await > LARGE as u64, "somebody still reads");
    let mut read = first.to_vec();
    while let Some(piece) = reading.next().await {
        read.extend(piece.unwrap());
    }
    assert!(read == old, "the old content is whole");
    drop(reading);
    cloud.clock.advance(std::time::Duration::from_secs(1));
    shrinks_to(&cloud, LARGE as u64 / 2).await;
    assert_eq!(crate::support::read(&cloud, "k").await, b"new");
}
