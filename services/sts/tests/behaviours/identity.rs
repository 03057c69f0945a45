//! Who callers and keys are, and sessions of their own.

use sts_api::*;

use crate::cloud::{ACCOUNT, Cloud, root};

#[tokio::test]
async fn the_root_of_an_account_is_told_who_it_is() {
    let cloud = Cloud::new(1);
    let who = cloud.call(&root(ACCOUNT), GetCallerIdentity, GetCallerIdentityInput::default()).await.unwrap();
    assert_eq!(who.arn.as_deref(), Some("arn:aws:iam::123456789012:root"));
    assert_eq!(who.account.as_deref(), Some("123456789012"));
    assert_eq!(who.user_id, who.account);
}

#[tokio::test]
async fn nobody_can_be_kept_from_knowing_who_they_are() {
    let cloud = Cloud::new(2);
    let user = cloud.directory.user("ann", r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#);
    let who = cloud.call(&user, GetCallerIdentity, GetCallerIdentityInput::default()).await.unwrap();
    assert_eq!(who.arn.as_deref(), Some("arn:aws:iam::123456789012:user/ann"));
    assert_eq!(who.user_id.as_deref(), Some("AIDAANNAAAAAAAAAAAAA"));
    assert!(cloud.call(&user, GetSessionToken, GetSessionTokenInput::default()).await.is_ok());
}

#[tokio::test]
async fn sessions_of_root_last_an_hour_at_most_and_those_of_users_as_long_as_asked() {
    let cloud = Cloud::new(3);
    let user = cloud.directory.user("ann", "");
    for (caller, asked, lasts_seconds) in [
        (root(ACCOUNT), None, 3_600),
        (root(ACCOUNT), Some(900), 900),
        (root(ACCOUNT), Some(129_600), 3_600),
        (user.clone(), None, 43_200),
        (user, Some(129_600), 129_600),
    ] {
        let input = GetSessionTokenInput { duration_seconds: asked, ..GetSessionTokenInput::default() };
        let output = cloud.call(&caller, GetSessionToken, input).await.unwrap();
        let credentials = output.credentials.unwrap();
        assert_eq!(credentials.expiration.since(cloud.clock.now()).as_secs(), lasts_seconds);
        assert!(credentials.access_key_id.starts_with("ASIA") && credentials.access_key_id.len() == 20);
        assert_eq!(credentials.secret_access_key.len(), 40);
        assert_eq!(output.session_token_size, i32::try_from(credentials.session_token.len()).ok());
        let holder = cloud.holder(&credentials);
        assert_eq!((holder.kind, holder.arn), (caller.kind, caller.arn));
    }
}

#[tokio::test]
async fn a_session_begets_no_session_of_its_own() {
    let cloud = Cloud::new(4);
    let user = cloud.directory.user("ann", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let output = cloud.call(&user, GetSessionToken, GetSessionTokenInput::default()).await.unwrap();
    let holder = cloud.holder(&output.credentials.unwrap());
    let fault = cloud.call(&holder, GetSessionToken, GetSessionTokenInput::default()).await.unwrap_err();
    assert_eq!((fault.code(), fault.status()), ("AccessDenied", 403));
    assert_eq!(fault.message(), "Cannot call GetSessionToken with session credentials");
}

#[tokio::test]
async fn a_code_of_a_device_shows_in_the_session_and_is_good_once() {
    let cloud = Cloud::new(5);
    let user = cloud.directory.user("ann", "");
    let serial = "arn:aws:iam::123456789012:mfa/ann";
    cloud.directory.codes.lock().unwrap().insert((serial.to_owned(), "123456".to_owned()));
    let with = |serial: Option<&str>, code: Option<&str>| GetSessionTokenInput {
        serial_number: serial.map(str::to_owned),
        token_code: code.map(str::to_owned),
        ..GetSessionTokenInput::default()
    };
    for (serial, code, words) in [
        (
            Some(serial),
            Some("654321"),
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
        ),
        (Some(serial), None, "MultiFactorAuthentication failed with invalid MFA one time pass code. "),
        (None, Some("123456"), "SerialNumber must be provided together with TokenCode."),
    ] {
        let fault = cloud.call(&user, GetSessionToken, with(serial, code)).await.unwrap_err();
        assert_eq!(fault.message(), words);
    }
    let input = with(Some(serial), Some("123456"));
    let output = cloud.call(&user, GetSessionToken, input.clone()).await.unwrap();
    assert_eq!(cloud.session(&output.credentials.unwrap()).mfa_at, Some(cloud.clock.now()));
    assert!(cloud.call(&user, GetSessionToken, input).await.is_err(), "the code was used");
}

#[tokio::test]
async fn a_token_is_as_long_as_was_asked() {
    let cloud = Cloud::new(6);
    let user = cloud.directory.user("ann", "");
    let input =
        GetSessionTokenInput { minimum_session_token_size: Some(4_000), ..GetSessionTokenInput::default() };
    let output = cloud.call(&user, GetSessionToken, input).await.unwrap();
    let size = output.session_token_size.unwrap();
    assert!((4_000..5_600).contains(&size), "{size}");
    assert!(cloud.holder(&output.credentials.unwrap()).session.is_some());
}

#[tokio::test]
async fn keys_tell_their_account_and_nonsense_is_no_message() {
    let cloud = Cloud::new(7);
    let caller = root(ACCOUNT);
    let output = cloud.call(&caller, GetSessionToken, GetSessionTokenInput::default()).await.unwrap();
    let input = GetAccessKeyInfoInput { access_key_id: output.credentials.unwrap().access_key_id };
    let info = cloud.call(&caller, GetAccessKeyInfo, input).await.unwrap();
    assert_eq!(info.account.as_deref(), Some(ACCOUNT));
    let input = GetAccessKeyInfoInput { access_key_id: "AKIANOSUCHKEY000".to_owned() };
    assert_eq!(cloud.call(&caller, GetAccessKeyInfo, input).await.unwrap_err().status(), 400);
    let input = DecodeAuthorizationMessageInput { encoded_message: "nonsense".to_owned() };
    let fault = cloud.call(&caller, DecodeAuthorizationMessage, input).await.unwrap_err();
    assert_eq!(fault.name(), "InvalidAuthorizationMessageException");
}
