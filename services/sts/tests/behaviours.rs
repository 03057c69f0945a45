//! STS's behaviours, in process and with a hand-driven clock.

use base::{AccountId, Region};
use sts_api::*;
use testkit::Cloud;

#[tokio::test]
async fn the_root_of_an_account_is_told_who_it_is() {
    let cloud = Cloud::new(1).await;
    let account = AccountId::new(123_456_789_012).unwrap();
    for (region, arn) in
        [("us-east-1", "arn:aws:iam::123456789012:root"), ("cn-north-1", "arn:aws-cn:iam::123456789012:root")]
    {
        let region = Region::parse(region).unwrap();
        let input = GetCallerIdentityInput::default();
        let who = cloud.call_as(account, region, GetCallerIdentity, input).await.unwrap();
        assert_eq!(who.arn.as_deref(), Some(arn));
        assert_eq!(who.account.as_deref(), Some("123456789012"));
        assert_eq!(who.user_id, who.account);
    }
}

#[tokio::test]
async fn a_session_of_root_lasts_an_hour_at_most() {
    let cloud = Cloud::new(2).await;
    for (asked, lasts_seconds) in [(None, 3600), (Some(900), 900), (Some(129_600), 3600)] {
        let input = GetSessionTokenInput { duration_seconds: asked, ..GetSessionTokenInput::default() };
        let output = cloud.call(GetSessionToken, input).await.unwrap();
        let credentials = output.credentials.unwrap();
        assert_eq!(credentials.expiration.since(cloud.clock.now()).as_secs(), lasts_seconds);
        assert!(credentials.access_key_id.starts_with("ASIA") && credentials.access_key_id.len() == 20);
        assert_eq!(credentials.secret_access_key.len(), 40);
    }
}

#[tokio::test]
async fn keys_tell_their_account_and_nonsense_is_no_message() {
    let cloud = Cloud::new(3).await;
    let input = GetAccessKeyInfoInput { access_key_id: "111111111111".to_owned() };
    let info = cloud.call(GetAccessKeyInfo, input).await.unwrap();
    assert_eq!(info.account.as_deref(), Some("111111111111"));
    let input = GetAccessKeyInfoInput { access_key_id: "AKIANOSUCHKEY000".to_owned() };
    assert_eq!(cloud.call(GetAccessKeyInfo, input).await.unwrap_err().status(), 400);
    let input = DecodeAuthorizationMessageInput { encoded_message: "nonsense".to_owned() };
    let fault = cloud.call(DecodeAuthorizationMessage, input).await.unwrap_err();
    assert_eq!(fault.name(), "InvalidAuthorizationMessageException");
}
