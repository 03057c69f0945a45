//! Policies: made, shown, changed, tagged, refused.

use std::collections::BTreeMap;

use crate::support::*;
use dlm_api::*;
use testkit::Cloud;

#[tokio::test]
async fn a_policy_is_shown_as_it_was_made() {
    let cloud = Cloud::new(1).await;
    let role = good_role(&cloud).await;
    let tags = BTreeMap::from([("team".to_owned(), "ops".to_owned())]);
    let input = CreateLifecyclePolicyInput { tags: Some(tags.clone()), ..input(&role, every(24)) };
    let id = cloud.call(CreateLifecyclePolicy, input).await.unwrap().policy_id.unwrap();
    assert!(id.starts_with("policy-") && id.len() == 24, "{id}");
    let shown = get(&cloud, &id).await.unwrap();
    assert_eq!(shown.description.as_deref(), Some("Regular backups"));
    assert_eq!(shown.state, Some(GettablePolicyStateValues::Enabled));
    assert_eq!(shown.execution_role_arn, Some(role));
    assert_eq!(shown.tags, Some(tags));
    assert_eq!(shown.date_created, Some(cloud.clock.now()));
    let arn = shown.policy_arn.unwrap();
    assert_eq!(arn, format!("arn:aws:dlm:us-east-1:000000000000:policy/{id}"));
    let details = shown.policy_details.unwrap();
    assert_eq!(details.policy_type, Some(PolicyTypeValues::EbsSnapshotManagement));
    assert_eq!(details.schedules, every(24).schedules);
}

#[tokio::test]
async fn policies_are_listed_by_what_they_are_about() {
    let cloud = Cloud::new(2).await;
    let role = good_role(&cloud).await;
    let volumes = create(&cloud, &role, every(24)).await;
    let instances = PolicyDetails {
        resource_types: Some(vec![ResourceTypeValues::Instance]),
        target_tags: Some(vec![tag("stage", "prod")]),
        ..every(12)
    };
    let instances = create(&cloud, &role, instances).await;
    let none = GetLifecyclePoliciesInput::default;
    for (input, expected) in [
        (none(), vec![&volumes, &instances]),
        (
            GetLifecyclePoliciesInput { resource_types: Some(vec![ResourceTypeValues::Instance]), ..none() },
            vec![&instances],
        ),
        (
            GetLifecyclePoliciesInput { target_tags: Some(vec!["backup=yes".to_owned()]), ..none() },
            vec![&volumes],
        ),
        (
            GetLifecyclePoliciesInput { tags_to_add: Some(vec!["made-by=nobody".to_owned()]), ..none() },
            vec![],
        ),
        (GetLifecyclePoliciesInput { state: Some(GettablePolicyStateValues::Error), ..none() }, vec![]),
        (GetLifecyclePoliciesInput { policy_ids: Some(vec![instances.clone()]), ..none() }, vec![&instances]),
    ] {
        let shown = cloud.call(GetLifecyclePolicies, input.clone()).await.unwrap().policies.unwrap();
        let mut ids: Vec<_> = shown.into_iter().map(|policy| policy.policy_id.unwrap()).collect();
        let mut expected: Vec<_> = expected.into_iter().cloned().collect();
        ids.sort();
        expected.sort();
        assert_eq!(ids, expected, "{input:?}");
    }
}

#[tokio::test]
async fn a_policy_keeps_its_kind() {
    let cloud = Cloud::new(3).await;
    let id = create(&cloud, &good_role(&cloud).await, every(24)).await;
    let change = |details: PolicyDetails| UpdateLifecyclePolicyInput {
        policy_id: id.clone(),
        policy_details: Some(details),
        description: Some("Changed".to_owned()),
        ..UpdateLifecyclePolicyInput::default()
    };
    let other = PolicyDetails { resource_types: Some(vec![ResourceTypeValues::Instance]), ..every(24) };
    let refused = cloud.call(UpdateLifecyclePolicy, change(other)).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("InvalidRequestException", 400));
    cloud.call(UpdateLifecyclePolicy, change(every(6))).await.unwrap();
    let shown = get(&cloud, &id).await.unwrap();
    assert_eq!(shown.description.as_deref(), Some("Changed"));
    assert_eq!(shown.policy_details.unwrap().schedules, every(6).schedules);
}

#[tokio::test]
async fn tags_come_and_go() {
    let cloud = Cloud::new(4).await;
    let id = create(&cloud, &good_role(&cloud).await, every(24)).await;
    let arn = get(&cloud, &id).await.unwrap().policy_arn.unwrap();
    let tags = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
    cloud.call(TagResource, TagResourceInput { resource_arn: arn.clone(), tags }).await.unwrap();
    let input = UntagResourceInput { resource_arn: arn.clone(), tag_keys: vec!["a".to_owned()] };
    cloud.call(UntagResource, input).await.unwrap();
    let left = cloud.call(ListTagsForResource, ListTagsForResourceInput { resource_arn: arn }).await.unwrap();
    assert_eq!(left.tags, Some(BTreeMap::from([("b".to_owned(), "2".to_owned())])));
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let cloud = Cloud::new(5).await;
    let id = "policy-00000000000000000";
    assert_eq!(get(&cloud, id).await.unwrap_err().code(), "ResourceNotFoundException");
    let input = DeleteLifecyclePolicyInput { policy_id: id.to_owned() };
    assert_eq!(cloud.call(DeleteLifecyclePolicy, input).await.unwrap_err().status(), 404);
    let input = GetLifecyclePoliciesInput {
        policy_ids: Some(vec![id.to_owned()]),
        ..GetLifecyclePoliciesInput::default()
    };
    assert_eq!(
        cloud.call(GetLifecyclePolicies, input).await.unwrap_err().code(),
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn an_account_has_a_hundred_policies() {
    let cloud = Cloud::new(6).await;
    let role = good_role(&cloud).await;
    for _ in 0..100 {
        create(&cloud, &role, every(24)).await;
    }
    let refused = cloud.call(CreateLifecyclePolicy, input(&role, every(24))).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("LimitExceededException", 429));
}
