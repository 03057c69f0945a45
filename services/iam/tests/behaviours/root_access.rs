//! The features of central root access: who may switch them, and what is in the way.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use base::{AccountId, Region};
use iam_api::*;
use organizations_api::{
    AcceptHandshake, AcceptHandshakeInput, CreateOrganization, CreateOrganizationInput,
    DisableAWSServiceAccess, DisableAWSServiceAccessInput, EnableAWSServiceAccess,
    EnableAWSServiceAccessInput, HandshakeParty, HandshakePartyType, InviteAccountToOrganization,
    InviteAccountToOrganizationInput, OrganizationFeatureSet, RegisterDelegatedAdministrator,
    RegisterDelegatedAdministratorInput,
};
use schema::Fault;
use testkit::Cloud;

const IAM: &str = "iam.amazonaws.com";

fn member() -> AccountId {
    AccountId::new(222_222_222_222).unwrap()
}

async fn organise(cloud: &Cloud, feature_set: OrganizationFeatureSet) {
    let input = CreateOrganizationInput { feature_set: Some(feature_set) };
    cloud.call(CreateOrganization, input).await.unwrap();
}

async fn trust_iam(cloud: &Cloud) {
    let input = EnableAWSServiceAccessInput { service_principal: IAM.to_owned() };
    cloud.call(EnableAWSServiceAccess, input).await.unwrap();
}

async fn invite(cloud: &Cloud) {
    let target = HandshakeParty { id: member().to_string(), r#type: HandshakePartyType::Account };
    let input = InviteAccountToOrganizationInput { target, ..InviteAccountToOrganizationInput::default() };
    let invited = cloud.call(InviteAccountToOrganization, input).await.unwrap().handshake.unwrap();
    let input = AcceptHandshakeInput { handshake_id: invited.id.unwrap() };
    cloud.call_as(member(), Region::US_EAST_1, AcceptHandshake, input).await.unwrap();
}

async fn enable(cloud: &Cloud, account: AccountId) -> Result<Vec<FeatureType>, Fault> {
    let input = EnableOrganizationsRootSessionsInput::default();
    let output = cloud.call_as(account, Region::US_EAST_1, EnableOrganizationsRootSessions, input).await?;
    assert!(output.organization_id.unwrap().starts_with("o-"));
    Ok(output.enabled_features.unwrap())
}

async fn list(cloud: &Cloud, account: AccountId) -> Result<Vec<FeatureType>, Fault> {
    let input = ListOrganizationsFeaturesInput::default();
    let output = cloud.call_as(account, Region::US_EAST_1, ListOrganizationsFeatures, input).await?;
    Ok(output.enabled_features.unwrap())
}

fn code<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    result.unwrap_err().code().to_owned()
}

#[tokio::test]
async fn features_are_switched_one_by_one() {
    let cloud = Cloud::new(1).await;
    let own = AccountId::DEV;
    organise(&cloud, OrganizationFeatureSet::All).await;
    trust_iam(&cloud).await;
    assert_eq!(list(&cloud, own).await.unwrap(), []);
    for _ in 0..2 {
        assert_eq!(enable(&cloud, own).await.unwrap(), [FeatureType::RootSessions]);
    }
    let input = EnableOrganizationsRootCredentialsManagementInput::default();
    let both = cloud.call(EnableOrganizationsRootCredentialsManagement, input).await.unwrap();
    let both = both.enabled_features.unwrap();
    assert_eq!(both, [FeatureType::RootCredentialsManagement, FeatureType::RootSessions]);
    assert_eq!(list(&cloud, own).await.unwrap(), both);
    let input = DisableOrganizationsRootSessionsInput::default();
    let left = cloud.call(DisableOrganizationsRootSessions, input).await.unwrap();
    assert_eq!(left.enabled_features.unwrap(), [FeatureType::RootCredentialsManagement]);
    let input = DisableOrganizationsRootCredentialsManagementInput::default();
    let left = cloud.call(DisableOrganizationsRootCredentialsManagement, input).await.unwrap();
    assert_eq!(left.enabled_features.unwrap(), []);
}

#[tokio::test]
async fn it_takes_an_organisation_with_all_features_that_trusts_iam() {
    let cloud = Cloud::new(2).await;
    let own = AccountId::DEV;
    assert_eq!(code(list(&cloud, own).await), "OrganizationNotFoundException");
    organise(&cloud, OrganizationFeatureSet::All).await;
    assert_eq!(code(enable(&cloud, own).await), "ServiceAccessNotEnabledException");
    trust_iam(&cloud).await;
    enable(&cloud, own).await.unwrap();
    let input = DisableAWSServiceAccessInput { service_principal: IAM.to_owned() };
    cloud.call(DisableAWSServiceAccess, input).await.unwrap();
    assert_eq!(code(list(&cloud, own).await), "ServiceAccessNotEnabledException");

    let cloud = Cloud::new(3).await;
    organise(&cloud, OrganizationFeatureSet::ConsolidatedBilling).await;
    assert_eq!(code(enable(&cloud, own).await), "OrganizationNotInAllFeaturesModeException");
}

#[tokio::test]
async fn administrators_see_the_features_and_only_the_management_account_enables_them() {
    let cloud = Cloud::new(4).await;
    organise(&cloud, OrganizationFeatureSet::All).await;
    trust_iam(&cloud).await;
    invite(&cloud).await;
    let other = "AccountNotManagementOrDelegatedAdministratorException";
    assert_eq!(
        (code(list(&cloud, member()).await).as_str(), code(enable(&cloud, member()).await).as_str()),
        (other, other)
    );
    let input = RegisterDelegatedAdministratorInput {
        account_id: member().to_string(),
        service_principal: IAM.to_owned(),
    };
    cloud.call(RegisterDelegatedAdministrator, input).await.unwrap();
    assert_eq!(list(&cloud, member()).await.unwrap(), []);
    assert_eq!(code(enable(&cloud, member()).await), "CallerIsNotManagementAccountException");
}
