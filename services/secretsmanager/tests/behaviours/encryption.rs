//! Keys: who may read is decided by KMS too, and nothing is kept in the clear.

use base::AccountId;
use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

#[tokio::test]
async fn somebody_without_the_key_cannot_read_whatever_else_is_allowed() {
    let cloud = Cloud::new(1).await;
    let key = key(&cloud).await;
    let input = CreateSecretInput { kms_key_id: Some(key.clone()), ..creation("s", "hunter2") };
    cloud.call(CreateSecret, input).await.unwrap();
    let reader = user(&cloud, "reader", &allow(r#""secretsmanager:*""#, "*")).await;
    assert_eq!(
        refusal(cloud.call_by(reader.clone(), GetSecretValue, reading("s")).await),
        ("AccessDeniedException".to_owned(), "Access to KMS is not allowed".to_owned())
    );
    let writing = PutSecretValueInput {
        secret_id: "s".to_owned(),
        secret_string: Some("other".to_owned()),
        ..PutSecretValueInput::default()
    };
    assert_eq!(
        refusal(cloud.call_by(reader, PutSecretValue, writing).await).1,
        "Access to KMS is not allowed"
    );
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}},
            {{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "{key}", "Condition": {{"StringEquals":
              {{"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}}}}}]}}"#
    );
    let allowed = user(&cloud, "allowed", &policy).await;
    let read = cloud.call_by(allowed, GetSecretValue, reading("s")).await.unwrap();
    assert_eq!(read.secret_string.as_deref(), Some("hunter2"));
}

#[tokio::test]
async fn the_services_own_key_serves_everyone_who_may_read() {
    let cloud = Cloud::new(2).await;
    create(&cloud, "s", "hunter2").await;
    let reader = user(&cloud, "reader", &allow(r#""secretsmanager:GetSecretValue""#, "*")).await;
    let read = cloud.call_by(reader, GetSecretValue, reading("s")).await.unwrap();
    assert_eq!(read.secret_string.as_deref(), Some("hunter2"));
    assert_eq!(describe(&cloud, "s").await.kms_key_id, None);
}

#[tokio::test]
async fn a_disabled_key_neither_opens_nor_seals() {
    let cloud = Cloud::new(3).await;
    let key = key(&cloud).await;
    let input = CreateSecretInput { kms_key_id: Some(key.clone()), ..creation("s", "x") };
    cloud.call(CreateSecret, input.clone()).await.unwrap();
    let disabling = kms_api::DisableKeyInput { key_id: key };
    cloud.call(kms_api::DisableKey, disabling).await.unwrap();
    assert_eq!(code(cloud.call(GetSecretValue, reading("s")).await), "DecryptionFailure");
    assert_eq!(code(try_put(&cloud, "s", "new", "y", &[]).await), "EncryptionFailure");
    let another = CreateSecretInput { name: "other".to_owned(), ..input };
    assert_eq!(code(cloud.call(CreateSecret, another).await), "EncryptionFailure");
    let absent = CreateSecretInput { kms_key_id: Some("alias/absent".to_owned()), ..creation("third", "x") };
    assert_eq!(code(cloud.call(CreateSecret, absent).await), "EncryptionFailure");
}

#[tokio::test]
async fn a_new_key_takes_over_the_versions_that_matter() {
    let cloud = Cloud::new(4).await;
    create(&cloud, "s", "one").await;
    put(&cloud, "s", "two", "two", &[]).await;
    let key = key(&cloud).await;
    let update = UpdateSecretInput {
        secret_id: "s".to_owned(),
        kms_key_id: Some(key.clone()),
        ..UpdateSecretInput::default()
    };
    cloud.call(UpdateSecret, update).await.unwrap();
    assert_eq!(describe(&cloud, "s").await.kms_key_id.as_deref(), Some(key.as_str()));
    let listing =
        ListSecretVersionIdsInput { secret_id: "s".to_owned(), ..ListSecretVersionIdsInput::default() };
    let versions = cloud.call(ListSecretVersionIds, listing.clone()).await.unwrap().versions.unwrap();
    assert!(
        versions.iter().all(|version| version.kms_key_ids.as_deref() == Some(std::slice::from_ref(&key)))
    );
    let disabling = kms_api::DisableKeyInput { key_id: key.clone() };
    cloud.call(kms_api::DisableKey, disabling).await.unwrap();
    assert_eq!(code(cloud.call(GetSecretValue, reading("s")).await), "DecryptionFailure");
    cloud.call(kms_api::EnableKey, kms_api::EnableKeyInput { key_id: key }).await.unwrap();
    let back = UpdateSecretInput {
        secret_id: "s".to_owned(),
        kms_key_id: Some(String::new()),
        ..UpdateSecretInput::default()
    };
    cloud.call(UpdateSecret, back).await.unwrap();
    assert_eq!(describe(&cloud, "s").await.kms_key_id, None);
    assert_eq!(
        (text(&cloud, "s").await, labelled(&cloud, "s", "AWSPREVIOUS").await.unwrap()),
        ("two".into(), "one".into())
    );
    let versions = cloud.call(ListSecretVersionIds, listing).await.unwrap().versions.unwrap();
    assert_eq!(versions[0].kms_key_ids.as_deref(), Some(&["DefaultEncryptionKey".to_owned()][..]));
}

#[tokio::test]
async fn somebody_who_may_not_use_the_new_key_changes_it_for_later_versions_only() {
    let cloud = Cloud::new(5).await;
    create(&cloud, "s", "one").await;
    let key = key_in(&cloud, AccountId::DEV, "us-east-1", None).await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}]}"#;
    let writer = user(&cloud, "writer", policy).await;
    let update = UpdateSecretInput {
        secret_id: "s".to_owned(),
        kms_key_id: Some(key.clone()),
        ..UpdateSecretInput::default()
    };
    cloud.call_by(writer.clone(), UpdateSecret, update).await.unwrap();
    assert_eq!(describe(&cloud, "s").await.kms_key_id, Some(key));
    let read = cloud.call_by(writer, GetSecretValue, reading("s")).await.unwrap();
    assert_eq!(read.secret_string.as_deref(), Some("one"), "the old version is still under the old key");
}
