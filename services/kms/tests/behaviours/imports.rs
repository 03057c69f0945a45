//! Key material that its owner brings, lets end, takes away and brings again.

use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use kms_api::*;
use schema::Fault;
use testkit::Cloud;
use vault::{MasterKey, OaepHash, Vault};

use crate::crypto_support::*;
use crate::keys::{describe, state};
use crate::rotation::rotations;

const DAY: Duration = Duration::from_secs(24 * 3600);
const ONE: [u8; 32] = [1; 32];
const TWO: [u8; 32] = [2; 32];

async fn external(cloud: &Cloud) -> String {
    key_with(cloud, CreateKeyInput { origin: Some(OriginType::External), ..CreateKeyInput::default() }).await
}

pub async fn parameters(cloud: &Cloud, region: base::Region, key: &str) -> GetParametersForImportOutput {
    let input = GetParametersForImportInput {
        key_id: key.to_owned(),
        wrapping_algorithm: AlgorithmSpec::RsaesOaepSha256,
        wrapping_key_spec: WrappingKeySpec::Rsa2048,
    };
    let answer = cloud.call_as(base::AccountId::DEV, region, GetParametersForImport, input).await;
    answer.expect("the key takes imports")
}

/// As the owner of the material would wrap it.
pub fn import_input(
    key: &str,
    parameters: &GetParametersForImportOutput,
    material: &[u8],
) -> ImportKeyMaterialInput {
    let owner = Vault::new(MasterKey::new([1; 32]));
    let public_key = parameters.public_key.as_deref().expect("there is a wrapping key");
    let wrapped = owner.rsa_encrypt(public_key, OaepHash::Sha256, material).expect("it fits");
    ImportKeyMaterialInput {
        key_id: key.to_owned(),
        import_token: parameters.import_token.clone().expect("there is a token"),
        encrypted_key_material: Bytes::from(wrapped),
        expiration_model: Some(ExpirationModelType::KeyMaterialDoesNotExpire),
        ..ImportKeyMaterialInput::default()
    }
}

async fn import_with(
    cloud: &Cloud,
    key: &str,
    material: &[u8],
    change: impl Fn(&mut ImportKeyMaterialInput),
) -> Result<ImportKeyMaterialOutput, Fault> {
    let parameters = parameters(cloud, base::Region::US_EAST_1, key).await;
    let mut input = import_input(key, &parameters, material);
    change(&mut input);
    cloud.call(ImportKeyMaterial, input).await
}

async fn import(cloud: &Cloud, key: &str, material: &[u8]) -> Result<ImportKeyMaterialOutput, Fault> {
    import_with(cloud, key, material, |_| {}).await
}

fn until(end: Timestamp) -> impl Fn(&mut ImportKeyMaterialInput) {
    move |input| {
        input.expiration_model = Some(ExpirationModelType::KeyMaterialExpires);
        input.valid_to = Some(end);
    }
}

fn new(input: &mut ImportKeyMaterialInput) {
    input.import_type = Some(ImportType::NewKeyMaterial);
}

#[tokio::test]
async fn a_key_works_once_its_material_came_in_and_takes_no_other() {
    let cloud = Cloud::new(1).await;
    let key = external(&cloud).await;
    assert_eq!(state(&cloud, &key).await, "PendingImport");
    let message = refused(cloud.call(Encrypt, encrypt_input(&key, b"x")).await, "KMSInvalidStateException");
    assert_eq!(message, format!("{key} is pending import."));
    let first = import(&cloud, &key, &ONE).await.unwrap();
    let shown = describe(&cloud, &key).await;
    assert_eq!(shown.current_key_material_id, first.key_material_id);
    assert_eq!(shown.expiration_model, Some(ExpirationModelType::KeyMaterialDoesNotExpire));
    let blob = encrypt(&cloud, &key, b"x").await;
    refused(import(&cloud, &key, &TWO).await, "IncorrectKeyMaterialException");
    refused(import(&cloud, &key, &[1; 31]).await, "IncorrectKeyMaterialException");
    let again = import(&cloud, &key, &ONE).await.unwrap();
    assert_eq!(again.key_material_id, first.key_material_id);
    assert_eq!(plaintext(&decrypt(&cloud, &blob).await.unwrap()), b"x");
}

#[tokio::test]
async fn material_that_was_deleted_or_has_ended_can_be_brought_again() {
    let cloud = Cloud::new(2).await;
    let key = external(&cloud).await;
    let end = cloud.clock.now() + DAY * 10;
    import_with(&cloud, &key, &ONE, until(end)).await.unwrap();
    let shown = describe(&cloud, &key).await;
    assert_eq!(shown.valid_to, Some(end));
    let blob = encrypt(&cloud, &key, b"x").await;
    cloud.advance(DAY * 9).await;
    assert_eq!(state(&cloud, &key).await, "Enabled");
    // At its moment, not when the task comes to it.
    cloud.clock.advance(DAY);
    refused(decrypt(&cloud, &blob).await, "KMSInvalidStateException");
    cloud.settle().await;
    assert_eq!(describe(&cloud, &key).await.valid_to, None);
    import(&cloud, &key, &ONE).await.unwrap();
    assert_eq!(plaintext(&decrypt(&cloud, &blob).await.unwrap()), b"x");
    let input = DeleteImportedKeyMaterialInput { key_id: key.clone(), key_material_id: None };
    let deleted = cloud.call(DeleteImportedKeyMaterial, input).await.unwrap();
    assert_eq!(deleted.key_material_id, shown.current_key_material_id);
    assert_eq!(state(&cloud, &key).await, "PendingImport");
    import(&cloud, &key, &ONE).await.unwrap();
    assert_eq!(plaintext(&decrypt(&cloud, &blob).await.unwrap()), b"x");
}

#[tokio::test]
async fn parameters_serve_their_key_for_a_day() {
    let cloud = Cloud::new(3).await;
    let (key, other) = (external(&cloud).await, external(&cloud).await);
    let parameters = parameters(&cloud, base::Region::US_EAST_1, &key).await;
    assert_eq!(parameters.parameters_valid_to, Some(cloud.clock.now() + DAY));
    let input = import_input(&key, &parameters, &ONE);
    let elsewhere = ImportKeyMaterialInput { key_id: other.clone(), ..input.clone() };
    refused(cloud.call(ImportKeyMaterial, elsewhere).await, "InvalidImportTokenException");
    let mut broken = input.clone();
    broken.encrypted_key_material = Bytes::from(vec![7; 256]);
    refused(cloud.call(ImportKeyMaterial, broken).await, "InvalidCiphertextException");
    cloud.advance(DAY).await;
    refused(cloud.call(ImportKeyMaterial, input).await, "ExpiredImportTokenException");
    let own = symmetric(&cloud).await;
    let asked = GetParametersForImportInput {
        key_id: own,
        wrapping_algorithm: AlgorithmSpec::RsaesOaepSha256,
        wrapping_key_spec: WrappingKeySpec::Rsa2048,
    };
    refused(cloud.call(GetParametersForImport, asked.clone()).await, "UnsupportedOperationException");
    let old = GetParametersForImportInput {
        key_id: other,
        wrapping_algorithm: AlgorithmSpec::RsaesPkcs1V15,
        ..asked
    };
    refused(cloud.call(GetParametersForImport, old).await, "UnsupportedOperationException");
}

#[tokio::test]
async fn when_material_ends_is_said_in_full() {
    let cloud = Cloud::new(4).await;
    let key = external(&cloud).await;
    let now = cloud.clock.now();
    for end in [now, now + DAY * 366] {
        refused(import_with(&cloud, &key, &ONE, until(end)).await, "ValidationException");
    }
    let without = |input: &mut ImportKeyMaterialInput| input.expiration_model = None;
    refused(import_with(&cloud, &key, &ONE, without).await, "ValidationException");
    let both = |input: &mut ImportKeyMaterialInput| input.valid_to = Some(now + DAY);
    refused(import_with(&cloud, &key, &ONE, both).await, "ValidationException");
}

#[tokio::test]
async fn a_second_material_waits_until_the_key_is_rotated_to_it() {
    let cloud = Cloud::new(5).await;
    let key = external(&cloud).await;
    let rotate = || cloud.call(RotateKeyOnDemand, RotateKeyOnDemandInput { key_id: key.clone() });
    let first = import(&cloud, &key, &ONE).await.unwrap().key_material_id;
    let old = encrypt(&cloud, &key, b"old").await;
    refused(rotate().await, "KMSInvalidStateException");
    let second = import_with(&cloud, &key, &TWO, |input| {
        new(input);
        input.key_material_description = Some("the second".to_owned());
    });
    let second = second.await.unwrap().key_material_id;
    refused(import_with(&cloud, &key, &[3; 32], new).await, "KMSInvalidStateException");
    assert_eq!(describe(&cloud, &key).await.current_key_material_id, first);
    let listed = rotations(&cloud, &key, true).await;
    assert_eq!(listed[1].key_material_state, Some(KeyMaterialState::PendingRotation));
    assert_eq!(listed[1].key_material_description.as_deref(), Some("the second"));
    rotate().await.unwrap();
    assert_eq!(describe(&cloud, &key).await.current_key_material_id, second);
    let fresh = encrypt(&cloud, &key, b"new").await;
    assert_eq!(plaintext(&decrypt(&cloud, &old).await.unwrap()), b"old");
    assert_eq!(plaintext(&decrypt(&cloud, &fresh).await.unwrap()), b"new");
    // Without any of its materials the key is of no use.
    let input = DeleteImportedKeyMaterialInput { key_id: key.clone(), key_material_id: first };
    cloud.call(DeleteImportedKeyMaterial, input).await.unwrap();
    refused(cloud.call(Encrypt, encrypt_input(&key, b"x")).await, "KMSInvalidStateException");
    import(&cloud, &key, &ONE).await.unwrap();
    assert_eq!(plaintext(&decrypt(&cloud, &old).await.unwrap()), b"old");
}
