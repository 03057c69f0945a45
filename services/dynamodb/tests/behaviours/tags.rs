//! Tags of tables.

use dynamodb_api::*;
use testkit::Cloud;

use crate::support::*;

const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Music";

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

async fn tags(cloud: &Cloud) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut next_token = None;
    loop {
        let input = ListTagsOfResourceInput { resource_arn: ARN.to_owned(), next_token };
        let page = cloud.call(ListTagsOfResource, input).await.expect("the table is there");
        all.extend(page.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)));
        next_token = page.next_token;
        if next_token.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn tags_are_given_listed_in_pages_and_taken() {
    let cloud = Cloud::new(1).await;
    let input = CreateTableInput { tags: Some(vec![tag("team", "a")]), ..creating("Music") };
    cloud.call(CreateTable, input).await.expect("it is possible");
    let more: Vec<Tag> = (0..20).map(|number| tag(&format!("k{number:02}"), "v")).collect();
    let tagging = TagResourceInput { resource_arn: ARN.to_owned(), tags: more };
    cloud.call(TagResource, tagging).await.expect("there is room");
    let all = tags(&cloud).await;
    assert_eq!(all.len(), 21);
    assert!(all.contains(&("team".to_owned(), "a".to_owned())));
    let untagging = UntagResourceInput { resource_arn: ARN.to_owned(), tag_keys: vec!["team".to_owned()] };
    cloud.call(UntagResource, untagging).await.expect("it is there");
    assert_eq!(tags(&cloud).await.len(), 20);
}

#[tokio::test]
async fn tags_are_refused_in_dynamodbs_words() {
    let cloud = cloud_with(2, "Music").await;
    let refused = async |arn: &str, tags: Vec<Tag>| {
        words(cloud.call(TagResource, TagResourceInput { resource_arn: arn.to_owned(), tags }).await)
    };
    assert_eq!(refused(ARN, Vec::new()).await, "Atleast one Tag needs to be provided as Input.");
    assert_eq!(
        refused(ARN, vec![tag("a", "1"), tag("a", "2")]).await,
        "Duplicate Tag Keys provided as input: Duplicate Tag Key found a"
    );
    assert_eq!(
        refused(ARN, vec![tag("aws:a", "1")]).await,
        "Tag Key cannot be prefixed with aws:, Key: aws:a"
    );
    let absent = format!("{ARN}2");
    assert_eq!(
        refused(&absent, vec![tag("a", "1")]).await,
        format!("Requested resource not found: ResourceArn: {absent} not found")
    );
}
