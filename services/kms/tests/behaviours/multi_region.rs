//! Keys in several regions: one id and one material, the rest each its own.

use std::time::Duration;

use base::{AccountId, Region};
use kms_api::*;
use schema::{Fault, OperationType};
use testkit::Cloud;

use crate::crypto_support::*;
use crate::imports::{import_input, parameters};
use crate::keys::{describe, state};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn frankfurt() -> Region {
    Region::parse("eu-central-1").expect("AWS has it")
}

async fn there<O: OperationType>(cloud: &Cloud, operation: O, input: O::Input) -> Result<O::Output, Fault> {
    cloud.call_as(AccountId::DEV, frankfurt(), operation, input).await
}

async fn primary(cloud: &Cloud) -> String {
    key_with(cloud, CreateKeyInput { multi_region: Some(true), ..CreateKeyInput::default() }).await
}

async fn replicate(cloud: &Cloud, key: &str, region: &str) -> Result<ReplicateKeyOutput, Fault> {
    let input = ReplicateKeyInput {
        key_id: key.to_owned(),
        replica_region: region.to_owned(),
        ..ReplicateKeyInput::default()
    };
    cloud.call(ReplicateKey, input).await
}

async fn describe_there(cloud: &Cloud, id: &str) -> Result<KeyMetadata, Fault> {
    let input = DescribeKeyInput { key_id: id.to_owned(), ..DescribeKeyInput::default() };
    there(cloud, DescribeKey, input).await.map(|output| output.key_metadata.expect("a key is shown"))
}

#[tokio::test]
async fn what_one_region_encrypts_the_other_decrypts() {
    let cloud = Cloud::new(1).await;
    let key = primary(&cloud).await;
    assert!(id_of(&key).starts_with("mrk-"));
    let replica = replicate(&cloud, &key, "eu-central-1").await.unwrap().replica_key_metadata.unwrap();
    assert_eq!(replica.key_id, id_of(&key));
    assert_eq!(replica.arn, Some(key.replace("us-east-1", "eu-central-1")));
    let set = replica.multi_region_configuration.unwrap();
    assert_eq!(set.multi_region_key_type, Some(MultiRegionKeyType::Replica));
    assert_eq!(set.primary_key.unwrap().arn, Some(key.clone()));
    assert_eq!(set.replica_keys.unwrap().len(), 1);
    let blob = encrypt(&cloud, &key, b"x").await;
    let output = there(&cloud, Decrypt, decrypt_input(&blob)).await.unwrap();
    assert_eq!((plaintext(&output), output.key_id.clone()), (&b"x"[..], replica.arn));
    refused(replicate(&cloud, &key, "us-east-1").await, "AlreadyExistsException");
    refused(replicate(&cloud, &key, "eu-central-1").await, "AlreadyExistsException");
    refused(replicate(&cloud, &key, "cn-north-1").await, "UnsupportedOperationException");
    let single = symmetric(&cloud).await;
    refused(replicate(&cloud, &single, "eu-central-1").await, "UnsupportedOperationException");
}

#[tokio::test]
async fn rotation_is_the_primarys_and_holds_for_all() {
    let cloud = Cloud::new(2).await;
    let key = primary(&cloud).await;
    replicate(&cloud, &key, "eu-central-1").await.unwrap();
    let id = id_of(&key);
    let enable = EnableKeyRotationInput { key_id: id.clone(), rotation_period_in_days: Some(90) };
    refused(there(&cloud, EnableKeyRotation, enable.clone()).await, "UnsupportedOperationException");
    cloud.call(EnableKeyRotation, enable).await.unwrap();
    let status = GetKeyRotationStatusInput { key_id: id.clone() };
    let shown = there(&cloud, GetKeyRotationStatus, status).await.unwrap();
    assert_eq!(shown.key_rotation_enabled, Some(true));
    let old = encrypt(&cloud, &key, b"old").await;
    cloud.advance(DAY * 90).await;
    let fresh = encrypt(&cloud, &key, b"new").await;
    for (blob, expected) in [(old, b"old"), (fresh, b"new")] {
        let output = there(&cloud, Decrypt, decrypt_input(&blob)).await.unwrap();
        assert_eq!(plaintext(&output), expected);
    }
    let material = describe(&cloud, &key).await.current_key_material_id;
    assert_eq!(describe_there(&cloud, &id).await.unwrap().current_key_material_id, material);
}

#[tokio::test]
async fn the_primary_moves_to_another_region() {
    let cloud = Cloud::new(3).await;
    let key = primary(&cloud).await;
    replicate(&cloud, &key, "eu-central-1").await.unwrap();
    let move_to = |region: &str| {
        let input = UpdatePrimaryRegionInput { key_id: key.clone(), primary_region: region.to_owned() };
        cloud.call(UpdatePrimaryRegion, input)
    };
    refused(move_to("eu-west-1").await, "NotFoundException");
    move_to("eu-central-1").await.unwrap();
    let set = describe(&cloud, &key).await.multi_region_configuration.unwrap();
    assert_eq!(set.multi_region_key_type, Some(MultiRegionKeyType::Replica));
    let set = describe_there(&cloud, &id_of(&key)).await.unwrap().multi_region_configuration.unwrap();
    assert_eq!(set.multi_region_key_type, Some(MultiRegionKeyType::Primary));
    refused(move_to("eu-central-1").await, "UnsupportedOperationException");
    refused(replicate(&cloud, &key, "eu-west-1").await, "UnsupportedOperationException");
}

#[tokio::test]
async fn a_primary_waits_for_its_replicas_before_it_is_deleted() {
    let cloud = Cloud::new(4).await;
    let key = primary(&cloud).await;
    replicate(&cloud, &key, "eu-central-1").await.unwrap();
    let input = |days| ScheduleKeyDeletionInput { key_id: id_of(&key), pending_window_in_days: Some(days) };
    let scheduled = cloud.call(ScheduleKeyDeletion, input(10)).await.unwrap();
    assert_eq!(scheduled.key_state, Some(KeyState::PendingReplicaDeletion));
    assert_eq!(scheduled.deletion_date, None);
    let shown = describe(&cloud, &key).await;
    assert_eq!(shown.pending_deletion_window_in_days, Some(10));
    cloud.advance(DAY * 40).await;
    assert_eq!(state(&cloud, &key).await, "PendingReplicaDeletion");
    there(&cloud, ScheduleKeyDeletion, input(7)).await.unwrap();
    let gone = cloud.clock.now() + DAY * 7;
    cloud.advance(DAY * 8).await;
    refused(describe_there(&cloud, &id_of(&key)).await, "NotFoundException");
    let shown = describe(&cloud, &key).await;
    assert_eq!(shown.key_state, Some(KeyState::PendingDeletion));
    assert_eq!(shown.deletion_date, Some(gone + DAY * 10));
    cloud.advance(DAY * 10).await;
    let input = DescribeKeyInput { key_id: key, ..DescribeKeyInput::default() };
    refused(cloud.call(DescribeKey, input).await, "NotFoundException");
}

#[tokio::test]
async fn imported_material_is_brought_to_every_region() {
    let cloud = Cloud::new(5).await;
    let input = CreateKeyInput {
        multi_region: Some(true),
        origin: Some(OriginType::External),
        ..CreateKeyInput::default()
    };
    let key = key_with(&cloud, input).await;
    let here = parameters(&cloud, Region::US_EAST_1, &key).await;
    cloud.call(ImportKeyMaterial, import_input(&key, &here, &[1; 32])).await.unwrap();
    replicate(&cloud, &key, "eu-central-1").await.unwrap();
    let id = id_of(&key);
    let shown = describe_there(&cloud, &id).await.unwrap();
    assert_eq!(shown.key_state, Some(KeyState::PendingImport));
    let given = parameters(&cloud, frankfurt(), &id).await;
    let wrong = import_input(&id, &given, &[2; 32]);
    refused(there(&cloud, ImportKeyMaterial, wrong).await, "IncorrectKeyMaterialException");
    let new = ImportKeyMaterialInput {
        import_type: Some(ImportType::NewKeyMaterial),
        ..import_input(&id, &given, &[2; 32])
    };
    refused(there(&cloud, ImportKeyMaterial, new).await, "IncorrectKeyMaterialException");
    there(&cloud, ImportKeyMaterial, import_input(&id, &given, &[1; 32])).await.unwrap();
    let blob = encrypt(&cloud, &key, b"x").await;
    let output = there(&cloud, Decrypt, decrypt_input(&blob)).await.unwrap();
    assert_eq!(plaintext(&output), b"x");
}

#[tokio::test]
async fn replicating_takes_the_permission_to_create_keys_there() {
    let cloud = Cloud::new(6).await;
    let key = primary(&cloud).await;
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    let_user(&cloud, &ann, "Allow", "kms:ReplicateKey").await;
    let input = ReplicateKeyInput {
        key_id: key,
        replica_region: "eu-central-1".to_owned(),
        ..ReplicateKeyInput::default()
    };
    refused(by(&cloud, &ann, ReplicateKey, input.clone()).await, "AccessDeniedException");
    let_user(&cloud, &ann, "Allow", "kms:CreateKey").await;
    by(&cloud, &ann, ReplicateKey, input).await.unwrap();
}
