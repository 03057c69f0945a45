//! Settings of regions and accounts.

use crate::support::*;
use backup_api::*;
use testkit::Cloud;

#[tokio::test]
async fn types_are_switched_off_and_on() {
    let cloud = Cloud::new(1).await;
    let shown = || cloud.call(DescribeRegionSettings, DescribeRegionSettingsInput {});
    let opted = shown().await.unwrap().resource_type_opt_in_preference.unwrap();
    assert_eq!((opted["EBS"], opted["DynamoDB"]), (true, true));
    let input = |kind: &str| UpdateRegionSettingsInput {
        resource_type_opt_in_preference: Some([(kind.to_owned(), false)].into()),
        ..Default::default()
    };
    cloud.call(UpdateRegionSettings, input("EBS")).await.unwrap();
    let opted = shown().await.unwrap().resource_type_opt_in_preference.unwrap();
    assert_eq!((opted["EBS"], opted["DynamoDB"]), (false, true));
    let refused = cloud.call(UpdateRegionSettings, input("Toaster")).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidParameterValueException");
    let kinds = cloud.call(GetSupportedResourceTypes, GetSupportedResourceTypesInput {}).await.unwrap();
    assert_eq!(kinds.resource_types.unwrap(), ["DynamoDB", "EBS"]);
}

#[tokio::test]
async fn backups_stay_in_their_account() {
    let (cloud, _) = prepared(2).await;
    let input = |value: &str| UpdateGlobalSettingsInput {
        global_settings: Some([("isCrossAccountBackupEnabled".to_owned(), value.to_owned())].into()),
    };
    assert_eq!(cloud.call(UpdateGlobalSettings, input("true")).await.unwrap_err().status(), 501);
    cloud.call(UpdateGlobalSettings, input("false")).await.unwrap();
    let shown = cloud.call(DescribeGlobalSettings, DescribeGlobalSettingsInput {}).await.unwrap();
    assert_eq!(shown.global_settings.unwrap()["isCrossAccountBackupEnabled"], "false");
    assert_eq!(shown.last_update_time, Some(cloud.clock.now()));
}
