//! Roles, assumed by users and by sessions.

use service::{Principal, PrincipalKind};
use sts_api::*;

use crate::cloud::{ACCOUNT, Cloud, OTHER_ACCOUNT, root};

const ROLE: &str = "arn:aws:iam::123456789012:role/work/deploy";
const ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;

/// Trusts an account with everything that is needed.
fn trusts(account: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},
           "Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]{condition}}}"#
    )
}

fn input(session: &str) -> AssumeRoleInput {
    AssumeRoleInput {
        role_arn: ROLE.to_owned(),
        role_session_name: session.to_owned(),
        ..AssumeRoleInput::default()
    }
}

fn tags(tags: &[(&str, &str)]) -> Option<Vec<Tag>> {
    Some(tags.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: (*value).to_owned() }).collect())
}

#[tokio::test]
async fn a_user_assumes_a_role_that_trusts_its_account() {
    let cloud = Cloud::new(1);
    cloud.directory.role("work/deploy", &trusts(ACCOUNT, ""));
    let user = cloud.directory.user("ann", ALL);
    let output = cloud.call(&user, AssumeRole, input("monday")).await.unwrap();
    let assumed = output.assumed_role_user.unwrap();
    assert_eq!(assumed.arn, "arn:aws:sts::123456789012:assumed-role/deploy/monday");
    assert_eq!(assumed.assumed_role_id, "AROAWORK/DEPLOYAAAAA:monday");
    assert_eq!((output.packed_policy_size, output.source_identity), (None, None));
    let credentials = output.credentials.unwrap();
    assert_eq!(credentials.expiration.since(cloud.clock.now()).as_secs(), 3_600);
    let holder = cloud.holder(&credentials);
    assert_eq!(holder.kind, PrincipalKind::AssumedRole);
    let who = cloud.call(&holder, GetCallerIdentity, GetCallerIdentityInput::default()).await.unwrap();
    assert_eq!((who.arn, who.user_id), (Some(assumed.arn), Some(assumed.assumed_role_id)));
    let role = holder.session.unwrap().role.clone().unwrap();
    assert_eq!((role.arn.as_str(), role.session_name.as_str()), (ROLE, "monday"));
}

#[tokio::test]
async fn without_trust_or_without_a_permission_there_is_no_session() {
    let cloud = Cloud::new(2);
    cloud.directory.role("work/deploy", &trusts(OTHER_ACCOUNT, ""));
    let stranger = cloud.directory.user("ann", ALL);
    let poor = cloud.directory.user_of(OTHER_ACCOUNT, "bob", "");
    let good = cloud.directory.user_of(OTHER_ACCOUNT, "eve", ALL);
    for (caller, role, allowed) in [
        (&stranger, ROLE, false),
        (&poor, ROLE, false),
        (&good, ROLE, true),
        // Callers cannot tell a role that does not exist from one that does not trust them.
        (&good, "arn:aws:iam::123456789012:role/missing", false),
    ] {
        let input = AssumeRoleInput { role_arn: role.to_owned(), ..input("one") };
        match cloud.call(caller, AssumeRole, input).await {
            Ok(_) => assert!(allowed, "{} {role}", caller.arn),
            Err(fault) => {
                assert!(!allowed, "{} {role}: {fault}", caller.arn);
                let words = format!(
                    "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
                    caller.arn
                );
                assert_eq!((fault.code(), fault.message()), ("AccessDenied", words.as_str()));
            }
        }
    }
}

#[tokio::test]
async fn the_root_of_an_account_assumes_no_roles() {
    let cloud = Cloud::new(3);
    cloud.directory.role("work/deploy", &trusts(ACCOUNT, ""));
    let fault = cloud.call(&root(ACCOUNT), AssumeRole, input("one")).await.unwrap_err();
    assert_eq!(
        (fault.code(), fault.message()),
        ("AccessDenied", "Roles may not be assumed by root accounts.")
    );
    let input = AssumeRoleInput { role_arn: "arn:aws:iam::123456789012:user/ann".to_owned(), ..input("one") };
    let fault = cloud.call(&cloud.directory.user("ann", ALL), AssumeRole, input).await.unwrap_err();
    assert_eq!((fault.code(), fault.message()), ("ValidationError", "Request ARN is invalid"));
}

#[tokio::test]
async fn conditions_of_the_trust_policy_see_the_request() {
    let cloud = Cloud::new(4);
    let user = cloud.directory.user("ann", ALL);
    let with = |change: fn(&mut AssumeRoleInput)| {
        let mut input = input("one");
        change(&mut input);
        input
    };
    for (condition, asks, allowed) in [
        (
            r#""StringEquals":{"sts:ExternalId":"secret"}"#,
            with(|i| i.external_id = Some("secret".to_owned())),
            true,
        ),
        (
            r#""StringEquals":{"sts:ExternalId":"secret"}"#,
            with(|i| i.external_id = Some("guess".to_owned())),
            false,
        ),
        (r#""StringEquals":{"sts:ExternalId":"secret"}"#, with(|_| ()), false),
        (r#""StringLike":{"sts:RoleSessionName":"o*"}"#, with(|_| ()), true),
        (r#""StringEquals":{"sts:RoleSessionName":"${aws:username}"}"#, with(|_| ()), false),
        (
            r#""StringEquals":{"sts:RoleSessionName":"${aws:username}"}"#,
            with(|i| i.role_session_name = "ann".to_owned()),
            true,
        ),
        (r#""StringEquals":{"aws:RequestTag/Team":"a"}"#, with(|i| i.tags = tags(&[("Team", "a")])), true),
        (r#""StringEquals":{"aws:RequestTag/Team":"a"}"#, with(|i| i.tags = tags(&[("Team", "b")])), false),
        (
            r#""StringEquals":{"sts:SourceIdentity":"ann"}"#,
            with(|i| i.source_identity = Some("ann".to_owned())),
            true,
        ),
        (r#""StringEquals":{"sts:SourceIdentity":"ann"}"#, with(|_| ()), false),
        (r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#, with(|_| ()), false),
    ] {
        cloud.directory.role("work/deploy", &trusts(ACCOUNT, &format!(r#","Condition":{{{condition}}}"#)));
        let answer = cloud.call(&user, AssumeRole, asks).await;
        assert_eq!(answer.is_ok(), allowed, "{condition}: {:?}", answer.err());
    }
}

#[tokio::test]
async fn a_code_satisfies_a_trust_policy_that_wants_mfa_only_if_it_is_right() {
    let cloud = Cloud::new(5);
    let user = cloud.directory.user("ann", ALL);
    let wants = r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#;
    cloud.directory.role("work/deploy", &trusts(ACCOUNT, wants));
    cloud.directory.codes.lock().unwrap().insert(("device-of-ann".to_owned(), "123456".to_owned()));
    let with = |code: &str| AssumeRoleInput {
        serial_number: Some("device-of-ann".to_owned()),
        token_code: Some(code.to_owned()),
        ..input("one")
    };
    let fault = cloud.call(&user, AssumeRole, with("000000")).await.unwrap_err();
    assert_eq!(fault.message(), "MultiFactorAuthentication failed with invalid MFA one time pass code. ");
    let output = cloud.call(&user, AssumeRole, with("123456")).await.unwrap();
    assert_eq!(cloud.session(&output.credentials.unwrap()).mfa_at, Some(cloud.clock.now()));
}

#[tokio::test]
async fn durations_are_bounded_by_the_role_and_by_chains() {
    let cloud = Cloud::new(6);
    cloud.directory.role("work/deploy", &trusts(ACCOUNT, ""));
    cloud.directory.grant(ROLE, ALL);
    let user = cloud.directory.user("ann", ALL);
    let lasting = |seconds| AssumeRoleInput { duration_seconds: Some(seconds), ..input("one") };
    let output = cloud.call(&user, AssumeRole, lasting(14_400)).await.unwrap();
    let credentials = output.credentials.unwrap();
    assert_eq!(credentials.expiration.since(cloud.clock.now()).as_secs(), 14_400);
    let fault = cloud.call(&user, AssumeRole, lasting(14_401)).await.unwrap_err();
    let words = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!((fault.code(), fault.message()), ("ValidationError", words));
    let chained = cloud.holder(&credentials);
    let of_user = cloud.call(&user, GetSessionToken, GetSessionTokenInput::default()).await.unwrap();
    for caller in [chained, cloud.holder(&of_user.credentials.unwrap())] {
        assert!(cloud.call(&caller, AssumeRole, lasting(3_600)).await.is_ok());
        let fault = cloud.call(&caller, AssumeRole, lasting(3_601)).await.unwrap_err();
        let words = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
        assert_eq!((fault.code(), fault.message()), ("ValidationError", words));
    }
}

#[tokio::test]
async fn session_policies_travel_in_the_token() {
    let cloud = Cloud::new(7);
    cloud.directory.role("work/deploy", &trusts(ACCOUNT, ""));
    let user = cloud.directory.user("ann", ALL);
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{ALL}]}}"#);
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let with = |policy: &str| AssumeRoleInput {
        policy: Some(policy.to_owned()),
        policy_arns: Some(vec![PolicyDescriptorType { arn: Some(arn.to_owned()) }]),
        ..input("one")
    };
    let output = cloud.call(&user, AssumeRole, with(&policy)).await.unwrap();
    assert!(output.packed_policy_size.unwrap() > 0);
    let session = cloud.session(&output.credentials.unwrap());
    assert_eq!(
        (session.policies.as_slice(), session.policy_arns.as_slice()),
        (&[policy][..], &[arn.to_owned()][..])
    );
    let fault = cloud.call(&user, AssumeRole, with("{")).await.unwrap_err();
    assert_eq!(fault.code(), "MalformedPolicyDocument");
    let names: Vec<String> = (0..40).map(|n| format!("key-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
    let fault = cloud.call(&user, AssumeRole, AssumeRoleInput { tags: tags(&many), ..input("one") }).await;
    let fault = fault.unwrap_err();
    assert_eq!(fault.code(), "PackedPolicyTooLarge");
    assert!(fault.message().starts_with("Packed size of session tags consumes 1"), "{fault}");
}

#[tokio::test]
async fn transitive_tags_and_the_source_identity_go_down_the_chain() {
    let cloud = Cloud::new(8);
    cloud.directory.role("work/deploy", &trusts(ACCOUNT, ""));
    cloud.directory.grant(ROLE, ALL);
    let user = cloud.directory.user("ann", ALL);
    let asks = AssumeRoleInput {
        tags: tags(&[("Team", "a"), ("Cost", "1")]),
        transitive_tag_keys: Some(vec!["Team".to_owned()]),
        source_identity: Some("ann".to_owned()),
        ..input("one")
    };
    let first = cloud.call(&user, AssumeRole, asks).await.unwrap();
    assert_eq!(first.source_identity.as_deref(), Some("ann"));
    let caller = cloud.holder(&first.credentials.unwrap());
    let second =
        cloud.call(&caller, AssumeRole, AssumeRoleInput { tags: tags(&[("x", "y")]), ..input("two") });
    let second = second.await.unwrap();
    assert_eq!(second.source_identity.as_deref(), Some("ann"));
    let session = cloud.session(&second.credentials.unwrap());
    assert_eq!(session.tags.keys().collect::<Vec<_>>(), ["Team", "x"]);
    assert!(session.transitive_tags.contains("Team"));

    let again = AssumeRoleInput { tags: tags(&[("team", "b")]), ..input("two") };
    let fault = cloud.call(&caller, AssumeRole, again).await.unwrap_err();
    assert_eq!(fault.code(), "InvalidParameterValue");
    assert!(fault.message().contains("conflicts with a transitive tag key from the calling session"));
    let other = AssumeRoleInput { source_identity: Some("eve".to_owned()), ..input("two") };
    assert_eq!(cloud.call(&caller, AssumeRole, other).await.unwrap_err().code(), "AccessDenied");
}

#[tokio::test]
async fn tags_and_source_identities_need_permissions_of_their_own() {
    let cloud = Cloud::new(9);
    let trust = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:root"}},"Action":"sts:AssumeRole"}}"#
    );
    cloud.directory.role("work/deploy", &trust);
    let user: Principal = cloud.directory.user("ann", ALL);
    assert!(cloud.call(&user, AssumeRole, input("one")).await.is_ok());
    for (asks, action) in [
        (AssumeRoleInput { tags: tags(&[("a", "b")]), ..input("one") }, "sts:TagSession"),
        (
            AssumeRoleInput { source_identity: Some("ann".to_owned()), ..input("one") },
            "sts:SetSourceIdentity",
        ),
    ] {
        let fault = cloud.call(&user, AssumeRole, asks).await.unwrap_err();
        let words = format!("User: {} is not authorized to perform: {action} on resource: {ROLE}", user.arn);
        assert_eq!((fault.code(), fault.message()), ("AccessDenied", words.as_str()));
    }
    assert_eq!(cloud.last_error().as_deref(), Some("AccessDenied"));
}
