//! Parts that are copied from objects.

use s3_api::*;

use crate::multipart::{KEY, PART, complete, create};
use crate::support::{BUCKET, cloud, put, read};

fn copying(upload: &str, number: i32, source: &str) -> UploadPartCopyInput {
    UploadPartCopyInput {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        upload_id: upload.to_owned(),
        part_number: number,
        copy_source: format!("{BUCKET}/{source}"),
        ..UploadPartCopyInput::default()
    }
}

#[tokio::test]
async fn parts_are_copied_from_objects_and_from_ranges_of_them() {
    let cloud = cloud(14).await;
    let source: Vec<u8> = (0..PART + 1000).map(|at| at as u8).collect();
    let tag = put(&cloud, "source", source.clone()).await.e_tag.expect("it has a tag");
    let id = create(&cloud, KEY).await;
    let first = cloud.call(UploadPartCopy, copying(&id, 1, "source")).await.expect("the part is copied");
    let result = first.copy_part_result.expect("there is a result");
    assert_eq!(result.e_tag, Some(tag.clone()), "the same bytes, the same tag");
    let input = UploadPartCopyInput {
        copy_source_range: Some(format!("bytes={PART}-{}", PART + 9)),
        copy_source_if_match: Some(tag),
        ..copying(&id, 2, "source")
    };
    let second = cloud.call(UploadPartCopy, input).await.expect("the range is copied");
    let parts = [(1, result.e_tag), (2, second.copy_part_result.expect("there is a result").e_tag)];
    let parts = parts.map(|(number, e_tag)| CompletedPart {
        part_number: Some(number),
        e_tag,
        ..CompletedPart::default()
    });
    complete(&cloud, &id, parts.into()).await.expect("the upload is complete");
    assert!(read(&cloud, KEY).await == [&source[..], &source[PART..PART + 10]].concat());
}

#[tokio::test]
async fn what_cannot_be_copied_is_refused() {
    let cloud = cloud(15).await;
    put(&cloud, "source", "12345").await;
    let id = create(&cloud, KEY).await;
    let with = |range: &str| UploadPartCopyInput {
        copy_source_range: Some(range.to_owned()),
        ..copying(&id, 1, "source")
    };
    for (input, refusal, said) in [
        (
            with("0-2"),
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last",
        ),
        (with("bytes=0-21"), "InvalidArgument", "Range specified is not valid for source object of size: 5"),
        (copying(&id, 1, "missing"), "NoSuchKey", "The specified key does not exist."),
        (copying("no upload", 1, "source"), "NoSuchUpload", "The specified upload does not exist."),
        (
            UploadPartCopyInput {
                copy_source_if_none_match: Some("*".to_owned()),
                ..copying(&id, 1, "source")
            },
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        ),
    ] {
        let fault = cloud.call(UploadPartCopy, input).await.unwrap_err();
        assert_eq!(fault.code(), refusal);
        assert!(fault.message().starts_with(said), "{fault}");
    }
}
