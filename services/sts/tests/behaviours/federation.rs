//! Sessions that users make for others.

use service::PrincipalKind;
use sts_api::*;

use crate::cloud::{ACCOUNT, Cloud, root};

const MAY: &str = r#"{"Effect":"Allow","Action":["sts:GetFederationToken","sts:TagSession"],"Resource":"*"}"#;

fn input(name: &str) -> GetFederationTokenInput {
    GetFederationTokenInput { name: name.to_owned(), ..GetFederationTokenInput::default() }
}

#[tokio::test]
async fn a_federated_user_has_a_name_and_limited_permissions() {
    let cloud = Cloud::new(1);
    let user = cloud.directory.user("proxy", MAY);
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{MAY}]}}"#);
    let asks = GetFederationTokenInput {
        policy: Some(policy.clone()),
        tags: Some(vec![Tag { key: "Team".to_owned(), value: "a".to_owned() }]),
        ..input("bob")
    };
    let output = cloud.call(&user, GetFederationToken, asks).await.unwrap();
    let federated = output.federated_user.unwrap();
    assert_eq!(federated.arn, "arn:aws:sts::123456789012:federated-user/bob");
    assert_eq!(federated.federated_user_id, "123456789012:bob");
    assert!(output.packed_policy_size.is_some());
    let credentials = output.credentials.unwrap();
    assert_eq!(credentials.expiration.since(cloud.clock.now()).as_secs(), 43_200);
    let holder = cloud.holder(&credentials);
    assert_eq!((holder.kind, &holder.arn), (PrincipalKind::FederatedUser, &federated.arn));
    let session = holder.session.clone().unwrap();
    assert!(session.limited);
    assert_eq!((session.policies.as_slice(), session.tags["Team"].as_str()), (&[policy][..], "a"));
    assert_eq!(session.role.as_ref().unwrap().arn, user.arn, "whose policies hold as well");
    let who = cloud.call(&holder, GetCallerIdentity, GetCallerIdentityInput::default()).await.unwrap();
    assert_eq!(who.user_id.as_deref(), Some("123456789012:bob"));
}

#[tokio::test]
async fn it_needs_long_lived_keys_and_a_permission() {
    let cloud = Cloud::new(2);
    let user = cloud.directory.user("proxy", MAY);
    let session = cloud.call(&user, GetSessionToken, GetSessionTokenInput::default()).await.unwrap();
    let holder = cloud.holder(&session.credentials.unwrap());
    let fault = cloud.call(&holder, GetFederationToken, input("bob")).await.unwrap_err();
    assert_eq!(fault.message(), "Cannot call GetFederationToken with session credentials");
    let only = r#"{"Effect":"Allow","Action":"sts:GetFederationToken",
        "Resource":"arn:aws:sts::123456789012:federated-user/bob"}"#;
    let narrow = cloud.directory.user("narrow", only);
    assert!(cloud.call(&narrow, GetFederationToken, input("bob")).await.is_ok());
    assert_eq!(
        cloud.call(&narrow, GetFederationToken, input("eve")).await.unwrap_err().code(),
        "AccessDenied"
    );
    let tagged = GetFederationTokenInput {
        tags: Some(vec![Tag { key: "a".to_owned(), value: "b".to_owned() }]),
        ..input("bob")
    };
    let fault = cloud.call(&narrow, GetFederationToken, tagged).await.unwrap_err();
    assert!(fault.message().contains("sts:TagSession"), "{fault}");
}

#[tokio::test]
async fn root_may_but_for_an_hour_only() {
    let cloud = Cloud::new(3);
    let output = cloud.call(&root(ACCOUNT), GetFederationToken, input("bob")).await.unwrap();
    let credentials = output.credentials.unwrap();
    assert_eq!(credentials.expiration.since(cloud.clock.now()).as_secs(), 3_600);
    assert!(cloud.session(&credentials).limited && output.packed_policy_size.is_none());
}
