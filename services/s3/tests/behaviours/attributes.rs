//! GetObjectAttributes, and the lists of access of objects.

use s3_api::*;

use crate::support::*;

fn asking(key: &str, attributes: &[&str]) -> GetObjectAttributesInput {
    GetObjectAttributesInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        object_attributes: attributes.iter().map(|name| ObjectAttributes::from(*name)).collect(),
        ..GetObjectAttributesInput::default()
    }
}

#[tokio::test]
async fn only_what_is_asked_for_is_shown() {
    let cloud = versioned_cloud(1).await;
    let output = put(&cloud, "k", "hello").await;
    let etag = output.e_tag.unwrap();
    let all = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"];
    let shown = cloud.call(GetObjectAttributes, asking("k", &all)).await.unwrap();
    assert_eq!(shown.e_tag.as_deref(), Some(etag.trim_matches('"')), "without quotes");
    assert_eq!(shown.checksum.unwrap().checksum_crc64_nvme, output.checksum_crc64_nvme);
    assert_eq!((shown.object_size, shown.storage_class), (Some(5), Some(StorageClass::Standard)));
    assert_eq!((shown.object_parts, shown.version_id), (None, output.version_id));
    let shown = cloud.call(GetObjectAttributes, asking("k", &["ObjectSize"])).await.unwrap();
    assert_eq!((shown.object_size, shown.e_tag, shown.checksum), (Some(5), None, None));
}

#[tokio::test]
async fn attributes_that_there_are_not_are_refused() {
    let cloud = cloud(2).await;
    put(&cloud, "k", "hello").await;
    let refused = cloud.call(GetObjectAttributes, asking("k", &["Owner"])).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), ("InvalidArgument", "Invalid attribute name specified."));
    assert_eq!(code(cloud.call(GetObjectAttributes, asking("absent", &["ETag"])).await), "NoSuchKey");
    assert_eq!(code(as_stranger(&cloud, GetObjectAttributes, asking("k", &["ETag"])).await), "AccessDenied");
}
