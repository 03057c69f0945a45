//! New material by the clock and on demand; what the old one encrypted still decrypts.

use std::time::Duration;

use kms_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::crypto_support::*;
use crate::keys::describe;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn enable(cloud: &Cloud, key: &str, days: Option<i32>) -> Result<EnableKeyRotationOutput, Fault> {
    let input = EnableKeyRotationInput { key_id: key.to_owned(), rotation_period_in_days: days };
    cloud.call(EnableKeyRotation, input).await
}

async fn status(cloud: &Cloud, key: &str) -> GetKeyRotationStatusOutput {
    let input = GetKeyRotationStatusInput { key_id: key.to_owned() };
    cloud.call(GetKeyRotationStatus, input).await.expect("the key rotates")
}

async fn rotate(cloud: &Cloud, key: &str) -> Result<RotateKeyOnDemandOutput, Fault> {
    cloud.call(RotateKeyOnDemand, RotateKeyOnDemandInput { key_id: key.to_owned() }).await
}

pub async fn rotations(cloud: &Cloud, key: &str, all: bool) -> Vec<RotationsListEntry> {
    let include_key_material = all.then_some(IncludeKeyMaterial::AllKeyMaterial);
    let input = ListKeyRotationsInput {
        key_id: key.to_owned(),
        include_key_material,
        ..ListKeyRotationsInput::default()
    };
    let output = cloud.call(ListKeyRotations, input).await.expect("the key rotates");
    output.rotations.expect("rotations are listed")
}

async fn current(cloud: &Cloud, key: &str) -> String {
    describe(cloud, key).await.current_key_material_id.expect("a symmetric key shows its material")
}

#[tokio::test]
async fn a_key_rotates_by_the_clock_and_old_ciphertexts_stay_readable() {
    let cloud = Cloud::new(1).await;
    let key = symmetric(&cloud).await;
    assert_eq!(status(&cloud, &key).await.key_rotation_enabled, Some(false));
    enable(&cloud, &key, Some(90)).await.unwrap();
    let begun = cloud.clock.now();
    let shown = status(&cloud, &key).await;
    assert_eq!(shown.rotation_period_in_days, Some(90));
    assert_eq!(shown.next_rotation_date, Some(begun + DAY * 90));
    let mut blobs = vec![encrypt(&cloud, &key, b"0").await];
    let mut materials = vec![current(&cloud, &key).await];
    for _ in 0..2 {
        cloud.advance(DAY * 90).await;
        blobs.push(encrypt(&cloud, &key, b"0").await);
        materials.push(current(&cloud, &key).await);
    }
    for (blob, material) in blobs.iter().zip(&materials) {
        let output = decrypt(&cloud, blob).await.unwrap();
        assert_eq!((plaintext(&output), output.key_material_id.as_ref()), (&b"0"[..], Some(material)));
    }
    assert!(materials[0] != materials[1] && materials[1] != materials[2]);
    let listed = rotations(&cloud, &key, false).await;
    let dates: Vec<_> = listed.iter().map(|rotation| rotation.rotation_date.unwrap()).collect();
    assert_eq!(dates, [begun + DAY * 90, begun + DAY * 180]);
    assert!(listed.iter().all(|rotation| rotation.rotation_type == Some(RotationType::Automatic)));
    assert_eq!(status(&cloud, &key).await.next_rotation_date, Some(begun + DAY * 270));
    let input = DisableKeyRotationInput { key_id: key.clone() };
    cloud.call(DisableKeyRotation, input).await.unwrap();
    cloud.advance(DAY * 1000).await;
    assert_eq!(rotations(&cloud, &key, false).await.len(), 2);
}

#[tokio::test]
async fn a_clock_that_is_turned_far_rotates_as_often_as_it_would_have() {
    let cloud = Cloud::new(2).await;
    let key = symmetric(&cloud).await;
    enable(&cloud, &key, None).await.unwrap();
    cloud.advance(DAY * 365 * 3 + DAY).await;
    assert_eq!(rotations(&cloud, &key, false).await.len(), 3);
}

#[tokio::test]
async fn a_disabled_key_makes_its_rotation_good_when_it_is_enabled() {
    let cloud = Cloud::new(3).await;
    let key = symmetric(&cloud).await;
    enable(&cloud, &key, Some(100)).await.unwrap();
    disable(&cloud, &key).await;
    cloud.advance(DAY * 250).await;
    assert_eq!(rotations(&cloud, &key, false).await, Vec::new());
    cloud.call(EnableKey, EnableKeyInput { key_id: key.clone() }).await.unwrap();
    cloud.settle().await;
    let enabled = cloud.clock.now();
    let listed = rotations(&cloud, &key, false).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].rotation_date, Some(enabled));
    assert_eq!(status(&cloud, &key).await.next_rotation_date, Some(enabled + DAY * 100));
}

#[tokio::test]
async fn a_rotation_on_demand_leaves_the_schedule_and_is_limited() {
    let cloud = Cloud::new(4).await;
    let key = symmetric(&cloud).await;
    enable(&cloud, &key, Some(90)).await.unwrap();
    let next = status(&cloud, &key).await.next_rotation_date;
    let blob = encrypt(&cloud, &key, b"x").await;
    for _ in 0..25 {
        rotate(&cloud, &key).await.unwrap();
    }
    refused(rotate(&cloud, &key).await, "LimitExceededException");
    assert_eq!(status(&cloud, &key).await.next_rotation_date, next);
    assert_eq!(plaintext(&decrypt(&cloud, &blob).await.unwrap()), b"x");
    assert_eq!(rotations(&cloud, &key, false).await.len(), 25);
    let all = rotations(&cloud, &key, true).await;
    assert_eq!(all.len(), 26);
    assert_eq!((all[0].rotation_type.as_ref(), all[0].rotation_date), (None, None));
    let states: Vec<_> = all.iter().rev().take(2).map(|entry| entry.key_material_state.clone()).collect();
    assert_eq!(states, [Some(KeyMaterialState::Current), Some(KeyMaterialState::NonCurrent)]);
    let input = ListKeyRotationsInput { key_id: key.clone(), limit: Some(20), ..Default::default() };
    let page = cloud.call(ListKeyRotations, input).await.unwrap();
    assert_eq!((page.rotations.unwrap().len(), page.truncated), (20, Some(true)));
    let input = ListKeyRotationsInput { key_id: key, marker: page.next_marker, ..Default::default() };
    assert_eq!(cloud.call(ListKeyRotations, input).await.unwrap().rotations.unwrap().len(), 5);
}

#[tokio::test]
async fn shortly_before_an_automatic_rotation_there_is_none_on_demand() {
    let cloud = Cloud::new(6).await;
    let key = symmetric(&cloud).await;
    enable(&cloud, &key, Some(90)).await.unwrap();
    cloud.advance(DAY * 90 - Duration::from_secs(21 * 60)).await;
    rotate(&cloud, &key).await.unwrap();
    cloud.advance(Duration::from_secs(60)).await;
    refused(rotate(&cloud, &key).await, "ConflictException");
    cloud.advance(Duration::from_secs(20 * 60)).await;
    rotate(&cloud, &key).await.unwrap();
}

#[tokio::test]
async fn only_enabled_symmetric_keys_rotate() {
    let cloud = Cloud::new(5).await;
    let ecc = key(&cloud, "ECC_NIST_P256", "SIGN_VERIFY").await;
    let unsupported = "UnsupportedOperationException";
    refused(enable(&cloud, &ecc, None).await, unsupported);
    refused(rotate(&cloud, &ecc).await, unsupported);
    assert_eq!(status(&cloud, &ecc).await.key_rotation_enabled, Some(false));
    let input = ListKeyRotationsInput { key_id: ecc, ..ListKeyRotationsInput::default() };
    refused(cloud.call(ListKeyRotations, input).await, unsupported);
    let key = symmetric(&cloud).await;
    enable(&cloud, &key, None).await.unwrap();
    disable(&cloud, &key).await;
    refused(enable(&cloud, &key, None).await, "DisabledException");
    refused(rotate(&cloud, &key).await, "DisabledException");
    assert_eq!(status(&cloud, &key).await.key_rotation_enabled, Some(true));
    schedule_deletion(&cloud, &key).await;
    refused(rotate(&cloud, &key).await, "KMSInvalidStateException");
    assert_eq!(status(&cloud, &key).await.key_rotation_enabled, Some(false));
}
