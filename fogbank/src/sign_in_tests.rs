//! Sign-in against a cloud in one process.

use std::net::IpAddr;

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use data_encoding::BASE32_NOPAD;
use http::{HeaderMap, Method};
use iam_api::{
    CreateAccountAlias, CreateAccountAliasInput, CreateLoginProfile, CreateLoginProfileInput, CreateUser,
    CreateUserInput, CreateVirtualMFADevice, CreateVirtualMFADeviceInput, EnableMFADevice,
    EnableMFADeviceInput, GetUser, GetUserInput, PutUserPolicy, PutUserPolicyInput,
};
use testkit::Cloud;

use super::*;

const PASSWORD: &str = "Corr3ct-horse";

struct Door {
    cloud: Cloud,
    sign_in: SignIn,
}

impl Door {
    /// A cloud with the user `bob`, who has a password.
    async fn new(reset_required: bool) -> Door {
        let cloud = Cloud::new(1).await;
        let bob = || "bob".to_owned();
        cloud.call(CreateUser, CreateUserInput { user_name: bob(), ..Default::default() }).await.unwrap();
        let login = CreateLoginProfileInput {
            user_name: Some(bob()),
            password: Some(PASSWORD.to_owned()),
            password_reset_required: Some(reset_required),
        };
        cloud.call(CreateLoginProfile, login).await.unwrap();
        let aws = Aws::default();
        aws.connect(&cloud.dispatcher);
        let parts = Parts {
            iam: cloud.iam.clone(),
            aws,
            keyring: cloud.keyring.clone(),
            ids: cloud.ids.clone(),
            clock: cloud.clock.clone(),
        };
        Door { sign_in: SignIn::new(parts), cloud }
    }

    async fn ask_from(&self, peer: &str, secure_transport: bool, body: Value) -> (u16, Value) {
        let peer: IpAddr = peer.parse().unwrap();
        let request = AdminRequest {
            method: Method::POST,
            path: "sign-in".to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: body.to_string().into(),
            peer,
            secure_transport,
        };
        let AdminReply { status, body } = self.sign_in.answer(&request).await;
        (status.as_u16(), serde_json::from_str(&body).unwrap())
    }

    async fn ask(&self, body: Value) -> (u16, Value) {
        self.ask_from("127.0.0.1", false, body).await
    }

    /// The code of a refusal.
    async fn refused(&self, body: Value) -> String {
        let (status, answer) = self.ask(body).await;
        assert!(status >= 400, "{answer}");
        answer["code"].as_str().unwrap().to_owned()
    }

    async fn allow(&self, action: &str) {
        let policy_document = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": action, "Resource": "*" } });
        let input = PutUserPolicyInput {
            user_name: "bob".to_owned(),
            policy_name: "may".to_owned(),
            policy_document: policy_document.to_string(),
        };
        self.cloud.call(PutUserPolicy, input).await.unwrap();
    }

    /// Gives bob a device, and returns its seed.
    async fn give_device(&self) -> Vec<u8> {
        let input =
            CreateVirtualMFADeviceInput { virtual_mfa_device_name: "phone".to_owned(), ..Default::default() };
        let device = self.cloud.call(CreateVirtualMFADevice, input).await.unwrap().virtual_mfa_device;
        let seed = BASE32_NOPAD.decode(&device.base32_string_seed.unwrap()).unwrap();
        let step = self.step();
        let enable = EnableMFADeviceInput {
            user_name: "bob".to_owned(),
            serial_number: device.serial_number,
            authentication_code1: code(&seed, step - 1),
            authentication_code2: code(&seed, step),
        };
        self.cloud.call(EnableMFADevice, enable).await.unwrap();
        seed
    }

    fn step(&self) -> u64 {
        self.cloud.clock.now().as_secs() as u64 / 30
    }
}

fn given(user: &str, password: &str) -> Value {
    json!({ "account": "000000000000", "user": user, "password": password })
}

fn with(mut body: Value, name: &str, value: &str) -> Value {
    body[name] = value.into();
    body
}

/// RFC 6238.
fn code(seed: &[u8], step: u64) -> String {
    let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed), &step.to_be_bytes());
    let offset = usize::from(tag.as_ref()[19] & 15);
    let word: [u8; 4] = tag.as_ref()[offset..offset + 4].try_into().unwrap();
    format!("{:06}", (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

#[tokio::test]
async fn a_password_gets_a_session_of_the_user_that_ends_by_the_clock() {
    let door = Door::new(false).await;
    let alias = CreateAccountAliasInput { account_alias: "our-cloud".to_owned() };
    door.cloud.call(CreateAccountAlias, alias).await.unwrap();
    let body = with(given("BOB", PASSWORD), "account", "our-cloud");
    let (status, answer) = door.ask(body).await;
    assert_eq!((status, &answer["Arn"]), (200, &json!("arn:aws:iam::000000000000:user/bob")), "{answer}");
    let (id, token) = (answer["AccessKeyId"].as_str().unwrap(), answer["SessionToken"].as_str().unwrap());
    let now = door.cloud.clock.now();
    let key = door.cloud.keyring.find(id, Some(token), now).ok().unwrap();
    assert_eq!(key.secret.expose(), answer["SecretAccessKey"].as_str().unwrap());
    let session = key.principal.session.clone().unwrap();
    assert_eq!((session.mfa_at, session.limited, session.console), (None, false, true));
    let ends = now + Duration::from_secs(12 * 3600);
    assert_eq!((session.ends, answer["Expiration"].as_str()), (ends, Some(ends.to_iso8601().as_str())));
    assert!(door.cloud.keyring.find(id, Some(token), ends).is_err());

    let own = || GetUserInput { user_name: None };
    let denied = door.cloud.call_by(key.principal.clone(), GetUser, own()).await.unwrap_err();
    assert_eq!(denied.code(), "AccessDenied", "{denied}");
    door.allow("iam:GetUser").await;
    let me = door.cloud.call_by(key.principal, GetUser, own()).await.unwrap();
    assert_eq!(me.user.user_name, "bob", "the credentials of a sign-in reach IAM without MFA");
}

#[tokio::test]
async fn whatever_is_wrong_is_answered_in_the_same_words() {
    let door = Door::new(false).await;
    let wrong = [
        given("bob", "Wr0ng-horse"),
        given("eve", PASSWORD),
        with(given("bob", PASSWORD), "account", "000000000001"),
        with(given("bob", PASSWORD), "account", "no-such-alias"),
    ];
    let mut answers = Vec::new();
    for body in wrong {
        answers.push(door.ask(body).await);
    }
    door.give_device().await;
    answers.push(door.ask(with(given("bob", PASSWORD), "mfa_code", "000000")).await);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!((answers[0].0, &answers[0].1["code"]), (403, &json!("AuthenticationFailed")));
}

#[tokio::test]
async fn whoever_has_a_device_needs_its_code() {
    let door = Door::new(false).await;
    let seed = door.give_device().await;
    door.cloud.clock.advance(Duration::from_secs(30));
    assert_eq!(door.refused(given("bob", PASSWORD)).await, "MfaRequired");
    let right = with(given("bob", PASSWORD), "mfa_code", &code(&seed, door.step()));
    let wrong_password = with(right.clone(), "password", "Wr0ng-horse");
    assert_eq!(door.refused(wrong_password).await, "AuthenticationFailed");
    let (status, answer) = door.ask(right.clone()).await;
    assert_eq!(status, 200, "a wrong password did not use the code up: {answer}");
    let (id, token) = (answer["AccessKeyId"].as_str().unwrap(), answer["SessionToken"].as_str());
    let key = door.cloud.keyring.find(id, token, door.cloud.clock.now()).ok().unwrap();
    assert_eq!(key.principal.session.unwrap().mfa_at, Some(door.cloud.clock.now()));
    assert_eq!(door.refused(right).await, "AuthenticationFailed", "a code is good once");
}

#[tokio::test]
async fn a_password_that_has_to_be_changed_is_changed_by_its_user() {
    let door = Door::new(true).await;
    assert_eq!(door.refused(given("bob", PASSWORD)).await, "NewPasswordRequired");
    let change = |new: &str| with(given("bob", PASSWORD), "new_password", new);
    assert_eq!(door.refused(change("N3w-horse-battery")).await, "PasswordUnchanged", "it may not");
    door.allow("iam:ChangePassword").await;
    assert_eq!(door.refused(change("short")).await, "PasswordPolicyViolation");
    let (status, answer) = door.ask(change("N3w-horse-battery")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(door.refused(given("bob", PASSWORD)).await, "AuthenticationFailed");
    assert_eq!(door.ask(given("bob", "N3w-horse-battery")).await.0, 200);
}

#[tokio::test]
async fn passwords_from_elsewhere_come_by_tls_only() {
    let door = Door::new(false).await;
    let (status, answer) = door.ask_from("192.0.2.1", false, given("bob", PASSWORD)).await;
    assert_eq!((status, &answer["code"]), (403, &json!("InsecureTransport")));
    assert_eq!(door.ask_from("192.0.2.1", true, given("bob", PASSWORD)).await.0, 200);
}

#[tokio::test]
async fn after_some_failures_the_right_password_has_to_wait_too() {
    let door = Door::new(false).await;
    let wrong = |_| door.ask(given("bob", "Wr0ng-horse"));
    let answers = futures_util::future::join_all((0..8).map(wrong)).await;
    let failed = answers.iter().filter(|(status, _)| *status == 403).count();
    assert_eq!(failed, crate::limits::SIGN_IN_USER_FAILURES_FREE as usize, "many at once are no way around");
    let (status, answer) = door.ask(given("bob", PASSWORD)).await;
    assert_eq!(
        (status, &answer["code"], &answer["retry_after_seconds"]),
        (429, &json!("TooManyAttempts"), &json!(1))
    );
    door.cloud.clock.advance(Duration::from_secs(1));
    assert_eq!(door.ask(given("bob", PASSWORD)).await.0, 200);
}

fn refused(body: &str) -> String {
    let asked = Asked::parse(body.as_bytes());
    let refusal = asked.and_then(|asked| asked.duration().map(drop)).err().map(Refusal::into_reply);
    refusal.map(|reply| reply.body).unwrap_or_default()
}

#[test]
fn a_body_is_read_strictly_and_never_quoted() {
    let good = r#"{"account":"123456789012","user":"bob","password":"hunter2-Hunter2"}"#;
    assert_eq!(refused(good), "");
    assert_eq!(refused(&good.replace('}', r#","mfa_code":null,"duration_seconds":900}"#)), "");
    for (bad, words) in [
        (String::new(), "the body is"),
        ("[]".to_owned(), "the body is"),
        (good.replace("password", "pasword"), "the body is"),
        (good.replace(r#""hunter2-Hunter2""#, "42"), "the body is"),
        (good.replace('}', r#","extra":"hunter2-Hunter2"}"#), "the body is"),
        (good.replace("bob", ""), "user has 1 to"),
        (good.replace("hunter2", &"x".repeat(200)), "password has 1 to 128"),
        (good.replace('}', r#","duration_seconds":899}"#), "duration_seconds is from 900 to 43200"),
        (good.replace('}', r#","duration_seconds":43201}"#), "duration_seconds is from 900 to 43200"),
    ] {
        let words_given = refused(&bad);
        assert!(words_given.contains(words), "{bad}: {words_given}");
        assert!(!words_given.contains("Hunter2"), "{words_given}");
    }
}

#[test]
fn every_wrong_thing_is_refused_in_the_same_words() {
    let reply = Refusal::of(SignInError::Failed).into_reply();
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert_eq!(
        reply.body,
        "{\"code\":\"AuthenticationFailed\",\"message\":\"Authentication failed: the account, the user, the \
         password or the MFA code is not right\"}"
    );
}

#[test]
fn a_wait_is_told_in_whole_seconds() {
    let body = Refusal::too_many(Duration::from_millis(1001)).into_reply().body;
    assert!(body.contains("\"retry_after_seconds\":2") && body.contains("again in 2 s"), "{body}");
}
