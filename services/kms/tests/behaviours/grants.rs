//! Grants: who gets what by them, under which constraints, and how they end.

use base::AccountId;
use kms_api::*;
use schema::Fault;
use service::Principal;
use testkit::Cloud;

use crate::crypto_support::*;

fn granting(key: &str, grantee: &str, operations: &[&str]) -> CreateGrantInput {
    CreateGrantInput {
        key_id: key.to_owned(),
        grantee_principal: Some(grantee.to_owned()),
        operations: operations.iter().map(|name| GrantOperation::from(*name)).collect(),
        ..CreateGrantInput::default()
    }
}

async fn grant(cloud: &Cloud, input: CreateGrantInput) -> CreateGrantOutput {
    cloud.call(CreateGrant, input).await.expect("the grant is possible")
}

fn equals(pairs: &[(&str, &str)]) -> Option<GrantConstraints> {
    Some(GrantConstraints { encryption_context_equals: context(pairs), ..GrantConstraints::default() })
}

fn subset(pairs: &[(&str, &str)]) -> Option<GrantConstraints> {
    Some(GrantConstraints { encryption_context_subset: context(pairs), ..GrantConstraints::default() })
}

async fn encrypts(cloud: &Cloud, who: &Principal, key: &str, pairs: &[(&str, &str)]) -> bool {
    let input = EncryptInput { encryption_context: context(pairs), ..encrypt_input(key, b"x") };
    may(by(cloud, who, Encrypt, input).await)
}

fn may<T>(result: Result<T, Fault>) -> bool {
    match result {
        Ok(_) => true,
        Err(fault) if fault.code() == "AccessDeniedException" => false,
        Err(fault) => panic!("it failed otherwise: {fault:?}"),
    }
}

async fn listed(cloud: &Cloud, key: &str) -> Vec<GrantListEntry> {
    let input = ListGrantsInput { key_id: key.to_owned(), ..ListGrantsInput::default() };
    cloud.call(ListGrants, input).await.expect("the key is there").grants.expect("there is a list")
}

fn retiring(key: &str, grant: &CreateGrantOutput) -> RetireGrantInput {
    RetireGrantInput {
        key_id: Some(key.to_owned()),
        grant_id: grant.grant_id.clone(),
        ..RetireGrantInput::default()
    }
}

#[tokio::test]
async fn a_grant_gives_its_operations_at_once_and_no_others() {
    let cloud = Cloud::new(1).await;
    let key = symmetric(&cloud).await;
    let bob = user(&cloud, AccountId::DEV, "bob").await;
    assert!(!encrypts(&cloud, &bob, &key, &[]).await);
    let made = grant(&cloud, granting(&key, &bob.arn, &["Encrypt", "DescribeKey"])).await;
    assert!(encrypts(&cloud, &bob, &key, &[]).await);
    let describe = DescribeKeyInput { key_id: key.clone(), ..DescribeKeyInput::default() };
    by(&cloud, &bob, DescribeKey, describe).await.unwrap();
    let blob = encrypt(&cloud, &key, b"x").await;
    refused(by(&cloud, &bob, Decrypt, decrypt_input(&blob)).await, "AccessDeniedException");

    let input = RevokeGrantInput {
        key_id: key.clone(),
        grant_id: made.grant_id.unwrap(),
        ..RevokeGrantInput::default()
    };
    cloud.call(RevokeGrant, input.clone()).await.unwrap();
    assert!(!encrypts(&cloud, &bob, &key, &[]).await);
    refused(cloud.call(RevokeGrant, input).await, "NotFoundException");
}

#[tokio::test]
async fn a_grant_to_a_role_is_for_its_sessions_and_one_to_a_session_for_that_alone() {
    let cloud = Cloud::new(2).await;
    let (one, other) = (symmetric(&cloud).await, symmetric(&cloud).await);
    let session = role_session(&cloud, "worker").await;
    assert!(!encrypts(&cloud, &session, &one, &[]).await);
    let role = format!("arn:aws:iam::{OWNER}:role/worker");
    grant(&cloud, granting(&one, &role, &["Encrypt"])).await;
    assert!(encrypts(&cloud, &session, &one, &[]).await);
    grant(&cloud, granting(&other, &session.arn.replace("/test", "/another"), &["Encrypt"])).await;
    assert!(!encrypts(&cloud, &session, &other, &[]).await);
    grant(&cloud, granting(&other, &session.arn, &["Encrypt"])).await;
    assert!(encrypts(&cloud, &session, &other, &[]).await);
}

#[tokio::test]
async fn a_denial_wins_over_a_grant() {
    let cloud = Cloud::new(3).await;
    let bob = user(&cloud, AccountId::DEV, "bob").await;
    let key = symmetric(&cloud).await;
    grant(&cloud, granting(&key, &bob.arn, &["Encrypt", "Decrypt"])).await;
    let_user(&cloud, &bob, "Deny", "kms:Encrypt").await;
    assert!(!encrypts(&cloud, &bob, &key, &[]).await);

    let statement = format!(
        r#"{{"Effect":"Deny","Principal":{{"AWS":"{}"}},"Action":"kms:Decrypt","Resource":"*"}}"#,
        bob.arn
    );
    let strict = key_with_statement(&cloud, &statement).await;
    grant(&cloud, granting(&strict, &bob.arn, &["Decrypt"])).await;
    let blob = encrypt(&cloud, &strict, b"x").await;
    refused(by(&cloud, &bob, Decrypt, decrypt_input(&blob)).await, "AccessDeniedException");
}

#[tokio::test]
async fn constraints_bind_the_operations_that_have_a_context() {
    let cloud = Cloud::new(4).await;
    let (key, bob) = (symmetric(&cloud).await, user(&cloud, AccountId::DEV, "bob").await);
    let operations = ["Encrypt", "DescribeKey"];
    let input = CreateGrantInput {
        constraints: subset(&[("team", "blue"), ("app", "${aws:username}")]),
        ..granting(&key, &bob.arn, &operations)
    };
    let first = grant(&cloud, input).await;
    let whole = [("team", "blue"), ("app", "${aws:username}")];
    for (pairs, expected) in [
        (&whole[..], true),
        (&[whole[0], whole[1], ("more", "x")], true),
        (&[("TEAM", "blue"), whole[1]], true),
        (&whole[..1], false),
        (&[("team", "Blue"), whole[1]], false),
        (&[whole[0], ("app", "bob")], false),
        (&[], false),
    ] {
        assert_eq!(encrypts(&cloud, &bob, &key, pairs).await, expected, "{pairs:?}");
    }
    let describe = DescribeKeyInput { key_id: key.clone(), ..DescribeKeyInput::default() };
    by(&cloud, &bob, DescribeKey, describe).await.unwrap();

    cloud.call(RetireGrant, retiring(&key, &first)).await.unwrap();
    let input = CreateGrantInput { constraints: equals(&whole), ..granting(&key, &bob.arn, &operations) };
    let second = grant(&cloud, input).await;
    for (pairs, expected) in [
        (&whole[..], true),
        (&[whole[0], whole[1], ("more", "x")], false),
        (&whole[..1], false),
        (&[], false),
    ] {
        assert_eq!(encrypts(&cloud, &bob, &key, pairs).await, expected, "{pairs:?}");
    }
    cloud.call(RetireGrant, retiring(&key, &second)).await.unwrap();
    let input = CreateGrantInput { constraints: equals(&[]), ..granting(&key, &bob.arn, &["Encrypt"]) };
    grant(&cloud, input).await;
    assert!(encrypts(&cloud, &bob, &key, &[]).await && !encrypts(&cloud, &bob, &key, &whole).await);
}

#[tokio::test]
async fn grants_that_cannot_be_are_refused() {
    let cloud = Cloud::new(5).await;
    let (key_id, bob) = (symmetric(&cloud).await, user(&cloud, AccountId::DEV, "bob").await);
    let signing = key(&cloud, "ECC_NIST_P256", "SIGN_VERIFY").await;
    let good = granting(&key_id, &bob.arn, &["Encrypt"]);
    let long = "v".repeat(385);
    let many: Vec<(String, String)> = (0..9).map(|n| (format!("k{n}"), String::new())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let invalid = [
        granting(&key_id, &bob.arn, &["Sign"]),
        granting(&signing, &bob.arn, &["GenerateDataKey"]),
        granting(&key_id, &bob.arn, &["CreateGrant"]),
        CreateGrantInput { constraints: equals(&[("a", &long)]), ..good.clone() },
        CreateGrantInput { constraints: subset(&many), ..good.clone() },
        CreateGrantInput { constraints: subset(&[("a", "b")]), ..granting(&signing, &bob.arn, &["Sign"]) },
        CreateGrantInput { grantee_principal: None, ..good.clone() },
        CreateGrantInput { grantee_service_principal: Some("sqs.amazonaws.com".to_owned()), ..good.clone() },
        CreateGrantInput {
            grantee_principal: None,
            grantee_service_principal: Some("sqs.amazonaws.com".to_owned()),
            ..good.clone()
        },
    ];
    for input in invalid {
        refused(cloud.call(CreateGrant, input).await, "ValidationException");
    }
    for principal in [
        "bob",
        "arn:aws:iam::000000000000:group/x",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::000000000000:user/nobody",
        "arn:aws:iam::222222222222:role/nobody",
    ] {
        let message = refused(
            cloud.call(CreateGrant, granting(&key_id, principal, &["Encrypt"])).await,
            "InvalidArnException",
        );
        assert_eq!(message, format!("ARN does not refer to a valid principal: {principal}"));
    }
    let alias = granting("alias/orders", &bob.arn, &["Encrypt"]);
    refused(cloud.call(CreateGrant, alias).await, "InvalidArnException");
    let dry = CreateGrantInput { dry_run: Some(true), ..good.clone() };
    refused(cloud.call(CreateGrant, dry).await, "DryRunOperationException");
    disable(&cloud, &key_id).await;
    refused(cloud.call(CreateGrant, good).await, "DisabledException");
    assert!(listed(&cloud, &key_id).await.is_empty());
}

#[tokio::test]
async fn a_named_grant_is_made_once_for_the_same_parameters() {
    let cloud = Cloud::new(6).await;
    let (key, bob) = (symmetric(&cloud).await, user(&cloud, AccountId::DEV, "bob").await);
    let named = CreateGrantInput { name: Some("once".to_owned()), ..granting(&key, &bob.arn, &["Encrypt"]) };
    let (one, again) = (grant(&cloud, named.clone()).await, grant(&cloud, named.clone()).await);
    assert_eq!(one.grant_id, again.grant_id);
    assert_ne!(one.grant_token, again.grant_token);
    let other = CreateGrantInput { operations: vec![GrantOperation::from("Decrypt")], ..named };
    assert_ne!(grant(&cloud, other).await.grant_id, one.grant_id);
    let nameless = granting(&key, &bob.arn, &["Encrypt"]);
    assert_ne!(grant(&cloud, nameless.clone()).await.grant_id, grant(&cloud, nameless).await.grant_id);
    let entries = listed(&cloud, &key).await;
    assert_eq!(entries.len(), 4);
    let first = entries.iter().find(|entry| entry.grant_id == one.grant_id).unwrap();
    assert_eq!((first.name.as_deref(), first.key_id.as_ref()), (Some("once"), Some(&key)));
    assert_eq!(first.grantee_principal.as_ref(), Some(&bob.arn));
    assert_eq!(first.issuing_account.as_deref(), Some("arn:aws:iam::000000000000:root"));
}

#[tokio::test]
async fn grant_tokens_are_accepted_if_they_are_tokens() {
    let cloud = Cloud::new(7).await;
    let (key, bob) = (symmetric(&cloud).await, user(&cloud, AccountId::DEV, "bob").await);
    let made = grant(&cloud, granting(&key, &bob.arn, &["Encrypt"])).await;
    let with = |token: String| EncryptInput { grant_tokens: Some(vec![token]), ..encrypt_input(&key, b"x") };
    by(&cloud, &bob, Encrypt, with(made.grant_token.clone().unwrap())).await.unwrap();
    for token in ["garbage".to_owned(), String::new(), made.grant_token.unwrap().to_lowercase()] {
        refused(cloud.call(Encrypt, with(token)).await, "InvalidGrantTokenException");
    }
    let input = RetireGrantInput { grant_token: Some("garbage".to_owned()), ..RetireGrantInput::default() };
    refused(cloud.call(RetireGrant, input).await, "InvalidGrantTokenException");
}

#[tokio::test]
async fn a_grant_is_retired_by_those_it_says() {
    let cloud = Cloud::new(8).await;
    let key = symmetric(&cloud).await;
    let bob = user(&cloud, AccountId::DEV, "bob").await;
    let eve = user(&cloud, AccountId::DEV, "eve").await;
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    let input = CreateGrantInput {
        retiring_principal: Some(ann.arn.clone()),
        ..granting(&key, &bob.arn, &["Encrypt", "Decrypt"])
    };
    let made = grant(&cloud, input.clone()).await;
    let by_token = |made: &CreateGrantOutput| RetireGrantInput {
        grant_token: made.grant_token.clone(),
        ..Default::default()
    };
    refused(by(&cloud, &bob, RetireGrant, retiring(&key, &made)).await, "AccessDeniedException");
    refused(by(&cloud, &eve, RetireGrant, by_token(&made)).await, "AccessDeniedException");
    let dry = RetireGrantInput { dry_run: Some(true), ..by_token(&made) };
    refused(by(&cloud, &ann, RetireGrant, dry).await, "DryRunOperationException");
    by(&cloud, &ann, RetireGrant, by_token(&made)).await.unwrap();
    assert!(!encrypts(&cloud, &bob, &key, &[]).await);
    refused(cloud.call(RetireGrant, retiring(&key, &made)).await, "NotFoundException");

    // The grantee may if the grant says so, unless its own policies deny it.
    let made = grant(&cloud, granting(&key, &bob.arn, &["Encrypt", "RetireGrant"])).await;
    let_user(&cloud, &bob, "Deny", "kms:RetireGrant").await;
    refused(by(&cloud, &bob, RetireGrant, by_token(&made)).await, "AccessDeniedException");
    // The account may, and passes that on by its own policies.
    refused(by(&cloud, &eve, RetireGrant, by_token(&made)).await, "AccessDeniedException");
    let_user(&cloud, &eve, "Allow", "kms:RetireGrant").await;
    by(&cloud, &eve, RetireGrant, by_token(&made)).await.unwrap();

    for bad in [
        RetireGrantInput::default(),
        RetireGrantInput { key_id: Some(key.clone()), ..RetireGrantInput::default() },
    ] {
        refused(cloud.call(RetireGrant, bad).await, "ValidationException");
    }
    let long = format!("arn:aws:kms:us-east-1:{OWNER}:key/{}", "x".repeat(2_000));
    let long = RetireGrantInput { key_id: Some(long), ..retiring(&key, &made) };
    refused(cloud.call(RetireGrant, long).await, "InvalidArnException");
    let malformed = RetireGrantInput { grant_id: Some("x".to_owned()), ..retiring(&key, &made) };
    refused(cloud.call(RetireGrant, malformed).await, "InvalidGrantIdException");
}

#[tokio::test]
async fn who_may_retire_one_grant_may_not_retire_another() {
    let cloud = Cloud::new(9).await;
    let key = symmetric(&cloud).await;
    let ann = user(&cloud, AccountId::DEV, "ann").await;
    let own = CreateGrantInput {
        retiring_principal: Some(ann.arn.clone()),
        ..granting(&key, &ann.arn, &["Encrypt"])
    };
    grant(&cloud, own).await;
    let other = grant(&cloud, granting(&key, &ann.arn, &["Decrypt"])).await;
    refused(by(&cloud, &ann, RetireGrant, retiring(&key, &other)).await, "AccessDeniedException");
    // A key policy has no say in it.
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:RetireGrant","Resource":"*"}}"#,
        ann.arn
    );
    let open = key_with_statement(&cloud, &statement).await;
    let made = grant(&cloud, granting(&open, &ann.arn, &["Encrypt"])).await;
    refused(by(&cloud, &ann, RetireGrant, retiring(&open, &made)).await, "AccessDeniedException");
}

#[tokio::test]
async fn a_grant_by_the_leave_of_a_grant_allows_no_more_than_it() {
    let cloud = Cloud::new(10).await;
    let key = symmetric(&cloud).await;
    let bob = user(&cloud, AccountId::DEV, "bob").await;
    let eve = user(&cloud, AccountId::DEV, "eve").await;
    let parent = CreateGrantInput {
        constraints: subset(&[("team", "blue")]),
        ..granting(&key, &bob.arn, &["Encrypt", "Decrypt", "CreateGrant"])
    };
    grant(&cloud, parent).await;
    let child = |operations: &[&str], constraints| CreateGrantInput {
        constraints,
        ..granting(&key, &eve.arn, operations)
    };
    for (operations, constraints, expected) in [
        (&["Encrypt"][..], subset(&[("team", "blue")]), true),
        (&["Encrypt", "CreateGrant"], subset(&[("team", "blue"), ("more", "x")]), true),
        (&["Decrypt"], equals(&[("team", "blue")]), true),
        (&["Encrypt"], None, false),
        (&["Encrypt"], subset(&[("team", "red")]), false),
        (&["Encrypt"], subset(&[("more", "x")]), false),
        (&["Encrypt", "GenerateDataKey"], subset(&[("team", "blue")]), false),
    ] {
        let result = by(&cloud, &bob, CreateGrant, child(operations, constraints.clone())).await;
        assert_eq!(may(result), expected, "{operations:?} {constraints:?}");
    }
    let strict = symmetric(&cloud).await;
    let parent = CreateGrantInput {
        constraints: equals(&[("team", "blue")]),
        ..granting(&strict, &bob.arn, &["Encrypt", "CreateGrant"])
    };
    grant(&cloud, parent).await;
    for (constraints, expected) in [
        (equals(&[("team", "blue")]), true),
        (subset(&[("team", "blue")]), false),
        (equals(&[("team", "blue"), ("more", "x")]), false),
    ] {
        let input = CreateGrantInput { constraints, ..granting(&strict, &eve.arn, &["Encrypt"]) };
        assert_eq!(may(by(&cloud, &bob, CreateGrant, input).await), expected);
    }
}

#[tokio::test]
async fn policies_can_limit_which_grants_are_made() {
    let cloud = Cloud::new(11).await;
    let bob = user(&cloud, AccountId::DEV, "bob").await;
    let eve = user(&cloud, AccountId::DEV, "eve").await;
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:CreateGrant","Resource":"*","Condition":{{
            "ForAllValues:StringEquals":{{"kms:GrantOperations":["Encrypt","Decrypt"]}},
            "StringEquals":{{"kms:GranteePrincipal":"{}","kms:GrantConstraintType":"EncryptionContextSubset"}}}}}}"#,
        bob.arn, eve.arn
    );
    let key = key_with_statement(&cloud, &statement).await;
    let good =
        CreateGrantInput { constraints: subset(&[("a", "b")]), ..granting(&key, &eve.arn, &["Encrypt"]) };
    by(&cloud, &bob, CreateGrant, good.clone()).await.unwrap();
    for bad in [
        CreateGrantInput { grantee_principal: Some(bob.arn.clone()), ..good.clone() },
        CreateGrantInput { operations: vec!["Encrypt".into(), "DescribeKey".into()], ..good.clone() },
        CreateGrantInput { constraints: equals(&[("a", "b")]), ..good.clone() },
        CreateGrantInput { constraints: None, ..good },
    ] {
        refused(by(&cloud, &bob, CreateGrant, bad).await, "AccessDeniedException");
    }
}

#[tokio::test]
async fn grants_are_listed_in_pages_and_by_filter() {
    let cloud = Cloud::new(12).await;
    let key = symmetric(&cloud).await;
    let bob = user(&cloud, AccountId::DEV, "bob").await;
    let eve = user(&cloud, AccountId::DEV, "eve").await;
    let mut made = Vec::new();
    for n in 0..7 {
        let grantee = if n % 2 == 0 { &bob.arn } else { &eve.arn };
        made.push(grant(&cloud, granting(&key, grantee, &["Encrypt"])).await.grant_id.unwrap());
    }
    made.sort();
    let mut seen = Vec::new();
    let mut marker = None;
    loop {
        let input =
            ListGrantsInput { key_id: key.clone(), limit: Some(3), marker, ..ListGrantsInput::default() };
        let page = cloud.call(ListGrants, input).await.unwrap();
        seen.extend(page.grants.unwrap().into_iter().map(|entry| entry.grant_id.unwrap()));
        marker = page.next_marker;
        assert_eq!(page.truncated, Some(marker.is_some()));
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let base = ListGrantsInput { key_id: key.clone(), ..ListGrantsInput::default() };
    let bobs = ListGrantsInput { grantee_principal: Some(bob.arn.clone()), limit: Some(2), ..base.clone() };
    let page = cloud.call(ListGrants, bobs).await.unwrap();
    assert!(page.grants.unwrap().iter().all(|entry| entry.grantee_principal.as_ref() == Some(&bob.arn)));
    assert_eq!(page.truncated, Some(true));
    let one = ListGrantsInput { grant_id: Some(made[4].clone()), ..base.clone() };
    assert_eq!(cloud.call(ListGrants, one).await.unwrap().grants.unwrap().len(), 1);
    let service = ListGrantsInput { grantee_service_principal: Some("a.b.c".to_owned()), ..base.clone() };
    refused(cloud.call(ListGrants, service).await, "AccessDeniedException");
    let marker = ListGrantsInput { marker: Some("x".to_owned()), ..base };
    refused(cloud.call(ListGrants, marker).await, "InvalidMarkerException");
    refused(
        by(&cloud, &bob, ListGrants, ListGrantsInput { key_id: key, ..Default::default() }).await,
        "AccessDeniedException",
    );
}

#[tokio::test]
async fn a_key_holds_more_grants_than_a_policy_has_room_for() {
    let cloud = Cloud::new(13).await;
    let key = symmetric(&cloud).await;
    let bob = user(&cloud, AccountId::DEV, "bob").await;
    let pairs: Vec<(String, String)> = (0..8).map(|n| (format!("key{n}"), "v".repeat(384))).collect();
    let pairs: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    // Four kilobytes each, and a policy takes 128.
    const GRANTS: usize = 60;
    for number in 0..GRANTS {
        let mut own = pairs.clone();
        let first = format!("{number}{}", "v".repeat(370));
        own[0].1 = &first;
        let input = CreateGrantInput { constraints: equals(&own), ..granting(&key, &bob.arn, &["Encrypt"]) };
        cloud.call(CreateGrant, input).await.unwrap();
    }
    for (number, allowed) in [(0, true), (GRANTS / 2, true), (GRANTS - 1, true), (GRANTS, false)] {
        let mut own = pairs.clone();
        let first = format!("{number}{}", "v".repeat(370));
        own[0].1 = &first;
        assert_eq!(encrypts(&cloud, &bob, &key, &own).await, allowed, "{number}");
    }
}

#[tokio::test]
async fn a_service_uses_what_it_is_granted_and_no_more_without_its_source() {
    let cloud = Cloud::new(14).await;
    let (key, other) = (symmetric(&cloud).await, symmetric(&cloud).await);
    let sqs = Principal::service("sqs.amazonaws.com", AccountId::DEV);
    assert!(!encrypts(&cloud, &sqs, &key, &[]).await);
    grant(&cloud, granting(&key, "sqs.us-east-1.amazonaws.com", &["Encrypt"])).await;
    assert!(encrypts(&cloud, &sqs, &key, &[]).await);
    let source_arn = Some("arn:aws:sqs:us-east-1:000000000000:orders".to_owned());
    let input = CreateGrantInput {
        grantee_principal: None,
        grantee_service_principal: Some("sqs.amazonaws.com".to_owned()),
        retiring_service_principal: Some("sqs.amazonaws.com".to_owned()),
        constraints: Some(GrantConstraints { source_arn, ..GrantConstraints::default() }),
        ..granting(&other, "", &["Encrypt"])
    };
    let made = grant(&cloud, input).await;
    assert!(!encrypts(&cloud, &sqs, &other, &[]).await);
    let entry = &listed(&cloud, &other).await[0];
    let names = (entry.grantee_service_principal.as_deref(), entry.retiring_service_principal.as_deref());
    assert_eq!(names, (Some("sqs.amazonaws.com"), Some("sqs.amazonaws.com")));
    assert_eq!(entry.grantee_principal, None);
    by(&cloud, &sqs, RetireGrant, retiring(&other, &made)).await.unwrap();
    assert!(listed(&cloud, &other).await.is_empty());
}
