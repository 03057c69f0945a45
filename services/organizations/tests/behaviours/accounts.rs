//! Accounts that come into being and go again.

use std::time::Duration;

use iam_api::{
    AttachUserPolicy, AttachUserPolicyInput, CreateAccessKey, CreateAccessKeyInput, CreateUser,
    CreateUserInput, GetRole, GetRoleInput, ListAttachedRolePolicies, ListAttachedRolePoliciesInput,
};
use organizations_api::*;
use service::Identities;
use sts_api::{AssumeRole, AssumeRoleInput};
use testkit::Cloud;

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn an_account_is_created_in_the_background_with_its_role() {
    let (cloud, _) = organized(41).await;
    let input = CreateAccountInput {
        email: "one@example.com".into(),
        account_name: "Workload".into(),
        tags: Some(vec![Tag { key: "team".into(), value: "a".into() }]),
        ..CreateAccountInput::default()
    };
    let asked = cloud.call(CreateAccount, input).await.unwrap().create_account_status.unwrap();
    assert_eq!((asked.state, asked.account_id), (Some(CreateAccountState::InProgress), None));
    let done = finished(&cloud, &asked.id.unwrap()).await;
    assert_eq!(done.state, Some(CreateAccountState::Succeeded));
    let member = done.account_id.unwrap().parse().unwrap();
    let found = describe(&cloud, member).await.unwrap();
    assert_eq!(found.name.as_deref(), Some("Workload"));
    assert_eq!(found.state, Some(AccountState::Active));
    assert_eq!(found.joined_method, Some(AccountJoinedMethod::Created));

    let role_name = "OrganizationAccountAccessRole".to_owned();
    let role = by(&cloud, member, GetRole, GetRoleInput { role_name: role_name.clone() }).await.unwrap().role;
    assert!(role.assume_role_policy_document.unwrap().contains("000000000000"));
    let input = ListAttachedRolePoliciesInput { role_name, ..Default::default() };
    let attached =
        by(&cloud, member, ListAttachedRolePolicies, input).await.unwrap().attached_policies.unwrap();
    assert_eq!(attached[0].policy_arn.as_deref(), Some("arn:aws:iam::aws:policy/AdministratorAccess"));
}

#[tokio::test]
async fn an_address_is_one_accounts_whatever_its_case() {
    let (cloud, _) = organized(42).await;
    account(&cloud, "one@example.com").await;
    let request = ask_for_account(&cloud, "ONE@example.com").await.unwrap();
    let failed = finished(&cloud, &request).await;
    assert_eq!(failed.state, Some(CreateAccountState::Failed));
    assert_eq!(failed.failure_reason, Some(CreateAccountFailureReason::EmailAlreadyExists));
    let input = ListCreateAccountStatusInput {
        states: Some(vec![CreateAccountState::Failed]),
        ..ListCreateAccountStatusInput::default()
    };
    let listed = cloud.call(ListCreateAccountStatus, input).await.unwrap().create_account_statuses.unwrap();
    assert_eq!(listed, [failed]);
}

#[tokio::test]
async fn a_created_account_cannot_leave_for_four_days() {
    let (cloud, _) = organized(43).await;
    let member = account(&cloud, "one@example.com").await;
    let fault = by(&cloud, member, LeaveOrganization, LeaveOrganizationInput {}).await.unwrap_err();
    assert_eq!(reason(&fault), "WAIT_PERIOD_ACTIVE");
    let fault = cloud.call(LeaveOrganization, LeaveOrganizationInput {}).await.unwrap_err();
    assert_eq!(fault.name(), "MasterCannotLeaveOrganizationException");
    cloud.advance(DAY * 4).await;
    let input = RemoveAccountFromOrganizationInput { account_id: member.to_string() };
    cloud.call(RemoveAccountFromOrganization, input).await.unwrap();
    assert_eq!(describe(&cloud, member).await.unwrap_err().name(), "AccountNotFoundException");
    let fault = by(&cloud, member, DescribeOrganization, DescribeOrganizationInput {}).await.unwrap_err();
    assert_eq!(fault.name(), "AWSOrganizationsNotInUseException");
}

#[tokio::test]
async fn a_user_of_the_management_account_gets_into_a_new_account_by_its_role() {
    let (cloud, root) = organized(46).await;
    let member = account(&cloud, "one@example.com").await;
    let user_name = "admin".to_owned();
    cloud
        .call(CreateUser, CreateUserInput { user_name: user_name.clone(), ..Default::default() })
        .await
        .unwrap();
    let policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess".to_owned();
    let input = AttachUserPolicyInput { user_name: user_name.clone(), policy_arn };
    cloud.call(AttachUserPolicy, input).await.unwrap();
    let input = CreateAccessKeyInput { user_name: Some(user_name) };
    let access_key = cloud.call(CreateAccessKey, input).await.unwrap().access_key;
    let admin = cloud.iam.key(&access_key.access_key_id).await.unwrap().expect("it was just made").principal;

    let input = AssumeRoleInput {
        role_arn: format!("arn:aws:iam::{member}:role/OrganizationAccountAccessRole"),
        role_session_name: "example".to_owned(),
        ..AssumeRoleInput::default()
    };
    let session = cloud.call_by(admin, AssumeRole, input).await.unwrap().credentials.unwrap();
    let (id, token) = (&session.access_key_id, session.session_token.as_str());
    let session =
        cloud.keyring.find(id, Some(token), cloud.clock.now()).expect("it was just issued").principal;
    assert_eq!(session.account, member);
    let queue = || sqs_api::CreateQueueInput { queue_name: "q".into(), ..Default::default() };
    cloud.call_by(session.clone(), sqs_api::CreateQueue, queue()).await.unwrap();

    enable(&cloud, &root, "SERVICE_CONTROL_POLICY").await.unwrap();
    let deny = policy(&cloud, "SERVICE_CONTROL_POLICY", "NoQueues", DENY_QUEUES).await.unwrap();
    attach(&cloud, &deny, &member.to_string()).await.unwrap();
    let fault = cloud.call_by(session.clone(), sqs_api::CreateQueue, queue()).await.unwrap_err();
    assert!(fault.message().contains("explicit deny in a service control policy"), "{}", fault.message());
    // What is not denied goes on, and a member's administrator is no administrator of the organisation.
    cloud.call_by(session.clone(), DescribeOrganization, DescribeOrganizationInput {}).await.unwrap();
    let fault = cloud.call_by(session, ListRoots, ListRootsInput::default()).await.unwrap_err();
    assert_eq!(fault.message(), "You don't have permissions to access this resource.");
}

async fn closed(cloud: &Cloud, member: base::AccountId) {
    for _ in 0..1000 {
        if describe(cloud, member).await.expect("it is a member").status == Some(AccountStatus::Suspended) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the account was never closed");
}

#[tokio::test]
async fn in_a_closed_account_nobody_may_do_anything() {
    let (cloud, _) = organized(44).await;
    let member = account(&cloud, "one@example.com").await;
    let close = || CloseAccountInput { account_id: member.to_string() };
    let queue = || sqs_api::CreateQueueInput { queue_name: "q".into(), ..Default::default() };
    by(&cloud, member, sqs_api::CreateQueue, queue()).await.unwrap();
    cloud.call(CloseAccount, close()).await.unwrap();
    assert_eq!(by(&cloud, member, sqs_api::CreateQueue, queue()).await.unwrap_err().status(), 403);
    closed(&cloud, member).await;
    let fault = cloud.call(CloseAccount, close()).await.unwrap_err();
    assert_eq!(fault.name(), "AccountAlreadyClosedException");
    let input = CloseAccountInput { account_id: "000000000000".into() };
    let fault = cloud.call(CloseAccount, input).await.unwrap_err();
    assert_eq!(reason(&fault), "CANNOT_CLOSE_MANAGEMENT_ACCOUNT");

    // After ninety days it is gone, and stays closed.
    cloud.advance(DAY * 91).await;
    for _ in 0..1000 {
        if describe(&cloud, member).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(describe(&cloud, member).await.unwrap_err().name(), "AccountNotFoundException");
    assert_eq!(by(&cloud, member, sqs_api::CreateQueue, queue()).await.unwrap_err().status(), 403);
}

#[tokio::test]
async fn a_role_name_is_none_of_a_services() {
    let (cloud, _) = organized(45).await;
    let input = CreateAccountInput {
        email: "one@example.com".into(),
        account_name: "Workload".into(),
        role_name: Some("AWSServiceRoleForMe".into()),
        ..CreateAccountInput::default()
    };
    assert_eq!(reason(&cloud.call(CreateAccount, input).await.unwrap_err()), "INVALID_ROLE_NAME");
}
