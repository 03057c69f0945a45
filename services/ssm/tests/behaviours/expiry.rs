//! Tiers and policies: what costs more and can end by itself.

use std::time::Duration;

use crate::support::*;
use ssm_api::*;
use testkit::{Cloud, START};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn expiring(days: u32) -> String {
    let at = (START + DAY * days).to_iso8601();
    format!(r#"[{{"Type":"Expiration","Version":"1.0","Attributes":{{"Timestamp":"{at}"}}}}]"#)
}

fn with_policies(name: &str, policies: &str) -> PutParameterInput {
    PutParameterInput { policies: text(policies), ..advanced(string(name, "x")) }
}

#[tokio::test]
async fn an_expired_parameter_is_deleted_by_the_clock() {
    let cloud = Cloud::new(1).await;
    put(&cloud, with_policies("/gone", &expiring(30))).await;
    put(&cloud, with_policies("/kept", &expiring(30))).await;
    put(&cloud, with_policies("/later", &expiring(30))).await;
    put(&cloud, over(string("/gone", "an update does not move it"))).await;
    put(&cloud, over(with_policies("/kept", "[{}]"))).await;
    put(&cloud, over(with_policies("/later", &expiring(60)))).await;
    let shown = describe(&cloud, "/gone").await.policies.unwrap();
    assert_eq!(shown[0].policy_type, text("Expiration"));
    assert_eq!(shown[0].policy_status, text("Pending"));
    assert_eq!(format!("[{}]", shown[0].policy_text.as_ref().unwrap()), expiring(30));
    cloud.advance(DAY * 30 - Duration::from_secs(1)).await;
    assert!(get(&cloud, "/gone").await.is_ok());
    cloud.advance(Duration::from_secs(2)).await;
    refused(get(&cloud, "/gone").await, "ParameterNotFound");
    assert!(get(&cloud, "/kept").await.is_ok() && get(&cloud, "/later").await.is_ok());
    cloud.advance(DAY * 30).await;
    refused(get(&cloud, "/later").await, "ParameterNotFound");
    assert!(get(&cloud, "/kept").await.is_ok());
}

#[tokio::test]
async fn policies_need_the_advanced_tier_and_sense() {
    let cloud = Cloud::new(2).await;
    let standard = PutParameterInput { tier: None, ..with_policies("/a", &expiring(1)) };
    refused(try_put(&cloud, standard.clone()).await, "ValidationException");
    let clever = PutParameterInput { tier: Some(ParameterTier::IntelligentTiering), ..standard };
    assert_eq!(try_put(&cloud, clever).await.unwrap().tier, Some(ParameterTier::Advanced));
    for (policies, code) in [
        ("{}", "ValidationException"),
        (r#"[{"Type":"Other"}]"#, "InvalidPolicyTypeException"),
        (r#"[{"Type":"Expiration","Version":"1.0","Attributes":{}}]"#, "InvalidPolicyAttributeException"),
    ] {
        refused(try_put(&cloud, with_policies("/b", policies)).await, code);
    }
    let twice = expiring(1).replace(']', ",") + &expiring(2)[1..];
    refused(try_put(&cloud, with_policies("/b", &twice)).await, "IncompatiblePolicyException");
    let notice =
        r#"{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"20","Unit":"Days"}}"#;
    let many = format!("[{}]", [notice; 11].join(","));
    refused(try_put(&cloud, with_policies("/b", &many)).await, "PoliciesLimitExceededException");
    assert_eq!(put(&cloud, with_policies("/b", &format!("[{notice}]"))).await, 1);
}

#[tokio::test]
async fn an_advanced_parameter_stays_one() {
    let cloud = Cloud::new(3).await;
    put(&cloud, string("/t", "x")).await;
    assert_eq!(describe(&cloud, "/t").await.tier, Some(ParameterTier::Standard));
    let output = try_put(&cloud, over(advanced(string("/t", &"x".repeat(8192))))).await.unwrap();
    assert_eq!((output.version, output.tier), (Some(2), Some(ParameterTier::Advanced)));
    let output = try_put(&cloud, over(string("/t", "x"))).await.unwrap();
    assert_eq!(output.tier, Some(ParameterTier::Advanced), "without a tier it stays what it is");
    let down = PutParameterInput { tier: Some(ParameterTier::Standard), ..over(string("/t", "x")) };
    let message = refused(try_put(&cloud, down).await, "ValidationException");
    assert!(
        message.starts_with("This parameter uses the advanced-parameter tier. You can't downgrade"),
        "{message}"
    );
}
