//! Uploads in parts: beginning, parts, completing, giving up, lists of them.

use std::time::Duration;

use s3_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::{
    BUCKET, body, bytes_of, cloud, code, field, getting, head, kept_bytes, put, read, set_versioning,
    streamed, versioned_cloud,
};

pub const KEY: &str = "a/large object";
pub const PART: usize = 5 * 1024 * 1024;

pub fn creating(key: &str) -> CreateMultipartUploadInput {
    CreateMultipartUploadInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        ..CreateMultipartUploadInput::default()
    }
}

pub async fn create(cloud: &Cloud, key: &str) -> String {
    let output = cloud.call(CreateMultipartUpload, creating(key)).await.expect("the upload begins");
    output.upload_id.expect("it has an id")
}

pub fn uploading(upload: &str, number: i32, bytes: Vec<u8>) -> UploadPartInput {
    UploadPartInput {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        upload_id: upload.to_owned(),
        part_number: number,
        body: body(bytes),
        ..UploadPartInput::default()
    }
}

pub async fn upload(cloud: &Cloud, upload: &str, number: i32, bytes: Vec<u8>) -> CompletedPart {
    let output = cloud.call(UploadPart, uploading(upload, number, bytes)).await.expect("the part is taken");
    CompletedPart { part_number: Some(number), e_tag: output.e_tag, ..CompletedPart::default() }
}

fn completing(upload: &str, parts: Vec<CompletedPart>) -> CompleteMultipartUploadInput {
    CompleteMultipartUploadInput {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        upload_id: upload.to_owned(),
        multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts) }),
        ..CompleteMultipartUploadInput::default()
    }
}

pub async fn complete(
    cloud: &Cloud,
    upload: &str,
    parts: Vec<CompletedPart>,
) -> Result<CompleteMultipartUploadOutput, Fault> {
    cloud.call(CompleteMultipartUpload, completing(upload, parts)).await
}

fn aborting(upload: &str) -> AbortMultipartUploadInput {
    AbortMultipartUploadInput {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        upload_id: upload.to_owned(),
        ..AbortMultipartUploadInput::default()
    }
}

pub fn listing(upload: &str) -> ListPartsInput {
    ListPartsInput {
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        upload_id: upload.to_owned(),
        ..ListPartsInput::default()
    }
}

pub async fn parts_of(cloud: &Cloud, upload: &str) -> Vec<Part> {
    cloud.call(ListParts, listing(upload)).await.expect("the upload is there").parts.unwrap_or_default()
}

async fn uploads(cloud: &Cloud) -> Vec<MultipartUpload> {
    let input =
        ListMultipartUploadsInput { bucket: BUCKET.to_owned(), ..ListMultipartUploadsInput::default() };
    cloud.call(ListMultipartUploads, input).await.expect("the bucket is there").uploads.unwrap_or_default()
}

#[tokio::test]
async fn an_object_is_made_of_its_parts_and_read_back_whole_and_in_parts() {
    let cloud = cloud(1).await;
    let described = CreateMultipartUploadInput {
        content_type: Some("text/plain".to_owned()),
        metadata: Some([("colour".to_owned(), "grey".to_owned())].into()),
        storage_class: Some(StorageClass::StandardIa),
        ..creating(KEY)
    };
    let begun = cloud.call(CreateMultipartUpload, described).await.expect("the upload begins");
    assert_eq!((begun.bucket.as_deref(), begun.key.as_deref()), (Some(BUCKET), Some(KEY)));
    let id = begun.upload_id.expect("it has an id");
    cloud.advance(Duration::from_secs(60)).await;
    let second = upload(&cloud, &id, 7, b"the end".to_vec()).await;
    let first = upload(&cloud, &id, 2, vec![b'a'; PART]).await;
    assert_eq!(code(cloud.call(GetObject, getting(KEY)).await), "NoSuchKey", "nothing shows yet");
    let made = complete(&cloud, &id, vec![first, second]).await.expect("the upload is complete");
    let etag = made.e_tag.expect("it has a tag");
    assert!(etag.ends_with("-2\"") && etag.len() == 36, "{etag}");
    assert_eq!(made.location.as_deref(), Some("http://localhost:4566/the-bucket/a%2Flarge%20object"));
    assert_eq!(made.checksum_type, Some(ChecksumType::FullObject));
    assert!(made.checksum_crc64_nvme.is_some(), "S3 computes one where nobody asks for another");
    let whole = [vec![b'a'; PART], b"the end".to_vec()].concat();
    assert!(read(&cloud, KEY).await == whole);
    let found = head(&cloud, KEY).await;
    assert_eq!(found.content_type.as_deref(), Some("text/plain"));
    assert_eq!(found.storage_class, Some(StorageClass::StandardIa));
    assert_eq!(found.e_tag, Some(etag));
    assert_eq!(found.last_modified, Some(testkit::START), "it is as old as its upload");
    let input = GetObjectInput { part_number: Some(7), ..getting(KEY) };
    let part = cloud.call(GetObject, input).await.expect("parts keep their numbers");
    assert_eq!(part.parts_count, Some(2));
    assert!(bytes_of(part).await == b"the end");
    assert!(uploads(&cloud).await.is_empty());
}

#[tokio::test]
async fn a_part_that_is_uploaded_again_replaces_the_one_before() {
    let cloud = cloud(2).await;
    let id = create(&cloud, KEY).await;
    upload(&cloud, &id, 1, vec![1; 300_000]).await;
    let last = upload(&cloud, &id, 1, vec![2; 200_000]).await;
    let parts = parts_of(&cloud, &id).await;
    assert_eq!(parts.iter().map(|part| part.size).collect::<Vec<_>>(), [Some(200_000)]);
    cloud.settle().await;
    assert_eq!(kept_bytes(&cloud).await / 1000, 200, "the first one's room is given back");
    complete(&cloud, &id, vec![last]).await.expect("the upload is complete");
    assert!(read(&cloud, KEY).await == vec![2; 200_000]);
}

#[tokio::test]
async fn parts_that_a_completion_does_not_name_are_given_back() {
    let cloud = cloud(3).await;
    let id = create(&cloud, KEY).await;
    upload(&cloud, &id, 1, vec![1; 300_000]).await;
    let named = upload(&cloud, &id, 2, vec![2; 100_000]).await;
    complete(&cloud, &id, vec![named]).await.expect("the upload is complete");
    cloud.settle().await;
    assert_eq!(kept_bytes(&cloud).await / 1000, 100);
    assert!(read(&cloud, KEY).await == vec![2; 100_000]);
}

#[tokio::test]
async fn an_upload_that_is_given_up_is_gone_with_its_parts() {
    let cloud = cloud(4).await;
    let id = create(&cloud, KEY).await;
    let part = upload(&cloud, &id, 1, vec![1; 300_000]).await;
    cloud.call(AbortMultipartUpload, aborting(&id)).await.expect("it is given up");
    for refused in [
        code(cloud.call(AbortMultipartUpload, aborting(&id)).await),
        code(cloud.call(ListParts, listing(&id)).await),
        code(cloud.call(UploadPart, uploading(&id, 2, vec![1])).await),
        code(complete(&cloud, &id, vec![part]).await),
        code(cloud.call(ListParts, listing("no id of ours")).await),
        code(cloud.call(ListParts, ListPartsInput { key: "other".to_owned(), ..listing(&id) }).await),
    ] {
        assert_eq!(refused, "NoSuchUpload");
    }
    cloud.settle().await;
    assert_eq!(kept_bytes(&cloud).await, 0);
    assert!(uploads(&cloud).await.is_empty());
}

#[tokio::test]
async fn a_part_whose_upload_is_gone_leaves_nothing_behind() {
    let cloud = cloud(5).await;
    let id = create(&cloud, KEY).await;
    let input = UploadPartInput { body: streamed(&vec![1; 700_000], 1000), ..uploading(&id, 1, Vec::new()) };
    let (taken, ()) = tokio::join!(cloud.call(UploadPart, input), async {
        drop(cloud.call(AbortMultipartUpload, aborting(&id)).await);
    });
    if taken.is_ok() {
        drop(cloud.call(AbortMultipartUpload, aborting(&id)).await);
    }
    cloud.settle().await;
    assert_eq!(kept_bytes(&cloud).await, 0);
}

#[tokio::test]
async fn what_a_completion_names_must_be_there_in_order_and_large_enough() {
    let cloud = cloud(6).await;
    let id = create(&cloud, KEY).await;
    let one = upload(&cloud, &id, 1, vec![1; 1000]).await;
    let two = upload(&cloud, &id, 2, vec![2; 10]).await;
    let small = complete(&cloud, &id, vec![one.clone(), two.clone()]).await.unwrap_err();
    assert_eq!(small.code(), "EntityTooSmall");
    assert_eq!(field(&small, "ProposedSize"), Some("1000"));
    assert_eq!(field(&small, "MinSizeAllowed"), Some("5242880"));
    assert_eq!(field(&small, "PartNumber"), Some("1"));
    let bare = one.e_tag.as_deref().map(|tag| tag.trim_matches('"').to_owned());
    assert_eq!(field(&small, "ETag"), bare.as_deref());
    let disordered = complete(&cloud, &id, vec![two.clone(), one.clone()]).await;
    assert_eq!(code(disordered), "InvalidPartOrder");
    let wrong = CompletedPart { e_tag: Some("gibberish".to_owned()), ..one.clone() };
    let missing = complete(&cloud, &id, vec![wrong]).await.unwrap_err();
    assert_eq!(missing.code(), "InvalidPart");
    assert_eq!(field(&missing, "UploadId"), Some(id.as_str()));
    assert_eq!((field(&missing, "PartNumber"), field(&missing, "ETag")), (Some("1"), Some("gibberish")));
    for parts in [vec![], vec![CompletedPart::default()]] {
        assert_eq!(code(complete(&cloud, &id, parts).await), "MalformedXML");
    }
    let nothing = CompleteMultipartUploadInput { multipart_upload: None, ..completing(&id, vec![]) };
    assert_eq!(code(cloud.call(CompleteMultipartUpload, nothing).await), "MalformedXML");
    assert_eq!(parts_of(&cloud, &id).await.len(), 2, "what was refused has changed nothing");
    complete(&cloud, &id, vec![two]).await.expect("a last part may be small");
}

#[tokio::test]
async fn part_numbers_go_from_1_to_10000() {
    let cloud = cloud(7).await;
    let id = create(&cloud, KEY).await;
    for number in [0, 10_001] {
        let refused = cloud.call(UploadPart, uploading(&id, number, vec![1])).await.unwrap_err();
        assert_eq!(refused.code(), "InvalidArgument");
        assert_eq!(refused.message(), "Part number must be an integer between 1 and 10000, inclusive");
        assert_eq!(field(&refused, "ArgumentName"), Some("partNumber"));
    }
    let last = upload(&cloud, &id, 10_000, vec![1; 10]).await;
    complete(&cloud, &id, vec![last]).await.expect("the upload is complete");
}

#[tokio::test]
async fn a_completion_that_is_repeated_is_answered_as_before() {
    let cloud = versioned_cloud(8).await;
    let id = create(&cloud, KEY).await;
    let part = upload(&cloud, &id, 1, vec![1; 10]).await;
    let first = complete(&cloud, &id, vec![part.clone()]).await.expect("the upload is complete");
    put(&cloud, KEY, "another version").await;
    let input = completing(&id, vec![part]);
    let input = CompleteMultipartUploadInput { if_none_match: Some("*".to_owned()), ..input };
    let again = cloud.call(CompleteMultipartUpload, input).await.expect("it is as good as complete");
    assert_eq!((again.version_id, again.e_tag), (first.version_id, first.e_tag));
    assert_eq!(read(&cloud, KEY).await, b"another version");
}

#[tokio::test]
async fn completions_heed_conditions_and_what_happened_meanwhile() {
    let cloud = cloud(9).await;
    let attempt = async |replaces: bool, change: &str, header: &str| {
        let key_input = DeleteObjectInput {
            bucket: BUCKET.to_owned(),
            key: KEY.to_owned(),
            ..DeleteObjectInput::default()
        };
        cloud.call(DeleteObject, key_input.clone()).await.expect("it may be deleted");
        let mut tag =
            if replaces { put(&cloud, KEY, "before").await.e_tag } else { Some("\"none\"".to_owned()) };
        cloud.advance(Duration::from_secs(10)).await;
        let id = create(&cloud, KEY).await;
        let part = upload(&cloud, &id, 1, vec![1; 10]).await;
        cloud.advance(Duration::from_secs(10)).await;
        match change {
            "put" => tag = put(&cloud, KEY, "meanwhile").await.e_tag,
            "delete" => drop(cloud.call(DeleteObject, key_input).await.expect("it may be deleted")),
            _ => {}
        }
        let input = completing(&id, vec![part]);
        let input = match header {
            "If-None-Match" => CompleteMultipartUploadInput { if_none_match: Some("*".to_owned()), ..input },
            "If-Match" => CompleteMultipartUploadInput { if_match: tag, ..input },
            _ => CompleteMultipartUploadInput { if_match: Some("\"other\"".to_owned()), ..input },
        };
        match cloud.call(CompleteMultipartUpload, input).await {
            Ok(_) => "done".to_owned(),
            Err(fault) => fault.code().to_owned(),
        }
    };
    for (replaces, change, header, answer) in [
        (false, "nothing", "If-None-Match", "done"),
        (true, "nothing", "If-None-Match", "PreconditionFailed"),
        (false, "put", "If-None-Match", "PreconditionFailed"),
        (true, "delete", "If-None-Match", "ConditionalRequestConflict"),
        (true, "nothing", "If-Match", "done"),
        (true, "put", "If-Match", "ConditionalRequestConflict"),
        (true, "nothing", "If-Match of another", "PreconditionFailed"),
        (true, "delete", "If-Match", "NoSuchKey"),
    ] {
        let found = attempt(replaces, change, header).await;
        assert_eq!(found, answer, "{header}, an object before: {replaces}, meanwhile: {change}");
    }
}

#[tokio::test]
async fn checksums_are_summed_up_or_of_the_whole_object() {
    let cloud = cloud(10).await;
    for (algorithm, kind) in [("SHA256", "COMPOSITE"), ("CRC32", "COMPOSITE"), ("CRC32C", "FULL_OBJECT")] {
        let input = CreateMultipartUploadInput {
            checksum_algorithm: Some(algorithm.into()),
            checksum_type: Some(kind.into()),
            ..creating(KEY)
        };
        let begun = cloud.call(CreateMultipartUpload, input).await.expect("the upload begins");
        assert_eq!(begun.checksum_type.as_ref().map(ChecksumType::as_str), Some(kind));
        let id = begun.upload_id.expect("it has an id");
        let mut parts = Vec::new();
        for (number, bytes) in [(1, vec![1; PART]), (2, vec![2; 1000])] {
            let value = checksum(algorithm, &bytes);
            let mut input = uploading(&id, number, bytes);
            let mut part = CompletedPart { part_number: Some(number), ..CompletedPart::default() };
            let (input_value, part_value) = match algorithm {
                "SHA256" => (&mut input.checksum_sha256, &mut part.checksum_sha256),
                "CRC32" => (&mut input.checksum_crc32, &mut part.checksum_crc32),
                _ => (&mut input.checksum_crc32_c, &mut part.checksum_crc32_c),
            };
            *input_value = Some(value.clone());
            *part_value = Some(value);
            let taken = cloud.call(UploadPart, input).await.expect("the part is taken");
            parts.push(CompletedPart { e_tag: taken.e_tag, ..part });
        }
        let listed = parts_of(&cloud, &id).await;
        assert!(listed.iter().all(|part| {
            part.checksum_sha256.is_some() || part.checksum_crc32.is_some() || part.checksum_crc32_c.is_some()
        }));
        let made = complete(&cloud, &id, parts).await.expect("the upload is complete");
        assert_eq!(made.checksum_type.as_ref().map(ChecksumType::as_str), Some(kind));
        let value =
            made.checksum_sha256.or(made.checksum_crc32).or(made.checksum_crc32_c).expect("it has one");
        let whole = checksum(algorithm, &[vec![1; PART], vec![2; 1000]].concat());
        assert_eq!(value.ends_with("-2"), kind == "COMPOSITE", "{value}");
        assert_eq!(value == whole, kind == "FULL_OBJECT");
    }
}

fn checksum(algorithm: &str, bytes: &[u8]) -> String {
    use base64::Engine;
    let value = match algorithm {
        "SHA256" => aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().to_vec(),
        "CRC32" => crc_of(crc_fast::CrcAlgorithm::Crc32IsoHdlc, bytes),
        _ => crc_of(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes),
    };
    base64::engine::general_purpose::STANDARD.encode(value)
}

fn crc_of(algorithm: crc_fast::CrcAlgorithm, bytes: &[u8]) -> Vec<u8> {
    crc_fast::checksum(algorithm, bytes).to_be_bytes()[4..].to_vec()
}

#[tokio::test]
async fn checksums_that_do_not_fit_the_upload_are_refused() {
    let cloud = cloud(11).await;
    let input = CreateMultipartUploadInput { checksum_algorithm: Some("SHA256".into()), ..creating(KEY) };
    let id =
        cloud.call(CreateMultipartUpload, input).await.expect("it begins").upload_id.expect("it has an id");
    let refused = cloud.call(UploadPart, uploading(&id, 1, vec![1])).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
    assert_eq!(
        refused.message(),
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: null"
    );
    let input = UploadPartInput {
        checksum_sha256: Some(checksum("SHA256", b"something else")),
        ..uploading(&id, 1, b"content".to_vec())
    };
    assert_eq!(code(cloud.call(UploadPart, input).await), "BadDigest");
    assert!(parts_of(&cloud, &id).await.is_empty());
    assert_eq!(kept_bytes(&cloud).await, 0);
    let input = CreateMultipartUploadInput {
        checksum_algorithm: Some("SHA256".into()),
        checksum_type: Some("FULL_OBJECT".into()),
        ..creating(KEY)
    };
    let refused = cloud.call(CreateMultipartUpload, input).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."
    );
}

#[tokio::test]
async fn the_size_that_a_completion_expects_must_be_right() {
    let cloud = cloud(12).await;
    let id = create(&cloud, KEY).await;
    let part = upload(&cloud, &id, 1, vec![1; 15]).await;
    let input =
        CompleteMultipartUploadInput { mpu_object_size: Some(5), ..completing(&id, vec![part.clone()]) };
    let refused = cloud.call(CompleteMultipartUpload, input).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
    assert!(refused.message().ends_with("value 5 does not match what was computed: 15"), "{refused}");
    let input = CompleteMultipartUploadInput { mpu_object_size: Some(15), ..completing(&id, vec![part]) };
    cloud.call(CompleteMultipartUpload, input).await.expect("it is so large");
}

#[tokio::test]
async fn parts_of_an_upload_with_a_customers_key_bring_that_key() {
    let cloud = cloud(13).await;
    let key = Some("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=".to_owned());
    let other = Some("YmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=".to_owned());
    allow_customer_keys(&cloud).await;
    let input = CreateMultipartUploadInput {
        sse_customer_algorithm: Some("AES256".to_owned()),
        sse_customer_key: key.clone(),
        ..creating(KEY)
    };
    let id =
        cloud.call(CreateMultipartUpload, input).await.expect("it begins").upload_id.expect("it has an id");
    let with = |key: Option<String>| UploadPartInput {
        sse_customer_algorithm: key.as_ref().map(|_| "AES256".to_owned()),
        sse_customer_key: key,
        ..uploading(&id, 1, b"secret".to_vec())
    };
    for refused in [with(None), with(other)] {
        assert_eq!(code(cloud.call(UploadPart, refused).await), "InvalidRequest");
    }
    let taken = cloud.call(UploadPart, with(key.clone())).await.expect("it is the key");
    assert_eq!(taken.sse_customer_algorithm.as_deref(), Some("AES256"));
    let part = CompletedPart { part_number: Some(1), e_tag: taken.e_tag, ..CompletedPart::default() };
    complete(&cloud, &id, vec![part]).await.expect("the key is not needed for that");
    let input = GetObjectInput {
        sse_customer_algorithm: Some("AES256".to_owned()),
        sse_customer_key: key,
        ..getting(KEY)
    };
    assert_eq!(bytes_of(cloud.call(GetObject, input).await.expect("it is the key")).await, b"secret");
    assert!(cloud.call(GetObject, getting(KEY)).await.is_err());
}

async fn allow_customer_keys(cloud: &Cloud) {
    let blocked = BlockedEncryptionTypes { encryption_type: Some(vec![EncryptionType::None]) };
    let rule = ServerSideEncryptionRule {
        apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
            sse_algorithm: ServerSideEncryption::Aes256,
            ..ServerSideEncryptionByDefault::default()
        }),
        blocked_encryption_types: Some(blocked),
        ..ServerSideEncryptionRule::default()
    };
    let input = PutBucketEncryptionInput {
        bucket: BUCKET.to_owned(),
        server_side_encryption_configuration: ServerSideEncryptionConfiguration { rules: vec![rule] },
        ..PutBucketEncryptionInput::default()
    };
    cloud.call(PutBucketEncryption, input).await.expect("customers' keys are allowed");
}

#[tokio::test]
async fn the_versions_of_uploads_are_those_of_their_bucket() {
    let cloud = versioned_cloud(18).await;
    let before = put(&cloud, KEY, "before").await.version_id;
    let id = create(&cloud, KEY).await;
    let part = upload(&cloud, &id, 1, vec![1; 10]).await;
    let made = complete(&cloud, &id, vec![part]).await.expect("the upload is complete");
    assert!(made.version_id.is_some() && made.version_id != before);
    set_versioning(&cloud, BucketVersioningStatus::Suspended).await;
    let id = create(&cloud, KEY).await;
    let part = upload(&cloud, &id, 1, vec![2; 10]).await;
    let made = complete(&cloud, &id, vec![part]).await.expect("the upload is complete");
    assert_eq!(made.version_id.as_deref(), Some("null"));
    let input = GetObjectInput { version_id: before, ..getting(KEY) };
    assert_eq!(bytes_of(cloud.call(GetObject, input).await.expect("it is kept")).await, b"before");
}

#[tokio::test]
async fn rules_tell_when_an_upload_is_given_up() {
    let cloud = cloud(19).await;
    let rule = LifecycleRule {
        id: Some("tidy".to_owned()),
        status: ExpirationStatus::Enabled,
        filter: Some(LifecycleRuleFilter { prefix: Some("a/".to_owned()), ..LifecycleRuleFilter::default() }),
        abort_incomplete_multipart_upload: Some(AbortIncompleteMultipartUpload {
            days_after_initiation: Some(7),
        }),
        ..LifecycleRule::default()
    };
    let input = PutBucketLifecycleConfigurationInput {
        bucket: BUCKET.to_owned(),
        lifecycle_configuration: Some(BucketLifecycleConfiguration { rules: vec![rule] }),
        ..PutBucketLifecycleConfigurationInput::default()
    };
    cloud.call(PutBucketLifecycleConfiguration, input).await.expect("the rule is taken");
    let begun = cloud.call(CreateMultipartUpload, creating(KEY)).await.expect("the upload begins");
    assert_eq!(begun.abort_rule_id.as_deref(), Some("tidy"));
    let date = begun.abort_date.expect("it has a date");
    assert!(date > testkit::START + Duration::from_secs(7 * 86_400) && date.as_secs() % 86_400 == 0);
    let listed =
        cloud.call(ListParts, listing(&begun.upload_id.unwrap())).await.expect("the upload is there");
    assert_eq!(listed.abort_date, Some(date));
    let other = cloud.call(CreateMultipartUpload, creating("other")).await.expect("the upload begins");
    assert_eq!(other.abort_date, None);
}
