//! Key policies: the root of trust, and what is refused for the owner's own good.

use base::{AccountId, Region};
use kms_api::*;
use schema::Fault;
use service::Principal;
use testkit::Cloud;

use crate::crypto_support::*;

fn allowing(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"kms:*","Resource":"*"}}}}"#
    )
}

fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn put_input(key: &str, policy: &str) -> PutKeyPolicyInput {
    PutKeyPolicyInput { key_id: key.to_owned(), policy: policy.to_owned(), ..PutKeyPolicyInput::default() }
}

async fn may_encrypt(cloud: &Cloud, who: &Principal, key: &str) -> bool {
    match by(cloud, who, Encrypt, encrypt_input(key, b"x")).await {
        Ok(_) => true,
        Err(fault) if fault.code() == "AccessDeniedException" => false,
        Err(fault) => panic!("it failed otherwise: {fault:?}"),
    }
}

fn own_root() -> Principal {
    Principal::root(AccountId::DEV, Region::US_EAST_1, None)
}

#[tokio::test]
async fn a_key_without_a_policy_gets_the_default_one() {
    let cloud = Cloud::new(1).await;
    let key = symmetric(&cloud).await;
    let get = |name: Option<&str>| {
        let policy_name = name.map(str::to_owned);
        cloud.call(GetKeyPolicy, GetKeyPolicyInput { key_id: key.clone(), policy_name })
    };
    let output = get(None).await.unwrap();
    assert_eq!(output.policy_name.as_deref(), Some("default"));
    assert!(output.policy.unwrap().contains(r#""Sid" : "Enable IAM User Permissions""#));
    refused(get(Some("other")).await, "NotFoundException");
    let input = ListKeyPoliciesInput { key_id: key.clone(), ..ListKeyPoliciesInput::default() };
    let names = cloud.call(ListKeyPolicies, input).await.unwrap().policy_names;
    assert_eq!(names, Some(vec!["default".to_owned()]));
    // It lets the account's own policies decide.
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    assert!(!may_encrypt(&cloud, &ann, &key).await);
    let_user(&cloud, &ann, "Allow", "kms:Encrypt").await;
    assert!(may_encrypt(&cloud, &ann, &key).await);
}

#[tokio::test]
async fn a_policy_that_leaves_the_account_out_locks_even_its_root_out() {
    let cloud = Cloud::new(2).await;
    let key = symmetric(&cloud).await;
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    let policy = allowing(&ann.arn);
    let message =
        refused(cloud.call(PutKeyPolicy, put_input(&key, &policy)).await, "MalformedPolicyDocumentException");
    assert_eq!(message, "The new key policy will not allow you to update the key policy in the future.");
    let bypassing =
        PutKeyPolicyInput { bypass_policy_lockout_safety_check: Some(true), ..put_input(&key, &policy) };
    cloud.call(PutKeyPolicy, bypassing).await.unwrap();
    assert!(!may_encrypt(&cloud, &own_root(), &key).await);
    assert!(may_encrypt(&cloud, &ann, &key).await);
    refused(
        cloud.call(PutKeyPolicy, put_input(&key, &allowing(&root(OWNER)))).await,
        "AccessDeniedException",
    );
    let back = put_input(&key, &allowing(&root(OWNER)));
    // Ann has no policies of her own, so with this one she could not go on.
    refused(by(&cloud, &ann, PutKeyPolicy, back.clone()).await, "MalformedPolicyDocumentException");
    let_user(&cloud, &ann, "Allow", "kms:PutKeyPolicy").await;
    by(&cloud, &ann, PutKeyPolicy, back).await.unwrap();
    assert!(may_encrypt(&cloud, &own_root(), &key).await);
}

#[tokio::test]
async fn principals_of_a_policy_must_exist() {
    let cloud = Cloud::new(3).await;
    let policy = |who: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":["{}","{who}"]}},"Action":"kms:*","Resource":"*"}}}}"#,
            root(OWNER)
        )
    };
    let create = |policy: String| async {
        cloud.call(CreateKey, CreateKeyInput { policy: Some(policy), ..CreateKeyInput::default() }).await
    };
    let invalid = "Policy contains a statement with one or more invalid principals.";
    for who in [format!("arn:aws:iam::{OWNER}:user/nobody"), format!("arn:aws:iam::{OWNER}:role/nobody")] {
        let message = refused(create(policy(&who)).await, "MalformedPolicyDocumentException");
        assert_eq!(message, invalid);
    }
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    create(policy(&ann.arn)).await.unwrap();
    let eve = user(&cloud, stranger(), "eve").await;
    create(policy(&eve.arn)).await.unwrap();
    create(policy(&root("222222222222"))).await.unwrap();
}

#[tokio::test]
async fn a_statement_that_says_too_little_has_no_effect() {
    let cloud = Cloud::new(8).await;
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    for partial in [r#""Action":"kms:Encrypt""#, r#""Resource":"*""#] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:*","Resource":"*"}},{{"Effect":"Allow","Principal":{{"AWS":"{}"}},{partial}}}]}}"#,
            root(OWNER),
            ann.arn
        );
        let input = CreateKeyInput { policy: Some(policy.clone()), ..CreateKeyInput::default() };
        let made = cloud.call(CreateKey, input).await.unwrap().key_metadata.unwrap();
        let key = made.arn.unwrap();
        assert!(!may_encrypt(&cloud, &ann, &key).await, "{partial}");
        let input = GetKeyPolicyInput { key_id: key, ..GetKeyPolicyInput::default() };
        assert_eq!(cloud.call(GetKeyPolicy, input).await.unwrap().policy, Some(policy));
    }
    // Such a statement does not keep its author from being locked out.
    let alone = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:*"}}}}"#,
        root(OWNER)
    );
    let input = CreateKeyInput { policy: Some(alone), ..CreateKeyInput::default() };
    refused(cloud.call(CreateKey, input).await, "MalformedPolicyDocumentException");
}

#[tokio::test]
async fn another_account_needs_the_key_policy_and_its_own() {
    let cloud = Cloud::new(4).await;
    let key = symmetric(&cloud).await;
    let eve = user(&cloud, stranger(), "eve").await;
    let_user(&cloud, &eve, "Allow", "kms:*").await;
    assert!(!may_encrypt(&cloud, &eve, &key).await);
    let both = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":["{}","{}"]}},"Action":"kms:*","Resource":"*"}}}}"#,
        root(OWNER),
        root("222222222222")
    );
    cloud.call(PutKeyPolicy, put_input(&key, &both)).await.unwrap();
    assert!(may_encrypt(&cloud, &eve, &key).await);
    let describe = DescribeKeyInput { key_id: key.clone(), ..DescribeKeyInput::default() };
    by(&cloud, &eve, DescribeKey, describe).await.unwrap();
    // What reaches no other account's keys, whatever the policies say.
    let disable = DisableKeyInput { key_id: key.clone() };
    refused(by(&cloud, &eve, DisableKey, disable).await, "AccessDeniedException");
    let bare = DescribeKeyInput { key_id: id_of(&key), ..DescribeKeyInput::default() };
    refused(by(&cloud, &eve, DescribeKey, bare).await, "NotFoundException");
}

async fn create_by(cloud: &Cloud, who: &Principal, input: CreateKeyInput) -> Result<CreateKeyOutput, Fault> {
    by(cloud, who, CreateKey, input).await
}

#[tokio::test]
async fn a_key_with_tags_takes_two_permissions() {
    let cloud = Cloud::new(5).await;
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    let tags = Some(vec![Tag { tag_key: "team".to_owned(), tag_value: "red".to_owned() }]);
    let tagged = CreateKeyInput { tags, ..CreateKeyInput::default() };
    refused(create_by(&cloud, &ann, CreateKeyInput::default()).await, "AccessDeniedException");
    let_user(&cloud, &ann, "Allow", "kms:CreateKey").await;
    create_by(&cloud, &ann, CreateKeyInput::default()).await.unwrap();
    refused(create_by(&cloud, &ann, tagged.clone()).await, "AccessDeniedException");
    let_user(&cloud, &ann, "Allow", "kms:TagResource").await;
    create_by(&cloud, &ann, tagged).await.unwrap();
}

#[tokio::test]
async fn conditions_on_keys_and_requests_hold() {
    let cloud = Cloud::new(6).await;
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    let let_ann = |name: &str, action: &str, condition: &str| iam_api::PutUserPolicyInput {
        user_name: "ann".to_owned(),
        policy_name: name.to_owned(),
        policy_document: format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*","Condition":{condition}}}}}"#
        ),
    };
    let condition = r#"{"StringEquals":{"kms:KeySpec":"HMAC_256"},"Bool":{"kms:MultiRegion":"false"}}"#;
    cloud.call(iam_api::PutUserPolicy, let_ann("create", "kms:CreateKey", condition)).await.unwrap();
    let hmac = CreateKeyInput {
        key_spec: Some(KeySpec::Hmac256),
        key_usage: Some(KeyUsageType::GenerateVerifyMac),
        ..CreateKeyInput::default()
    };
    create_by(&cloud, &ann, hmac.clone()).await.unwrap();
    let multi = CreateKeyInput { multi_region: Some(true), ..hmac };
    refused(create_by(&cloud, &ann, multi).await, "AccessDeniedException");
    refused(create_by(&cloud, &ann, CreateKeyInput::default()).await, "AccessDeniedException");

    let key = symmetric(&cloud).await;
    let condition = r#"{"ForAnyValue:StringLike":{"kms:ResourceAliases":"alias/app-*"}}"#;
    cloud.call(iam_api::PutUserPolicy, let_ann("use", "kms:Encrypt", condition)).await.unwrap();
    assert!(!may_encrypt(&cloud, &ann, &key).await);
    for name in ["alias/one", "alias/app-one"] {
        let input = CreateAliasInput { alias_name: name.to_owned(), target_key_id: key.clone() };
        cloud.call(CreateAlias, input).await.unwrap();
    }
    assert!(may_encrypt(&cloud, &ann, &key).await);
    let condition = r#"{"StringEquals":{"kms:RequestAlias":"alias/one"}}"#;
    cloud.call(iam_api::PutUserPolicy, let_ann("use", "kms:Encrypt", condition)).await.unwrap();
    assert!(!may_encrypt(&cloud, &ann, &key).await);
    assert!(may_encrypt(&cloud, &ann, "alias/one").await);

    let condition = r#"{"NumericGreaterThanEquals":{"kms:ScheduleKeyDeletionPendingWindowInDays":"20"}}"#;
    let delete = let_ann("delete", "kms:ScheduleKeyDeletion", condition);
    cloud.call(iam_api::PutUserPolicy, delete).await.unwrap();
    let schedule =
        |days| ScheduleKeyDeletionInput { key_id: key.clone(), pending_window_in_days: Some(days) };
    refused(by(&cloud, &ann, ScheduleKeyDeletion, schedule(19)).await, "AccessDeniedException");
    by(&cloud, &ann, ScheduleKeyDeletion, schedule(20)).await.unwrap();
}

#[tokio::test]
async fn the_policy_of_the_resource_access_manager_cannot_be_set() {
    let cloud = Cloud::new(7).await;
    let key = symmetric(&cloud).await;
    let input = PutKeyPolicyInput {
        policy_name: Some("AWS_RAM".to_owned()),
        ..put_input(&key, &allowing(&root(OWNER)))
    };
    let message = refused(cloud.call(PutKeyPolicy, input).await, "ValidationException");
    assert_eq!(message, "The AWS_RAM policy can only be managed by the RAM service");
}
