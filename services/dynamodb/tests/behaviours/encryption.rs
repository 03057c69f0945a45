//! Tables under KMS keys.

use std::time::Duration;

use dynamodb_api::*;
use kms_api::{CreateKey, CreateKeyInput, DisableKey, DisableKeyInput, EnableKey, EnableKeyInput};
use testkit::Cloud;

use crate::support::*;

fn under(key: Option<&str>) -> Option<SSESpecification> {
    Some(SSESpecification {
        enabled: Some(true),
        sse_type: Some(SSEType::Kms),
        kms_master_key_id: key.map(str::to_owned),
    })
}

async fn key(cloud: &Cloud) -> String {
    let output = cloud.call(CreateKey, CreateKeyInput::default()).await.expect("a key can be made");
    output.key_metadata.and_then(|key| key.arn).expect("a key has an ARN")
}

#[tokio::test]
async fn a_table_is_made_under_a_key_and_changes_to_another() {
    let cloud = Cloud::new(1).await;
    let (first, second) = (key(&cloud).await, key(&cloud).await);
    let input = CreateTableInput { sse_specification: under(Some(&first)), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("the key is the caller's");
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("b"))])).await;
    let shown = async || {
        let table = describe(&cloud, "Music").await.expect("it is there");
        table.sse_description.and_then(|sse| sse.kms_master_key_arn)
    };
    assert_eq!(shown().await, Some(first.clone()));
    let change = |sse_specification| UpdateTableInput { sse_specification, ..updating("Music") };
    let again = words(update(&cloud, change(under(Some(&first)))).await);
    assert!(again.contains("Table is already encrypted with given KMSMasterKeyId"), "{again}");
    update(&cloud, change(under(Some(&second)))).await.expect("it is another");
    assert_eq!(shown().await, Some(second));
    let off = Some(SSESpecification { enabled: Some(false), ..SSESpecification::default() });
    update(&cloud, change(off.clone())).await.expect("it is on");
    assert_eq!(shown().await, None);
    let again = words(update(&cloud, change(off)).await);
    assert_eq!(again, "One or more parameter values were invalid: Table is already encrypted by default");
    assert!(get(&cloud, "Music", "a", "b").await.is_some());
}

#[tokio::test]
async fn a_key_that_is_not_there_or_not_allowed_makes_no_table() {
    let cloud = Cloud::new(2).await;
    let absent = "arn:aws:kms:us-east-1:000000000000:key/12345678-1234-1234-1234-123456789012";
    let input = CreateTableInput { sse_specification: under(Some(absent)), ..creating("Music") };
    let said = words(cloud.call(CreateTable, input).await);
    assert!(
        said.starts_with("KMS validation error: com.amazonaws.services.kms.model.NotFoundException: "),
        "{said}"
    );
    assert_eq!(code(describe(&cloud, "Music").await), "ResourceNotFoundException");
}

#[tokio::test]
async fn the_key_that_aws_manages_needs_no_naming() {
    let cloud = Cloud::new(3).await;
    let input = CreateTableInput { sse_specification: under(None), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("every account has it");
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("b"))])).await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    let sse = table.sse_description.expect("it is under a KMS key");
    assert!(sse.kms_master_key_arn.is_some_and(|arn| arn.contains(":key/")));
}

#[tokio::test]
async fn a_table_whose_key_cannot_be_used_is_inaccessible_until_it_can() {
    let cloud = Cloud::new(4).await;
    let key_id = key(&cloud).await;
    let input = CreateTableInput { sse_specification: under(Some(&key_id)), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("the key is the caller's");
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("b"))])).await;
    let status = async || describe(&cloud, "Music").await.expect("it is there").table_status;
    let disabling = DisableKeyInput { key_id: key_id.clone() };
    cloud.call(DisableKey, disabling).await.expect("it is enabled");
    cloud.advance(Duration::from_secs(301)).await;
    until(&cloud, async || status().await == Some(TableStatus::InaccessibleEncryptionCredentials)).await;
    assert_eq!(code(scan(&cloud, "Music", None).await), "ValidationException");
    cloud.call(EnableKey, EnableKeyInput { key_id }).await.expect("it is disabled");
    cloud.advance(Duration::from_secs(301)).await;
    until(&cloud, async || status().await == Some(TableStatus::Active)).await;
    assert!(get(&cloud, "Music", "a", "b").await.is_some());
}
