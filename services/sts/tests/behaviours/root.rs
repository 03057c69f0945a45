//! The root of a member account, as those who manage the organisation act as it: with the cloud's own IAM, Organizations
//! and SQS.

use std::time::Duration;

use base::{AccountId, Region};
use iam_api::{
    CreateAccessKey, CreateAccessKeyInput, CreateLoginProfile, CreateLoginProfileInput, CreateUser,
    CreateUserInput, DeleteAccessKey, DeleteAccessKeyInput, DisableOrganizationsRootSessions,
    DisableOrganizationsRootSessionsInput, EnableOrganizationsRootCredentialsManagement,
    EnableOrganizationsRootCredentialsManagementInput, EnableOrganizationsRootSessions,
    EnableOrganizationsRootSessionsInput, GetAccessKeyLastUsed, GetAccessKeyLastUsedInput, GetAccountSummary,
    GetAccountSummaryInput, GetLoginProfile, GetLoginProfileInput, GetUser, GetUserInput, ListAccessKeys,
    ListAccessKeysInput, PutUserPolicy, PutUserPolicyInput,
};
use organizations_api::{
    CreateAccount, CreateAccountInput, CreateOrganization, CreateOrganizationInput,
    DescribeCreateAccountStatus, DescribeCreateAccountStatusInput, DisableAWSServiceAccess,
    DisableAWSServiceAccessInput, EnableAWSServiceAccess, EnableAWSServiceAccessInput,
    RegisterDelegatedAdministrator, RegisterDelegatedAdministratorInput,
};
use schema::Fault;
use service::{Principal, PrincipalKind};
use sqs_api::{CreateQueue, CreateQueueInput, GetQueueUrl, GetQueueUrlInput, ListQueues, ListQueuesInput};
use sts_api::*;
use testkit::Cloud;

const MANAGEMENT: u64 = 123_456_789_012;
const IAM: &str = "iam.amazonaws.com";

/// An organisation with a member, where IAM has trusted access and both features are on.
struct Organised {
    cloud: Cloud,
    member: AccountId,
    /// A user of the management account who may assume any root.
    ann: Principal,
}

async fn account(cloud: &Cloud, name: &str) -> AccountId {
    let input = CreateAccountInput {
        email: format!("{name}@example.com"),
        account_name: name.to_owned(),
        ..CreateAccountInput::default()
    };
    let created = cloud.call(CreateAccount, input).await.unwrap().create_account_status.unwrap();
    for _ in 0..20 {
        cloud.advance(Duration::from_secs(5)).await;
        let input =
            DescribeCreateAccountStatusInput { create_account_request_id: created.id.clone().unwrap() };
        let status = cloud.call(DescribeCreateAccountStatus, input).await.unwrap();
        let status = status.create_account_status.unwrap();
        if status.completed_timestamp.is_some() {
            return status.account_id.expect("it was created").parse().unwrap();
        }
    }
    panic!("the account is not there after a hundred seconds");
}

async fn user(cloud: &Cloud, account: AccountId, name: &str, actions: &str) -> Principal {
    let region = Region::US_EAST_1;
    let input = CreateUserInput { user_name: name.to_owned(), ..CreateUserInput::default() };
    let created = cloud.call_as(account, region, CreateUser, input).await.unwrap().user.unwrap();
    let input = PutUserPolicyInput {
        user_name: name.to_owned(),
        policy_name: "own".to_owned(),
        policy_document: format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{actions}","Resource":"*"}}]}}"#
        ),
    };
    cloud.call_as(account, region, PutUserPolicy, input).await.unwrap();
    Principal {
        kind: PrincipalKind::User,
        account,
        arn: created.arn,
        user_id: created.user_id,
        access_key_id: Some("AKIAEXAMPLE".to_owned()),
        session: None,
    }
}

impl Organised {
    async fn new(seed: u64) -> Organised {
        let cloud = Cloud::new(seed).await.as_account(MANAGEMENT);
        cloud.call(CreateOrganization, CreateOrganizationInput::default()).await.unwrap();
        let input = EnableAWSServiceAccessInput { service_principal: IAM.to_owned() };
        cloud.call(EnableAWSServiceAccess, input).await.unwrap();
        let member = account(&cloud, "member").await;
        let ann = user(&cloud, AccountId::new(MANAGEMENT).unwrap(), "ann", "sts:AssumeRoot").await;
        let organised = Organised { cloud, member, ann };
        organised.enable_sessions().await;
        let input = EnableOrganizationsRootCredentialsManagementInput::default();
        organised.cloud.call(EnableOrganizationsRootCredentialsManagement, input).await.unwrap();
        organised
    }

    async fn enable_sessions(&self) {
        let input = EnableOrganizationsRootSessionsInput::default();
        self.cloud.call(EnableOrganizationsRootSessions, input).await.unwrap();
    }

    async fn asks(&self, caller: &Principal, target: &str, task: &str) -> Result<AssumeRootOutput, Fault> {
        let arn = Some(format!("arn:aws:iam::aws:policy/root-task/{task}"));
        let input = AssumeRootInput {
            target_principal: target.to_owned(),
            task_policy_arn: PolicyDescriptorType { arn },
            ..AssumeRootInput::default()
        };
        self.cloud.call_by(caller.clone(), AssumeRoot, input).await
    }

    /// Who holds the credentials that the user of the management account gets.
    async fn session(&self, task: &str) -> Principal {
        let output = self.asks(&self.ann, &self.member.to_string(), task).await.unwrap();
        let credentials = output.credentials.unwrap();
        let token = Some(credentials.session_token.as_str());
        let now = self.cloud.clock.now();
        self.cloud.keyring.find(&credentials.access_key_id, token, now).unwrap().principal
    }

    async fn is_refused(&self, caller: &Principal, target: AccountId) -> bool {
        match self.asks(caller, &target.to_string(), "SQSUnlockQueuePolicy").await {
            Ok(_) => false,
            Err(fault) => {
                let resource = format!("sts:AssumeRoot on resource: arn:aws:iam::{target}:root");
                assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403), "{fault}");
                assert!(fault.message().ends_with(&resource), "{fault}");
                true
            }
        }
    }
}

fn is_denied<T>(result: Result<T, Fault>) -> bool {
    match result {
        Ok(_) => false,
        Err(fault) => {
            assert_eq!(fault.status(), 403, "{fault}");
            true
        }
    }
}

#[tokio::test]
async fn a_session_of_root_may_do_its_task_and_nothing_else_for_a_quarter_of_an_hour() {
    let organised = Organised::new(1).await;
    let cloud = &organised.cloud;
    let input = CreateQueueInput { queue_name: "q".to_owned(), ..CreateQueueInput::default() };
    cloud.call_as(organised.member, Region::US_EAST_1, CreateQueue, input.clone()).await.unwrap();
    let root = organised.session("SQSUnlockQueuePolicy").await;
    let identity = cloud.call_by(root.clone(), GetCallerIdentity, GetCallerIdentityInput::default()).await;
    let identity = identity.unwrap();
    let member = organised.member.to_string();
    assert_eq!((identity.account.unwrap(), identity.user_id.unwrap()), (member.clone(), member.clone()));
    assert_eq!(identity.arn.unwrap(), format!("arn:aws:iam::{member}:root"));

    let url = GetQueueUrlInput { queue_name: "q".to_owned(), ..GetQueueUrlInput::default() };
    cloud.call_by(root.clone(), GetQueueUrl, url).await.unwrap();
    let listed = cloud.call_by(root.clone(), ListQueues, ListQueuesInput::default()).await.unwrap();
    assert_eq!(listed.queue_urls.unwrap().len(), 1);
    assert!(is_denied(cloud.call_by(root.clone(), CreateQueue, input).await));
    assert!(is_denied(cloud.call_by(root.clone(), GetUser, GetUserInput::default()).await));
    assert!(organised.is_refused(&root, organised.member).await, "a session begets no other");

    let session = root.session.clone().unwrap();
    assert_eq!(session.ends.since(session.issued), Duration::from_secs(900));
    assert_eq!(session.keys.get("aws:assumedroot"), Some(&vec!["true".to_owned()]));
}

#[tokio::test]
async fn a_session_without_its_task_policy_may_do_nothing() {
    let organised = Organised::new(2).await;
    let root = organised.session("SQSUnlockQueuePolicy").await;
    let mut session = (*root.session.clone().unwrap()).clone();
    session.policy_arns.clear();
    let root = Principal { session: Some(session.into()), ..root };
    assert!(is_denied(organised.cloud.call_by(root, ListQueues, ListQueuesInput::default()).await));
}

#[tokio::test]
async fn an_auditor_sees_the_roots_credentials_and_nobody_elses() {
    let organised = Organised::new(3).await;
    let (cloud, member, region) = (&organised.cloud, organised.member, Region::US_EAST_1);
    let own_key =
        cloud.call_as(member, region, CreateAccessKey, CreateAccessKeyInput::default()).await.unwrap();
    let own_key = own_key.access_key.access_key_id;
    user(cloud, member, "bob", "sqs:*").await;
    let input = CreateAccessKeyInput { user_name: Some("bob".to_owned()) };
    let bobs = cloud.call_as(member, region, CreateAccessKey, input).await.unwrap().access_key.access_key_id;

    let root = organised.session("IAMAuditRootUserCredentials").await;
    let shown = cloud.call_by(root.clone(), GetUser, GetUserInput::default()).await.unwrap().user;
    assert_eq!(shown.arn, format!("arn:aws:iam::{member}:root"));
    let keys = cloud.call_by(root.clone(), ListAccessKeys, ListAccessKeysInput::default()).await.unwrap();
    let ids: Vec<_> = keys.access_key_metadata.into_iter().filter_map(|key| key.access_key_id).collect();
    assert_eq!(ids, [own_key.as_str()]);
    cloud.call_by(root.clone(), GetAccountSummary, GetAccountSummaryInput::default()).await.unwrap();
    let last_used = |id: &str| {
        let input = GetAccessKeyLastUsedInput { access_key_id: id.to_owned() };
        cloud.call_by(root.clone(), GetAccessKeyLastUsed, input)
    };
    assert!(last_used(&own_key).await.is_ok() && is_denied(last_used(&bobs).await));
    let login = cloud.call_by(root.clone(), GetLoginProfile, GetLoginProfileInput::default()).await;
    assert_eq!(login.unwrap_err().code(), "NoSuchEntity");

    let of_bob = ListAccessKeysInput { user_name: Some("bob".to_owned()), ..ListAccessKeysInput::default() };
    assert!(is_denied(cloud.call_by(root.clone(), ListAccessKeys, of_bob).await));
    let input = DeleteAccessKeyInput { user_name: None, access_key_id: own_key.clone() };
    assert!(is_denied(cloud.call_by(root, DeleteAccessKey, input.clone()).await));

    let root = organised.session("IAMDeleteRootUserCredentials").await;
    cloud.call_by(root.clone(), DeleteAccessKey, input).await.unwrap();
    let keys = cloud.call_by(root, ListAccessKeys, ListAccessKeysInput::default()).await.unwrap();
    assert!(keys.access_key_metadata.is_empty());

    let root = organised.session("IAMCreateRootUserPassword").await;
    let refused = cloud.call_by(root, CreateLoginProfile, CreateLoginProfileInput::default()).await;
    assert_eq!(refused.unwrap_err().code(), "NotImplemented");
}

#[tokio::test]
async fn only_managers_assume_the_roots_of_members() {
    let organised = Organised::new(4).await;
    let (cloud, member) = (&organised.cloud, organised.member);
    let management = AccountId::new(MANAGEMENT).unwrap();
    let other = account(cloud, "other").await;
    let carl = user(cloud, other, "carl", "sts:AssumeRoot").await;
    let nobody = user(cloud, management, "nobody", "sts:GetAccessKeyInfo").await;
    let outside = AccountId::new(999_999_999_999).unwrap();
    let stranger = user(cloud, outside, "stranger", "*").await;
    assert!(!organised.is_refused(&organised.ann, member).await);
    let root = Principal::root(management, Region::US_EAST_1, None);
    for (caller, target) in [
        (&root, member),
        (&nobody, member),
        (&carl, member),
        (&stranger, member),
        (&organised.ann, management),
        (&organised.ann, outside),
        (&stranger, outside),
    ] {
        assert!(organised.is_refused(caller, target).await, "{} for {target}", caller.arn);
    }
    let input = RegisterDelegatedAdministratorInput {
        account_id: other.to_string(),
        service_principal: IAM.to_owned(),
    };
    cloud.call(RegisterDelegatedAdministrator, input).await.unwrap();
    assert!(!organised.is_refused(&carl, member).await);
}

#[tokio::test]
async fn a_feature_that_is_switched_off_takes_its_tasks_away_at_once() {
    let organised = Organised::new(5).await;
    let (cloud, ann, member) = (&organised.cloud, &organised.ann, organised.member);
    let may_audit =
        || async { organised.asks(ann, &member.to_string(), "IAMAuditRootUserCredentials").await.is_ok() };
    let input = DisableOrganizationsRootSessionsInput::default();
    cloud.call(DisableOrganizationsRootSessions, input).await.unwrap();
    assert!(organised.is_refused(ann, member).await && may_audit().await);
    organised.enable_sessions().await;
    assert!(!organised.is_refused(ann, member).await);
    let input = DisableAWSServiceAccessInput { service_principal: IAM.to_owned() };
    cloud.call(DisableAWSServiceAccess, input).await.unwrap();
    assert!(organised.is_refused(ann, member).await && !may_audit().await);
}

#[tokio::test]
async fn what_is_no_root_or_no_task_is_invalid() {
    let organised = Organised::new(6).await;
    let member = organised.member;
    let task = "SQSUnlockQueuePolicy";
    let root = format!("arn:aws:iam::{member}:root");
    organised.asks(&organised.ann, &root, task).await.unwrap();
    for (target, task) in [
        (format!("arn:aws:iam::{member}:user/ann"), task),
        ("no account".to_owned(), task),
        (root, "AdministratorAccess"),
    ] {
        let fault = organised.asks(&organised.ann, &target, task).await.unwrap_err();
        assert_eq!(fault.code(), "ValidationError", "{target} {task}");
    }
}
