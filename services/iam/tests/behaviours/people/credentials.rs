//! Access keys, SSH keys, signing certificates and credentials for one service.

use std::time::Duration;

use super::*;

fn bob() -> Option<String> {
    Some("bob".to_owned())
}

#[tokio::test]
async fn a_user_has_two_access_keys_whose_secrets_are_shown_once() {
    let cloud = Cloud::new(1).await;
    create_user(&cloud, "bob").await;
    let create = || cloud.call(CreateAccessKey, CreateAccessKeyInput { user_name: bob() });
    let first = create().await.unwrap().access_key;
    assert!(first.access_key_id.starts_with("AKIA") && first.access_key_id.len() == 20);
    assert_eq!((first.secret_access_key.len(), &first.status), (40, &StatusType::Active));
    create().await.unwrap();
    let (code, message) = words(create().await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    );

    let update = |status: StatusType| UpdateAccessKeyInput {
        user_name: bob(),
        access_key_id: first.access_key_id.clone(),
        status,
    };
    cloud.call(UpdateAccessKey, update(StatusType::Inactive)).await.unwrap();
    assert_eq!(words(cloud.call(UpdateAccessKey, update(StatusType::Expired)).await).0, "InvalidInput");
    let list = ListAccessKeysInput { user_name: bob(), ..ListAccessKeysInput::default() };
    let keys = cloud.call(ListAccessKeys, list).await.unwrap().access_key_metadata;
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].status, Some(StatusType::Inactive));
    let delete = DeleteAccessKeyInput { user_name: bob(), access_key_id: first.access_key_id.clone() };
    cloud.call(DeleteAccessKey, delete.clone()).await.unwrap();
    let (code, message) = words(cloud.call(DeleteAccessKey, delete).await);
    assert_eq!(code, "NoSuchEntity");
    assert_eq!(message, format!("The Access Key with id {} cannot be found.", first.access_key_id));
}

#[tokio::test]
async fn an_access_key_is_known_to_those_who_ask_until_it_is_switched_off() {
    use service::Identities;
    let cloud = Cloud::new(2).await;
    create_user(&cloud, "bob").await;
    let key =
        cloud.call(CreateAccessKey, CreateAccessKeyInput { user_name: bob() }).await.unwrap().access_key;
    let found = cloud.iam.key(&key.access_key_id).await.unwrap().expect("the key is active");
    assert_eq!(found.secret.expose(), key.secret_access_key);
    assert_eq!(found.principal.arn, "arn:aws:iam::000000000000:user/bob");
    let input = UpdateAccessKeyInput {
        user_name: bob(),
        access_key_id: key.access_key_id.clone(),
        status: StatusType::Inactive,
    };
    cloud.call(UpdateAccessKey, input).await.unwrap();
    assert!(cloud.iam.key(&key.access_key_id).await.unwrap().is_none());
}

#[tokio::test]
async fn root_has_access_keys_of_its_own() {
    let cloud = Cloud::new(3).await;
    let key = cloud.call(CreateAccessKey, CreateAccessKeyInput::default()).await.unwrap().access_key;
    let keys = cloud.call(ListAccessKeys, ListAccessKeysInput::default()).await.unwrap().access_key_metadata;
    assert_eq!(keys[0].access_key_id.as_ref(), Some(&key.access_key_id));
}

#[tokio::test]
async fn an_ssh_key_is_given_back_in_both_encodings() {
    let cloud = Cloud::new(4).await;
    create_user(&cloud, "bob").await;
    let body = format!("{SSH_KEY} bob@example.com");
    let upload =
        || UploadSSHPublicKeyInput { user_name: "bob".to_owned(), ssh_public_key_body: body.clone() };
    let made = cloud.call(UploadSSHPublicKey, upload()).await.unwrap().ssh_public_key.unwrap();
    assert!(made.ssh_public_key_id.starts_with("APKA"));
    assert_eq!((&made.ssh_public_key_body, made.fingerprint.len()), (&body, 47));
    assert_eq!(words(cloud.call(UploadSSHPublicKey, upload()).await).0, "DuplicateSSHPublicKey");
    let get = |encoding: EncodingType| GetSSHPublicKeyInput {
        user_name: "bob".to_owned(),
        ssh_public_key_id: made.ssh_public_key_id.clone(),
        encoding,
    };
    let ssh = cloud.call(GetSSHPublicKey, get(EncodingType::Ssh)).await.unwrap().ssh_public_key.unwrap();
    assert_eq!(ssh, made);
    let pem = cloud.call(GetSSHPublicKey, get(EncodingType::Pem)).await.unwrap().ssh_public_key.unwrap();
    assert!(pem.ssh_public_key_body.starts_with("-----BEGIN PUBLIC KEY-----\nMIIBIj"));
    // The same key, in its other encoding.
    let other =
        UploadSSHPublicKeyInput { user_name: "bob".to_owned(), ssh_public_key_body: pem.ssh_public_key_body };
    assert_eq!(words(cloud.call(UploadSSHPublicKey, other).await).0, "DuplicateSSHPublicKey");

    let conflict = words(delete_user(&cloud, "bob").await);
    assert_eq!(conflict.1, "Cannot delete entity, must remove referenced objects first.");
    let update = UpdateSSHPublicKeyInput {
        user_name: "bob".to_owned(),
        ssh_public_key_id: made.ssh_public_key_id.clone(),
        status: StatusType::Inactive,
    };
    cloud.call(UpdateSSHPublicKey, update).await.unwrap();
    let list = ListSSHPublicKeysInput { user_name: bob(), ..ListSSHPublicKeysInput::default() };
    let keys = cloud.call(ListSSHPublicKeys, list).await.unwrap().ssh_public_keys.unwrap();
    assert_eq!(keys[0].status, StatusType::Inactive);
    let delete =
        DeleteSSHPublicKeyInput { user_name: "bob".to_owned(), ssh_public_key_id: made.ssh_public_key_id };
    cloud.call(DeleteSSHPublicKey, delete).await.unwrap();
    delete_user(&cloud, "bob").await.unwrap();
}

#[tokio::test]
async fn signing_certificates_are_read_before_they_are_kept() {
    let cloud = Cloud::new(5).await;
    create_user(&cloud, "bob").await;
    let upload = async |body: String| {
        let input = UploadSigningCertificateInput { user_name: bob(), certificate_body: body };
        cloud.call(UploadSigningCertificate, input).await
    };
    let certificate = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2099, 1, 1);
        params.self_signed(&key).unwrap().pem()
    };
    assert_eq!(words(upload("rubbish".to_owned()).await).0, "MalformedCertificate");
    let body = certificate("one.example");
    let made = upload(body.clone()).await.unwrap().certificate;
    assert!(made.certificate_id.len() >= 24);
    assert_eq!((&made.certificate_body, made.user_name.as_str()), (&body, "bob"));
    assert_eq!(words(upload(body).await).0, "DuplicateCertificate");
    upload(certificate("two.example")).await.unwrap();
    let (code, message) = words(upload(certificate("three.example")).await);
    assert_eq!(code, "LimitExceeded");
    assert_eq!(message, "Cannot exceed quota for SigningCertificatesPerUser: 2");
    let update = UpdateSigningCertificateInput {
        user_name: bob(),
        certificate_id: made.certificate_id.clone(),
        status: StatusType::Inactive,
    };
    cloud.call(UpdateSigningCertificate, update).await.unwrap();
    let list = ListSigningCertificatesInput { user_name: bob(), ..ListSigningCertificatesInput::default() };
    let listed = cloud.call(ListSigningCertificates, list).await.unwrap().certificates;
    assert_eq!(listed[0], SigningCertificate { status: StatusType::Inactive, ..made.clone() });
    let conflict = words(delete_user(&cloud, "bob").await);
    assert_eq!(conflict.1, "Cannot delete entity, must delete certificates first.");
    let delete = DeleteSigningCertificateInput { user_name: bob(), certificate_id: made.certificate_id };
    cloud.call(DeleteSigningCertificate, delete.clone()).await.unwrap();
    assert_eq!(words(cloud.call(DeleteSigningCertificate, delete).await).0, "NoSuchEntity");
}

#[tokio::test]
async fn credentials_for_one_service_are_two_a_service() {
    let cloud = Cloud::new(6).await;
    create_user(&cloud, "bob").await;
    let create = async |service: &str, days: Option<i32>| {
        let input = CreateServiceSpecificCredentialInput {
            user_name: "bob".to_owned(),
            service_name: service.to_owned(),
            credential_age_days: days,
        };
        let made = cloud.call(CreateServiceSpecificCredential, input).await;
        made.map(|output| output.service_specific_credential.unwrap())
    };
    let git = create("codecommit.amazonaws.com", None).await.unwrap();
    assert_eq!(git.service_user_name.as_deref(), Some("bob-at-000000000000"));
    assert_eq!(git.service_password.as_ref().unwrap().len(), 44);
    let second = create("codecommit.amazonaws.com", None).await.unwrap();
    assert_eq!(second.service_user_name.as_deref(), Some("bob+1-at-000000000000"));
    assert_eq!(words(create("codecommit.amazonaws.com", None).await).0, "LimitExceeded");
    assert_eq!(words(create("s3.amazonaws.com", None).await).0, "NotSupportedService");
    assert_eq!(words(create("cassandra.amazonaws.com", Some(3)).await).0, "ValidationError");
    let key = create("bedrock.amazonaws.com", Some(30)).await.unwrap();
    assert_eq!(key.service_user_name, None);
    assert!(key.service_credential_secret.as_ref().unwrap().starts_with("ABSK"));

    let reset = ResetServiceSpecificCredentialInput {
        user_name: bob(),
        service_specific_credential_id: git.service_specific_credential_id.clone(),
    };
    let fresh = cloud.call(ResetServiceSpecificCredential, reset).await.unwrap();
    let fresh = fresh.service_specific_credential.unwrap();
    assert_ne!(fresh.service_password, git.service_password);
    assert_eq!(fresh.service_user_name, git.service_user_name);

    cloud.advance(Duration::from_secs(30 * 24 * 3600)).await;
    let list = ListServiceSpecificCredentialsInput {
        service_name: Some("bedrock.amazonaws.com".to_owned()),
        all_users: Some(true),
        ..ListServiceSpecificCredentialsInput::default()
    };
    let listed = cloud.call(ListServiceSpecificCredentials, list).await.unwrap();
    let listed = listed.service_specific_credentials.unwrap();
    assert_eq!((listed.len(), &listed[0].status), (1, &StatusType::Expired));
    let id = "ACCAXXXXXXXXXXXXXXXX".to_owned();
    let delete =
        DeleteServiceSpecificCredentialInput { user_name: bob(), service_specific_credential_id: id };
    let (code, message) = words(cloud.call(DeleteServiceSpecificCredential, delete).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("NoSuchEntity", "No such credential ACCAXXXXXXXXXXXXXXXX exists")
    );
}

/// A public key made for this test; its private half was thrown away.
const SSH_KEY: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQCabATt6lC74hjiPHR6fsh6MlZcr2dPCNEDyOgU0ElndrzskHIJ1SSFP2/OU3VK\
    Zmm4FIpaJ/A59sJiPnHI/bK6QycUkFcLjzIMsntI3G+LjL9lUz2+EIw7c4by4mNtD7oQINTehQEXWLfbeinQNhBrgnY5Njn2vale\
    f9ckiWo13vfbgftF4S7v9xPISDlgRE5Q2xlNLrJJNgvkUEOpl5BaG3I8fFnQJ0r2wwi3mg4cdSb/zY1phNFcE2bVXxghQjy/0qcZ\
    fAsMGowzPjjQMxW7OayJwbIixM//Cu32oBoxOXy/28yIC0PN05U80aqPWedxSMU/ZpL0ZMuazdjRI03N";
