//! Delegated administrators, access of services, and the organisation's own resource policy.

use organizations_api::*;

use crate::support::*;

const SERVICE: &str = "ram.amazonaws.com";

async fn register(
    cloud: &testkit::Cloud,
    account: &str,
) -> Result<RegisterDelegatedAdministratorOutput, schema::Fault> {
    let input = RegisterDelegatedAdministratorInput {
        account_id: account.to_owned(),
        service_principal: SERVICE.into(),
    };
    cloud.call(RegisterDelegatedAdministrator, input).await
}

#[tokio::test]
async fn a_delegated_administrator_reads_and_does_not_write() {
    let (cloud, root) = organized(61).await;
    let member = account(&cloud, "one@example.com").await;
    let fault = register(&cloud, &member.to_string()).await.unwrap_err();
    assert_eq!(reason(&fault), "SERVICE_ACCESS_NOT_ENABLED");
    let input = EnableAWSServiceAccessInput { service_principal: SERVICE.into() };
    cloud.call(EnableAWSServiceAccess, input).await.unwrap();
    let fault = register(&cloud, "000000000000").await.unwrap_err();
    assert_eq!(reason(&fault), "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR");
    register(&cloud, &member.to_string()).await.unwrap();
    let fault = register(&cloud, &member.to_string()).await.unwrap_err();
    assert_eq!(fault.name(), "AccountAlreadyRegisteredException");

    by(&cloud, member, ListAccounts, ListAccountsInput::default()).await.unwrap();
    let input = CreateOrganizationalUnitInput { parent_id: root, name: "x".into(), tags: None };
    let fault = by(&cloud, member, CreateOrganizationalUnit, input).await.unwrap_err();
    assert_eq!(fault.name(), "AccessDeniedException");
    let listed =
        cloud.call(ListDelegatedAdministrators, ListDelegatedAdministratorsInput::default()).await.unwrap();
    assert_eq!(listed.delegated_administrators.unwrap()[0].id, Some(member.to_string()));
    let input = ListDelegatedServicesForAccountInput { account_id: member.to_string(), ..Default::default() };
    let services =
        cloud.call(ListDelegatedServicesForAccount, input).await.unwrap().delegated_services.unwrap();
    assert_eq!(services[0].service_principal.as_deref(), Some(SERVICE));

    let input = CloseAccountInput { account_id: member.to_string() };
    let fault = cloud.call(CloseAccount, input).await.unwrap_err();
    assert_eq!(reason(&fault), "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG");
    let input = || DeregisterDelegatedAdministratorInput {
        account_id: member.to_string(),
        service_principal: SERVICE.into(),
    };
    cloud.call(DeregisterDelegatedAdministrator, input()).await.unwrap();
    let fault = cloud.call(DeregisterDelegatedAdministrator, input()).await.unwrap_err();
    assert_eq!(fault.name(), "AccountNotRegisteredException");
    by(&cloud, member, ListAccounts, ListAccountsInput::default()).await.unwrap_err();
}

#[tokio::test]
async fn the_resource_policy_delegates_policies_of_a_type() {
    let (cloud, _) = organized(62).await;
    let member = account(&cloud, "one@example.com").await;
    let create = |kind: PolicyType, content: &str| CreatePolicyInput {
        r#type: kind,
        name: "delegated".into(),
        content: content.to_owned(),
        ..CreatePolicyInput::default()
    };
    let tags = r#"{"tags":{}}"#;
    let fault = by(&cloud, member, CreatePolicy, create(PolicyType::TagPolicy, tags)).await.unwrap_err();
    assert_eq!(fault.name(), "AccessDeniedException");
    let content = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{member}:root"}},
        "Action":["organizations:CreatePolicy","organizations:ListPolicies"],"Resource":"*",
        "Condition":{{"StringEquals":{{"organizations:PolicyType":"TAG_POLICY"}}}}}}]}}"#
    );
    let put = |content: &str| PutResourcePolicyInput { content: content.to_owned(), tags: None };
    let foreign = content.replace("organizations:CreatePolicy", "s3:GetObject");
    let fault = cloud.call(PutResourcePolicy, put(&foreign)).await.unwrap_err();
    assert_eq!(reason(&fault), "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY");
    let fault = cloud.call(PutResourcePolicy, put("nonsense")).await.unwrap_err();
    assert_eq!(reason(&fault), "INVALID_RESOURCE_POLICY_JSON");
    cloud.call(PutResourcePolicy, put(&content)).await.unwrap();
    by(&cloud, member, CreatePolicy, create(PolicyType::TagPolicy, tags)).await.unwrap();
    let scp = create(PolicyType::ServiceControlPolicy, ALLOW_ALL);
    assert_eq!(by(&cloud, member, CreatePolicy, scp).await.unwrap_err().name(), "AccessDeniedException");
    let found = cloud.call(DescribeResourcePolicy, DescribeResourcePolicyInput {}).await.unwrap();
    assert_eq!(found.resource_policy.unwrap().content, Some(content));
    cloud.call(DeleteResourcePolicy, DeleteResourcePolicyInput {}).await.unwrap();
    let fault = cloud.call(DescribeResourcePolicy, DescribeResourcePolicyInput {}).await.unwrap_err();
    assert_eq!(fault.name(), "ResourcePolicyNotFoundException");
}
