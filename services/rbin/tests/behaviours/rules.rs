//! Rules: made, shown, changed, listed, tagged, refused.

use crate::support::*;
use rbin_api::*;
use testkit::Cloud;

#[tokio::test]
async fn a_rule_is_shown_as_it_was_made() {
    let cloud = Cloud::new(1).await;
    let input = CreateRuleInput {
        description: Some("Nothing is lost".to_owned()),
        tags: Some(vec![Tag { key: "team".to_owned(), value: "ops".to_owned() }]),
        resource_tags: Some(vec![tag("app", "shop")]),
        ..region(ResourceType::EbsSnapshot, 14)
    };
    let made = cloud.call(CreateRule, input).await.unwrap();
    let id = made.identifier.unwrap();
    assert_eq!((id.len(), made.status), (11, Some(RuleStatus::Available)));
    assert_eq!(made.tags.unwrap()[0].value, "ops");
    let shown = get(&cloud, &id).await.unwrap();
    assert_eq!(shown.description.as_deref(), Some("Nothing is lost"));
    assert_eq!((shown.retention_period, shown.lock_state), (Some(days(14)), None));
    assert_eq!(shown.resource_tags, Some(vec![tag("app", "shop")]));
    assert_eq!(shown.rule_arn, Some(format!("arn:aws:rbin:us-east-1:000000000000:rule/{id}")));
    let input = UpdateRuleInput {
        identifier: id.clone(),
        retention_period: Some(days(3)),
        resource_tags: Some(vec![tag("app", "bank")]),
        ..UpdateRuleInput::default()
    };
    let changed = cloud.call(UpdateRule, input).await.unwrap();
    assert_eq!(changed.description.as_deref(), Some("Nothing is lost"));
    assert_eq!(get(&cloud, &id).await.unwrap().resource_tags, Some(vec![tag("app", "bank")]));
    cloud.call(DeleteRule, DeleteRuleInput { identifier: id.clone() }).await.unwrap();
    let gone = get(&cloud, &id).await.unwrap_err();
    assert_eq!((gone.code(), gone.status()), ("ResourceNotFoundException", 404));
}

#[tokio::test]
async fn what_a_rule_cannot_say_is_refused() {
    let cloud = Cloud::new(2).await;
    let of = |tags: Vec<ResourceTag>| Some(tags);
    for input in [
        region(ResourceType::EbsSnapshot, 366),
        region(ResourceType::EbsVolume, 8),
        region(ResourceType::from("EC2_INSTANCE"), 1),
        CreateRuleInput {
            resource_tags: of(vec![tag("a", "1")]),
            exclude_resource_tags: of(vec![tag("b", "1")]),
            ..region(ResourceType::EbsSnapshot, 1)
        },
        CreateRuleInput {
            resource_tags: of(vec![tag("a", "1")]),
            lock_configuration: Some(locked(7)),
            ..region(ResourceType::EbsSnapshot, 1)
        },
        CreateRuleInput { lock_configuration: Some(locked(6)), ..region(ResourceType::EbsSnapshot, 1) },
    ] {
        assert_eq!(code(cloud.call(CreateRule, input.clone()).await), "ValidationException", "{input:?}");
    }
    let id = create(&cloud, region(ResourceType::EbsSnapshot, 1)).await;
    let input = UpdateRuleInput {
        identifier: id,
        resource_type: Some(ResourceType::EbsVolume),
        ..UpdateRuleInput::default()
    };
    assert_eq!(code(cloud.call(UpdateRule, input).await), "ValidationException");
}

#[tokio::test]
async fn rules_are_listed_by_kind_and_tag_page_by_page() {
    let cloud = Cloud::new(3).await;
    for at in 0..5 {
        let resource_tags = Some(vec![tag("app", if at < 2 { "shop" } else { "bank" })]);
        create(&cloud, CreateRuleInput { resource_tags, ..region(ResourceType::EbsSnapshot, 1) }).await;
    }
    create(&cloud, region(ResourceType::Ec2Image, 1)).await;
    let all = |token| ListRulesInput {
        resource_type: ResourceType::EbsSnapshot,
        max_results: Some(2),
        next_token: token,
        ..ListRulesInput::default()
    };
    let (mut seen, mut token) = (Vec::new(), None);
    loop {
        let page = cloud.call(ListRules, all(token)).await.unwrap();
        seen.extend(page.rules.unwrap().into_iter().map(|rule| rule.identifier.unwrap()));
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 5);
    let of_shop = ListRulesInput { resource_tags: Some(vec![tag("app", "shop")]), ..all(None) };
    assert_eq!(cloud.call(ListRules, of_shop).await.unwrap().rules.unwrap().len(), 2);
    let refused = cloud.call(ListRules, all(Some("nonsense".to_owned()))).await.unwrap_err();
    assert_eq!(refused.code(), "ValidationException");
}

#[tokio::test]
async fn tags_come_and_go() {
    let cloud = Cloud::new(4).await;
    let id = create(&cloud, region(ResourceType::EbsSnapshot, 1)).await;
    let arn = get(&cloud, &id).await.unwrap().rule_arn.unwrap();
    let tags = ["a", "b"].map(|key| Tag { key: key.to_owned(), value: "1".to_owned() }).to_vec();
    cloud.call(TagResource, TagResourceInput { resource_arn: arn.clone(), tags }).await.unwrap();
    let input = UntagResourceInput { resource_arn: arn.clone(), tag_keys: vec!["a".to_owned()] };
    cloud.call(UntagResource, input).await.unwrap();
    let left = cloud.call(ListTagsForResource, ListTagsForResourceInput { resource_arn: arn }).await.unwrap();
    assert_eq!(left.tags, Some(vec![Tag { key: "b".to_owned(), value: "1".to_owned() }]));
}

#[tokio::test]
async fn an_account_has_250_rules_and_five_of_a_tag() {
    let cloud = Cloud::new(5).await;
    let of_tag = CreateRuleInput {
        resource_tags: Some(vec![tag("app", "shop")]),
        ..region(ResourceType::EbsSnapshot, 1)
    };
    for _ in 0..5 {
        create(&cloud, of_tag.clone()).await;
    }
    let refused = cloud.call(CreateRule, of_tag).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("ServiceQuotaExceededException", 402));
    for _ in 5..250 {
        create(&cloud, region(ResourceType::EbsVolume, 1)).await;
    }
    let refused = cloud.call(CreateRule, region(ResourceType::EbsVolume, 1)).await;
    assert_eq!(code(refused), "ServiceQuotaExceededException");
}
