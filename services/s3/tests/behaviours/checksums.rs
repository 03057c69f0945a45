//! Bodies are what their senders say, or they are not kept.

use bytes::Bytes;
use s3_api::*;
use schema::{ByteStream, LateTrailers};

use crate::support::*;

const CONTENT: &str = "123456789";
const CRC32: &str = "y/Q5Jg==";
const CRC64NVME: &str = "rosUhgp5mIg=";
const SHA256: &str = "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=";
const MD5: &str = "JfnnlDI7RTiF9RgfG2JNCw==";

fn checked_get(key: &str) -> GetObjectInput {
    GetObjectInput { checksum_mode: Some(ChecksumMode::Enabled), ..getting(key) }
}

#[tokio::test]
async fn without_a_checksum_one_is_added() {
    let cloud = cloud(1).await;
    let put = put(&cloud, "k", CONTENT).await;
    assert_eq!(put.checksum_crc64_nvme.as_deref(), Some(CRC64NVME));
    assert_eq!(put.checksum_type, Some(ChecksumType::FullObject));
    let got = cloud.call(GetObject, checked_get("k")).await.unwrap();
    assert_eq!(got.checksum_crc64_nvme.as_deref(), Some(CRC64NVME));
    assert_eq!(get(&cloud, "k").await.checksum_crc64_nvme, None, "only who asks is told");
}

#[tokio::test]
async fn a_checksum_that_fits_is_kept_and_shown() {
    let cloud = cloud(1).await;
    let input = PutObjectInput {
        checksum_sha256: Some(SHA256.to_owned()),
        checksum_algorithm: Some(ChecksumAlgorithm::Sha256),
        ..putting("k", CONTENT)
    };
    let put = cloud.call(PutObject, input).await.unwrap();
    assert_eq!((put.checksum_sha256.as_deref(), put.checksum_crc64_nvme), (Some(SHA256), None));
    let head = HeadObjectInput { checksum_mode: Some(ChecksumMode::Enabled), ..heading("k") };
    let shown = cloud.call(HeadObject, head).await.unwrap();
    assert_eq!(shown.checksum_sha256.as_deref(), Some(SHA256));
    let range = GetObjectInput { range: Some("bytes=0-3".to_owned()), ..checked_get("k") };
    assert_eq!(cloud.call(GetObject, range).await.unwrap().checksum_sha256, None, "a part has another");
}

#[tokio::test]
async fn every_algorithm_is_known() {
    let cloud = cloud(1).await;
    for algorithm in [
        "CRC32",
        "CRC32C",
        "CRC64NVME",
        "SHA1",
        "SHA256",
        "SHA512",
        "MD5",
        "XXHASH64",
        "XXHASH3",
        "XXHASH128",
    ] {
        let trailer = format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase());
        let wrong = PutObjectInput {
            body: with_trailer(CONTENT, &trailer, "AAAA"),
            checksum_algorithm: Some(algorithm.into()),
            ..putting("k", "")
        };
        let refused = cloud.call(PutObject, wrong).await.unwrap_err();
        assert_eq!(refused.message(), format!("Value for {trailer} header is invalid."));
    }
}

/// A body whose trailer follows when it has been read.
fn with_trailer(content: &'static str, name: &str, value: &str) -> Option<ByteStream> {
    let late = LateTrailers::announcing(vec![name.to_owned()]);
    let (set, trailer) = (late.clone(), vec![(name.to_owned(), value.to_owned())]);
    let pieces = futures_util::stream::iter([Ok(Bytes::from_static(content.as_bytes()))]);
    let end = futures_util::stream::once(async move {
        set.set(trailer);
        Ok(Bytes::new())
    });
    let stream = ByteStream::new(futures_util::StreamExt::chain(pieces, end));
    Some(stream.with_length(content.len() as u64).with_trailers(late))
}

#[tokio::test]
async fn a_checksum_may_follow_the_body() {
    let cloud = cloud(1).await;
    let input = |value: &str| PutObjectInput {
        body: with_trailer(CONTENT, "x-amz-checksum-crc32", value),
        ..putting("k", "")
    };
    let refused = cloud.call(PutObject, input("AAAAAA==")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("BadDigest", 400));
    assert_eq!(refused.message(), "The CRC32 you specified did not match the calculated checksum.");
    let put = cloud.call(PutObject, input(CRC32)).await.unwrap();
    assert_eq!(put.checksum_crc32.as_deref(), Some(CRC32));
}

#[tokio::test]
async fn a_body_that_lies_leaves_nothing_behind() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "before").await;
    let before = kept_bytes(&cloud).await;
    let long = vec![7; 600_000];
    let bodies = [body(CONTENT), body(long.clone()), streamed(&long, 10_000)];
    for lying in bodies {
        let input =
            PutObjectInput { checksum_crc32: Some("AAAAAA==".to_owned()), body: lying, ..putting("k", "") };
        assert_eq!(code(cloud.call(PutObject, input).await), "BadDigest");
    }
    for (length, pieces) in [(10, 1), (1_000_000, 60)] {
        let pieces: Vec<_> = (0..pieces).map(|_| Ok(Bytes::from_static(&[7; 10_000]))).collect();
        let stream = ByteStream::new(futures_util::stream::iter(pieces)).with_length(length);
        let input = PutObjectInput { body: Some(stream), ..putting("k", "") };
        let refused = cloud.call(PutObject, input).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("IncompleteBody", 400));
    }
    assert_eq!(read(&cloud, "k").await, b"before");
    assert_eq!(kept_bytes(&cloud).await, before);
}

#[tokio::test]
async fn the_md5_must_be_one_and_must_fit() {
    let cloud = cloud(1).await;
    let input = |md5: &str| PutObjectInput { content_md5: Some(md5.to_owned()), ..putting("k", CONTENT) };
    assert!(cloud.call(PutObject, input(MD5)).await.is_ok());
    let refused = cloud.call(PutObject, input("AAAAAAAAAAAAAAAAAAAAAA==")).await.unwrap_err();
    assert_eq!(refused.code(), "BadDigest");
    assert_eq!(field(&refused, "CalculatedDigest"), Some(MD5));
    assert_eq!(code(cloud.call(PutObject, input("short")).await), "InvalidDigest");
}

#[tokio::test]
async fn what_is_declared_must_make_sense() {
    let cloud = cloud(1).await;
    let algorithm = PutObjectInput { checksum_algorithm: Some("CRC32".into()), ..putting("k", CONTENT) };
    let refused = cloud.call(PutObject, algorithm.clone()).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
    assert!(refused.message().starts_with("x-amz-sdk-checksum-algorithm specified, but no corresponding"));
    let other = PutObjectInput { checksum_sha256: Some(SHA256.to_owned()), ..algorithm };
    let refused = cloud.call(PutObject, other).await.unwrap_err();
    assert_eq!(refused.message(), "Value for x-amz-sdk-checksum-algorithm header is invalid.");
    let two = PutObjectInput {
        checksum_sha256: Some(SHA256.to_owned()),
        checksum_crc32: Some(CRC32.to_owned()),
        ..putting("k", CONTENT)
    };
    let refused = cloud.call(PutObject, two).await.unwrap_err();
    assert!(refused.message().starts_with("Expecting a single x-amz-checksum- header."));
}

#[tokio::test]
async fn a_put_has_five_gibibytes_at_most() {
    let cloud = cloud(1).await;
    let stream =
        ByteStream::new(futures_util::stream::pending::<std::io::Result<Bytes>>()).with_length((5 << 30) + 1);
    let input = PutObjectInput { body: Some(stream), ..putting("k", "") };
    let refused = cloud.call(PutObject, input).await.unwrap_err();
    assert_eq!((refused.code(), field(&refused, "MaxSizeAllowed")), ("EntityTooLarge", Some("5368709120")));
}
