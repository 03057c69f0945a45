//! UpdateObjectEncryption: the same object under a KMS key.

use kms_api::{CreateKey, CreateKeyInput};
use s3_api::*;
use testkit::Cloud;

use crate::support::*;

async fn key(cloud: &Cloud) -> String {
    let output = cloud.call(CreateKey, CreateKeyInput::default()).await.expect("a key can be made");
    output.key_metadata.and_then(|key| key.arn).expect("a new key has an ARN")
}

fn under(arn: &str) -> UpdateObjectEncryptionInput {
    let encryption = SSEKMSEncryption { kms_key_arn: arn.to_owned(), bucket_key_enabled: None };
    UpdateObjectEncryptionInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        object_encryption: ObjectEncryption::SSEKMS(encryption),
        ..UpdateObjectEncryptionInput::default()
    }
}

#[tokio::test]
async fn nothing_but_the_key_changes_and_the_old_content_is_given_back() {
    let cloud = cloud(1).await;
    put(&cloud, "k", vec![7; 2_000_000]).await;
    let before = head(&cloud, "k").await;
    for _ in 0..2 {
        let arn = key(&cloud).await;
        cloud.advance(std::time::Duration::from_secs(60)).await;
        cloud.call(UpdateObjectEncryption, under(&arn)).await.unwrap();
        let after = head(&cloud, "k").await;
        assert_eq!((&after.e_tag, after.last_modified), (&before.e_tag, before.last_modified));
        assert_eq!(after.ssekms_key_id.as_deref(), Some(arn.as_str()));
    }
    assert!(read(&cloud, "k").await == vec![7; 2_000_000]);
}

#[tokio::test]
async fn keys_of_others_and_what_is_no_key_are_refused() {
    let cloud = cloud(2).await;
    put(&cloud, "k", "content").await;
    let arn = key(&cloud).await;
    let stranger = arn.replace(OWNER, "111122223333");
    assert_eq!(code(cloud.call(UpdateObjectEncryption, under(&stranger)).await), "AccessDenied");
    assert_eq!(code(cloud.call(UpdateObjectEncryption, under("alias/mine")).await), "InvalidRequest");
    let none = UpdateObjectEncryptionInput { object_encryption: ObjectEncryption::Unset, ..under(&arn) };
    assert_eq!(code(cloud.call(UpdateObjectEncryption, none).await), "InvalidRequest");
    let absent = UpdateObjectEncryptionInput { key: "absent".to_owned(), ..under(&arn) };
    assert_eq!(code(cloud.call(UpdateObjectEncryption, absent).await), "NoSuchKey");
    assert_eq!(read(&cloud, "k").await, b"content");
}
