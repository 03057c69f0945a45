//! Keys are made, shown, listed, switched, deleted.

use std::time::Duration;

use base::Region;
use kms_api::*;
use testkit::Cloud;

use crate::crypto_support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

pub async fn describe(cloud: &Cloud, key: &str) -> KeyMetadata {
    let input = DescribeKeyInput { key_id: key.to_owned(), ..DescribeKeyInput::default() };
    let output = cloud.call(DescribeKey, input).await.expect("the key is there");
    output.key_metadata.expect("a key is shown")
}

pub async fn state(cloud: &Cloud, key: &str) -> String {
    describe(cloud, key).await.key_state.expect("every key has a state").to_string()
}

#[tokio::test]
async fn a_new_key_shows_what_it_is() {
    let cloud = Cloud::new(1).await;
    let input = CreateKeyInput { description: Some("orders".to_owned()), ..CreateKeyInput::default() };
    let arn = key_with(&cloud, input).await;
    let shown = describe(&cloud, &arn).await;
    assert_eq!(shown.key_id, id_of(&arn));
    assert_eq!(shown.aws_account_id.as_deref(), Some(OWNER));
    assert_eq!(shown.description.as_deref(), Some("orders"));
    assert_eq!(shown.enabled, Some(true));
    assert_eq!(shown.key_manager, Some(KeyManagerType::Customer));
    assert_eq!(shown.key_usage, Some(KeyUsageType::EncryptDecrypt));
    assert_eq!(shown.encryption_algorithms, Some(vec![EncryptionAlgorithmSpec::SymmetricDefault]));
    assert_eq!(shown.multi_region, Some(false));
    assert_eq!(shown.current_key_material_id.map(|id| id.len()), Some(64));
    assert_eq!((shown.signing_algorithms, shown.expiration_model, shown.deletion_date), (None, None, None));
    let ecc = describe(&cloud, &key(&cloud, "ECC_NIST_P256", "KEY_AGREEMENT").await).await;
    assert_eq!(ecc.key_agreement_algorithms, Some(vec![KeyAgreementAlgorithmSpec::Ecdh]));
    assert_eq!((ecc.signing_algorithms, ecc.current_key_material_id), (None, None));
    let mac = describe(&cloud, &key(&cloud, "HMAC_512", "GENERATE_VERIFY_MAC").await).await;
    assert_eq!(mac.mac_algorithms, Some(vec![MacAlgorithmSpec::HmacSha512]));
}

#[tokio::test]
async fn what_does_not_go_together_makes_no_key() {
    let cloud = Cloud::new(2).await;
    let default = CreateKeyInput::default;
    let spec = |spec: &str| Some(KeySpec::from(spec));
    for (input, code) in [
        (CreateKeyInput { key_spec: spec("RSA_2048"), ..default() }, "ValidationException"),
        (
            CreateKeyInput {
                key_spec: spec("HMAC_256"),
                key_usage: Some(KeyUsageType::SignVerify),
                ..default()
            },
            "ValidationException",
        ),
        (CreateKeyInput { key_spec: spec("SM2"), ..default() }, "UnsupportedOperationException"),
        (
            CreateKeyInput {
                key_spec: spec("SYMMETRIC_DEFAULT"),
                customer_master_key_spec: Some("SYMMETRIC_DEFAULT".into()),
                ..default()
            },
            "ValidationException",
        ),
        (
            CreateKeyInput {
                origin: Some(OriginType::AwsCloudhsm),
                custom_key_store_id: Some("cks-1234567890abcdef0".to_owned()),
                ..default()
            },
            "CustomKeyStoreNotFoundException",
        ),
        (CreateKeyInput { origin: Some(OriginType::AwsCloudhsm), ..default() }, "ValidationException"),
        (CreateKeyInput { policy: Some("{".to_owned()), ..default() }, "MalformedPolicyDocumentException"),
        (CreateKeyInput { policy: Some(" ".repeat(40_000)), ..default() }, "LimitExceededException"),
        (
            CreateKeyInput {
                tags: Some(vec![Tag { tag_key: "aws:x".to_owned(), tag_value: String::new() }]),
                ..default()
            },
            "TagException",
        ),
    ] {
        refused(cloud.call(CreateKey, input).await, code);
    }
    assert_eq!(cloud.call(ListKeys, ListKeysInput::default()).await.unwrap().keys, Some(Vec::new()));
}

#[tokio::test]
async fn a_key_is_named_in_four_ways_and_in_its_own_region() {
    let cloud = Cloud::new(3).await;
    let arn = symmetric(&cloud).await;
    let input = CreateAliasInput { alias_name: "alias/orders".to_owned(), target_key_id: id_of(&arn) };
    cloud.call(CreateAlias, input).await.unwrap();
    let alias_arn = format!("arn:aws:kms:us-east-1:{OWNER}:alias/orders");
    for name in [arn.as_str(), &id_of(&arn), "alias/orders", &alias_arn] {
        assert_eq!(describe(&cloud, name).await.arn.as_deref(), Some(arn.as_str()));
    }
    let ask = |name: &str| {
        let input = DescribeKeyInput { key_id: name.to_owned(), ..DescribeKeyInput::default() };
        cloud.call(DescribeKey, input)
    };
    let unknown = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let message = refused(ask(unknown).await, "NotFoundException");
    assert_eq!(message, format!("Key 'arn:aws:kms:us-east-1:{OWNER}:key/{unknown}' does not exist"));
    let message = refused(ask("alias/nothing").await, "NotFoundException");
    assert_eq!(message, format!("Alias arn:aws:kms:us-east-1:{OWNER}:alias/nothing is not found."));
    assert_eq!(refused(ask("orders").await, "NotFoundException"), "Invalid keyId 'orders'");
    let elsewhere = arn.replace("us-east-1", "eu-west-1");
    assert_eq!(refused(ask(&elsewhere).await, "NotFoundException"), "Invalid arn eu-west-1");
    refused(ask("arn:aws:kms:us-east-1:nobody:key/x").await, "InvalidArnException");
    let there = Region::parse("eu-west-1").unwrap();
    let input = DescribeKeyInput { key_id: id_of(&arn), ..DescribeKeyInput::default() };
    refused(cloud.call_as(cloud_account(), there, DescribeKey, input).await, "NotFoundException");
}

fn cloud_account() -> base::AccountId {
    base::AccountId::DEV
}

#[tokio::test]
async fn keys_are_listed_in_pages() {
    let cloud = Cloud::new(4).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(symmetric(&cloud).await);
    }
    made.sort();
    let mut listed = Vec::new();
    let mut marker = None;
    loop {
        let input = ListKeysInput { limit: Some(2), marker, ..ListKeysInput::default() };
        let page = cloud.call(ListKeys, input).await.unwrap();
        listed.extend(page.keys.unwrap().into_iter().filter_map(|entry| entry.key_arn));
        assert_eq!(page.truncated, Some(page.next_marker.is_some()));
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(listed, made);
    let input = ListKeysInput { marker: Some("nonsense".to_owned()), ..ListKeysInput::default() };
    refused(cloud.call(ListKeys, input).await, "InvalidMarkerException");
}

#[tokio::test]
async fn a_disabled_key_is_of_no_use_until_it_is_enabled() {
    let cloud = Cloud::new(5).await;
    let arn = symmetric(&cloud).await;
    let blob = encrypt(&cloud, &arn, b"x").await;
    disable(&cloud, &arn).await;
    assert_eq!(state(&cloud, &arn).await, "Disabled");
    let message = refused(decrypt(&cloud, &blob).await, "DisabledException");
    assert_eq!(message, format!("{arn} is disabled."));
    cloud.call(EnableKey, EnableKeyInput { key_id: arn.clone() }).await.unwrap();
    assert_eq!(plaintext(&decrypt(&cloud, &blob).await.unwrap()), b"x");
}

#[tokio::test]
async fn a_key_is_deleted_when_its_waiting_period_is_over() {
    let cloud = Cloud::new(6).await;
    let arn = symmetric(&cloud).await;
    let input = CreateAliasInput { alias_name: "alias/old".to_owned(), target_key_id: arn.clone() };
    cloud.call(CreateAlias, input).await.unwrap();
    let blob = encrypt(&cloud, &arn, b"x").await;
    let schedule = |days| {
        let input = ScheduleKeyDeletionInput { key_id: arn.clone(), pending_window_in_days: Some(days) };
        cloud.call(ScheduleKeyDeletion, input)
    };
    refused(schedule(6).await, "ValidationException");
    refused(schedule(31).await, "ValidationException");
    let scheduled = schedule(7).await.unwrap();
    assert_eq!(scheduled.key_state, Some(KeyState::PendingDeletion));
    assert_eq!(scheduled.deletion_date, Some(cloud.clock.now() + DAY * 7));
    let message = refused(decrypt(&cloud, &blob).await, "KMSInvalidStateException");
    assert_eq!(message, format!("{arn} is pending deletion."));
    refused(schedule(7 + 1).await, "KMSInvalidStateException");
    cloud.advance(DAY * 6).await;
    assert_eq!(state(&cloud, &arn).await, "PendingDeletion");
    // At its moment, not when the task comes to it.
    cloud.clock.advance(DAY);
    let input = DescribeKeyInput { key_id: arn.clone(), ..DescribeKeyInput::default() };
    refused(cloud.call(DescribeKey, input.clone()).await, "NotFoundException");
    cloud.settle().await;
    refused(cloud.call(DescribeKey, input).await, "NotFoundException");
    assert_eq!(cloud.call(ListKeys, ListKeysInput::default()).await.unwrap().keys, Some(Vec::new()));
    let aliases = cloud.call(ListAliases, ListAliasesInput::default()).await.unwrap().aliases;
    assert!(aliases.unwrap().iter().all(|alias| alias.target_key_id.is_none()));
}

#[tokio::test]
async fn a_deletion_that_was_called_off_leaves_the_key_disabled() {
    let cloud = Cloud::new(7).await;
    let arn = symmetric(&cloud).await;
    let cancel = || cloud.call(CancelKeyDeletion, CancelKeyDeletionInput { key_id: arn.clone() });
    refused(cancel().await, "KMSInvalidStateException");
    schedule_deletion(&cloud, &arn).await;
    refused(cloud.call(EnableKey, EnableKeyInput { key_id: arn.clone() }).await, "KMSInvalidStateException");
    assert_eq!(cancel().await.unwrap().key_id, Some(arn.clone()));
    cloud.advance(DAY * 31).await;
    assert_eq!(state(&cloud, &arn).await, "Disabled");
}

#[tokio::test]
async fn descriptions_and_tags_read_back() {
    let cloud = Cloud::new(8).await;
    let arn = symmetric(&cloud).await;
    let input = UpdateKeyDescriptionInput { key_id: arn.clone(), description: "new".to_owned() };
    cloud.call(UpdateKeyDescription, input).await.unwrap();
    assert_eq!(describe(&cloud, &arn).await.description.as_deref(), Some("new"));
    let tag = |key: &str, value: &str| Tag { tag_key: key.to_owned(), tag_value: value.to_owned() };
    let put = |tags| cloud.call(TagResource, TagResourceInput { key_id: arn.clone(), tags });
    put(vec![tag("a", "1"), tag("b", "2"), tag("c", "3")]).await.unwrap();
    refused(put(vec![tag("a", "1"), tag("a", "2")]).await, "TagException");
    refused(put((0..50).map(|n| tag(&format!("k{n}"), "")).collect()).await, "TagException");
    let input = UntagResourceInput { key_id: arn.clone(), tag_keys: vec!["b".to_owned()] };
    cloud.call(UntagResource, input).await.unwrap();
    let list = |limit, marker| {
        let input = ListResourceTagsInput { key_id: arn.clone(), limit, marker };
        cloud.call(ListResourceTags, input)
    };
    let page = list(Some(1), None).await.unwrap();
    assert_eq!((page.tags, page.truncated), (Some(vec![tag("a", "1")]), Some(true)));
    let page = list(None, page.next_marker).await.unwrap();
    assert_eq!((page.tags, page.truncated), (Some(vec![tag("c", "3")]), Some(false)));
}

#[tokio::test]
async fn the_last_use_of_a_key_is_known() {
    let cloud = Cloud::new(9).await;
    let arn = symmetric(&cloud).await;
    let last = || async {
        let input = GetKeyLastUsageInput { key_id: arn.clone() };
        cloud.call(GetKeyLastUsage, input).await.unwrap().key_last_usage.unwrap()
    };
    assert_eq!(last().await.operation, None);
    let used = cloud.clock.now();
    encrypt(&cloud, &arn, b"x").await;
    for _ in 0..2 {
        let usage = last().await;
        assert_eq!(usage.operation, Some(KeyLastUsageTrackingOperation::Encrypt));
        assert_eq!(usage.timestamp, Some(used));
        // The second time it has been written down.
        cloud.advance(Duration::from_secs(61)).await;
    }
}

#[tokio::test]
async fn custom_key_stores_are_refused_with_the_reason() {
    let cloud = Cloud::new(10).await;
    let input = CreateCustomKeyStoreInput {
        custom_key_store_name: "mine".to_owned(),
        custom_key_store_type: Some(CustomKeyStoreType::ExternalKeyStore),
        ..CreateCustomKeyStoreInput::default()
    };
    refused(cloud.call(CreateCustomKeyStore, input).await, "UnsupportedOperationException");
    let input = DescribeCustomKeyStoresInput::default();
    let stores = cloud.call(DescribeCustomKeyStores, input).await.unwrap();
    assert_eq!(stores.custom_key_stores, Some(Vec::new()));
    let input = ConnectCustomKeyStoreInput { custom_key_store_id: "cks-1234567890abcdef0".to_owned() };
    refused(cloud.call(ConnectCustomKeyStore, input).await, "CustomKeyStoreNotFoundException");
}
