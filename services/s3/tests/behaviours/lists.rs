//! Lists of objects, of both versions of the API.

use s3_api::*;
use testkit::Cloud;

use crate::support::{BUCKET, cloud, field, make_bucket, put};

fn listing() -> ListObjectsV2Input {
    ListObjectsV2Input { bucket: BUCKET.to_owned(), ..ListObjectsV2Input::default() }
}

fn listing_v1() -> ListObjectsInput {
    ListObjectsInput { bucket: BUCKET.to_owned(), ..ListObjectsInput::default() }
}

async fn list(cloud: &Cloud, input: ListObjectsV2Input) -> ListObjectsV2Output {
    cloud.call(ListObjectsV2, input).await.expect("the bucket is there")
}

fn keys(contents: &Option<Vec<Object>>) -> Vec<&str> {
    contents.iter().flatten().filter_map(|object| object.key.as_deref()).collect()
}

fn prefixes(groups: &Option<Vec<CommonPrefix>>) -> Vec<&str> {
    groups.iter().flatten().filter_map(|group| group.prefix.as_deref()).collect()
}

async fn filled(seed: u64, keys: &[&str]) -> Cloud {
    let cloud = cloud(seed).await;
    for key in keys {
        put(&cloud, key, key.as_bytes().to_vec()).await;
    }
    cloud
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn a_list_shows_what_is_there_in_the_order_of_keys() {
    let cloud = filled(1, &["b", "a b", "a/1", "日本", "a/2", "a+b", "\u{1}"]).await;
    let page = list(&cloud, listing()).await;
    assert_eq!(keys(&page.contents), ["\u{1}", "a b", "a+b", "a/1", "a/2", "b", "日本"]);
    assert_eq!((page.key_count, page.max_keys, page.is_truncated), (Some(7), Some(1000), Some(false)));
    assert_eq!((page.name.as_deref(), page.prefix.as_deref()), (Some(BUCKET), Some("")));
    assert_eq!((page.delimiter, page.next_continuation_token), (None, None));
    let object = &page.contents.unwrap()[1];
    assert_eq!(object.size, Some(3));
    assert_eq!(object.storage_class, Some(ObjectStorageClass::from("STANDARD")));
    assert_eq!(object.last_modified, Some(testkit::START));
    assert_eq!(object.checksum_algorithm.as_deref(), Some(&[ChecksumAlgorithm::from("CRC64NVME")][..]));
    assert_eq!(object.checksum_type, Some(ChecksumType::FullObject));
    assert_eq!(object.owner, None, "owners are shown to those who ask");
    let page = list(&cloud, ListObjectsV2Input { fetch_owner: Some(true), ..listing() }).await;
    let owner = page.contents.unwrap()[0].owner.clone().expect("it was asked for");
    assert_eq!(owner.id.map(|id| id.len()), Some(64));
}

#[tokio::test]
async fn delimiters_group_keys_and_groups_count() {
    let cloud = filled(2, &["a", "b/1", "b/2", "b/c/3", "d", "e/4"]).await;
    let delimited = || ListObjectsV2Input { delimiter: text("/"), ..listing() };
    let page = list(&cloud, delimited()).await;
    assert_eq!((keys(&page.contents), prefixes(&page.common_prefixes)), (vec!["a", "d"], vec!["b/", "e/"]));
    assert_eq!((page.key_count, page.delimiter.as_deref()), (Some(4), Some("/")));
    let (mut names, mut continuation_token) = (Vec::new(), None);
    loop {
        let input = ListObjectsV2Input { max_keys: Some(1), continuation_token, ..delimited() };
        let page = list(&cloud, input).await;
        assert_eq!(page.key_count, Some(1));
        names.extend(keys(&page.contents).into_iter().map(str::to_owned));
        names.extend(prefixes(&page.common_prefixes).into_iter().map(str::to_owned));
        continuation_token = page.next_continuation_token;
        assert_eq!(page.is_truncated, Some(continuation_token.is_some()));
        if continuation_token.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b/", "d", "e/"]);
    let page = list(&cloud, ListObjectsV2Input { prefix: text("b/"), ..delimited() }).await;
    assert_eq!((keys(&page.contents), prefixes(&page.common_prefixes)), (vec!["b/1", "b/2"], vec!["b/c/"]));
    let page = list(&cloud, ListObjectsV2Input { delimiter: text(""), ..listing() }).await;
    assert_eq!((keys(&page.contents).len(), page.delimiter), (6, None), "an empty delimiter is none");
    let page = list(&cloud, ListObjectsV2Input { start_after: text("b/1"), ..delimited() }).await;
    assert_eq!((keys(&page.contents), prefixes(&page.common_prefixes)), (vec!["d"], vec!["e/"]));
    assert_eq!(page.start_after.as_deref(), Some("b/1"));
}

#[tokio::test]
async fn the_first_version_of_the_api_has_markers() {
    let cloud = filled(3, &["a", "b/1", "b/2", "c", "d"]).await;
    let call =
        async |input: ListObjectsInput| cloud.call(ListObjects, input).await.expect("the bucket is there");
    let page = call(ListObjectsInput { max_keys: Some(2), ..listing_v1() }).await;
    assert_eq!(keys(&page.contents), ["a", "b/1"]);
    assert_eq!((page.is_truncated, page.marker.as_deref()), (Some(true), Some("")));
    assert_eq!(page.next_marker, None, "the last key serves as well");
    let page = call(ListObjectsInput { marker: text("b/1"), ..listing_v1() }).await;
    assert_eq!((keys(&page.contents), page.marker.as_deref()), (vec!["b/2", "c", "d"], Some("b/1")));
    assert!(page.contents.unwrap().iter().all(|object| object.owner.is_some()), "owners are always shown");
    let delimited =
        |marker| ListObjectsInput { delimiter: text("/"), max_keys: Some(2), marker, ..listing_v1() };
    let page = call(delimited(None)).await;
    assert_eq!((keys(&page.contents), prefixes(&page.common_prefixes)), (vec!["a"], vec!["b/"]));
    assert_eq!(page.next_marker.as_deref(), Some("b/"));
    let page = call(delimited(page.next_marker)).await;
    assert_eq!((keys(&page.contents), prefixes(&page.common_prefixes)), (vec!["c", "d"], vec![]));
    assert_eq!((page.is_truncated, page.next_marker), (Some(false), None));
}

#[tokio::test]
async fn names_are_shown_in_the_encoding_that_is_asked_for() {
    let cloud = filled(4, &["a b", "a+b", "run books/x", "한글/x"]).await;
    let encoded = || ListObjectsV2Input { encoding_type: Some(EncodingType::Url), ..listing() };
    let page = list(&cloud, encoded()).await;
    assert_eq!(keys(&page.contents), ["a+b", "a%2Bb", "run+books/x", "%ED%95%9C%EA%B8%80/x"]);
    assert_eq!(page.encoding_type, Some(EncodingType::Url));
    let input = ListObjectsV2Input {
        delimiter: text("/"),
        prefix: text("run b"),
        start_after: text("a b"),
        ..encoded()
    };
    let page = list(&cloud, input).await;
    assert_eq!(prefixes(&page.common_prefixes), ["run+books/"]);
    assert_eq!((page.prefix.as_deref(), page.start_after.as_deref()), (Some("run+b"), Some("a+b")));
    let input = ListObjectsV2Input { encoding_type: Some("base64".into()), ..listing() };
    let refused = cloud.call(ListObjectsV2, input).await.unwrap_err();
    assert_eq!(refused.message(), "Invalid Encoding Method specified in Request");
    assert_eq!(field(&refused, "ArgumentName"), Some("encoding-type"));
}

#[tokio::test]
async fn limits_are_from_nothing_to_a_thousand() {
    let cloud = filled(5, &["a", "b"]).await;
    for (max_keys, shown, limit, truncated) in
        [(0, 0, 0, false), (1, 1, 1, true), (2, 2, 2, false), (5000, 2, 1000, false)]
    {
        let page = list(&cloud, ListObjectsV2Input { max_keys: Some(max_keys), ..listing() }).await;
        assert_eq!((page.key_count, page.max_keys), (Some(shown), Some(limit)));
        assert_eq!(page.is_truncated, Some(truncated));
    }
    for refused in [
        cloud.call(ListObjectsV2, ListObjectsV2Input { max_keys: Some(-1), ..listing() }).await.err(),
        cloud.call(ListObjects, ListObjectsInput { max_keys: Some(-1), ..listing_v1() }).await.err(),
    ] {
        let refused = refused.expect("a negative number is none");
        assert_eq!(refused.message(), "Argument maxKeys must be an integer between 0 and 2147483647");
        assert_eq!(field(&refused, "ArgumentName"), Some("maxKeys"));
        assert_eq!(field(&refused, "ArgumentValue"), Some("-1"));
    }
}

#[tokio::test]
async fn tokens_serve_the_list_they_were_made_for() {
    let cloud = filled(6, &["a", "b"]).await;
    make_bucket(&cloud, "another-bucket").await;
    let page = list(&cloud, ListObjectsV2Input { max_keys: Some(1), ..listing() }).await;
    let token = page.next_continuation_token.expect("there is more");
    let input =
        ListObjectsV2Input { continuation_token: Some(token.clone()), start_after: text("z"), ..listing() };
    let page = list(&cloud, input).await;
    assert_eq!(keys(&page.contents), ["b"], "a token goes before a start");
    assert_eq!(page.continuation_token, Some(token.clone()));
    for (bucket, token) in [(BUCKET, "garbage"), (BUCKET, ""), ("another-bucket", &token)] {
        let input = ListObjectsV2Input {
            bucket: bucket.to_owned(),
            continuation_token: text(token),
            ..ListObjectsV2Input::default()
        };
        let refused = cloud.call(ListObjectsV2, input).await.unwrap_err();
        assert_eq!(refused.code(), "InvalidArgument");
        assert_eq!(refused.message(), "The continuation token provided is incorrect");
        assert_eq!(field(&refused, "ArgumentName"), Some("continuation-token"));
    }
}

#[tokio::test]
async fn a_list_of_thousands_comes_in_pages_of_a_thousand() {
    let cloud = cloud(7).await;
    for number in 0..1_100 {
        put(&cloud, &format!("{number:04}"), "").await;
    }
    let first = list(&cloud, listing()).await;
    assert_eq!((first.key_count, first.is_truncated), (Some(1000), Some(true)));
    let input = ListObjectsV2Input { continuation_token: first.next_continuation_token, ..listing() };
    let second = list(&cloud, input).await;
    assert_eq!((second.key_count, second.is_truncated), (Some(100), Some(false)));
    assert_eq!(keys(&second.contents).first(), Some(&"1000"));
}

#[tokio::test]
async fn a_bucket_that_is_not_there_has_no_list() {
    let cloud = cloud(8).await;
    let input = ListObjectsV2Input { bucket: "nowhere".to_owned(), ..ListObjectsV2Input::default() };
    let refused = cloud.call(ListObjectsV2, input).await.unwrap_err();
    assert_eq!(refused.code(), "NoSuchBucket");
    assert_eq!(field(&refused, "BucketName"), Some("nowhere"));
}
