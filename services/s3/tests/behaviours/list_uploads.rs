//! Lists of uploads under way, and of their parts.

use std::time::Duration;

use s3_api::*;

use crate::multipart::{KEY, create, listing, upload};
use crate::support::{BUCKET, cloud};

#[tokio::test]
async fn parts_are_listed_in_pages() {
    let cloud = cloud(16).await;
    let id = create(&cloud, KEY).await;
    for number in [1, 3, 20, 1_000, 9_999] {
        upload(&cloud, &id, number, vec![1; 10]).await;
    }
    let (mut seen, mut marker) = (Vec::new(), None);
    loop {
        let input = ListPartsInput { max_parts: Some(2), part_number_marker: marker, ..listing(&id) };
        let page = cloud.call(ListParts, input).await.expect("the upload is there");
        assert_eq!((page.max_parts, page.part_number_marker), (Some(2), Some(marker.unwrap_or(0))));
        seen.extend(page.parts.unwrap_or_default().into_iter().filter_map(|part| part.part_number));
        assert_eq!(page.next_part_number_marker, seen.last().copied());
        marker = page.next_part_number_marker;
        if page.is_truncated != Some(true) {
            break;
        }
    }
    assert_eq!(seen, [1, 3, 20, 1_000, 9_999]);
    let empty = create(&cloud, KEY).await;
    let page = cloud.call(ListParts, listing(&empty)).await.expect("the upload is there");
    assert_eq!((page.next_part_number_marker, page.is_truncated, page.parts), (Some(0), Some(false), None));
    assert_eq!(page.initiator.and_then(|initiator| initiator.id), page.owner.and_then(|owner| owner.id));
    for (max, marker) in [(Some(-1), None), (None, Some(-2))] {
        let input = ListPartsInput { max_parts: max, part_number_marker: marker, ..listing(&id) };
        let refused = cloud.call(ListParts, input).await.unwrap_err();
        assert!(refused.message().ends_with("must be an integer between 0 and 2147483647"), "{refused}");
    }
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_the_oldest_of_a_key_first() {
    let cloud = cloud(17).await;
    let mut expected = Vec::new();
    for key in ["b/1", "a", "b/2", "a", "c", "a"] {
        expected.push((key.to_owned(), create(&cloud, key).await));
        cloud.advance(Duration::from_secs(1)).await;
    }
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    let page = async |input: ListMultipartUploadsInput| {
        let input = ListMultipartUploadsInput { bucket: BUCKET.to_owned(), ..input };
        cloud.call(ListMultipartUploads, input).await.expect("the bucket is there")
    };
    let names = |page: &ListMultipartUploadsOutput| -> Vec<(String, String)> {
        let uploads = page.uploads.iter().flatten();
        uploads.map(|upload| (upload.key.clone().unwrap(), upload.upload_id.clone().unwrap())).collect()
    };
    for size in 1..=7 {
        let (mut seen, mut key_marker, mut upload_id_marker) = (Vec::new(), None, None);
        loop {
            let input = ListMultipartUploadsInput {
                max_uploads: Some(size),
                key_marker,
                upload_id_marker,
                ..ListMultipartUploadsInput::default()
            };
            let found = page(input).await;
            seen.extend(names(&found));
            (key_marker, upload_id_marker) = (found.next_key_marker, found.next_upload_id_marker);
            if found.is_truncated != Some(true) {
                break;
            }
        }
        assert_eq!(seen, expected, "{size} a page");
    }
    let input = ListMultipartUploadsInput {
        delimiter: Some("/".to_owned()),
        key_marker: Some("a".to_owned()),
        ..ListMultipartUploadsInput::default()
    };
    let found = page(input).await;
    assert_eq!(names(&found).iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["c"]);
    let groups = found.common_prefixes.unwrap_or_default();
    assert_eq!(groups.iter().map(|group| group.prefix.as_deref()).collect::<Vec<_>>(), [Some("b/")]);
    let input = ListMultipartUploadsInput {
        bucket: BUCKET.to_owned(),
        key_marker: Some("a".to_owned()),
        upload_id_marker: Some("no id".to_owned()),
        ..ListMultipartUploadsInput::default()
    };
    let refused = cloud.call(ListMultipartUploads, input).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), ("InvalidArgument", "Invalid uploadId marker"));
}
