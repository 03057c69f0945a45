//! Who may do what: names and ARNs, condition keys, permissions inside operations.

use secretsmanager_api::*;
use testkit::Cloud;

use crate::support::*;

const ANY: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:";

#[tokio::test]
async fn a_policy_that_leaves_the_last_six_characters_open_covers_names_and_arns() {
    let cloud = Cloud::new(1).await;
    let arn = create(&cloud, "app-db", "x").await.arn.expect("it has an ARN");
    create(&cloud, "app-db2", "x").await;
    let policy = allow(r#"["secretsmanager:GetSecretValue", "kms:Decrypt"]"#, &format!("{ANY}app-db-??????"));
    let bob = user(&cloud, "bob", &policy).await;
    for (id, expected) in [("app-db", true), (arn.as_str(), true), ("app-db2", false), ("absent", false)] {
        let read = cloud.call_by(bob.clone(), GetSecretValue, reading(id)).await;
        match read {
            Ok(_) => assert!(expected, "{id}"),
            Err(fault) => assert!(!expected && fault.name() == "AccessDeniedException", "{id}: {fault:?}"),
        }
    }
    let creating = creation("other", "x");
    assert_eq!(code(cloud.call_by(bob, CreateSecret, creating).await), "AccessDeniedException");
}

#[tokio::test]
async fn tags_decide_over_secrets_and_need_a_permission_of_their_own() {
    let cloud = Cloud::new(2).await;
    let tag = Tag { key: Some("team".to_owned()), value: Some("red".to_owned()) };
    let tagged = CreateSecretInput { tags: Some(vec![tag]), ..creation("tagged", "x") };
    cloud.call(CreateSecret, tagged.clone()).await.unwrap();
    create(&cloud, "plain", "x").await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "secretsmanager:CreateSecret", "Resource": "*"},
        {"Effect": "Allow", "Action": "secretsmanager:DescribeSecret", "Resource": "*",
         "Condition": {"StringEquals": {"secretsmanager:ResourceTag/team": "red"}}}]}"#;
    let bob = user(&cloud, "bob", policy).await;
    let describing = |id: &str| DescribeSecretInput { secret_id: id.to_owned() };
    cloud.call_by(bob.clone(), DescribeSecret, describing("tagged")).await.unwrap();
    let refused = cloud.call_by(bob.clone(), DescribeSecret, describing("plain")).await;
    assert_eq!(code(refused), "AccessDeniedException");
    let (_, message) = refusal(
        cloud.call_by(bob, CreateSecret, CreateSecretInput { name: "new".to_owned(), ..tagged }).await,
    );
    assert!(message.contains("secretsmanager:TagResource"), "{message}");
}

#[tokio::test]
async fn conditions_see_what_is_asked_for() {
    let cloud = Cloud::new(3).await;
    create(&cloud, "s", "x").await;
    let policy = r#"{"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["secretsmanager:*", "kms:*"], "Resource": "*"},
        {"Effect": "Deny", "Action": "secretsmanager:DeleteSecret", "Resource": "*",
         "Condition": {"Bool": {"secretsmanager:ForceDeleteWithoutRecovery": "true"}}},
        {"Effect": "Deny", "Action": "secretsmanager:DeleteSecret", "Resource": "*",
         "Condition": {"NumericLessThan": {"secretsmanager:RecoveryWindowInDays": "14"}}},
        {"Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": "*",
         "Condition": {"StringNotEquals": {"secretsmanager:VersionStage": "AWSCURRENT"}}},
        {"Effect": "Deny", "Action": "secretsmanager:CreateSecret", "Resource": "*",
         "Condition": {"StringLike": {"secretsmanager:Name": "secret*"}}}]}"#;
    let bob = user(&cloud, "bob", policy).await;
    let deletion = |days, force| DeleteSecretInput {
        secret_id: "s".to_owned(),
        recovery_window_in_days: days,
        force_delete_without_recovery: force,
    };
    for (days, force) in [(None, Some(true)), (Some(7), None)] {
        let refused = cloud.call_by(bob.clone(), DeleteSecret, deletion(days, force)).await;
        assert_eq!(code(refused), "AccessDeniedException");
    }
    cloud.call_by(bob.clone(), GetSecretValue, reading("s")).await.unwrap();
    let previous = GetSecretValueInput { version_stage: Some("AWSPREVIOUS".to_owned()), ..reading("s") };
    assert_eq!(code(cloud.call_by(bob.clone(), GetSecretValue, previous).await), "AccessDeniedException");
    let named = cloud.call_by(bob.clone(), CreateSecret, creation("secret-1", "x")).await;
    assert_eq!(code(named), "AccessDeniedException");
    cloud.call_by(bob, DeleteSecret, deletion(Some(14), None)).await.unwrap();
}

#[tokio::test]
async fn a_batch_needs_the_permission_for_each_secret() {
    let cloud = Cloud::new(4).await;
    create(&cloud, "a", "x").await;
    create(&cloud, "b", "x").await;
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Action": ["secretsmanager:BatchGetSecretValue", "kms:Decrypt"], "Resource": "*"}},
            {{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "{ANY}a-*"}}]}}"#
    );
    let bob = user(&cloud, "bob", &policy).await;
    let input = BatchGetSecretValueInput {
        secret_id_list: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..BatchGetSecretValueInput::default()
    };
    let answer = cloud.call_by(bob.clone(), BatchGetSecretValue, input).await.unwrap();
    assert_eq!(answer.secret_values.unwrap().len(), 1);
    assert_eq!(answer.errors.unwrap()[0].error_code.as_deref(), Some("AccessDeniedException"));
    let filter = Filter { key: Some(FilterNameStringType::Name), values: Some(vec!["a".to_owned()]) };
    let filtered =
        BatchGetSecretValueInput { filters: Some(vec![filter]), ..BatchGetSecretValueInput::default() };
    let (_, message) = refusal(cloud.call_by(bob, BatchGetSecretValue, filtered).await);
    assert!(message.contains("secretsmanager:ListSecrets"), "{message}");
}

#[tokio::test]
async fn passwords_are_random_and_as_they_were_asked_for() {
    let cloud = Cloud::new(5).await;
    let make = |input: GetRandomPasswordInput| cloud.call(GetRandomPassword, input);
    let one = make(GetRandomPasswordInput::default()).await.unwrap().random_password.unwrap();
    let other = make(GetRandomPasswordInput::default()).await.unwrap().random_password.unwrap();
    assert_eq!((one.len(), other.len()), (32, 32));
    assert_ne!(one, other);
    let digits = GetRandomPasswordInput {
        password_length: Some(6),
        exclude_lowercase: Some(true),
        exclude_uppercase: Some(true),
        exclude_punctuation: Some(true),
        ..GetRandomPasswordInput::default()
    };
    assert!(make(digits).await.unwrap().random_password.unwrap().bytes().all(|c| c.is_ascii_digit()));
    let short = GetRandomPasswordInput { password_length: Some(3), ..GetRandomPasswordInput::default() };
    assert_eq!(code(make(short).await), "InvalidParameterException");
}
