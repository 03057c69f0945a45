//! Groups and memberships.

use super::*;

fn rename(old: &str, new: &str) -> UpdateGroupInput {
    UpdateGroupInput {
        group_name: old.to_owned(),
        new_path: Some("/teams/".to_owned()),
        new_group_name: Some(new.to_owned()),
    }
}

#[tokio::test]
async fn members_follow_a_renamed_group() {
    let cloud = Cloud::new(1).await;
    let group = create_group(&cloud, "admins").await;
    assert!(group.group_id.starts_with("AGPA"));
    for name in ["bob", "eve"] {
        create_user(&cloud, name).await;
        join(&cloud, "Admins", name).await.unwrap();
        join(&cloud, "admins", name).await.expect("twice is no error");
    }
    cloud.call(UpdateGroup, rename("admins", "rulers")).await.unwrap();
    let input = GetGroupInput { group_name: "rulers".to_owned(), ..GetGroupInput::default() };
    let found = cloud.call(GetGroup, input).await.unwrap();
    assert_eq!(found.group.arn, "arn:aws:iam::000000000000:group/teams/rulers");
    assert_eq!(found.group.group_id, group.group_id);
    assert_eq!(found.users.len(), 2);
    let input = ListGroupsForUserInput { user_name: "eve".to_owned(), ..ListGroupsForUserInput::default() };
    let groups = cloud.call(ListGroupsForUser, input).await.unwrap().groups;
    assert_eq!(groups, [found.group]);
}

#[tokio::test]
async fn a_group_with_members_is_not_deleted() {
    let cloud = Cloud::new(2).await;
    create_group(&cloud, "admins").await;
    create_user(&cloud, "bob").await;
    join(&cloud, "admins", "bob").await.unwrap();
    let delete = DeleteGroupInput { group_name: "admins".to_owned() };
    let (code, message) = words(cloud.call(DeleteGroup, delete.clone()).await);
    assert_eq!(code, "DeleteConflict");
    assert_eq!(message, "Cannot delete entity, must remove users from group first.");
    let leave = RemoveUserFromGroupInput { group_name: "admins".to_owned(), user_name: "bob".to_owned() };
    cloud.call(RemoveUserFromGroup, leave).await.unwrap();
    cloud.call(DeleteGroup, delete).await.unwrap();
    let (code, message) = words(join(&cloud, "admins", "bob").await);
    assert_eq!(code, "NoSuchEntity");
    assert_eq!(message, "The group with name admins cannot be found.");
}

#[tokio::test]
async fn a_user_is_in_ten_groups_at_most() {
    let cloud = Cloud::new(3).await;
    create_user(&cloud, "bob").await;
    for number in 0..11 {
        create_group(&cloud, &format!("group-{number}")).await;
    }
    for number in 0..10 {
        join(&cloud, &format!("group-{number}"), "bob").await.unwrap();
    }
    let (code, message) = words(join(&cloud, "group-10", "bob").await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("LimitExceeded", "Cannot exceed quota for GroupsPerUser: 10")
    );
    let listed = cloud.call(ListGroups, ListGroupsInput::default()).await.unwrap();
    assert_eq!(listed.groups.len(), 11);
    let input = CreateGroupInput { group_name: "GROUP-1".to_owned(), path: None };
    let (code, message) = words(cloud.call(CreateGroup, input).await);
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("EntityAlreadyExists", "Group with name GROUP-1 already exists.")
    );
}
