//! Archived objects come back for a while, and say so.

use std::time::Duration;

use s3_api::*;

use crate::events::{make_queue, notify, told};
use crate::support::*;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_restore_is_told_when_it_begins_is_done_and_is_over() {
    let cloud = cloud(1).await;
    make_queue(&cloud).await;
    notify(&cloud, &["s3:ObjectRestore:*"], "").await;
    let input = PutObjectInput { storage_class: Some(StorageClass::Glacier), ..putting("k", "cold") };
    cloud.call(PutObject, input).await.unwrap();
    let input = RestoreObjectInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        restore_request: Some(RestoreRequest { days: Some(2), ..RestoreRequest::default() }),
        ..RestoreObjectInput::default()
    };
    cloud.call(RestoreObject, input).await.unwrap();
    assert_eq!(told(&cloud, 1).await, ["ObjectRestore:Post k"]);
    cloud.advance(HOUR * 5).await;
    assert_eq!(told(&cloud, 1).await, ["ObjectRestore:Completed k"]);
    assert_eq!(read(&cloud, "k").await, b"cold");
    cloud.advance(HOUR * 72).await;
    assert_eq!(told(&cloud, 1).await, ["ObjectRestore:Delete k"]);
    assert_eq!(code(cloud.call(GetObject, getting("k")).await), "InvalidObjectState");
}
