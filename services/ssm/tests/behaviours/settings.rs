//! The settings of the Parameter Store.

use crate::support::*;
use ssm_api::*;
use testkit::Cloud;

const TIER: &str = "/ssm/parameter-store/default-parameter-tier";

async fn setting(cloud: &Cloud, id: &str) -> ServiceSetting {
    let input = GetServiceSettingInput { setting_id: id.to_owned() };
    let output = cloud.call(GetServiceSetting, input).await.expect("there is such a setting");
    output.service_setting.expect("it is shown")
}

#[tokio::test]
async fn the_default_tier_is_what_was_set() {
    let cloud = Cloud::new(1).await;
    let before = setting(&cloud, TIER).await;
    assert_eq!((before.setting_value, before.status), (text("Standard"), text("Default")));
    assert_eq!(before.last_modified_user, text("System"));
    let update = |value: &str| UpdateServiceSettingInput {
        setting_id: TIER.to_owned(),
        setting_value: value.to_owned(),
    };
    cloud.call(UpdateServiceSetting, update("Intelligent-Tiering")).await.unwrap();
    let output = try_put(&cloud, string("/large", &"x".repeat(5000))).await.unwrap();
    assert_eq!(output.tier, Some(ParameterTier::Advanced));
    let after = setting(&cloud, &format!("arn:aws:ssm:us-east-1:{ACCOUNT}:servicesetting{TIER}")).await;
    assert_eq!((after.setting_value, after.status), (text("Intelligent-Tiering"), text("Customized")));
    refused(cloud.call(UpdateServiceSetting, update("None")).await, "ValidationException");
    let reset = ResetServiceSettingInput { setting_id: TIER.to_owned() };
    let reset = cloud.call(ResetServiceSetting, reset).await.unwrap().service_setting.unwrap();
    assert_eq!((reset.setting_value, reset.status), (text("Standard"), text("Default")));
    refused(try_put(&cloud, string("/larger", &"x".repeat(5000))).await, "ValidationException");
    let throughput = setting(&cloud, "/ssm/parameter-store/high-throughput-enabled").await;
    assert_eq!(throughput.setting_value, text("false"));
    let other = GetServiceSettingInput { setting_id: "/ssm/managed-instance/activation-tier".to_owned() };
    refused(cloud.call(GetServiceSetting, other).await, "ServiceSettingNotFound");
}
