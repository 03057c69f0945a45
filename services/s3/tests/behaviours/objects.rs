//! Objects are put, got and headed: what was written is what is read, and what is told of it.

use std::collections::BTreeMap;
use std::time::Duration;

use s3_api::*;
use testkit::START;

use crate::support::*;

/// Keys in which something could be taken for something else.
const ODD_KEYS: &[&str] = &[
    "plain",
    "with space",
    "plus+plus",
    "per%20cent",
    "a/b/c",
    "a//b",
    "/leading",
    "trailing/",
    "./dot",
    "../up/../and/down",
    "..",
    "größe-🌫-日本",
    "new\nline",
    "?query&like=this#too",
    "\"quoted\" <and> 'tagged'",
    "nul\0inside",
    "tab\there",
];

#[tokio::test]
async fn what_was_put_is_what_is_got() {
    let cloud = cloud(1).await;
    for length in [0, 1, 4096, 65_504, 65_505, 262_144, 262_145, 1_000_003] {
        let content: Vec<u8> = (0..length).map(|at: u32| ((at * 31) >> 3) as u8).collect();
        let put = cloud
            .call(PutObject, PutObjectInput { body: streamed(&content, 7001), ..putting("k", "") })
            .await
            .unwrap();
        let got = get(&cloud, "k").await;
        assert_eq!((got.content_length, &got.e_tag), (Some(i64::from(length)), &put.e_tag), "{length} bytes");
        assert_eq!(got.content_range, None);
        assert_eq!(bytes_of(got).await, content, "{length} bytes");
    }
}

#[tokio::test]
async fn an_answer_tells_what_an_object_is() {
    let cloud = cloud(1).await;
    let input = PutObjectInput {
        cache_control: Some("max-age=3600".to_owned()),
        content_disposition: Some("attachment".to_owned()),
        content_encoding: Some("gzip,aws-chunked".to_owned()),
        content_language: Some("de".to_owned()),
        content_type: Some("text/plain".to_owned()),
        expires: Some("Thu, 01 Dec 2033 16:00:00 GMT".to_owned()),
        metadata: Some(BTreeMap::from([("Colour".to_owned(), "grey".to_owned())])),
        storage_class: Some(StorageClass::StandardIa),
        website_redirect_location: Some("/elsewhere".to_owned()),
        ..putting("k", "content")
    };
    let put = cloud.call(PutObject, input).await.unwrap();
    assert_eq!(put.e_tag.as_deref(), Some("\"9a0364b9e99bb480dd25e1f0284c8555\""));
    assert_eq!(put.server_side_encryption, Some(ServerSideEncryption::Aes256));
    assert_eq!((put.version_id, put.size), (None, None));
    let shown = head(&cloud, "k").await;
    assert_eq!(shown.cache_control.as_deref(), Some("max-age=3600"));
    assert_eq!(shown.content_disposition.as_deref(), Some("attachment"));
    assert_eq!(shown.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(shown.content_language.as_deref(), Some("de"));
    assert_eq!(shown.content_type.as_deref(), Some("text/plain"));
    assert_eq!(shown.expires.as_deref(), Some("Thu, 01 Dec 2033 16:00:00 GMT"));
    assert_eq!(shown.metadata, Some(BTreeMap::from([("colour".to_owned(), "grey".to_owned())])));
    assert_eq!(shown.storage_class, Some(StorageClass::StandardIa));
    assert_eq!(shown.website_redirect_location.as_deref(), Some("/elsewhere"));
    assert_eq!(shown.last_modified, Some(START));
    assert_eq!(shown.accept_ranges.as_deref(), Some("bytes"));
    assert_eq!(shown.content_length, Some(7));
    assert_eq!(shown.version_id, None);
}

#[tokio::test]
async fn an_object_without_a_type_is_binary_and_the_usual_class_is_not_told() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "content").await;
    let shown = head(&cloud, "k").await;
    assert_eq!(shown.content_type.as_deref(), Some("binary/octet-stream"));
    assert_eq!((shown.storage_class, shown.metadata), (None, None));
}

#[tokio::test]
async fn keys_are_text_and_never_paths() {
    let cloud = cloud(1).await;
    for key in ODD_KEYS {
        put(&cloud, key, *key).await;
    }
    for key in ODD_KEYS {
        assert_eq!(read(&cloud, key).await, key.as_bytes(), "{key:?}");
    }
    let longest = "é".repeat(512);
    put(&cloud, &longest, "x").await;
    assert_eq!(read(&cloud, &longest).await, b"x");
    let refused = cloud.call(PutObject, putting(&format!("{longest}x"), "x")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("KeyTooLongError", 400));
    assert_eq!(field(&refused, "MaxSizeAllowed"), Some("1024"));
}

#[tokio::test]
async fn what_is_overwritten_is_gone_and_its_room_comes_back() {
    let cloud = cloud(1).await;
    put(&cloud, "k", vec![1; 100_000]).await;
    put(&cloud, "k", vec![2; 1000]).await;
    assert_eq!(read(&cloud, "k").await, vec![2; 1000]);
    for _ in 0..20 {
        cloud.advance(Duration::from_secs(600)).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(kept_bytes(&cloud).await < 10_000);
}

#[tokio::test]
async fn a_key_that_is_not_there_is_told_to_those_who_may_list() {
    let cloud = cloud(1).await;
    let missing = cloud.call(GetObject, getting("k")).await.unwrap_err();
    assert_eq!((missing.code(), missing.status(), field(&missing, "Key")), ("NoSuchKey", 404, Some("k")));
    let missing = cloud.call(HeadObject, heading("k")).await.unwrap_err();
    assert_eq!(missing.status(), 404);
    let hidden = as_stranger(&cloud, GetObject, getting("k")).await.unwrap_err();
    assert_eq!((hidden.code(), hidden.status()), ("AccessDenied", 403));
    let nowhere = GetObjectInput { bucket: "no-such-bucket".to_owned(), ..getting("k") };
    let missing = cloud.call(GetObject, nowhere).await.unwrap_err();
    assert_eq!((missing.code(), field(&missing, "BucketName")), ("NoSuchBucket", Some("no-such-bucket")));
}

#[tokio::test]
async fn versions_are_read_by_their_ids_and_delete_markers_are_not() {
    let cloud = versioned_cloud(1).await;
    let first = put(&cloud, "k", "first").await.version_id.unwrap();
    let second = put(&cloud, "k", "second").await.version_id.unwrap();
    assert_ne!(first, second);
    let by_id = |id: &str| GetObjectInput { version_id: Some(id.to_owned()), ..getting("k") };
    let got = cloud.call(GetObject, by_id(&first)).await.unwrap();
    assert_eq!(got.version_id.as_deref(), Some(&*first));
    assert_eq!(bytes_of(got).await, b"first");
    assert_eq!(get(&cloud, "k").await.version_id, Some(second));
    let deleting =
        DeleteObjectInput { bucket: BUCKET.to_owned(), key: "k".to_owned(), ..DeleteObjectInput::default() };
    let marker = cloud.call(DeleteObject, deleting).await.unwrap().version_id.unwrap();
    let missing = cloud.call(GetObject, getting("k")).await.unwrap_err();
    assert_eq!((missing.code(), header(&missing, "x-amz-delete-marker")), ("NoSuchKey", Some("true")));
    assert_eq!(header(&missing, "x-amz-version-id"), Some(&*marker));
    let named = cloud.call(GetObject, by_id(&marker)).await.unwrap_err();
    assert_eq!((named.code(), named.status()), ("MethodNotAllowed", 405));
    assert_eq!(header(&named, "x-amz-delete-marker"), Some("true"));
    assert_eq!(code(cloud.call(GetObject, by_id("no-id")).await), "InvalidArgument");
    let never = by_id(&first.replace(&first[..1], if first.starts_with('A') { "B" } else { "A" }));
    assert_eq!(code(cloud.call(GetObject, never).await), "NoSuchVersion");
}

#[tokio::test]
async fn an_object_of_before_versioning_is_the_null_version() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "before").await;
    set_versioning(&cloud, BucketVersioningStatus::Enabled).await;
    assert_eq!(get(&cloud, "k").await.version_id.as_deref(), Some("null"));
    put(&cloud, "k", "after").await;
    let null = GetObjectInput { version_id: Some("null".to_owned()), ..getting("k") };
    assert_eq!(bytes_of(cloud.call(GetObject, null).await.unwrap()).await, b"before");
    set_versioning(&cloud, BucketVersioningStatus::Suspended).await;
    let put = put(&cloud, "k", "suspended").await;
    assert_eq!(put.version_id.as_deref(), Some("null"));
}

#[tokio::test]
async fn answers_are_overridden_for_those_who_sign() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "content").await;
    let input = GetObjectInput {
        response_content_type: Some("text/html".to_owned()),
        response_content_disposition: Some("inline".to_owned()),
        response_cache_control: Some("no-store".to_owned()),
        ..getting("k")
    };
    let got = cloud.call(GetObject, input).await.unwrap();
    assert_eq!(got.content_type.as_deref(), Some("text/html"));
    assert_eq!(got.content_disposition.as_deref(), Some("inline"));
    assert_eq!(got.cache_control.as_deref(), Some("no-store"));
}

#[tokio::test]
async fn an_archived_object_is_not_read_until_it_is_restored() {
    let cloud = cloud(1).await;
    let input = PutObjectInput { storage_class: Some(StorageClass::Glacier), ..putting("k", "cold") };
    cloud.call(PutObject, input).await.unwrap();
    let refused = cloud.call(GetObject, getting("k")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("InvalidObjectState", 403));
    assert_eq!(field(&refused, "StorageClass"), Some("GLACIER"));
    assert_eq!(head(&cloud, "k").await.storage_class, Some(StorageClass::Glacier));
    let request = RestoreRequest { days: Some(1), ..RestoreRequest::default() };
    let restore = RestoreObjectInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        restore_request: Some(request),
        ..RestoreObjectInput::default()
    };
    cloud.call(RestoreObject, restore).await.unwrap();
    assert_eq!(head(&cloud, "k").await.restore.as_deref(), Some("ongoing-request=\"true\""));
    cloud.advance(Duration::from_secs(6 * 3600)).await;
    let got = get(&cloud, "k").await;
    assert!(got.restore.as_deref().unwrap().starts_with("ongoing-request=\"false\", expiry-date="));
    assert_eq!(bytes_of(got).await, b"cold");
    cloud.advance(Duration::from_secs(3 * 24 * 3600)).await;
    assert_eq!(code(cloud.call(GetObject, getting("k")).await), "InvalidObjectState");
}

#[tokio::test]
async fn metadata_and_classes_have_their_limits() {
    let cloud = cloud(1).await;
    let metadata = Some(BTreeMap::from([("a".to_owned(), "b".repeat(2048))]));
    let refused = cloud.call(PutObject, PutObjectInput { metadata, ..putting("k", "x") }).await.unwrap_err();
    assert_eq!((refused.code(), field(&refused, "Size")), ("MetadataTooLarge", Some("2049")));
    let class = Some(StorageClass::ExpressOnezone);
    let refused = cloud.call(PutObject, PutObjectInput { storage_class: class, ..putting("k", "x") }).await;
    assert_eq!(code(refused), "InvalidStorageClass");
    let redirect = Some("nowhere".to_owned());
    let input = PutObjectInput { website_redirect_location: redirect, ..putting("k", "x") };
    assert_eq!(code(cloud.call(PutObject, input).await), "InvalidRedirectLocation");
    let input = PutObjectInput { write_offset_bytes: Some(3), ..putting("k", "x") };
    let refused = cloud.call(PutObject, input).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("NotImplemented", 501));
    assert_eq!(code(cloud.call(GetObject, getting("k")).await), "NoSuchKey", "nothing was put");
}

#[tokio::test]
async fn tags_travel_in_a_header_and_are_counted() {
    let cloud = cloud(1).await;
    let input = PutObjectInput { tagging: Some("a=1&b=2".to_owned()), ..putting("k", "x") };
    cloud.call(PutObject, input).await.unwrap();
    assert_eq!(get(&cloud, "k").await.tag_count, Some(2));
    put(&cloud, "plain", "x").await;
    assert_eq!(get(&cloud, "plain").await.tag_count, None);
}

#[tokio::test]
async fn there_are_no_torrents() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "content").await;
    let input = GetObjectTorrentInput {
        bucket: BUCKET.to_owned(),
        key: "k".to_owned(),
        ..GetObjectTorrentInput::default()
    };
    let refused = cloud.call(GetObjectTorrent, input).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("MethodNotAllowed", 405));
}

#[tokio::test]
async fn the_owner_that_is_expected_must_be_the_owner() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "content").await;
    let expecting =
        |owner: &str| GetObjectInput { expected_bucket_owner: Some(owner.to_owned()), ..getting("k") };
    assert!(cloud.call(GetObject, expecting(OWNER)).await.is_ok());
    let refused = cloud.call(GetObject, expecting("111122223333")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("AccessDenied", 403));
}
