//! Server certificates.

use iam_api::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use schema::Fault;
use testkit::Cloud;

use crate::permission_support::{ACCOUNT, refused};

struct Made {
    body: String,
    key: String,
    chain: String,
}

fn made() -> Made {
    let mut params = CertificateParams::new(Vec::new()).expect("rcgen makes it");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("rcgen makes it"))
        .expect("rcgen makes it");
    let key = KeyPair::generate().expect("rcgen makes it");
    let params = CertificateParams::new(vec!["www.example.com".to_owned()]).expect("rcgen makes it");
    let body = params.signed_by(&key, &issuer).expect("rcgen makes it").pem();
    Made { body, key: key.serialize_pem(), chain: issuer.pem() }
}

async fn upload(cloud: &Cloud, name: &str, made: &Made) -> Result<ServerCertificateMetadata, Fault> {
    let input = UploadServerCertificateInput {
        path: Some("/cloudfront/test/".to_owned()),
        server_certificate_name: name.to_owned(),
        certificate_body: made.body.clone(),
        private_key: made.key.clone(),
        certificate_chain: Some(made.chain.clone()),
        tags: None,
    };
    let output = cloud.call(UploadServerCertificate, input).await?;
    Ok(output.server_certificate_metadata.expect("a new certificate is shown"))
}

async fn get(cloud: &Cloud, name: &str) -> Result<ServerCertificate, Fault> {
    let input = GetServerCertificateInput { server_certificate_name: name.to_owned() };
    cloud.call(GetServerCertificate, input).await.map(|output| output.server_certificate)
}

#[tokio::test]
async fn a_certificate_reads_back_but_for_its_key() {
    let cloud = Cloud::new(321).await;
    let made = made();
    let metadata = upload(&cloud, "www", &made).await.unwrap();
    assert_eq!(metadata.arn, format!("arn:aws:iam::{ACCOUNT}:server-certificate/cloudfront/test/www"));
    assert!(metadata.server_certificate_id.starts_with("ASCA"));
    let found = get(&cloud, "WWW").await.unwrap();
    assert_eq!((found.certificate_body, found.certificate_chain), (made.body, Some(made.chain)));
    assert_eq!(found.server_certificate_metadata, metadata);
    assert!(metadata.expiration > metadata.upload_date);
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused() {
    let cloud = Cloud::new(322).await;
    let (one, other) = (made(), made());
    let mixed = Made { key: other.key, ..made() };
    assert_eq!(upload(&cloud, "www", &mixed).await.unwrap_err().code(), "KeyPairMismatch");
    let rubbish = Made { body: "rubbish".to_owned(), key: one.key.clone(), chain: one.chain.clone() };
    let message = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
    refused(upload(&cloud, "www", &rubbish).await, "MalformedCertificate", message);
    let message = "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
                   certificate, followed by any intermediaries in order. The index within the chain of the invalid \
                   certificate is: -1";
    let foreign = Made { body: one.body, key: one.key, chain: other.body };
    refused(upload(&cloud, "www", &foreign).await, "MalformedCertificate", message);
}

#[tokio::test]
async fn a_certificate_is_renamed_listed_by_path_and_deleted() {
    let cloud = Cloud::new(323).await;
    upload(&cloud, "one", &made()).await.unwrap();
    upload(&cloud, "two", &made()).await.unwrap();
    let rename = |new: &str| UpdateServerCertificateInput {
        server_certificate_name: "one".to_owned(),
        new_path: Some("/other/".to_owned()),
        new_server_certificate_name: Some(new.to_owned()),
    };
    let message = "The Server Certificate with name TWO already exists.";
    refused(cloud.call(UpdateServerCertificate, rename("TWO")).await, "EntityAlreadyExists", message);
    cloud.call(UpdateServerCertificate, rename("three")).await.unwrap();
    let list = ListServerCertificatesInput {
        path_prefix: Some("/other".to_owned()),
        ..ListServerCertificatesInput::default()
    };
    let listed = cloud.call(ListServerCertificates, list).await.unwrap().server_certificate_metadata_list;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].server_certificate_name, "three");
    let input = DeleteServerCertificateInput { server_certificate_name: "three".to_owned() };
    cloud.call(DeleteServerCertificate, input.clone()).await.unwrap();
    let message = "The Server Certificate with name three cannot be found.";
    refused(cloud.call(DeleteServerCertificate, input).await, "NoSuchEntity", message);
}

#[tokio::test]
async fn an_account_has_twenty_at_most() {
    let cloud = Cloud::new(324).await;
    let made = made();
    for number in 0..20 {
        upload(&cloud, &format!("c{number}"), &made).await.unwrap();
    }
    let message = "Cannot exceed quota for ServerCertificatesPerAccount: 20";
    refused(upload(&cloud, "one-more", &made).await, "LimitExceeded", message);
}
