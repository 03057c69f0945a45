//! Directory buckets: made in a zone, listed apart, used in sessions.

use base::AccountId;
use s3_api::*;
use service::Principal;
use testkit::Cloud;

use crate::identities::{allows, user};
use crate::support::*;

const NAME: &str = "fast--use1-az4--x-s3";
const ARN: &str = "arn:aws:s3express:us-east-1:000000000000:bucket/fast--use1-az4--x-s3";

fn making(name: &str, zone: &str) -> CreateBucketInput {
    let configuration = CreateBucketConfiguration {
        location: Some(LocationInfo {
            r#type: Some(LocationType::AvailabilityZone),
            name: Some(zone.to_owned()),
        }),
        bucket: Some(BucketInfo {
            data_redundancy: Some(DataRedundancy::SingleAvailabilityZone),
            r#type: Some(BucketType::Directory),
        }),
        ..CreateBucketConfiguration::default()
    };
    CreateBucketInput {
        bucket: name.to_owned(),
        create_bucket_configuration: Some(configuration),
        ..CreateBucketInput::default()
    }
}

async fn session(cloud: &Cloud, caller: Option<Principal>, mode: Option<SessionMode>) -> Principal {
    let input =
        CreateSessionInput { bucket: NAME.to_owned(), session_mode: mode, ..CreateSessionInput::default() };
    let made = match caller {
        Some(caller) => cloud.call_by(caller, CreateSession, input).await,
        None => cloud.call(CreateSession, input).await,
    };
    let credentials = made.expect("the caller may").credentials;
    let token = Some(credentials.session_token.as_str());
    let key = cloud.keyring.find(&credentials.access_key_id, token, cloud.clock.now());
    key.expect("S3 issued it").principal
}

fn put_in() -> PutObjectInput {
    PutObjectInput { bucket: NAME.to_owned(), ..putting("k", "v") }
}

fn get_in() -> GetObjectInput {
    GetObjectInput { bucket: NAME.to_owned(), ..getting("k") }
}

#[tokio::test]
async fn a_directory_bucket_is_made_in_a_zone_and_listed_apart() {
    let cloud = Cloud::new(1).await;
    cloud.call(CreateBucket, making(NAME, "use1-az4")).await.unwrap();
    for (name, zone) in [("fast--use1-az5--x-s3", "use1-az4"), ("Fast--use1-az4--x-s3", "use1-az4")] {
        assert_eq!(code(cloud.call(CreateBucket, making(name, zone)).await), "InvalidBucketName", "{name}");
    }
    let abroad = making("fast--usw2-az1--x-s3", "usw2-az1");
    assert_eq!(code(cloud.call(CreateBucket, abroad).await), "InvalidLocationConstraint");
    let listed = cloud.call(ListDirectoryBuckets, ListDirectoryBucketsInput::default()).await.unwrap();
    assert_eq!(listed.buckets.unwrap()[0].bucket_arn.as_deref(), Some(ARN));
    let general = cloud.call(ListBuckets, ListBucketsInput::default()).await.unwrap();
    assert_eq!(general.buckets, Some(Vec::new()));
    let head = HeadBucketInput { bucket: NAME.to_owned(), ..HeadBucketInput::default() };
    let head = cloud.call(HeadBucket, head).await.unwrap();
    assert_eq!(head.bucket_location_name.as_deref(), Some("use1-az4"));
}

#[tokio::test]
async fn a_session_is_good_for_its_bucket_for_five_minutes() {
    let cloud = cloud(2).await;
    cloud.call(CreateBucket, making(NAME, "use1-az4")).await.unwrap();
    let writer = session(&cloud, None, None).await;
    cloud.call_by(writer.clone(), PutObject, put_in()).await.expect("it may write");
    assert!(cloud.call_by(writer.clone(), GetObject, get_in()).await.is_ok());
    assert_eq!(code(cloud.call_by(writer.clone(), GetObject, getting("k")).await), "AccessDenied");
    assert_eq!(
        code(cloud.call_by(writer.clone(), ListBuckets, ListBucketsInput::default()).await),
        "AccessDenied"
    );
    let again = CreateSessionInput { bucket: NAME.to_owned(), ..CreateSessionInput::default() };
    assert_eq!(code(cloud.call_by(writer.clone(), CreateSession, again).await), "AccessDenied");
    let reader = session(&cloud, None, Some(SessionMode::ReadOnly)).await;
    assert!(cloud.call_by(reader.clone(), GetObject, get_in()).await.is_ok());
    assert_eq!(code(cloud.call_by(reader, PutObject, put_in()).await), "AccessDenied");
    let ends = writer.session.expect("it is temporary").ends;
    assert_eq!(ends.since(cloud.clock.now()).as_secs(), 300);
}

#[tokio::test]
async fn whoever_may_make_a_session_needs_nothing_else() {
    let cloud = Cloud::new(3).await;
    cloud.call(CreateBucket, making(NAME, "use1-az4")).await.unwrap();
    let bob = user(&cloud, AccountId::DEV, "bob", &allows("s3express:CreateSession", ARN)).await;
    let writer = session(&cloud, Some(bob), None).await;
    cloud.call_by(writer, PutObject, put_in()).await.expect("the session suffices");
    let carol = user(&cloud, AccountId::DEV, "carol", &allows("s3:*", "*")).await;
    let input = CreateSessionInput { bucket: NAME.to_owned(), ..CreateSessionInput::default() };
    assert_eq!(code(cloud.call_by(carol, CreateSession, input).await), "AccessDenied");
    let plain =
        cloud.call(CreateSession, CreateSessionInput { bucket: BUCKET.to_owned(), ..Default::default() });
    assert_eq!(code(plain.await), "NoSuchBucket");
}
