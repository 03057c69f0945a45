//! Users as resources.

use store::SimOptions;

use super::*;

#[tokio::test]
async fn a_user_reads_back_as_it_was_made() {
    let cloud = Cloud::new(1).await;
    let input = CreateUserInput {
        path: Some("/division/".to_owned()),
        user_name: "Bob".to_owned(),
        permissions_boundary: None,
        tags: Some(vec![tag("Team", "blue"), tag("cost", "7")]),
    };
    let made = cloud.call(CreateUser, input).await.unwrap().user.unwrap();
    assert_eq!(made.arn, "arn:aws:iam::000000000000:user/division/Bob");
    assert!(made.user_id.starts_with("AIDA") && made.user_id.len() == 21);
    assert_eq!(made.tags, Some(vec![tag("Team", "blue"), tag("cost", "7")]));
    assert_eq!(user(&cloud, "bob").await.unwrap(), made, "names are one in any case");

    let listed = cloud.call(ListUsers, ListUsersInput::default()).await.unwrap();
    assert_eq!(listed.users, [User { tags: None, ..made }], "listings leave tags out");
    assert_eq!((listed.is_truncated, listed.marker), (Some(false), None));
}

#[tokio::test]
async fn names_are_taken_in_any_case_and_the_absent_is_not_found() {
    let cloud = Cloud::new(2).await;
    create_user(&cloud, "bob").await;
    let input = CreateUserInput { user_name: "BOB".to_owned(), ..CreateUserInput::default() };
    let taken = words(cloud.call(CreateUser, input).await);
    assert_eq!(taken, ("EntityAlreadyExists".to_owned(), "User with name BOB already exists.".to_owned()));
    let absent = ("NoSuchEntity".to_owned(), "The user with name eve cannot be found.".to_owned());
    assert_eq!(words(user(&cloud, "eve").await), absent);
    assert_eq!(words(delete_user(&cloud, "eve").await), absent);
    let boundary = "arn:aws:iam::000000000000:policy/absent";
    let input = CreateUserInput {
        user_name: "carol".to_owned(),
        permissions_boundary: Some(boundary.to_owned()),
        ..CreateUserInput::default()
    };
    let (code, message) = words(cloud.call(CreateUser, input).await);
    assert_eq!(code, "NoSuchEntity");
    assert_eq!(message, format!("Scope ARN: {boundary} does not exist or is not attachable."));
}

#[tokio::test]
async fn a_renamed_user_keeps_its_id_and_all_that_hangs_on_it() {
    let cloud = Cloud::new(3).await;
    let before = create_user(&cloud, "bob").await;
    create_group(&cloud, "admins").await;
    join(&cloud, "admins", "bob").await.unwrap();
    let input = CreateAccessKeyInput { user_name: Some("bob".to_owned()) };
    let key = cloud.call(CreateAccessKey, input).await.unwrap().access_key;
    create_user(&cloud, "eve").await;

    let rename = |new: &str, path: Option<&str>| UpdateUserInput {
        user_name: "bob".to_owned(),
        new_path: path.map(str::to_owned),
        new_user_name: Some(new.to_owned()),
    };
    assert_eq!(words(cloud.call(UpdateUser, rename("Eve", None)).await).0, "EntityAlreadyExists");
    cloud.call(UpdateUser, rename("robert", Some("/x/"))).await.unwrap();

    let after = user(&cloud, "robert").await.unwrap();
    assert_eq!(after.user_id, before.user_id);
    assert_eq!(after.arn, "arn:aws:iam::000000000000:user/x/robert");
    assert_eq!(words(user(&cloud, "bob").await).0, "NoSuchEntity");
    let input = GetGroupInput { group_name: "admins".to_owned(), ..GetGroupInput::default() };
    let members = cloud.call(GetGroup, input).await.unwrap().users;
    assert_eq!(members.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(), ["robert"]);
    let input = GetAccessKeyLastUsedInput { access_key_id: key.access_key_id.clone() };
    let used = cloud.call(GetAccessKeyLastUsed, input).await.unwrap();
    assert_eq!(used.user_name.as_deref(), Some("robert"));
    assert_eq!(used.access_key_last_used.unwrap().service_name, "N/A");
}

#[tokio::test]
async fn a_user_that_has_something_is_not_deleted() {
    let cloud = Cloud::new(4).await;
    create_user(&cloud, "bob").await;
    create_group(&cloud, "admins").await;
    join(&cloud, "admins", "bob").await.unwrap();
    let input = CreateAccessKeyInput { user_name: Some("bob".to_owned()) };
    let key = cloud.call(CreateAccessKey, input).await.unwrap().access_key;
    let refused =
        |what: &str| ("DeleteConflict".to_owned(), format!("Cannot delete entity, must {what} first."));
    assert_eq!(words(delete_user(&cloud, "bob").await), refused("delete access keys"));
    let input = DeleteAccessKeyInput { user_name: Some("bob".to_owned()), access_key_id: key.access_key_id };
    cloud.call(DeleteAccessKey, input).await.unwrap();
    assert_eq!(words(delete_user(&cloud, "bob").await), refused("remove users from group"));
    let input = RemoveUserFromGroupInput { group_name: "admins".to_owned(), user_name: "bob".to_owned() };
    cloud.call(RemoveUserFromGroup, input).await.unwrap();
    delete_user(&cloud, "bob").await.unwrap();
    create_user(&cloud, "bob").await;
}

#[tokio::test]
async fn listings_come_in_pages_below_a_path() {
    let cloud = Cloud::new(5).await;
    for number in 0..7 {
        let path = if number % 2 == 0 { "/even/" } else { "/odd/" };
        let input = CreateUserInput {
            path: Some(path.to_owned()),
            user_name: format!("user-{number}"),
            ..CreateUserInput::default()
        };
        cloud.call(CreateUser, input).await.unwrap();
    }
    let (mut names, mut marker) = (Vec::new(), None);
    loop {
        let input = ListUsersInput { path_prefix: Some("/even/".to_owned()), marker, max_items: Some(2) };
        let page = cloud.call(ListUsers, input).await.unwrap();
        assert!(page.users.len() <= 2);
        assert_eq!(page.is_truncated, Some(page.marker.is_some()));
        names.extend(page.users.into_iter().map(|user| user.user_name));
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["user-0", "user-2", "user-4", "user-6"]);
    let input = ListUsersInput { marker: Some("nonsense".to_owned()), ..ListUsersInput::default() };
    assert_eq!(words(cloud.call(ListUsers, input).await).0, "ValidationError");
}

#[tokio::test]
async fn tags_are_changed_and_listed_in_order() {
    let cloud = Cloud::new(6).await;
    create_user(&cloud, "bob").await;
    let put = |tags: &[Tag]| TagUserInput { user_name: "bob".to_owned(), tags: tags.to_vec() };
    cloud.call(TagUser, put(&[tag("b", "1"), tag("a", "2")])).await.unwrap();
    cloud.call(TagUser, put(&[tag("B", "3")])).await.unwrap();
    let twice = words(cloud.call(TagUser, put(&[tag("x", "1"), tag("X", "2")])).await);
    assert_eq!(twice.0, "InvalidInput");
    let input = ListUserTagsInput { user_name: "bob".to_owned(), ..ListUserTagsInput::default() };
    assert_eq!(cloud.call(ListUserTags, input.clone()).await.unwrap().tags, [tag("B", "3"), tag("a", "2")]);
    let remove = UntagUserInput { user_name: "bob".to_owned(), tag_keys: vec!["A".to_owned()] };
    cloud.call(UntagUser, remove).await.unwrap();
    assert_eq!(cloud.call(ListUserTags, input).await.unwrap().tags, [tag("B", "3")]);
}

#[tokio::test]
async fn whoever_names_no_user_means_itself() {
    let cloud = Cloud::new(7).await;
    let bob = create_user(&cloud, "bob").await;
    allow_all(&cloud, "bob").await;
    let own = cloud.call_by(as_user(&bob), GetUser, GetUserInput::default()).await.unwrap();
    assert_eq!(own.user.user_name, "bob");
    let root = cloud.call(GetUser, GetUserInput::default()).await.unwrap().user;
    assert_eq!(root.arn, "arn:aws:iam::000000000000:root");
    assert_eq!(root.user_id, "000000000000");
    let mut service = as_user(&bob);
    service.kind = PrincipalKind::AssumedRole;
    service.arn = "arn:aws:sts::000000000000:assumed-role/r/s".to_owned();
    let (code, message) = words(cloud.call_by(service, GetUser, GetUserInput::default()).await);
    assert_eq!(code, "ValidationError");
    assert_eq!(message, "Must specify userName when calling with non-User credentials");
}

#[tokio::test]
async fn nothing_is_made_twice_when_commits_conflict_or_their_acknowledgement_is_lost() {
    for seed in 0..20 {
        let cloud = Cloud::new(100 + seed).await;
        let faults = SimOptions { conflicts_percent: 30, lost_acks_percent: 40, ..SimOptions::default() };
        cloud.store.set_options(faults);
        create_user(&cloud, "bob").await;
        create_group(&cloud, "admins").await;
        join(&cloud, "admins", "bob").await.unwrap();
        for _ in 0..2 {
            let input = CreateAccessKeyInput { user_name: Some("bob".to_owned()) };
            cloud.call(CreateAccessKey, input).await.unwrap();
        }
        let device = CreateVirtualMFADeviceInput {
            virtual_mfa_device_name: "bob".to_owned(),
            ..CreateVirtualMFADeviceInput::default()
        };
        cloud.call(CreateVirtualMFADevice, device).await.unwrap();
        let alias = CreateAccountAliasInput { account_alias: "fog".to_owned() };
        cloud.call(CreateAccountAlias, alias).await.unwrap();
        cloud.store.set_options(SimOptions::default());
        let input =
            ListAccessKeysInput { user_name: Some("bob".to_owned()), ..ListAccessKeysInput::default() };
        assert_eq!(cloud.call(ListAccessKeys, input).await.unwrap().access_key_metadata.len(), 2);
        let summary = cloud.call(GetAccountSummary, GetAccountSummaryInput::default()).await.unwrap();
        let summary = summary.summary_map.unwrap();
        assert_eq!((summary["Users"], summary["Groups"], summary["MFADevices"]), (1, 1, 1), "seed {seed}");
    }
}
