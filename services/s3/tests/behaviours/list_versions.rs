//! Lists of versions.

use std::time::Duration;

use s3_api::*;
use testkit::Cloud;

use crate::support::{BUCKET, cloud, field, put, set_versioning, versioned_cloud};

fn listing() -> ListObjectVersionsInput {
    ListObjectVersionsInput { bucket: BUCKET.to_owned(), ..ListObjectVersionsInput::default() }
}

async fn list(cloud: &Cloud, input: ListObjectVersionsInput) -> ListObjectVersionsOutput {
    cloud.call(ListObjectVersions, input).await.expect("the bucket is there")
}

async fn delete(cloud: &Cloud, key: &str) -> Option<String> {
    let input =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: key.to_owned(), ..DeleteObjectInput::default() };
    cloud.call(DeleteObject, input).await.expect("it is deleted").version_id
}

/// Key, id, whether it is a delete marker, whether it is the newest: versions first, then markers.
fn all(page: &ListObjectVersionsOutput) -> Vec<(&str, &str, bool, bool)> {
    let versions = page
        .versions
        .iter()
        .flatten()
        .map(|version| (version.key.as_deref(), version.version_id.as_deref(), false, version.is_latest));
    let markers = page
        .delete_markers
        .iter()
        .flatten()
        .map(|marker| (marker.key.as_deref(), marker.version_id.as_deref(), true, marker.is_latest));
    let each = versions
        .chain(markers)
        .map(|(key, id, is_marker, is_latest)| Some((key?, id?, is_marker, is_latest?)));
    each.collect::<Option<_>>().expect("every version shows all of it")
}

#[tokio::test]
async fn versions_come_by_key_and_the_newest_first() {
    let cloud = cloud(1).await;
    put(&cloud, "b", "without versions").await;
    set_versioning(&cloud, BucketVersioningStatus::Enabled).await;
    let mut ids = Vec::new();
    for key in ["a", "b", "a"] {
        cloud.advance(Duration::from_secs(1)).await;
        ids.push(put(&cloud, key, key.as_bytes().to_vec()).await.version_id.expect("it has an id"));
    }
    cloud.advance(Duration::from_secs(1)).await;
    let marker = delete(&cloud, "b").await.expect("a marker has an id");
    let page = list(&cloud, listing()).await;
    assert_eq!(
        all(&page),
        [
            ("a", ids[2].as_str(), false, true),
            ("a", ids[0].as_str(), false, false),
            ("b", ids[1].as_str(), false, false),
            ("b", "null", false, false),
            ("b", marker.as_str(), true, true),
        ]
    );
    assert_eq!((page.is_truncated, page.key_marker.as_deref()), (Some(false), Some("")));
    assert_eq!((page.next_key_marker, page.next_version_id_marker), (None, None));
    let version = &page.versions.unwrap()[0];
    assert_eq!(
        (version.size, version.last_modified),
        (Some(1), Some(testkit::START + Duration::from_secs(3)))
    );
    assert!(version.owner.is_some() && page.delete_markers.unwrap()[0].owner.is_some());
}

#[tokio::test]
async fn without_versioning_every_object_is_its_only_version() {
    let cloud = cloud(2).await;
    put(&cloud, "a", "1").await;
    put(&cloud, "a", "2").await;
    assert_eq!(all(&list(&cloud, listing()).await), [("a", "null", false, true)]);
}

#[tokio::test]
async fn pages_go_on_after_a_version() {
    let cloud = versioned_cloud(3).await;
    let mut expected = Vec::new();
    for key in ["a", "b", "b", "c"] {
        cloud.advance(Duration::from_secs(1)).await;
        let id = put(&cloud, key, "x").await.version_id.expect("it has an id");
        expected.push((key.to_owned(), id));
    }
    expected.swap(1, 2);
    let (mut seen, mut key_marker, mut version_id_marker) = (Vec::new(), None, None);
    loop {
        let input = ListObjectVersionsInput { max_keys: Some(1), key_marker, version_id_marker, ..listing() };
        let page = list(&cloud, input).await;
        seen.extend(all(&page).into_iter().map(|(key, id, ..)| (key.to_owned(), id.to_owned())));
        if page.is_truncated == Some(false) {
            break;
        }
        let last = seen.last().cloned().expect("a page has one");
        (key_marker, version_id_marker) = (page.next_key_marker, page.next_version_id_marker);
        assert_eq!((key_marker.clone(), version_id_marker.clone()), (Some(last.0), Some(last.1)));
    }
    assert_eq!(seen, expected);
    let page = list(&cloud, ListObjectVersionsInput { key_marker: Some("b".to_owned()), ..listing() }).await;
    assert_eq!(all(&page).len(), 1, "a key alone passes over all of its versions");
}

#[tokio::test]
async fn prefixes_and_delimiters_are_as_in_other_lists() {
    let cloud = versioned_cloud(4).await;
    for key in ["a", "b/1", "b/1", "b/2", "c d"] {
        put(&cloud, key, "x").await;
    }
    delete(&cloud, "b/2").await;
    let input = ListObjectVersionsInput {
        delimiter: Some("/".to_owned()),
        encoding_type: Some(EncodingType::Url),
        ..listing()
    };
    let page = list(&cloud, input).await;
    let groups: Vec<_> = page.common_prefixes.iter().flatten().map(|group| group.prefix.as_deref()).collect();
    assert_eq!(groups, [Some("b/")]);
    assert_eq!(all(&page).iter().map(|(key, ..)| *key).collect::<Vec<_>>(), ["a", "c+d"]);
    let page = list(&cloud, ListObjectVersionsInput { prefix: Some("b/".to_owned()), ..listing() }).await;
    assert_eq!(all(&page).len(), 4);
}

#[tokio::test]
async fn markers_that_are_none_are_refused() {
    let cloud = versioned_cloud(5).await;
    for (key, version, said) in [
        (None, "null", "A version-id marker cannot be specified without a key marker."),
        (Some("a"), "", "A version-id marker cannot be empty."),
        (Some("a"), "invalid", "Invalid version id specified"),
    ] {
        let input = ListObjectVersionsInput {
            key_marker: key.map(str::to_owned),
            version_id_marker: Some(version.to_owned()),
            ..listing()
        };
        let refused = cloud.call(ListObjectVersions, input).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), ("InvalidArgument", said));
        assert_eq!(field(&refused, "ArgumentName"), Some("version-id-marker"));
        assert_eq!(field(&refused, "ArgumentValue"), Some(version));
    }
}
