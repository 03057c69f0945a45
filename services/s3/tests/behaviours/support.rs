//! Short ways to say what the tests of S3 do most.

use base::{AccountId, Region};
use bytes::Bytes;
use futures_util::TryStreamExt;
use s3_api::*;
use schema::{ByteStream, Fault, OperationType};
use service::{Principal, PrincipalKind};
use testkit::Cloud;

pub const BUCKET: &str = "the-bucket";
/// The account that the others are strangers to.
pub const OWNER: &str = "000000000000";
pub const STRANGER: u64 = 222_222_222_222;

/// A cloud with an empty bucket.
pub async fn cloud(seed: u64) -> Cloud {
    let cloud = Cloud::new(seed).await;
    make_bucket(&cloud, BUCKET).await;
    cloud
}

pub async fn make_bucket(cloud: &Cloud, name: &str) {
    let input = CreateBucketInput { bucket: name.to_owned(), ..CreateBucketInput::default() };
    cloud.call(CreateBucket, input).await.expect("the bucket is possible");
}

/// A cloud with an empty bucket that keeps versions.
pub async fn versioned_cloud(seed: u64) -> Cloud {
    let cloud = cloud(seed).await;
    set_versioning(&cloud, BucketVersioningStatus::Enabled).await;
    cloud
}

pub async fn set_versioning(cloud: &Cloud, status: BucketVersioningStatus) {
    let versioning_configuration =
        VersioningConfiguration { status: Some(status), ..VersioningConfiguration::default() };
    let input = PutBucketVersioningInput {
        bucket: BUCKET.to_owned(),
        versioning_configuration,
        ..PutBucketVersioningInput::default()
    };
    cloud.call(PutBucketVersioning, input).await.expect("versioning is switched");
}

pub fn stranger() -> AccountId {
    AccountId::new(STRANGER).expect("it has twelve digits")
}

/// Calls as the root of another account.
pub async fn as_stranger<O: OperationType>(
    cloud: &Cloud,
    operation: O,
    input: O::Input,
) -> Result<O::Output, Fault> {
    cloud.call_as(stranger(), Region::US_EAST_1, operation, input).await
}

/// Calls without signing.
pub async fn as_nobody<O: OperationType>(
    cloud: &Cloud,
    operation: O,
    input: O::Input,
) -> Result<O::Output, Fault> {
    let nobody = Principal::anonymous();
    assert_eq!(nobody.kind, PrincipalKind::Anonymous);
    cloud.call_by(nobody, operation, input).await
}

pub fn body(bytes: impl Into<Bytes>) -> Option<ByteStream> {
    Some(ByteStream::from(bytes.into()))
}

/// A body that arrives in pieces, as from a socket.
pub fn streamed(bytes: &[u8], piece_bytes: usize) -> Option<ByteStream> {
    let pieces: Vec<_> = bytes.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Some(ByteStream::new(futures_util::stream::iter(pieces)).with_length(bytes.len() as u64))
}

/// The input that puts an object into [`BUCKET`].
pub fn putting(key: &str, bytes: impl Into<Bytes>) -> PutObjectInput {
    PutObjectInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        body: body(bytes),
        ..PutObjectInput::default()
    }
}

pub async fn put(cloud: &Cloud, key: &str, bytes: impl Into<Bytes>) -> PutObjectOutput {
    cloud.call(PutObject, putting(key, bytes)).await.expect("the object is put")
}

/// The input that gets an object of [`BUCKET`].
pub fn getting(key: &str) -> GetObjectInput {
    GetObjectInput { bucket: BUCKET.to_owned(), key: key.to_owned(), ..GetObjectInput::default() }
}

pub fn heading(key: &str) -> HeadObjectInput {
    HeadObjectInput { bucket: BUCKET.to_owned(), key: key.to_owned(), ..HeadObjectInput::default() }
}

pub async fn get(cloud: &Cloud, key: &str) -> GetObjectOutput {
    cloud.call(GetObject, getting(key)).await.expect("the object is there")
}

pub async fn head(cloud: &Cloud, key: &str) -> HeadObjectOutput {
    cloud.call(HeadObject, heading(key)).await.expect("the object is there")
}

/// All bytes of a key's newest version.
pub async fn read(cloud: &Cloud, key: &str) -> Vec<u8> {
    bytes_of(get(cloud, key).await).await
}

/// The bytes of an answer.
pub async fn bytes_of(output: GetObjectOutput) -> Vec<u8> {
    let pieces: Vec<Bytes> =
        output.body.expect("there is a body").take().try_collect().await.expect("the body is whole");
    pieces.concat()
}

/// The code of a refusal.
#[track_caller]
pub fn code<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    result.expect_err("it is refused").code().to_owned()
}

/// A further element of an error's answer.
pub fn field<'a>(fault: &'a Fault, name: &str) -> Option<&'a str> {
    fault.fields().iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
}

/// A further header of an error's answer.
pub fn header<'a>(fault: &'a Fault, name: &str) -> Option<&'a str> {
    fault.headers().iter().find(|(header, _)| *header == name).map(|(_, value)| value.as_str())
}

/// How many bytes the engine keeps, once everything that is free has been given back.
pub async fn kept_bytes(cloud: &Cloud) -> u64 {
    cloud.objects.settle().await;
    cloud.objects.usage().live_bytes
}
