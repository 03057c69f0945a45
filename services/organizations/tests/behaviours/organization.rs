//! The organisation itself, and who may ask what.

use base::AccountId;
use organizations_api::*;
use testkit::Cloud;

use crate::support::*;

#[tokio::test]
async fn whoever_creates_an_organisation_is_its_management_account() {
    let cloud = Cloud::new(1).await;
    let fault = cloud.call(DescribeOrganization, DescribeOrganizationInput {}).await.unwrap_err();
    assert_eq!(fault.name(), "AWSOrganizationsNotInUseException");
    assert_eq!(fault.message(), "Your account is not a member of an organization.");

    let created = cloud.call(CreateOrganization, CreateOrganizationInput::default()).await.unwrap();
    let organization = created.organization.unwrap();
    assert_eq!(organization.feature_set, Some(OrganizationFeatureSet::All));
    assert_eq!(organization.master_account_id.as_deref(), Some("000000000000"));
    let id = organization.id.clone().unwrap();
    assert_eq!(
        organization.master_account_arn.as_deref(),
        Some(format!("arn:aws:organizations::000000000000:account/{id}/000000000000").as_str())
    );
    let described = cloud.call(DescribeOrganization, DescribeOrganizationInput {}).await.unwrap();
    assert_eq!(described.organization, Some(organization));

    let fault = cloud.call(CreateOrganization, CreateOrganizationInput::default()).await.unwrap_err();
    assert_eq!(fault.name(), "AlreadyInOrganizationException");
}

#[tokio::test]
async fn who_may_not_make_the_role_founds_nothing() {
    let cloud = Cloud::new(6).await;
    let input = iam_api::CreateUserInput { user_name: "founder".into(), ..Default::default() };
    let user = cloud.call(iam_api::CreateUser, input).await.unwrap().user.unwrap();
    let founder = service::Principal {
        kind: service::PrincipalKind::User,
        arn: user.arn,
        user_id: user.user_id,
        ..service::Principal::root(AccountId::DEV, base::Region::US_EAST_1, None)
    };
    let allow = async |actions: &str| {
        let policy_document = ALLOW_ALL.replace(r#""Action":"*""#, &format!(r#""Action":{actions}"#));
        let input = iam_api::PutUserPolicyInput {
            user_name: "founder".into(),
            policy_name: "allow".into(),
            policy_document,
        };
        cloud.call(iam_api::PutUserPolicy, input).await.unwrap();
    };
    let create = || cloud.call_by(founder.clone(), CreateOrganization, CreateOrganizationInput::default());
    allow(r#""organizations:*""#).await;
    let fault = create().await.unwrap_err();
    assert_eq!(fault.name(), "AccessDeniedForDependencyException");
    allow(r#"["organizations:*","iam:CreateServiceLinkedRole"]"#).await;
    create().await.unwrap();
}

#[tokio::test]
async fn no_type_of_policies_is_enabled_at_first() {
    let (cloud, _) = organized(2).await;
    let roots = cloud.call(ListRoots, ListRootsInput::default()).await.unwrap().roots.unwrap();
    assert_eq!(roots.len(), 1);
    assert_eq!(roots[0].policy_types, Some(Vec::new()));
}

#[tokio::test]
async fn members_see_the_organisation_and_little_else() {
    let (cloud, root) = organized(3).await;
    let member = account(&cloud, "one@example.com").await;
    by(&cloud, member, DescribeOrganization, DescribeOrganizationInput {}).await.unwrap();
    let fault = by(&cloud, member, ListRoots, ListRootsInput::default()).await.unwrap_err();
    assert_eq!(fault.name(), "AccessDeniedException");
    assert_eq!(fault.message(), "You don't have permissions to access this resource.");
    let input = CreateOrganizationalUnitInput { parent_id: root, name: "x".into(), tags: None };
    let fault = by(&cloud, member, CreateOrganizationalUnit, input).await.unwrap_err();
    assert_eq!(fault.name(), "AccessDeniedException");
    let fault = by(&cloud, member, DeleteOrganization, DeleteOrganizationInput {}).await.unwrap_err();
    assert_eq!(fault.name(), "AccessDeniedException");
}

#[tokio::test]
async fn an_organisation_is_deleted_once_it_has_no_members() {
    let (cloud, root) = organized(4).await;
    unit(&cloud, &root, "Left behind").await.unwrap();
    enable(&cloud, &root, "SERVICE_CONTROL_POLICY").await.unwrap();
    policy(&cloud, "SERVICE_CONTROL_POLICY", "p", ALLOW_ALL).await.unwrap();
    let invited = AccountId::new(222_222_222_222).unwrap();
    crate::handshakes::join(&cloud, invited).await;
    let fault = cloud.call(DeleteOrganization, DeleteOrganizationInput {}).await.unwrap_err();
    assert_eq!(fault.name(), "OrganizationNotEmptyException");
    by(&cloud, invited, LeaveOrganization, LeaveOrganizationInput {}).await.unwrap();
    cloud.call(DeleteOrganization, DeleteOrganizationInput {}).await.unwrap();
    let fault = cloud.call(ListRoots, ListRootsInput::default()).await.unwrap_err();
    assert_eq!(fault.name(), "AWSOrganizationsNotInUseException");
    cloud.call(CreateOrganization, CreateOrganizationInput::default()).await.unwrap();
}

#[tokio::test]
async fn without_all_features_there_are_no_policies() {
    let cloud = Cloud::new(5).await;
    let features = Some(OrganizationFeatureSet::ConsolidatedBilling);
    let created =
        cloud.call(CreateOrganization, CreateOrganizationInput { feature_set: features }).await.unwrap();
    assert_eq!(created.organization.unwrap().available_policy_types, Some(Vec::new()));
    let root = root(&cloud).await;
    let fault = enable(&cloud, &root, "SERVICE_CONTROL_POLICY").await.unwrap_err();
    assert_eq!(fault.name(), "PolicyTypeNotAvailableForOrganizationException");
    let fault = policy(&cloud, "SERVICE_CONTROL_POLICY", "p", ALLOW_ALL).await.unwrap_err();
    assert_eq!(fault.name(), "PolicyTypeNotAvailableForOrganizationException");
    let input = EnableAWSServiceAccessInput { service_principal: "ram.amazonaws.com".into() };
    let fault = cloud.call(EnableAWSServiceAccess, input).await.unwrap_err();
    assert_eq!(reason(&fault), "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE");
}
