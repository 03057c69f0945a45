//! SAML providers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iam_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::permission_support::{ACCOUNT, refused};

/// A metadata document; `more` is its filling, as documents have a thousand characters at least.
fn metadata(entity: &str, attributes: &str, more: &str) -> String {
    let made =
        rcgen::generate_simple_self_signed(vec!["idp.example.com".to_owned()]).expect("the name is good");
    let certificate = STANDARD.encode(made.cert.der());
    format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}" {attributes}><!--{more}-->
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data>
</KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
Location="https://idp.example.com/sso"/></IDPSSODescriptor></EntityDescriptor>"#
    )
}

async fn create(cloud: &Cloud, name: &str, document: &str) -> Result<String, Fault> {
    let input = CreateSAMLProviderInput {
        name: name.to_owned(),
        saml_metadata_document: document.to_owned(),
        ..CreateSAMLProviderInput::default()
    };
    cloud.call(CreateSAMLProvider, input).await.map(|output| output.saml_provider_arn.expect("it has an ARN"))
}

async fn get(cloud: &Cloud, arn: &str) -> GetSAMLProviderOutput {
    let input = GetSAMLProviderInput { saml_provider_arn: arn.to_owned() };
    cloud.call(GetSAMLProvider, input).await.expect("the provider exists")
}

#[tokio::test]
async fn a_large_document_reads_back_as_it_was() {
    let cloud = Cloud::new(311).await;
    // Quotes double in the store, and two megabytes are more than a record.
    let document = metadata("https://idp", "validUntil=\"2040-01-01T00:00:00Z\"", &"\"".repeat(2_000_000));
    let arn = create(&cloud, "Idp", &document).await.unwrap();
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:saml-provider/Idp"));
    let found = get(&cloud, &arn).await;
    assert!(found.saml_metadata_document == Some(document));
    assert_eq!(found.valid_until, base::Timestamp::parse_iso8601("2040-01-01T00:00:00Z"));
    assert!(found.saml_provider_uuid.is_some_and(|uuid| uuid.len() >= 22));
    let smaller = metadata("https://other", "", "x");
    let input = UpdateSAMLProviderInput {
        saml_provider_arn: arn.clone(),
        saml_metadata_document: Some(smaller.clone()),
        ..UpdateSAMLProviderInput::default()
    };
    cloud.call(UpdateSAMLProvider, input).await.unwrap();
    assert!(get(&cloud, &arn).await.saml_metadata_document == Some(smaller));
}

#[tokio::test]
async fn what_is_no_metadata_is_refused_and_names_are_unique() {
    let cloud = Cloud::new(312).await;
    refused(create(&cloud, "a", &"x".repeat(1000)).await, "InvalidInput", "Could not parse metadata");
    let arn = create(&cloud, "idp", &metadata("https://idp", "", "")).await.unwrap();
    let again = create(&cloud, "IDP", &metadata("https://idp", "", "")).await;
    refused(again, "EntityAlreadyExists", "SAMLProvider with name IDP already exists.");
    let input = DeleteSAMLProviderInput { saml_provider_arn: arn.clone() };
    cloud.call(DeleteSAMLProvider, input).await.unwrap();
    let gone = cloud.call(GetSAMLProvider, GetSAMLProviderInput { saml_provider_arn: arn.clone() }).await;
    refused(gone, "NoSuchEntity", &format!("Manifest not found for arn {arn}"));
}

#[tokio::test]
async fn required_encryption_takes_a_key_and_there_are_two_at_most() {
    let cloud = Cloud::new(313).await;
    let arn = create(&cloud, "idp", &metadata("https://idp", "", "")).await.unwrap();
    let key = || Some(rcgen::KeyPair::generate().unwrap().serialize_pem());
    let update = |add, remove, mode| UpdateSAMLProviderInput {
        saml_provider_arn: arn.clone(),
        add_private_key: add,
        remove_private_key: remove,
        assertion_encryption_mode: mode,
        ..UpdateSAMLProviderInput::default()
    };
    let required = || Some(AssertionEncryptionModeType::Required);
    let without = cloud.call(UpdateSAMLProvider, update(None, None, required())).await;
    assert_eq!(without.unwrap_err().code(), "InvalidInput");
    cloud.call(UpdateSAMLProvider, update(key(), None, required())).await.unwrap();
    cloud.call(UpdateSAMLProvider, update(key(), None, None)).await.unwrap();
    let third = cloud.call(UpdateSAMLProvider, update(key(), None, None)).await;
    assert_eq!(third.unwrap_err().code(), "LimitExceeded");
    let found = get(&cloud, &arn).await;
    assert_eq!(found.assertion_encryption_mode, required());
    let keys = found.private_key_list.unwrap();
    assert_eq!(keys.len(), 2);
    cloud.call(UpdateSAMLProvider, update(None, keys[0].key_id.clone(), None)).await.unwrap();
    assert_eq!(get(&cloud, &arn).await.private_key_list.unwrap(), keys[1..]);
    let bad = cloud.call(UpdateSAMLProvider, update(Some("rubbish".to_owned()), None, None)).await;
    assert_eq!(bad.unwrap_err().code(), "InvalidInput");
}
