//! Resource policies: attached, validated, and what they let others do.

use base::{AccountId, Region};
use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

fn statement(effect: &str, principal: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "{effect}", "Principal": {principal},
            "Action": "secretsmanager:GetSecretValue", "Resource": "*"}}]}}"#
    )
}

fn putting(policy: &str, block: Option<bool>) -> PutResourcePolicyInput {
    PutResourcePolicyInput {
        secret_id: "s".to_owned(),
        resource_policy: policy.to_owned(),
        block_public_policy: block,
        ..PutResourcePolicyInput::default()
    }
}

#[tokio::test]
async fn a_policy_is_kept_as_it_came_and_taken_off_again() {
    let cloud = Cloud::new(1).await;
    create(&cloud, "s", "x").await;
    let policy = statement("Allow", r#"{"AWS": "arn:aws:iam::111122223333:root"}"#);
    cloud.call(PutResourcePolicy, putting(&policy, Some(true))).await.unwrap();
    let getting = GetResourcePolicyInput { secret_id: "s".to_owned(), policy_name: None };
    let got = cloud.call(GetResourcePolicy, getting.clone()).await.unwrap();
    assert_eq!(
        (got.resource_policy.as_deref(), got.policy_name.as_deref()),
        (Some(policy.as_str()), Some("default"))
    );
    let listing =
        ListResourcePoliciesInput { secret_id: "s".to_owned(), ..ListResourcePoliciesInput::default() };
    let listed = cloud.call(ListResourcePolicies, listing.clone()).await.unwrap();
    assert_eq!(listed.resource_policies[0].policy_name.as_deref(), Some("default"));
    let deleting = DeleteResourcePolicyInput { secret_id: "s".to_owned(), policy_name: None };
    cloud.call(DeleteResourcePolicy, deleting).await.unwrap();
    assert_eq!(cloud.call(GetResourcePolicy, getting.clone()).await.unwrap().resource_policy, None);
    assert!(cloud.call(ListResourcePolicies, listing).await.unwrap().resource_policies.is_empty());
    let other = GetResourcePolicyInput { policy_name: Some("other".to_owned()), ..getting };
    assert_eq!(code(cloud.call(GetResourcePolicy, other).await), "ResourceNotFoundException");
}

#[tokio::test]
async fn policies_that_are_wrong_public_or_lock_out_are_refused() {
    let cloud = Cloud::new(2).await;
    create(&cloud, "s", "x").await;
    let public = statement("Allow", "\"*\"");
    let lockout = public.replace("Allow", "Deny").replace("GetSecretValue", "*");
    for (policy, block, expected) in [
        ("{", None, "MalformedPolicyDocumentException"),
        (public.as_str(), Some(true), "PublicPolicyException"),
        (lockout.as_str(), None, "InvalidRequestException"),
    ] {
        assert_eq!(code(cloud.call(PutResourcePolicy, putting(policy, block)).await), expected, "{policy}");
    }
    cloud.call(PutResourcePolicy, putting(&public, None)).await.unwrap();
    let named = PutResourcePolicyInput { policy_name: Some("other".to_owned()), ..putting(&public, None) };
    assert_eq!(code(cloud.call(PutResourcePolicy, named).await), "InvalidParameterException");

    let validating = |policy: &str| ValidateResourcePolicyInput {
        secret_id: Some("s".to_owned()),
        resource_policy: policy.to_owned(),
    };
    let good = statement("Allow", r#"{"AWS": "arn:aws:iam::111122223333:root"}"#);
    for (policy, passes) in [(good.as_str(), true), (public.as_str(), false), ("{", false)] {
        let answer = cloud.call(ValidateResourcePolicy, validating(policy)).await.unwrap();
        assert_eq!(answer.policy_validation_passed, Some(passes), "{policy}");
        assert_eq!(answer.validation_errors.unwrap().is_empty(), passes);
    }
}

#[tokio::test]
async fn another_account_reads_by_the_full_arn_with_policy_and_key_and_not_without() {
    let cloud = Cloud::new(3).await;
    let other = AccountId::new(111_122_223_333).expect("it has twelve digits");
    let key_policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS":
        ["arn:aws:iam::000000000000:root", "arn:aws:iam::111122223333:root"]}, "Action": "kms:*", "Resource": "*"}]}"#;
    let shared = key_in(&cloud, AccountId::DEV, "us-east-1", Some(key_policy)).await;
    let input = CreateSecretInput { kms_key_id: Some(shared), ..creation("s", "hunter2") };
    let arn = cloud.call(CreateSecret, input).await.unwrap().arn.expect("it has an ARN");
    let read = || cloud.call_as(other, Region::US_EAST_1, GetSecretValue, reading(&arn));
    assert_eq!(code(read().await), "AccessDeniedException");
    let policy = statement("Allow", r#"{"AWS": "arn:aws:iam::111122223333:root"}"#);
    cloud.call(PutResourcePolicy, putting(&policy, None)).await.unwrap();
    assert_eq!(read().await.unwrap().secret_string.as_deref(), Some("hunter2"));

    let default = create(&cloud, "default-key", "x").await.arn.expect("it has an ARN");
    let opening = PutResourcePolicyInput { secret_id: "default-key".to_owned(), ..putting(&policy, None) };
    cloud.call(PutResourcePolicy, opening).await.unwrap();
    assert_eq!(
        refusal(cloud.call_as(other, Region::US_EAST_1, GetSecretValue, reading(&default)).await),
        (
            "InvalidRequestException".to_owned(),
            "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS \
             service key."
                .to_owned()
        )
    );
}
