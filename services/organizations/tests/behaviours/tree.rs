//! OUs, where accounts are, tags, pages.

use organizations_api::*;

use crate::support::*;

#[tokio::test]
async fn units_are_nested_five_deep_and_no_deeper() {
    let (cloud, root) = organized(11).await;
    let mut parent = root.clone();
    for level in 1..=5 {
        parent = unit(&cloud, &parent, &format!("Level {level}")).await.unwrap();
    }
    let fault = unit(&cloud, &parent, "Level 6").await.unwrap_err();
    assert_eq!(reason(&fault), "OU_DEPTH_LIMIT_EXCEEDED");
    let input = DescribeOrganizationalUnitInput { organizational_unit_id: parent };
    let found = cloud.call(DescribeOrganizationalUnit, input).await.unwrap().organizational_unit.unwrap();
    let path = found.path.unwrap();
    assert!(path.starts_with("o-") && path.contains(&format!("/{root}/ou-")) && path.ends_with('/'));
    assert_eq!(path.matches("ou-").count(), 5);
}

#[tokio::test]
async fn names_are_unique_within_a_parent_only() {
    let (cloud, root) = organized(12).await;
    let first = unit(&cloud, &root, "Same").await.unwrap();
    let fault = unit(&cloud, &root, "Same").await.unwrap_err();
    assert_eq!(fault.name(), "DuplicateOrganizationalUnitException");
    unit(&cloud, &first, "Same").await.unwrap();
    let second = unit(&cloud, &root, "Other").await.unwrap();
    let rename = |name: &str| UpdateOrganizationalUnitInput {
        organizational_unit_id: second.clone(),
        name: Some(name.to_owned()),
    };
    let fault = cloud.call(UpdateOrganizationalUnit, rename("Same")).await.unwrap_err();
    assert_eq!(fault.name(), "DuplicateOrganizationalUnitException");
    cloud.call(UpdateOrganizationalUnit, rename("Renamed")).await.unwrap();
    unit(&cloud, &root, "Other").await.unwrap();
}

#[tokio::test]
async fn a_unit_is_deleted_only_when_it_is_empty() {
    let (cloud, root) = organized(13).await;
    let parent = unit(&cloud, &root, "Parent").await.unwrap();
    let child = unit(&cloud, &parent, "Child").await.unwrap();
    let delete = |id: &str| DeleteOrganizationalUnitInput { organizational_unit_id: id.to_owned() };
    let fault = cloud.call(DeleteOrganizationalUnit, delete(&parent)).await.unwrap_err();
    assert_eq!(fault.name(), "OrganizationalUnitNotEmptyException");
    cloud.call(DeleteOrganizationalUnit, delete(&child)).await.unwrap();
    cloud.call(DeleteOrganizationalUnit, delete(&parent)).await.unwrap();
    let fault = cloud.call(DeleteOrganizationalUnit, delete(&parent)).await.unwrap_err();
    assert_eq!(fault.name(), "OrganizationalUnitNotFoundException");
}

#[tokio::test]
async fn accounts_are_moved_from_where_they_are_to_where_something_is() {
    let (cloud, root) = organized(14).await;
    let member = account(&cloud, "one@example.com").await;
    let home = unit(&cloud, &root, "Home").await.unwrap();
    let nowhere = format!("ou-{}-99999999", &root[2..]);
    for (from, to, error) in [
        (nowhere.as_str(), home.as_str(), "SourceParentNotFoundException"),
        (home.as_str(), root.as_str(), "SourceParentNotFoundException"),
        (root.as_str(), nowhere.as_str(), "DestinationParentNotFoundException"),
        (root.as_str(), root.as_str(), "DuplicateAccountException"),
    ] {
        assert_eq!(move_to(&cloud, member, from, to).await.unwrap_err().name(), error);
    }
    move_to(&cloud, member, &root, &home).await.unwrap();
    let parents = ListParentsInput { child_id: member.to_string(), ..ListParentsInput::default() };
    let parents = cloud.call(ListParents, parents).await.unwrap().parents.unwrap();
    assert_eq!(parents, [Parent { id: Some(home.clone()), r#type: Some(ParentType::OrganizationalUnit) }]);
    let input =
        ListAccountsForParentInput { parent_id: home.clone(), ..ListAccountsForParentInput::default() };
    let accounts = cloud.call(ListAccountsForParent, input).await.unwrap().accounts.unwrap();
    assert_eq!(accounts.len(), 1);
    assert!(accounts[0].paths.as_ref().unwrap()[0].ends_with(&format!("{root}/{home}/{member}/")));
    let input = ListChildrenInput {
        parent_id: root,
        child_type: ChildType::OrganizationalUnit,
        ..ListChildrenInput::default()
    };
    let children = cloud.call(ListChildren, input).await.unwrap().children.unwrap();
    assert_eq!(children, [Child { id: Some(home), r#type: Some(ChildType::OrganizationalUnit) }]);
}

#[tokio::test]
async fn listings_come_a_page_at_a_time() {
    let (cloud, root) = organized(15).await;
    for number in 0..23 {
        unit(&cloud, &root, &format!("Unit {number:02}")).await.unwrap();
    }
    let mut names = Vec::new();
    let mut token = None;
    let mut pages = 0;
    loop {
        let input = ListOrganizationalUnitsForParentInput {
            parent_id: root.clone(),
            next_token: token,
            max_results: None,
        };
        let page = cloud.call(ListOrganizationalUnitsForParent, input).await.unwrap();
        pages += 1;
        names.extend(page.organizational_units.unwrap().into_iter().filter_map(|unit| unit.name));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!((pages, names.len()), (2, 23));
    let input = ListRootsInput { next_token: Some("nonsense".into()), max_results: None };
    let fault = cloud.call(ListRoots, input).await.unwrap_err();
    assert_eq!(reason(&fault), "INVALID_NEXT_TOKEN");
}

#[tokio::test]
async fn whatever_is_in_the_tree_can_be_tagged() {
    let (cloud, root) = organized(16).await;
    let member = account(&cloud, "one@example.com").await.to_string();
    let home = unit(&cloud, &root, "Home").await.unwrap();
    let own = policy(&cloud, "SERVICE_CONTROL_POLICY", "p", ALLOW_ALL).await.unwrap();
    for id in [&root, &home, &member, &own] {
        let tags = vec![
            Tag { key: "team".into(), value: "a".into() },
            Tag { key: "x".into(), value: String::new() },
        ];
        cloud.call(TagResource, TagResourceInput { resource_id: id.clone(), tags }).await.unwrap();
        let input = UntagResourceInput { resource_id: id.clone(), tag_keys: vec!["x".into()] };
        cloud.call(UntagResource, input).await.unwrap();
        let input = ListTagsForResourceInput { resource_id: id.clone(), next_token: None };
        let tags = cloud.call(ListTagsForResource, input).await.unwrap().tags.unwrap();
        assert_eq!(tags, [Tag { key: "team".into(), value: "a".into() }], "{id}");
    }
    let input = ListTagsForResourceInput { resource_id: "p-FullAWSAccess".into(), next_token: None };
    assert_eq!(cloud.call(ListTagsForResource, input).await.unwrap_err().name(), "TargetNotFoundException");
}
