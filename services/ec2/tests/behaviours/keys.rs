//! Key pairs: made, imported, named once.

use ec2_api::*;
use testkit::Cloud;

use crate::support::{code, filters, refused, tagged};

const LINE: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzvfE+qS09w+okgrO0gY7jryF0lSCxdEO/O0UaUhuZe algo@ssh";

fn import(name: &str, material: &str) -> ImportKeyPairInput {
    ImportKeyPairInput {
        key_name: name.to_owned(),
        public_key_material: material.as_bytes().to_vec().into(),
        ..ImportKeyPairInput::default()
    }
}

fn create(name: &str) -> CreateKeyPairInput {
    CreateKeyPairInput { key_name: name.to_owned(), ..CreateKeyPairInput::default() }
}

#[tokio::test]
async fn a_made_key_pair_gives_its_private_half_once() {
    let cloud = Cloud::new(1).await;
    let input = CreateKeyPairInput {
        key_type: Some(KeyType::Ed25519),
        tag_specifications: tagged("key-pair", &[("team", "web")]),
        ..create("web")
    };
    let made = cloud.call(CreateKeyPair, input).await.unwrap();
    assert!(made.key_material.unwrap().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    assert!(made.key_pair_id.as_ref().is_some_and(|id| id.starts_with("key-0")));
    let described = cloud.call(DescribeKeyPairs, DescribeKeyPairsInput::default()).await.unwrap();
    let [shown] = described.key_pairs.as_deref().unwrap() else { panic!("there is one key pair") };
    assert_eq!(shown.key_fingerprint, made.key_fingerprint);
    assert_eq!(shown.public_key, None);
    assert_eq!(shown.tags.as_ref().map(Vec::len), Some(1));
    let input = DescribeKeyPairsInput {
        include_public_key: Some(true),
        filters: filters(&[("key-name", "w*"), ("tag:team", "web")]),
        ..DescribeKeyPairsInput::default()
    };
    let described = cloud.call(DescribeKeyPairs, input).await.unwrap().key_pairs.unwrap();
    assert!(described[0].public_key.as_ref().is_some_and(|key| key.starts_with("ssh-ed25519 ")));
}

#[tokio::test]
async fn a_name_is_used_once_and_is_free_after_its_pair_is_deleted() {
    let cloud = Cloud::new(2).await;
    cloud.call(ImportKeyPair, import("web", LINE)).await.unwrap();
    let (refusal, message) = refused(cloud.call(ImportKeyPair, import("web", LINE)).await);
    assert_eq!(refusal, "InvalidKeyPair.Duplicate");
    assert_eq!(message, "The keypair 'web' already exists.");
    let input = CreateKeyPairInput { key_type: Some(KeyType::Ed25519), ..create("web") };
    assert_eq!(code(cloud.call(CreateKeyPair, input).await), "InvalidKeyPair.Duplicate");
    let delete = DeleteKeyPairInput { key_name: Some("web".to_owned()), ..DeleteKeyPairInput::default() };
    assert!(cloud.call(DeleteKeyPair, delete.clone()).await.unwrap().key_pair_id.is_some());
    let again = cloud.call(DeleteKeyPair, delete).await.unwrap();
    assert_eq!((again.r#return, again.key_pair_id), (Some(true), None));
    cloud.call(ImportKeyPair, import("web", LINE)).await.unwrap();
}

#[tokio::test]
async fn what_is_no_key_and_what_is_not_there_is_refused() {
    let cloud = Cloud::new(3).await;
    let (refusal, message) = refused(cloud.call(ImportKeyPair, import("web", "ssh-dss AAAA")).await);
    assert_eq!(refusal, "InvalidKey.Format");
    assert_eq!(message, "Key is not in valid OpenSSH public key format");
    let input = DescribeKeyPairsInput { key_names: Some(vec!["gone".to_owned()]), ..Default::default() };
    let (refusal, message) = refused(cloud.call(DescribeKeyPairs, input).await);
    assert_eq!(refusal, "InvalidKeyPair.NotFound");
    assert_eq!(message, "The key pair 'gone' does not exist");
    assert_eq!(code(cloud.call(DeleteKeyPair, DeleteKeyPairInput::default()).await), "MissingParameter");
}
