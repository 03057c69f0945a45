//! Who may do what with which items: actions, leading keys, attributes.

use base::AccountId;
use dynamodb_api::*;
use iam_api::{CreateUser, CreateUserInput, PutUserPolicy, PutUserPolicyInput};
use service::{Principal, PrincipalKind};
use testkit::Cloud;

use crate::items::*;

/// A user who may do what the statements of a policy say.
async fn user(cloud: &Cloud, name: &str, statements: &str) -> Principal {
    let input = CreateUserInput { user_name: name.to_owned(), ..Default::default() };
    let made = cloud.call(CreateUser, input).await.expect("the name is free").user.expect("it is shown");
    let input = PutUserPolicyInput {
        user_name: name.to_owned(),
        policy_name: "p".to_owned(),
        policy_document: format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#),
    };
    cloud.call(PutUserPolicy, input).await.expect("the policy is good");
    Principal {
        kind: PrincipalKind::User,
        account: AccountId::DEV,
        arn: made.arn,
        user_id: made.user_id,
        access_key_id: None,
        session: None,
    }
}

fn get_of(pk: &str, projection: Option<&str>) -> GetItemInput {
    GetItemInput {
        table_name: "things".into(),
        key: item(&[("pk", s(pk))]),
        projection_expression: projection.map(str::to_owned),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_user_is_held_to_leading_keys_and_attributes() {
    let cloud = cloud_with(table("things", false)).await;
    let ann = user(
        &cloud,
        "ann",
        r#"[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{
            "ForAllValues:StringEquals":{"dynamodb:LeadingKeys":["ann"],"dynamodb:Attributes":["pk","v"]},
            "StringEqualsIfExists":{"dynamodb:Select":"SPECIFIC_ATTRIBUTES"}}}]"#,
    )
    .await;
    let may = |input: GetItemInput| {
        let (cloud, ann) = (&cloud, ann.clone());
        async move { cloud.call_by(ann, GetItem, input).await.is_ok() }
    };
    assert!(may(get_of("ann", Some("v"))).await);
    assert!(!may(get_of("bob", Some("v"))).await, "another leading key");
    assert!(!may(get_of("ann", Some("w"))).await, "another attribute");
    assert!(!may(get_of("ann", None)).await, "all attributes");
    let query = |pk: &str| QueryInput {
        projection_expression: Some("v".into()),
        ..query_input("pk = :pk", &[(":pk", s(pk))])
    };
    assert!(cloud.call_by(ann.clone(), Query, query("ann")).await.is_ok());
    let fault = cloud.call_by(ann.clone(), Query, query("bob")).await.unwrap_err();
    assert_eq!(fault.name(), "AccessDeniedException");
}

#[tokio::test]
async fn parts_of_transactions_and_statements_are_asked_for_by_what_they_do() {
    let cloud = cloud_with(table("things", false)).await;
    let ann = user(
        &cloud,
        "ann",
        r#"[{"Effect":"Allow","Action":["dynamodb:PutItem","dynamodb:PartiQLSelect"],"Resource":"*"},
            {"Effect":"Deny","Action":"dynamodb:PartiQLSelect","Resource":"*",
             "Condition":{"Bool":{"dynamodb:FullTableScan":"true"}}}]"#,
    )
    .await;
    let write = |with_check: bool| {
        let put = Put { table_name: "things".into(), item: item(&[("pk", s("a"))]), ..Default::default() };
        let check = ConditionCheck {
            table_name: "things".into(),
            key: item(&[("pk", s("b"))]),
            condition_expression: "attribute_not_exists(pk)".into(),
            ..Default::default()
        };
        let mut transact_items = vec![TransactWriteItem { put: Some(put), ..Default::default() }];
        if with_check {
            transact_items.push(TransactWriteItem { condition_check: Some(check), ..Default::default() });
        }
        TransactWriteItemsInput { transact_items, ..Default::default() }
    };
    assert!(cloud.call_by(ann.clone(), TransactWriteItems, write(false)).await.is_ok());
    let fault = cloud.call_by(ann.clone(), TransactWriteItems, write(true)).await.unwrap_err();
    assert!(fault.message().contains("dynamodb:ConditionCheckItem"), "{fault}");
    let execute = |statement: &str| {
        let input = ExecuteStatementInput { statement: statement.into(), ..Default::default() };
        let (cloud, ann) = (&cloud, ann.clone());
        async move { cloud.call_by(ann, ExecuteStatement, input).await }
    };
    assert!(execute("SELECT * FROM things WHERE pk = 'a'").await.is_ok());
    assert_eq!(execute("SELECT * FROM things").await.unwrap_err().name(), "AccessDeniedException");
    assert_eq!(
        execute("INSERT INTO things VALUE {'pk': 'z'}").await.unwrap_err().name(),
        "AccessDeniedException"
    );
}
