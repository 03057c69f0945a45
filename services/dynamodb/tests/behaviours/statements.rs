//! ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.

use dynamodb_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::items::*;

async fn execute(
    cloud: &Cloud,
    statement: &str,
    parameters: &[AttributeValue],
) -> Result<ExecuteStatementOutput, Fault> {
    let input = ExecuteStatementInput {
        statement: statement.to_owned(),
        parameters: (!parameters.is_empty()).then(|| parameters.to_vec()),
        ..Default::default()
    };
    cloud.call(ExecuteStatement, input).await
}

async fn rows(cloud: &Cloud, statement: &str, parameters: &[AttributeValue]) -> Vec<Item> {
    execute(cloud, statement, parameters).await.expect("it is answered").items.expect("it is there")
}

#[tokio::test]
async fn statements_insert_select_update_and_delete() {
    let cloud = cloud_with(table("things", true)).await;
    for sk in 0..5 {
        let insert = "INSERT INTO \"things\" VALUE {'pk': 'a', 'sk': ?, 'v': ?}";
        execute(&cloud, insert, &[n(sk), n(sk * 10)]).await.expect("it is answered");
    }
    let again = execute(&cloud, "INSERT INTO \"things\" VALUE {'pk': 'a', 'sk': 1}", &[]).await;
    refused(again, "DuplicateItemException", "Duplicate primary key exists in table");
    let found = rows(&cloud, "SELECT v FROM \"things\" WHERE pk = ? AND sk >= 3", &[s("a")]).await;
    assert_eq!(numbers(Some(found), "v"), [30, 40]);
    let found = rows(&cloud, "SELECT * FROM \"things\" WHERE pk = 'a' ORDER BY sk DESC", &[]).await;
    assert_eq!(numbers(Some(found), "sk"), [4, 3, 2, 1, 0]);
    let updated = rows(
        &cloud,
        "UPDATE \"things\" SET v = v + 1 WHERE pk = 'a' AND sk = 2 RETURNING MODIFIED NEW *",
        &[],
    )
    .await;
    assert_eq!(updated, [item(&[("v", n(21))])]);
    let missing = execute(&cloud, "UPDATE \"things\" SET v = 1 WHERE pk = 'a' AND sk = 99", &[]).await;
    refused(missing, "ConditionalCheckFailedException", "The conditional request failed");
    let deleted =
        rows(&cloud, "DELETE FROM \"things\" WHERE pk = 'a' AND sk = 2 RETURNING ALL OLD *", &[]).await;
    assert_eq!(deleted, [item(&[("pk", s("a")), ("sk", n(2)), ("v", n(21))])]);
    assert!(rows(&cloud, "DELETE FROM \"things\" WHERE pk = 'a' AND sk = 2", &[]).await.is_empty());
    invalid(
        execute(&cloud, "DELETE FROM \"things\" WHERE pk = 'a'", &[]).await,
        "Where clause does not contain a mandatory equality on all key attributes",
    );
}

#[tokio::test]
async fn a_select_is_paged_by_its_token() {
    let cloud = cloud_with(table("things", true)).await;
    for sk in 0..10 {
        put(&cloud, "things", item(&[("pk", s(if sk < 5 { "a" } else { "b" })), ("sk", n(sk))])).await;
    }
    for (statement, expected) in [
        ("SELECT sk FROM things WHERE pk IN ['b', 'a']", (0..10).collect::<Vec<i64>>()),
        ("SELECT sk FROM things", (0..10).collect()),
        ("SELECT sk FROM things WHERE sk > 6", vec![7, 8, 9]),
    ] {
        let mut input =
            ExecuteStatementInput { statement: statement.into(), limit: Some(3), ..Default::default() };
        let mut seen = Vec::new();
        loop {
            let page = cloud.call(ExecuteStatement, input.clone()).await.expect("it is answered");
            seen.extend(numbers(page.items, "sk"));
            match page.next_token {
                Some(token) => input.next_token = Some(token),
                None => break,
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, expected, "{statement}");
        input.next_token = Some("strange".into());
        invalid(cloud.call(ExecuteStatement, input).await, "NextToken does not match request");
    }
}

#[tokio::test]
async fn a_batch_tells_of_each_statement() {
    let cloud = cloud_with(table("things", false)).await;
    put(&cloud, "things", item(&[("pk", s("a")), ("v", n(1))])).await;
    let batch = |statements: &[&str]| BatchExecuteStatementInput {
        statements: statements
            .iter()
            .map(|statement| BatchStatementRequest { statement: (*statement).into(), ..Default::default() })
            .collect(),
        ..Default::default()
    };
    let reads = batch(&[
        "SELECT * FROM things WHERE pk = 'a'",
        "SELECT * FROM things WHERE pk = 'b'",
        "SELECT * FROM things",
    ]);
    let responses = cloud
        .call(BatchExecuteStatement, reads)
        .await
        .expect("it is answered")
        .responses
        .expect("it is there");
    assert_eq!(responses[0].item, Some(item(&[("pk", s("a")), ("v", n(1))])));
    assert_eq!((&responses[1].item, &responses[1].error), (&None, &None));
    let error = responses[2].error.as_ref().expect("it is there");
    assert_eq!(error.code, Some(BatchStatementErrorCodeEnum::ValidationError));
    let writes = batch(&["INSERT INTO things VALUE {'pk': 'a'}", "INSERT INTO things VALUE {'pk': 'c'}"]);
    let responses = cloud
        .call(BatchExecuteStatement, writes)
        .await
        .expect("it is answered")
        .responses
        .expect("it is there");
    let code = responses[0].error.as_ref().expect("it is there").code.clone();
    assert_eq!(code, Some(BatchStatementErrorCodeEnum::DuplicateItem));
    assert_eq!((&responses[1].error, responses[1].table_name.as_deref()), (&None, Some("things")));
    let mixed = batch(&["INSERT INTO things VALUE {'pk': 'd'}", "SELECT * FROM things WHERE pk = 'a'"]);
    assert_eq!(cloud.call(BatchExecuteStatement, mixed).await.unwrap_err().name(), "ValidationException");
}

#[tokio::test]
async fn a_transaction_of_statements_is_one() {
    let cloud = cloud_with(table("things", false)).await;
    put(&cloud, "things", item(&[("pk", s("a")), ("v", n(1))])).await;
    let transaction = |statements: &[&str]| ExecuteTransactionInput {
        transact_statements: statements
            .iter()
            .map(|statement| ParameterizedStatement { statement: (*statement).into(), ..Default::default() })
            .collect(),
        ..Default::default()
    };
    let refused = transaction(&[
        "INSERT INTO things VALUE {'pk': 'b'}",
        "EXISTS(SELECT * FROM things WHERE pk = 'a' AND v = 2)",
    ]);
    let fault = cloud.call(ExecuteTransaction, refused).await.unwrap_err();
    assert_eq!(
        fault.message(),
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed]"
    );
    assert_eq!(get(&cloud, "things", item(&[("pk", s("b"))])).await, None);
    let good =
        transaction(&["INSERT INTO things VALUE {'pk': 'b'}", "UPDATE things SET v = 5 WHERE pk = 'a'"]);
    cloud.call(ExecuteTransaction, good).await.expect("it is answered");
    let reads =
        transaction(&["SELECT v FROM things WHERE pk = 'a'", "SELECT * FROM things WHERE pk = 'none'"]);
    let responses =
        cloud.call(ExecuteTransaction, reads).await.expect("it is answered").responses.expect("it is there");
    assert_eq!(responses[0].item, Some(item(&[("v", n(5))])));
    assert_eq!(responses[1].item, None);
}
