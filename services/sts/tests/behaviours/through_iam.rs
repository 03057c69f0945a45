//! The same with the cloud's own IAM behind it: what a session may do, who may federate, and how sessions end.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use iam_api::{
    CreateOpenIDConnectProvider, CreateOpenIDConnectProviderInput, CreateRole, CreateRoleInput,
    CreateSAMLProvider, CreateSAMLProviderInput, CreateUser, CreateUserInput, DeleteRole, DeleteRoleInput,
    DeleteRolePolicy, DeleteRolePolicyInput, PutRolePolicy, PutRolePolicyInput, PutUserPolicy,
    PutUserPolicyInput,
};
use schema::Fault;
use serde_json::json;
use service::{Principal, PrincipalKind};
use sqs_api::{CreateQueue, CreateQueueInput, ListQueues, ListQueuesInput};
use sts_api::*;
use testkit::Cloud;

use crate::provider::Provider;
use crate::response::{Corp, PROVIDER, ROLE, Says};

fn allow(actions: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":{actions},"Resource":"*"}}]}}"#
    )
}

fn trust(principal: &str, actions: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":{actions}}}]}}"#
    )
}

async fn cloud(seed: u64) -> Cloud {
    Cloud::new(seed).await.as_account(123_456_789_012)
}

/// A role that may do everything in SQS.
async fn role(cloud: &Cloud, name: &str, trust: String) {
    let input = CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: trust,
        ..CreateRoleInput::default()
    };
    cloud.call(CreateRole, input).await.unwrap();
    put_role_policy(cloud, name, allow(r#""sqs:*""#)).await;
}

async fn put_role_policy(cloud: &Cloud, role: &str, document: String) {
    let input = PutRolePolicyInput {
        role_name: role.to_owned(),
        policy_name: "own".to_owned(),
        policy_document: document,
    };
    cloud.call(PutRolePolicy, input).await.unwrap();
}

async fn user(cloud: &Cloud, name: &str, document: String) -> Principal {
    let input = CreateUserInput { user_name: name.to_owned(), ..CreateUserInput::default() };
    let created = cloud.call(CreateUser, input).await.unwrap().user.unwrap();
    let input = PutUserPolicyInput {
        user_name: name.to_owned(),
        policy_name: "own".to_owned(),
        policy_document: document,
    };
    cloud.call(PutUserPolicy, input).await.unwrap();
    Principal {
        kind: PrincipalKind::User,
        account: "123456789012".parse().unwrap(),
        arn: created.arn,
        user_id: created.user_id,
        access_key_id: Some("AKIAEXAMPLE".to_owned()),
        session: None,
    }
}

fn holder(cloud: &Cloud, credentials: Option<Credentials>) -> Principal {
    let credentials = credentials.unwrap();
    let token = Some(credentials.session_token.as_str());
    cloud.keyring.find(&credentials.access_key_id, token, cloud.clock.now()).unwrap().principal
}

fn assume(role: &str) -> AssumeRoleInput {
    AssumeRoleInput {
        role_arn: format!("arn:aws:iam::123456789012:role/{role}"),
        role_session_name: "session".to_owned(),
        ..AssumeRoleInput::default()
    }
}

async fn lists_queues(cloud: &Cloud, caller: &Principal) -> Result<(), Fault> {
    cloud.call_by(caller.clone(), ListQueues, ListQueuesInput::default()).await.map(drop)
}

async fn makes_queues(cloud: &Cloud, caller: &Principal) -> Result<(), Fault> {
    let input = CreateQueueInput { queue_name: "q".to_owned(), ..CreateQueueInput::default() };
    cloud.call_by(caller.clone(), CreateQueue, input).await.map(drop)
}

#[tokio::test]
async fn a_session_may_do_what_the_role_and_the_session_policy_both_allow() {
    let cloud = cloud(1).await;
    role(&cloud, "worker", trust(r#"{"AWS":"123456789012"}"#, r#""sts:AssumeRole""#)).await;
    let ann = user(&cloud, "ann", allow(r#""sts:AssumeRole""#)).await;
    assert!(lists_queues(&cloud, &ann).await.is_err(), "the user itself may not");
    let plain = cloud.call_by(ann.clone(), AssumeRole, assume("worker")).await.unwrap();
    let plain = holder(&cloud, plain.credentials);
    assert!(lists_queues(&cloud, &plain).await.is_ok() && makes_queues(&cloud, &plain).await.is_ok());
    let asks = AssumeRoleInput { policy: Some(allow(r#"["sqs:ListQueues","iam:*"]"#)), ..assume("worker") };
    let limited = cloud.call_by(ann.clone(), AssumeRole, asks).await.unwrap();
    let limited = holder(&cloud, limited.credentials);
    assert!(lists_queues(&cloud, &limited).await.is_ok());
    assert_eq!(makes_queues(&cloud, &limited).await.unwrap_err().status(), 403);
    assert!(cloud.call_by(limited, CreateUser, CreateUserInput::default()).await.is_err(), "not the role's");
}

#[tokio::test]
async fn sessions_end_with_the_role_and_can_be_revoked_by_the_time_of_their_issue() {
    let cloud = cloud(2).await;
    role(&cloud, "worker", trust(r#"{"AWS":"123456789012"}"#, r#""sts:AssumeRole""#)).await;
    let ann = user(&cloud, "ann", allow(r#""sts:AssumeRole""#)).await;
    let old = cloud.call_by(ann.clone(), AssumeRole, assume("worker")).await.unwrap();
    let old = holder(&cloud, old.credentials);
    assert!(lists_queues(&cloud, &old).await.is_ok());
    cloud.advance(Duration::from_secs(10)).await;
    let now = cloud.clock.now().to_iso8601();
    let revoking = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sqs:*","Resource":"*"}},
           {{"Effect":"Deny","Action":"*","Resource":"*",
             "Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{now}"}}}}}}]}}"#
    );
    put_role_policy(&cloud, "worker", revoking).await;
    let new = cloud.call_by(ann.clone(), AssumeRole, assume("worker")).await.unwrap();
    let new = holder(&cloud, new.credentials);
    assert!(lists_queues(&cloud, &old).await.is_err(), "revoked");
    assert!(lists_queues(&cloud, &new).await.is_ok());
    let own = DeleteRolePolicyInput { role_name: "worker".to_owned(), policy_name: "own".to_owned() };
    cloud.call(DeleteRolePolicy, own).await.unwrap();
    cloud.call(DeleteRole, DeleteRoleInput { role_name: "worker".to_owned() }).await.unwrap();
    assert!(lists_queues(&cloud, &new).await.is_err(), "the role is gone");
    let fault = cloud.call_by(ann, AssumeRole, assume("worker")).await.unwrap_err();
    assert!(
        fault.message().ends_with("sts:AssumeRole on resource: arn:aws:iam::123456789012:role/worker"),
        "{fault}"
    );
}

#[tokio::test]
async fn federated_users_may_do_what_their_maker_and_their_policy_both_allow() {
    let cloud = cloud(3).await;
    let proxy = user(&cloud, "proxy", allow(r#"["sts:GetFederationToken","sqs:ListQueues"]"#)).await;
    for (policy, lists) in
        [(None, false), (Some(allow(r#""sqs:*""#)), true), (Some(allow(r#""s3:*""#)), false)]
    {
        let asks = GetFederationTokenInput {
            name: "bob".to_owned(),
            policy: policy.clone(),
            ..GetFederationTokenInput::default()
        };
        let output = cloud.call_by(proxy.clone(), GetFederationToken, asks).await.unwrap();
        let bob = holder(&cloud, output.credentials);
        assert_eq!(lists_queues(&cloud, &bob).await.is_ok(), lists, "{policy:?}");
        assert!(makes_queues(&cloud, &bob).await.is_err(), "the maker may not");
        let again = cloud.call_by(bob.clone(), AssumeRole, assume("worker")).await;
        assert_eq!(again.unwrap_err().code(), "AccessDenied", "nor anything of STS");
        assert!(cloud.call_by(bob, GetCallerIdentity, GetCallerIdentityInput::default()).await.is_ok());
    }
}

#[tokio::test]
async fn a_provider_that_iam_knows_lets_its_bearers_in() {
    let cloud = cloud(4).await;
    let provider = Provider::start().await;
    let input = CreateOpenIDConnectProviderInput {
        url: provider.url.clone(),
        client_id_list: Some(vec!["client".to_owned()]),
        thumbprint_list: Some(vec![provider.thumbprint.clone()]),
        ..CreateOpenIDConnectProviderInput::default()
    };
    let known = cloud.call(CreateOpenIDConnectProvider, input).await.unwrap();
    let arn = known.open_id_connect_provider_arn.unwrap();
    assert_eq!(arn, provider.arn().to_string());
    let federated = format!(r#"{{"Federated":"{arn}"}}"#);
    role(&cloud, "web", trust(&federated, r#""sts:AssumeRoleWithWebIdentity""#)).await;
    role(&cloud, "other", trust(r#"{"AWS":"123456789012"}"#, r#""sts:AssumeRole""#)).await;
    let now = cloud.clock.now().as_secs();
    let claims = json!({"iss": provider.url, "sub": "job:1", "aud": "client", "iat": now, "exp": now + 600});
    let asks = |role: &str| AssumeRoleWithWebIdentityInput {
        role_arn: format!("arn:aws:iam::123456789012:role/{role}"),
        role_session_name: "build".to_owned(),
        web_identity_token: provider.token(&claims),
        ..AssumeRoleWithWebIdentityInput::default()
    };
    let output = cloud.call_by(Principal::anonymous(), AssumeRoleWithWebIdentity, asks("web")).await.unwrap();
    assert!(lists_queues(&cloud, &holder(&cloud, output.credentials)).await.is_ok());
    for role in ["other", "missing"] {
        let fault =
            cloud.call_by(Principal::anonymous(), AssumeRoleWithWebIdentity, asks(role)).await.unwrap_err();
        assert_eq!(fault.message(), "Not authorized to perform sts:AssumeRoleWithWebIdentity", "{role}");
    }
}

#[tokio::test]
async fn so_does_a_saml_provider() {
    let cloud = cloud(5).await;
    let corp = Corp::new();
    let input = CreateSAMLProviderInput {
        name: "Corp".to_owned(),
        // IAM wants a thousand characters at least.
        saml_metadata_document: format!("{}<!--{}-->", corp.metadata, " ".repeat(1_000)),
        ..CreateSAMLProviderInput::default()
    };
    let known = cloud.call(CreateSAMLProvider, input).await.unwrap();
    assert_eq!(known.saml_provider_arn.as_deref(), Some(PROVIDER));
    let federated = format!(r#"{{"Federated":"{PROVIDER}"}}"#);
    role(&cloud, "saml", trust(&federated, r#""sts:AssumeRoleWithSAML""#)).await;
    let asks = AssumeRoleWithSAMLInput {
        role_arn: ROLE.to_owned(),
        principal_arn: PROVIDER.to_owned(),
        saml_assertion: STANDARD.encode(corp.signed(&Says::default())),
        ..AssumeRoleWithSAMLInput::default()
    };
    let output = cloud.call_by(Principal::anonymous(), AssumeRoleWithSAML, asks).await.unwrap();
    assert!(lists_queues(&cloud, &holder(&cloud, output.credentials)).await.is_ok());
}
