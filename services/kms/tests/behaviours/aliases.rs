//! Aliases name keys, move, and go.

use kms_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::crypto_support::*;
use crate::keys::describe;

async fn create(cloud: &Cloud, name: &str, key: &str) -> Result<CreateAliasOutput, Fault> {
    let input = CreateAliasInput { alias_name: name.to_owned(), target_key_id: key.to_owned() };
    cloud.call(CreateAlias, input).await
}

async fn update(cloud: &Cloud, name: &str, key: &str) -> Result<UpdateAliasOutput, Fault> {
    let input = UpdateAliasInput { alias_name: name.to_owned(), target_key_id: key.to_owned() };
    cloud.call(UpdateAlias, input).await
}

async fn names(cloud: &Cloud, key: Option<&str>) -> Vec<String> {
    let input = ListAliasesInput { key_id: key.map(str::to_owned), ..ListAliasesInput::default() };
    let aliases = cloud.call(ListAliases, input).await.expect("aliases are listed").aliases;
    let made = aliases.unwrap_or_default().into_iter().filter(|alias| alias.target_key_id.is_some());
    made.filter_map(|alias| alias.alias_name).collect()
}

#[tokio::test]
async fn an_alias_moves_to_another_key_of_its_kind() {
    let cloud = Cloud::new(1).await;
    let (one, two) = (symmetric(&cloud).await, symmetric(&cloud).await);
    let rsa = key(&cloud, "RSA_2048", "SIGN_VERIFY").await;
    create(&cloud, "alias/app", &one).await.unwrap();
    let first = encrypt(&cloud, "alias/app", b"x").await;
    update(&cloud, "alias/app", &two).await.unwrap();
    let second = encrypt(&cloud, "alias/app", b"x").await;
    assert_eq!(decrypt(&cloud, &first).await.unwrap().key_id, Some(one.clone()));
    assert_eq!(decrypt(&cloud, &second).await.unwrap().key_id, Some(two.clone()));
    refused(update(&cloud, "alias/app", &rsa).await, "ValidationException");
    refused(update(&cloud, "alias/other", &two).await, "NotFoundException");
    assert_eq!(names(&cloud, Some(&one)).await, Vec::<String>::new());
    assert_eq!(names(&cloud, Some(&two)).await, ["alias/app"]);
    let input = DeleteAliasInput { alias_name: "alias/app".to_owned() };
    cloud.call(DeleteAlias, input.clone()).await.unwrap();
    assert_eq!(names(&cloud, None).await, Vec::<String>::new());
    refused(cloud.call(DeleteAlias, input).await, "NotFoundException");
    refused(cloud.call(Encrypt, encrypt_input("alias/app", b"x")).await, "NotFoundException");
}

#[tokio::test]
async fn an_alias_is_there_once_and_well_formed() {
    let cloud = Cloud::new(2).await;
    let key = symmetric(&cloud).await;
    create(&cloud, "alias/app", &key).await.unwrap();
    let message = refused(create(&cloud, "alias/app", &key).await, "AlreadyExistsException");
    let arn = format!("arn:aws:kms:us-east-1:{OWNER}:alias/app");
    assert_eq!(message, format!("An alias with the name {arn} already exists"));
    let message = refused(create(&cloud, "app", &key).await, "ValidationException");
    assert!(message.starts_with("Alias must start with the prefix \"alias/\". Please see "), "{message}");
    refused(create(&cloud, "alias/a:b", &key).await, "ValidationException");
    refused(create(&cloud, "alias/aws/app", &key).await, "NotAuthorizedException");
    refused(create(&cloud, "alias/two", "alias/app").await, "NotFoundException");
    schedule_deletion(&cloud, &key).await;
    refused(create(&cloud, "alias/three", &key).await, "KMSInvalidStateException");
}

#[tokio::test]
async fn a_key_has_fifty_aliases_at_most_and_they_are_listed_in_pages() {
    let cloud = Cloud::new(3).await;
    let key = symmetric(&cloud).await;
    for number in 0..50 {
        create(&cloud, &format!("alias/{number:02}"), &key).await.unwrap();
    }
    refused(create(&cloud, "alias/one-more", &key).await, "LimitExceededException");
    for of_key in [None, Some(key.clone())] {
        let input =
            ListAliasesInput { key_id: of_key.clone(), limit: Some(30), ..ListAliasesInput::default() };
        let page = cloud.call(ListAliases, input).await.unwrap();
        assert_eq!((page.aliases.unwrap().len(), page.truncated), (30, Some(true)));
        let input = ListAliasesInput { key_id: of_key, marker: page.next_marker, ..Default::default() };
        let page = cloud.call(ListAliases, input).await.unwrap();
        let aliases = page.aliases.unwrap();
        let made = aliases.iter().filter(|alias| alias.target_key_id.is_some()).count();
        assert_eq!((made, page.truncated), (20, Some(false)));
        assert_eq!(aliases[0].alias_name.as_deref(), Some("alias/30"));
        assert_eq!(aliases[0].target_key_id, Some(id_of(&key)));
    }
}

#[tokio::test]
async fn the_aliases_of_services_are_listed_in_their_places_before_they_have_keys() {
    let cloud = Cloud::new(5).await;
    let key = symmetric(&cloud).await;
    for name in ["alias/a", "alias/aws-like", "alias/b", "alias/c"] {
        create(&cloud, name, &key).await.unwrap();
    }
    describe(&cloud, "alias/aws/s3").await;
    for limit in [1, 2, 3, 7, 100] {
        let mut listed: Vec<AliasListEntry> = Vec::new();
        let mut marker = None;
        loop {
            let input = ListAliasesInput { limit: Some(limit), marker, ..ListAliasesInput::default() };
            let page = cloud.call(ListAliases, input).await.unwrap();
            let aliases = page.aliases.unwrap();
            assert!(aliases.len() <= limit as usize);
            listed.extend(aliases);
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        let names: Vec<&str> = listed.iter().filter_map(|alias| alias.alias_name.as_deref()).collect();
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
        let predefined = names.iter().filter(|name| name.starts_with("alias/aws/")).count();
        assert!(predefined > 20, "{names:?}");
        assert_eq!(names.len(), predefined + 4, "{names:?}");
        let with_key = listed.iter().filter(|alias| alias.target_key_id.is_some()).count();
        assert_eq!(with_key, 5);
    }
}

#[tokio::test]
async fn a_list_refuses_pages_that_are_too_long() {
    let cloud = Cloud::new(6).await;
    let key = symmetric(&cloud).await;
    let aliases = ListAliasesInput { limit: Some(101), ..ListAliasesInput::default() };
    let message = refused(cloud.call(ListAliases, aliases).await, "ValidationException");
    let expected = "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have \
                    value less than or equal to 100";
    assert_eq!(message, expected);
    let grants = ListGrantsInput { key_id: key.clone(), limit: Some(101), ..ListGrantsInput::default() };
    assert_eq!(refused(cloud.call(ListGrants, grants).await, "ValidationException"), expected);
    let tags = ListResourceTagsInput { key_id: key, limit: Some(51), ..ListResourceTagsInput::default() };
    refused(cloud.call(ListResourceTags, tags).await, "ValidationException");
}

#[tokio::test]
async fn an_alias_takes_the_permission_for_itself_and_for_its_keys() {
    let cloud = Cloud::new(4).await;
    let key = symmetric(&cloud).await;
    let ann = user(&cloud, base::AccountId::DEV, "ann").await;
    let input = CreateAliasInput { alias_name: "alias/app".to_owned(), target_key_id: key.clone() };
    refused(by(&cloud, &ann, CreateAlias, input.clone()).await, "AccessDeniedException");
    let allow = |resource: &str| iam_api::PutUserPolicyInput {
        user_name: "ann".to_owned(),
        policy_name: "p".to_owned(),
        policy_document: format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"kms:*Alias","Resource":{resource}}}}}"#
        ),
    };
    cloud.call(iam_api::PutUserPolicy, allow(&format!("\"{key}\""))).await.unwrap();
    refused(by(&cloud, &ann, CreateAlias, input.clone()).await, "AccessDeniedException");
    let both = format!(r#"["{key}", "arn:aws:kms:us-east-1:{OWNER}:alias/app"]"#);
    cloud.call(iam_api::PutUserPolicy, allow(&both)).await.unwrap();
    by(&cloud, &ann, CreateAlias, input).await.unwrap();
    let alone = format!(r#""arn:aws:kms:us-east-1:{OWNER}:alias/app""#);
    cloud.call(iam_api::PutUserPolicy, allow(&alone)).await.unwrap();
    let input = DeleteAliasInput { alias_name: "alias/app".to_owned() };
    refused(by(&cloud, &ann, DeleteAlias, input).await, "AccessDeniedException");
}
