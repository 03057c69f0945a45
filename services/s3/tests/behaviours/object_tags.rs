//! Tags of objects, and who may see what of them.

use s3_api::*;
use testkit::Cloud;

use crate::support::*;

fn tags(pairs: &[(&str, &str)]) -> Tagging {
    let tag = |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
    Tagging { tag_set: pairs.iter().map(tag).collect() }
}

fn tagging(key: &str, pairs: &[(&str, &str)]) -> PutObjectTaggingInput {
    PutObjectTaggingInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        tagging: tags(pairs),
        ..PutObjectTaggingInput::default()
    }
}

fn of(key: &str) -> GetObjectTaggingInput {
    GetObjectTaggingInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        ..GetObjectTaggingInput::default()
    }
}

async fn read_tags(cloud: &Cloud, input: GetObjectTaggingInput) -> Vec<(String, String)> {
    let output = cloud.call(GetObjectTagging, input).await.expect("the object is there");
    output.tag_set.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn tags_are_replaced_as_a_whole_and_change_nothing_else() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "x").await;
    let before = head(&cloud, "k").await;
    assert_eq!(read_tags(&cloud, of("k")).await, []);
    cloud.call(PutObjectTagging, tagging("k", &[("b", "1"), ("a", "2")])).await.unwrap();
    assert_eq!(read_tags(&cloud, of("k")).await, pairs(&[("a", "2"), ("b", "1")]));
    let after = head(&cloud, "k").await;
    assert_eq!((after.last_modified, &after.e_tag), (before.last_modified, &before.e_tag));
    assert_eq!(after.tag_count, Some(2));
    cloud.call(PutObjectTagging, tagging("k", &[("c", "3")])).await.unwrap();
    assert_eq!(read_tags(&cloud, of("k")).await, pairs(&[("c", "3")]));
    let input = DeleteObjectTaggingInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        ..DeleteObjectTaggingInput::default()
    };
    cloud.call(DeleteObjectTagging, input).await.unwrap();
    assert_eq!(read_tags(&cloud, of("k")).await, []);
}

#[tokio::test]
async fn each_version_has_tags_of_its_own_and_a_delete_marker_none() {
    let cloud = versioned_cloud(2).await;
    let one = put(&cloud, "k", "one").await.version_id;
    let two = put(&cloud, "k", "two").await.version_id;
    let input = PutObjectTaggingInput { version_id: one.clone(), ..tagging("k", &[("a", "1")]) };
    assert_eq!(cloud.call(PutObjectTagging, input).await.unwrap().version_id, one);
    let output = cloud.call(GetObjectTagging, of("k")).await.unwrap();
    assert_eq!((output.tag_set, output.version_id), (Vec::new(), two));
    let of_one = GetObjectTaggingInput { version_id: one, ..of("k") };
    assert_eq!(read_tags(&cloud, of_one).await, pairs(&[("a", "1")]));

    let input =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: "k".to_owned(), ..DeleteObjectInput::default() };
    cloud.call(DeleteObject, input).await.unwrap();
    assert_eq!(code(cloud.call(GetObjectTagging, of("k")).await), "NoSuchKey");
    let refused = cloud.call(PutObjectTagging, tagging("k", &[])).await.unwrap_err();
    assert_eq!((refused.code(), field(&refused, "ResourceType")), ("MethodNotAllowed", Some("DeleteMarker")));
}

#[tokio::test]
async fn tags_keep_the_rules_of_objects() {
    let cloud = cloud(3).await;
    put(&cloud, "k", "x").await;
    let eleven: Vec<String> = (0..11).map(|number| number.to_string()).collect();
    let eleven: Vec<(&str, &str)> = eleven.iter().map(|key| (key.as_str(), "v")).collect();
    let refused = cloud.call(PutObjectTagging, tagging("k", &eleven)).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), ("BadRequest", "Object tags cannot be greater than 10"));
    let refused = cloud.call(PutObjectTagging, tagging("k", &[("a", "1"), ("a", "2")])).await.unwrap_err();
    assert_eq!((refused.code(), field(&refused, "TagKey")), ("InvalidTag", Some("a")));
    assert_eq!(code(cloud.call(PutObjectTagging, tagging("absent", &[])).await), "NoSuchKey");
    cloud.call(PutObjectTagging, tagging("k", &eleven[..10])).await.unwrap();
}

#[tokio::test]
async fn strangers_learn_neither_tags_nor_what_is_there() {
    let cloud = cloud(4).await;
    put(&cloud, "k", "x").await;
    for key in ["k", "absent"] {
        assert_eq!(code(as_stranger(&cloud, GetObjectTagging, of(key)).await), "AccessDenied");
        assert_eq!(code(as_stranger(&cloud, PutObjectTagging, tagging(key, &[])).await), "AccessDenied");
    }
}
