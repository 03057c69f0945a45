//! Passwords: what they must be, how long they last, and signing in with them.

use std::time::Duration;

use base::AccountId;
use fogbank_iam::{SignIn, SignInError};

use super::*;

const GOOD: &str = "Corr3ct-horse";
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn set_password(cloud: &Cloud, password: &str, reset_required: bool) -> Result<LoginProfile, Fault> {
    let input = CreateLoginProfileInput {
        user_name: Some("bob".to_owned()),
        password: Some(password.to_owned()),
        password_reset_required: Some(reset_required),
    };
    cloud.call(CreateLoginProfile, input).await.map(|output| output.login_profile)
}

async fn update_password(cloud: &Cloud, password: &str) -> Result<(), Fault> {
    let input = UpdateLoginProfileInput {
        user_name: "bob".to_owned(),
        password: Some(password.to_owned()),
        password_reset_required: None,
    };
    cloud.call(UpdateLoginProfile, input).await.map(drop)
}

async fn change(cloud: &Cloud, bob: &User, old: &str, new: &str) -> Result<(), Fault> {
    let input = ChangePasswordInput { old_password: old.to_owned(), new_password: new.to_owned() };
    cloud.call_by(as_user(bob), ChangePassword, input).await.map(drop)
}

fn sign_in(cloud: &Cloud, user: &str, password: &str) -> SignIn {
    SignIn {
        account: AccountId::DEV.to_string(),
        user: user.to_owned(),
        password: password.to_owned(),
        mfa_code: None,
        now: cloud.clock.now(),
    }
}

#[tokio::test]
async fn a_login_profile_comes_and_goes_with_its_password() {
    let cloud = Cloud::new(1).await;
    create_user(&cloud, "bob").await;
    let get = GetLoginProfileInput { user_name: Some("bob".to_owned()) };
    let absent = words(cloud.call(GetLoginProfile, get.clone()).await);
    assert_eq!(absent, ("NoSuchEntity".to_owned(), "Login Profile for User bob cannot be found.".to_owned()));

    let made = set_password(&cloud, GOOD, true).await.unwrap();
    assert_eq!((made.user_name.as_str(), made.password_reset_required), ("bob", Some(true)));
    assert_eq!(cloud.call(GetLoginProfile, get).await.unwrap().login_profile, made);
    let again = words(set_password(&cloud, GOOD, true).await);
    assert_eq!(again.1, "Login Profile for user bob already exists.");

    let conflict = words(delete_user(&cloud, "bob").await);
    assert_eq!(conflict.1, "Cannot delete entity, must delete login profile first.");
    let delete = DeleteLoginProfileInput { user_name: Some("bob".to_owned()) };
    cloud.call(DeleteLoginProfile, delete.clone()).await.unwrap();
    assert_eq!(words(cloud.call(DeleteLoginProfile, delete).await).0, "NoSuchEntity");
}

#[tokio::test]
async fn the_accounts_policy_holds_at_every_change() {
    let cloud = Cloud::new(2).await;
    let bob = create_user(&cloud, "bob").await;
    allow_all(&cloud, "bob").await;
    let weak = words(set_password(&cloud, "short", false).await);
    assert_eq!(weak.0, "PasswordPolicyViolation");
    assert!(weak.1.starts_with("Password should have a minimum length of 8"), "{}", weak.1);

    let policy = UpdateAccountPasswordPolicyInput {
        minimum_password_length: Some(12),
        require_symbols: Some(true),
        password_reuse_prevention: Some(2),
        ..UpdateAccountPasswordPolicyInput::default()
    };
    cloud.call(UpdateAccountPasswordPolicy, policy).await.unwrap();
    set_password(&cloud, GOOD, false).await.unwrap();
    let weak = words(update_password(&cloud, "Sh0rter").await);
    assert_eq!(
        weak.1,
        "Password should have a minimum length of 12, Password should have at least one symbol"
    );
    let wrong = words(change(&cloud, &bob, "wrong", "An0ther-horse").await);
    assert_eq!(wrong, ("AccessDenied".to_owned(), "The old password was incorrect.".to_owned()));
    change(&cloud, &bob, GOOD, "An0ther-horse").await.unwrap();
    assert_eq!(words(change(&cloud, &bob, "An0ther-horse", GOOD).await).0, "PasswordPolicyViolation");
    update_password(&cloud, "A-th1rd-horse").await.unwrap();
    change(&cloud, &bob, "A-th1rd-horse", GOOD).await.expect("two passwords are between");
    let input = ChangePasswordInput { old_password: "x".to_owned(), new_password: GOOD.to_owned() };
    assert_eq!(words(cloud.call(ChangePassword, input).await).0, "InvalidUserType");
}

#[tokio::test]
async fn a_policy_reads_back_and_goes() {
    let cloud = Cloud::new(3).await;
    let get = || cloud.call(GetAccountPasswordPolicy, GetAccountPasswordPolicyInput {});
    let absent = words(get().await);
    assert_eq!(absent.1, "The Password Policy with domain name 000000000000 cannot be found.");
    let input = UpdateAccountPasswordPolicyInput {
        require_numbers: Some(true),
        max_password_age: Some(90),
        hard_expiry: Some(true),
        ..UpdateAccountPasswordPolicyInput::default()
    };
    cloud.call(UpdateAccountPasswordPolicy, input).await.unwrap();
    let expected = PasswordPolicy {
        minimum_password_length: Some(6),
        require_symbols: Some(false),
        require_numbers: Some(true),
        require_uppercase_characters: Some(false),
        require_lowercase_characters: Some(false),
        allow_users_to_change_password: Some(false),
        expire_passwords: Some(true),
        max_password_age: Some(90),
        password_reuse_prevention: None,
        hard_expiry: Some(true),
    };
    assert_eq!(get().await.unwrap().password_policy, expected);
    cloud.call(DeleteAccountPasswordPolicy, DeleteAccountPasswordPolicyInput {}).await.unwrap();
    assert_eq!(words(get().await).0, "NoSuchEntity");
}

#[tokio::test]
async fn signing_in_takes_the_right_password_and_minds_its_age() {
    let cloud = Cloud::new(4).await;
    create_user(&cloud, "bob").await;
    set_password(&cloud, GOOD, true).await.unwrap();
    for (user, password) in [("bob", "wrong"), ("eve", GOOD)] {
        let refused = cloud.iam.sign_in(sign_in(&cloud, user, password)).await;
        assert!(matches!(refused, Err(SignInError::Failed)), "{user}");
    }
    let must = cloud.iam.sign_in(sign_in(&cloud, "Bob", GOOD)).await;
    assert!(matches!(must, Err(SignInError::MustChangePassword(_))));
    let no_reset = UpdateLoginProfileInput {
        user_name: "bob".to_owned(),
        password_reset_required: Some(false),
        password: None,
    };
    cloud.call(UpdateLoginProfile, no_reset).await.unwrap();
    let signed_in = cloud.iam.sign_in(sign_in(&cloud, "bob", GOOD)).await.unwrap();
    assert_eq!(signed_in.principal.arn, "arn:aws:iam::000000000000:user/bob");
    assert_eq!(user(&cloud, "bob").await.unwrap().password_last_used, Some(cloud.clock.now()));

    for (hard, days) in [(false, 30), (true, 31)] {
        let input = UpdateAccountPasswordPolicyInput {
            max_password_age: Some(30),
            hard_expiry: Some(hard),
            ..UpdateAccountPasswordPolicyInput::default()
        };
        cloud.call(UpdateAccountPasswordPolicy, input).await.unwrap();
        cloud.advance(if hard { DAY } else { DAY * days }).await;
        match cloud.iam.sign_in(sign_in(&cloud, "bob", GOOD)).await {
            Err(SignInError::MustChangePassword(_)) => assert!(!hard),
            Err(SignInError::PasswordExpired) => assert!(hard),
            other => panic!("after {days} days: {other:?}"),
        }
    }
}

#[tokio::test]
async fn users_change_their_own_passwords_by_the_accounts_leave() {
    let cloud = Cloud::new(5).await;
    let (bob, eve) = (create_user(&cloud, "bob").await, create_user(&cloud, "eve").await);
    set_password(&cloud, GOOD, false).await.unwrap();
    let (code, message) = words(change(&cloud, &bob, GOOD, "An0ther-horse").await);
    assert_eq!(code, "AccessDenied");
    assert!(
        message.contains("iam:ChangePassword on resource: arn:aws:iam::000000000000:user/bob"),
        "{message}"
    );
    let leave = |may: bool| UpdateAccountPasswordPolicyInput {
        allow_users_to_change_password: Some(may),
        ..UpdateAccountPasswordPolicyInput::default()
    };
    cloud.call(UpdateAccountPasswordPolicy, leave(true)).await.unwrap();
    change(&cloud, &bob, GOOD, "An0ther-horse").await.unwrap();
    let of_bob =
        UpdateLoginProfileInput { user_name: "bob".to_owned(), ..UpdateLoginProfileInput::default() };
    let others = words(cloud.call_by(as_user(&eve), UpdateLoginProfile, of_bob).await);
    assert_eq!(others.0, "AccessDenied", "the leave is for one's own password alone");
    cloud.call(UpdateAccountPasswordPolicy, leave(false)).await.unwrap();
    assert_eq!(words(change(&cloud, &bob, "An0ther-horse", GOOD).await).0, "AccessDenied");
}

#[tokio::test]
async fn passwords_and_secrets_are_in_no_record_as_they_are() {
    let cloud = Cloud::new(6).await;
    create_user(&cloud, "bob").await;
    set_password(&cloud, GOOD, false).await.unwrap();
    let input = CreateAccessKeyInput { user_name: Some("bob".to_owned()) };
    let secret = cloud.call(CreateAccessKey, input).await.unwrap().access_key.secret_access_key;
    let details =
        cloud.call(GetAccountAuthorizationDetails, GetAccountAuthorizationDetailsInput::default()).await;
    let shown = format!("{:?}", details.unwrap());
    assert!(!shown.contains(GOOD) && !shown.contains(&secret));
}
