//! Tags of resources of every kind.

use ec2_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::{code, filters, refused, tagged, vpc};

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: Some(key.to_owned()), value: Some(value.to_owned()) }
}

async fn put(cloud: &Cloud, ids: &[&str], tags: Vec<Tag>) -> Result<(), Fault> {
    let resources = ids.iter().map(|id| (*id).to_owned()).collect();
    let input = CreateTagsInput { resources, tags, ..CreateTagsInput::default() };
    cloud.call(CreateTags, input).await.map(|_| ())
}

async fn take(cloud: &Cloud, id: &str, tags: Option<Vec<Tag>>) {
    let input = DeleteTagsInput { resources: vec![id.to_owned()], tags, ..DeleteTagsInput::default() };
    cloud.call(DeleteTags, input).await.expect("the resource exists");
}

async fn listed(cloud: &Cloud, pairs: &[(&str, &str)]) -> Vec<(String, String, String, String)> {
    let input = DescribeTagsInput { filters: filters(pairs), ..DescribeTagsInput::default() };
    let output = cloud.call(DescribeTags, input).await.expect("the filters are known");
    let text = |value: Option<String>| value.unwrap_or_default();
    let found = output.tags.unwrap_or_default().into_iter();
    found.map(|it| (text(it.resource_id), text(it.resource_type), text(it.key), text(it.value))).collect()
}

#[tokio::test]
async fn tags_are_put_on_many_resources_and_found_by_filters() {
    let cloud = Cloud::new(1).await;
    let (one, other) = (vpc(&cloud, "10.0.0.0/16").await, vpc(&cloud, "10.1.0.0/16").await);
    put(&cloud, &[&one, &other], vec![tag("Stage", "test"), tag("Name", "net")]).await.unwrap();
    put(&cloud, &[&one], vec![tag("Stage", "live")]).await.unwrap();
    let found = listed(&cloud, &[("resource-id", &one), ("key", "Stage")]).await;
    assert_eq!(found, [(one.clone(), "vpc".to_owned(), "Stage".to_owned(), "live".to_owned())]);
    assert_eq!(listed(&cloud, &[("resource-type", "vpc"), ("value", "net")]).await.len(), 2);
    assert_eq!(listed(&cloud, &[("tag:Stage", "test")]).await.len(), 1);
}

#[tokio::test]
async fn a_tag_goes_by_its_key_or_only_with_its_value() {
    let cloud = Cloud::new(2).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    put(&cloud, &[&id], vec![tag("a", "1"), tag("b", "2"), tag("c", "3")]).await.unwrap();
    take(&cloud, &id, Some(vec![tag("a", "other"), Tag { key: Some("b".to_owned()), value: None }])).await;
    assert_eq!(listed(&cloud, &[("resource-id", &id)]).await.len(), 2);
    take(&cloud, &id, None).await;
    assert_eq!(listed(&cloud, &[("resource-id", &id)]).await.len(), 0);
}

#[tokio::test]
async fn what_cannot_be_tagged_is_refused() {
    let cloud = Cloud::new(3).await;
    let id = vpc(&cloud, "10.0.0.0/16").await;
    let (code_, message) = refused(put(&cloud, &["nothing-123"], vec![tag("a", "1")]).await);
    assert_eq!((code_.as_str(), message.as_str()), ("InvalidID", "The ID 'nothing-123' is not valid"));
    let missing = put(&cloud, &["sg-0123456789abcdef0"], vec![tag("a", "1")]).await;
    assert_eq!(code(missing), "InvalidGroup.NotFound");
    assert_eq!(code(put(&cloud, &[&id], vec![tag("aws:x", "1")]).await), "InvalidParameterValue");
    let many = (0..51).map(|number| tag(&number.to_string(), "")).collect();
    assert_eq!(code(put(&cloud, &[&id], many).await), "TagLimitExceeded");
    let full = (0..50).map(|number| tag(&number.to_string(), "")).collect();
    put(&cloud, &[&id], full).await.unwrap();
    assert_eq!(code(put(&cloud, &[&id], vec![tag("one more", "")]).await), "TagLimitExceeded");
}

#[tokio::test]
async fn a_new_resource_has_the_tags_it_was_made_with_until_it_goes() {
    let cloud = Cloud::new(4).await;
    let input = AllocateAddressInput {
        tag_specifications: tagged("elastic-ip", &[("Name", "front")]),
        ..AllocateAddressInput::default()
    };
    let id = cloud.call(AllocateAddress, input).await.unwrap().allocation_id.unwrap();
    let input = DescribeAddressesInput { filters: filters(&[("tag:Name", "fr*")]), ..Default::default() };
    let found = cloud.call(DescribeAddresses, input).await.unwrap().addresses.unwrap();
    assert_eq!(found[0].tags, Some(vec![tag("Name", "front")]));
    let input = ReleaseAddressInput { allocation_id: Some(id.clone()), ..ReleaseAddressInput::default() };
    cloud.call(ReleaseAddress, input).await.unwrap();
    assert_eq!(listed(&cloud, &[("resource-id", &id)]).await.len(), 0);
    let input = AllocateAddressInput {
        tag_specifications: tagged("vpc", &[("Name", "front")]),
        ..AllocateAddressInput::default()
    };
    assert_eq!(code(cloud.call(AllocateAddress, input).await), "InvalidParameterValue");
}

#[tokio::test]
async fn tags_are_listed_page_by_page() {
    let cloud = Cloud::new(5).await;
    for number in 0..3 {
        let id = vpc(&cloud, &format!("10.{number}.0.0/16")).await;
        put(&cloud, &[&id], (0..4).map(|key| tag(&key.to_string(), "")).collect()).await.unwrap();
    }
    let (mut count, mut token) = (0, None);
    loop {
        let input = DescribeTagsInput { max_results: Some(5), next_token: token, ..Default::default() };
        let output = cloud.call(DescribeTags, input).await.unwrap();
        let page = output.tags.unwrap().len();
        assert!(page <= 5);
        count += page;
        token = output.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(count, 12);
}
