//! Everything is encrypted: by keys of S3's own, by KMS, by keys that clients bring.

use std::time::Duration;

use base::{AccountId, Region};
use iam_api::{CreateUser, CreateUserInput, PutUserPolicy, PutUserPolicyInput};
use kms_api::{
    CreateKey, CreateKeyInput, DisableKey, DisableKeyInput, ScheduleKeyDeletion, ScheduleKeyDeletionInput,
};
use s3_api::*;
use service::{Call, Notes, Principal, PrincipalKind, Source};
use testkit::Cloud;

use crate::support::*;

/// Base64 of 32 times `a`, and of its MD5.
const KEY: &str = "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";
const KEY_MD5: &str = "Xsqb0+sHwAbNQ65I395/0w==";
const OTHER_KEY: &str = "YmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=";

async fn key(cloud: &Cloud) -> String {
    let made = cloud.call(CreateKey, CreateKeyInput::default()).await.expect("a key is possible");
    made.key_metadata.and_then(|metadata| metadata.arn).expect("a new key is shown with its ARN")
}

fn with_kms(key: &str, kms_key: Option<&str>, method: &str) -> PutObjectInput {
    PutObjectInput {
        server_side_encryption: Some(method.into()),
        ssekms_key_id: kms_key.map(str::to_owned),
        ..putting(key, "secret content")
    }
}

fn with_key(key: &str) -> PutObjectInput {
    PutObjectInput {
        sse_customer_algorithm: Some("AES256".to_owned()),
        sse_customer_key: Some(KEY.to_owned()),
        sse_customer_key_md5: Some(KEY_MD5.to_owned()),
        ..putting(key, "secret content")
    }
}

fn getting_with(key: &str, customer_key: &str) -> GetObjectInput {
    GetObjectInput {
        sse_customer_algorithm: Some("AES256".to_owned()),
        sse_customer_key: Some(customer_key.to_owned()),
        ..getting(key)
    }
}

/// Lets the bucket take keys of clients, which none does by itself since April 2026.
async fn allow_customer_keys(cloud: &Cloud) {
    let blocked = BlockedEncryptionTypes { encryption_type: Some(vec![EncryptionType::None]) };
    set_encryption(
        cloud,
        ServerSideEncryptionRule {
            blocked_encryption_types: Some(blocked),
            ..ServerSideEncryptionRule::default()
        },
    )
    .await;
}

async fn set_encryption(cloud: &Cloud, rule: ServerSideEncryptionRule) {
    let input = PutBucketEncryptionInput {
        bucket: BUCKET.to_owned(),
        server_side_encryption_configuration: ServerSideEncryptionConfiguration { rules: vec![rule] },
        ..PutBucketEncryptionInput::default()
    };
    cloud.call(PutBucketEncryption, input).await.expect("the setting is taken");
}

async fn set_default(cloud: &Cloud, method: &str, kms_key: Option<&str>, bucket_key: bool) {
    let default = ServerSideEncryptionByDefault {
        sse_algorithm: method.into(),
        kms_master_key_id: kms_key.map(str::to_owned),
    };
    set_encryption(
        cloud,
        ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(default),
            bucket_key_enabled: Some(bucket_key),
            ..ServerSideEncryptionRule::default()
        },
    )
    .await;
}

/// A user who may do everything but what is named.
async fn user_without(cloud: &Cloud, action: &str) -> Principal {
    let input = CreateUserInput { user_name: "ann".to_owned(), ..CreateUserInput::default() };
    let user = cloud.call(CreateUser, input).await.expect("the name is free").user.expect("it is shown");
    let policy_document = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "*", "Resource": "*"}},
            {{"Effect": "Deny", "Action": "{action}", "Resource": "*"}}]}}"#
    );
    let input =
        PutUserPolicyInput { user_name: "ann".to_owned(), policy_name: "p".to_owned(), policy_document };
    cloud.call(PutUserPolicy, input).await.expect("it is a policy");
    let mut principal = Principal::root(base::AccountId::DEV, base::Region::US_EAST_1, None);
    (principal.kind, principal.arn, principal.user_id) = (PrincipalKind::User, user.arn, user.user_id);
    principal
}

#[tokio::test]
async fn a_new_data_key_every_day_reads_all_older_objects() {
    let cloud = cloud(1).await;
    for day in 0..3 {
        put(&cloud, &format!("day-{day}"), format!("content {day}")).await;
        cloud.advance(Duration::from_secs(24 * 3600)).await;
    }
    for day in 0..3 {
        assert_eq!(read(&cloud, &format!("day-{day}")).await, format!("content {day}").as_bytes());
    }
}

#[tokio::test]
async fn a_key_of_kms_encrypts_and_its_tag_is_no_md5() {
    let cloud = cloud(1).await;
    let key = key(&cloud).await;
    for method in ["aws:kms", "aws:kms:dsse"] {
        let put = cloud.call(PutObject, with_kms("k", Some(&key), method)).await.unwrap();
        assert_eq!(put.server_side_encryption.as_ref().map(ServerSideEncryption::as_str), Some(method));
        assert_eq!(put.ssekms_key_id.as_deref(), Some(&*key));
        let again = cloud.call(PutObject, with_kms("k", Some(&key), method)).await.unwrap();
        assert_ne!(put.e_tag, again.e_tag);
        let got = get(&cloud, "k").await;
        assert_eq!((got.ssekms_key_id.as_deref(), &got.e_tag), (Some(&*key), &again.e_tag));
        assert_eq!(bytes_of(got).await, b"secret content");
    }
}

#[tokio::test]
async fn without_a_key_it_is_the_one_that_aws_manages_for_s3() {
    let cloud = cloud(1).await;
    let put = cloud.call(PutObject, with_kms("k", None, "aws:kms")).await.unwrap();
    let arn = put.ssekms_key_id.unwrap();
    assert!(arn.starts_with("arn:aws:kms:us-east-1:000000000000:key/"), "{arn}");
    assert_eq!(read(&cloud, "k").await, b"secret content");
    let input = kms_api::DescribeKeyInput { key_id: "alias/aws/s3".to_owned(), ..Default::default() };
    let shown = cloud.call(kms_api::DescribeKey, input).await.unwrap().key_metadata.unwrap();
    assert_eq!(shown.arn, Some(arn));
}

#[tokio::test]
async fn a_bucket_has_a_default_and_requests_may_say_otherwise() {
    let cloud = cloud(1).await;
    let key = key(&cloud).await;
    set_default(&cloud, "aws:kms", Some(&key), true).await;
    let by_default = put(&cloud, "k", "content").await;
    assert_eq!(by_default.ssekms_key_id.as_deref(), Some(&*key));
    assert_eq!(by_default.bucket_key_enabled, Some(true));
    assert_eq!(get(&cloud, "k").await.bucket_key_enabled, Some(true));
    let plain =
        PutObjectInput { server_side_encryption: Some("AES256".into()), ..putting("plain", "content") };
    let plain = cloud.call(PutObject, plain).await.unwrap();
    assert_eq!(
        (plain.server_side_encryption, plain.ssekms_key_id),
        (Some(ServerSideEncryption::Aes256), None)
    );
    assert_eq!(read(&cloud, "plain").await, b"content");
}

#[tokio::test]
async fn a_bare_key_id_is_one_of_the_buckets_owner() {
    let cloud = cloud(1).await;
    let key = key(&cloud).await;
    let id = key.rsplit('/').next().unwrap();
    let put = cloud.call(PutObject, with_kms("k", Some(id), "aws:kms")).await.unwrap();
    assert_eq!(put.ssekms_key_id, Some(key));
}

#[tokio::test]
async fn a_bucket_key_serves_for_a_while_and_an_own_key_asks_every_time() {
    let cloud = cloud(1).await;
    let key = key(&cloud).await;
    let bucket_key =
        |name| PutObjectInput { bucket_key_enabled: Some(true), ..with_kms(name, Some(&key), "aws:kms") };
    cloud.call(PutObject, bucket_key("bucket")).await.unwrap();
    cloud.call(PutObject, with_kms("own", Some(&key), "aws:kms")).await.unwrap();
    assert_eq!(read(&cloud, "bucket").await, b"secret content");
    let disable = DisableKeyInput { key_id: key.clone() };
    cloud.call(DisableKey, disable).await.unwrap();
    assert_eq!(read(&cloud, "bucket").await, b"secret content");
    assert!(cloud.call(PutObject, bucket_key("another")).await.is_ok());
    let refused = cloud.call(GetObject, getting("own")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("KMS.DisabledException", 400));
    cloud.advance(Duration::from_secs(301)).await;
    assert_eq!(code(cloud.call(GetObject, getting("bucket")).await), "KMS.DisabledException");
    assert_eq!(code(cloud.call(PutObject, bucket_key("third")).await), "KMS.DisabledException");
}

#[tokio::test]
async fn reading_takes_the_callers_permission_to_decrypt() {
    let cloud = cloud(1).await;
    let key = key(&cloud).await;
    cloud.call(PutObject, with_kms("k", Some(&key), "aws:kms")).await.unwrap();
    let user = user_without(&cloud, "kms:Decrypt").await;
    let refused = cloud.call_by(user.clone(), GetObject, getting("k")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("AccessDenied", 403));
    assert!(refused.message().contains("kms:Decrypt"), "{}", refused.message());
    assert!(cloud.call_by(user.clone(), HeadObject, heading("k")).await.is_ok(), "no content, no key");
    let head = HeadObjectInput { checksum_mode: Some(ChecksumMode::Enabled), ..heading("k") };
    assert_eq!(code(cloud.call_by(user, HeadObject, head).await), "AccessDenied");
}

#[tokio::test]
async fn kms_says_no_in_its_own_words() {
    let cloud = cloud(1).await;
    let missing = "arn:aws:kms:us-east-1:000000000000:key/134f2428-cec1-4b25-a1ae-9048164dba47";
    let refused = cloud.call(PutObject, with_kms("k", Some(missing), "aws:kms")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("KMS.NotFoundException", 400));
    assert_eq!(refused.message(), format!("Key '{missing}' does not exist"));
    let bare = Some("134f2428-cec1-4b25-a1ae-9048164dba47");
    let refused = cloud.call(PutObject, with_kms("k", bare, "aws:kms")).await.unwrap_err();
    assert_eq!(refused.message(), format!("Key '{missing}' does not exist"));
    assert_eq!(
        code(cloud.call(PutObject, with_kms("k", Some("aws/s3"), "aws:kms")).await),
        "KMS.NotFoundException"
    );
    let key = key(&cloud).await;
    let deletion = ScheduleKeyDeletionInput { key_id: key.clone(), ..ScheduleKeyDeletionInput::default() };
    cloud.call(ScheduleKeyDeletion, deletion).await.unwrap();
    let refused = cloud.call(PutObject, with_kms("k", Some(&key), "aws:kms")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("KMS.KMSInvalidStateException", 400));
}

#[tokio::test]
async fn what_is_asked_of_encryption_must_make_sense() {
    let cloud = cloud(1).await;
    allow_customer_keys(&cloud).await;
    let plain = || putting("k", "content");
    let garbage = PutObjectInput { server_side_encryption: Some("aes256".into()), ..plain() };
    let key_alone = PutObjectInput { ssekms_key_id: Some("x".to_owned()), ..plain() };
    let with_aes = PutObjectInput { server_side_encryption: Some("AES256".into()), ..key_alone.clone() };
    let context = PutObjectInput {
        ssekms_encryption_context: Some("no json".to_owned()),
        ..with_kms("k", None, "aws:kms")
    };
    let both = PutObjectInput { server_side_encryption: Some("AES256".into()), ..with_key("k") };
    for (input, said) in [
        (garbage, "The encryption method specified is not supported"),
        (key_alone, "Server Side Encryption with AWS KMS managed key requires HTTP header"),
        (with_aes, "Server Side Encryption with AWS KMS managed key requires HTTP header"),
        (context, "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string"),
        (both, "Server Side Encryption with Customer provided key is incompatible"),
    ] {
        let refused = cloud.call(PutObject, input).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("InvalidArgument", 400));
        assert!(refused.message().starts_with(said), "{}", refused.message());
    }
    let algorithm = PutObjectInput { sse_customer_algorithm: Some("AES128".to_owned()), ..with_key("k") };
    assert_eq!(code(cloud.call(PutObject, algorithm).await), "InvalidEncryptionAlgorithmError");
}

#[tokio::test]
async fn a_context_of_the_clients_own_is_kept_for_reading() {
    let cloud = cloud(1).await;
    let context = "eyJ0ZWFtIjoiZm9nIn0=";
    let input = PutObjectInput {
        ssekms_encryption_context: Some(context.to_owned()),
        ..with_kms("k", None, "aws:kms")
    };
    let put = cloud.call(PutObject, input).await.unwrap();
    assert_eq!(put.ssekms_encryption_context.as_deref(), Some(context));
    assert_eq!(read(&cloud, "k").await, b"secret content");
}

#[tokio::test]
async fn new_buckets_take_no_keys_of_clients_until_their_owners_say_so() {
    let cloud = cloud(1).await;
    let refused = cloud.call(PutObject, with_key("k")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("AccessDenied", 403));
    let said = "because this bucket has blocked upload requests that specify Server Side Encryption with Customer \
                provided keys (SSE-C)";
    assert!(refused.message().contains(said), "{}", refused.message());
    allow_customer_keys(&cloud).await;
    assert!(cloud.call(PutObject, with_key("k")).await.is_ok());
}

#[tokio::test]
async fn a_key_that_the_client_brought_is_needed_to_read() {
    let cloud = cloud(1).await;
    allow_customer_keys(&cloud).await;
    let put = cloud.call(PutObject, with_key("k")).await.unwrap();
    assert_eq!(put.sse_customer_algorithm.as_deref(), Some("AES256"));
    assert_eq!(put.sse_customer_key_md5.as_deref(), Some(KEY_MD5));
    assert_eq!(put.server_side_encryption, None);
    let got = cloud.call(GetObject, getting_with("k", KEY)).await.unwrap();
    assert_eq!(bytes_of(got).await, b"secret content");
    let refused = cloud.call(GetObject, getting("k")).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("InvalidRequest", 400));
    let refused = cloud.call(GetObject, getting_with("k", OTHER_KEY)).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("AccessDenied", 403));
    assert!(!format!("{refused:?} {:?}", refused.fields()).contains("YmFh"));
    assert_eq!(cloud.call(HeadObject, heading("k")).await.unwrap_err().status(), 400);
}

#[tokio::test]
async fn a_key_for_an_object_that_needs_none_is_refused() {
    let cloud = cloud(1).await;
    put(&cloud, "k", "content").await;
    let refused = cloud.call(GetObject, getting_with("k", KEY)).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
    assert_eq!(refused.message(), "The encryption parameters are not applicable to this object.");
}

#[tokio::test]
async fn nobody_without_a_name_reads_by_kms() {
    let cloud = cloud(1).await;
    cloud.call(PutObject, with_kms("k", None, "aws:kms")).await.unwrap();
    make_public(&cloud).await;
    let refused = as_nobody(&cloud, GetObject, getting("k")).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidArgument");
    assert!(refused.message().ends_with("require AWS Signature Version 4."), "{}", refused.message());
    put(&cloud, "plain", "content").await;
    let got = as_nobody(&cloud, GetObject, getting("plain")).await.unwrap();
    assert_eq!(bytes_of(got).await, b"content");
    let overriding =
        GetObjectInput { response_content_type: Some("text/html".to_owned()), ..getting("plain") };
    let refused = as_nobody(&cloud, GetObject, overriding).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
}

async fn make_public(cloud: &Cloud) {
    let block = DeletePublicAccessBlockInput { bucket: BUCKET.to_owned(), ..Default::default() };
    cloud.call(DeletePublicAccessBlock, block).await.expect("it may be opened");
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::{BUCKET}/*"}}]}}"#
    );
    let input = PutBucketPolicyInput { bucket: BUCKET.to_owned(), policy, ..PutBucketPolicyInput::default() };
    cloud.call(PutBucketPolicy, input).await.expect("it is a policy");
}

#[tokio::test]
async fn a_clients_key_from_elsewhere_comes_by_tls_only() {
    let cloud = cloud(1).await;
    allow_customer_keys(&cloud).await;
    let call = |ip: &str, secure_transport| {
        let ip = Some(ip.parse().expect("it is an address"));
        let source = Source { ip, secure_transport, ..Source::default() };
        let principal = Principal::root(AccountId::DEV, Region::US_EAST_1, None);
        let (request_id, now) = (cloud.ids.uuid(), cloud.clock.now());
        let (account, region) = (AccountId::DEV, Region::US_EAST_1);
        Call { request_id, principal, account, region, source, now, depth: 0, notes: Notes::default() }
    };
    for (ip, secure) in [("127.0.0.1", false), ("::ffff:127.0.0.1", false), ("192.0.2.1", true)] {
        let call = call(ip, secure);
        assert!(cloud.aws().as_caller(&call).call(PutObject, with_key("k")).await.is_ok(), "{ip}");
    }
    let elsewhere = call("192.0.2.1", false);
    let elsewhere = || cloud.aws().as_caller(&elsewhere);
    let refused = elsewhere().call(GetObject, getting_with("k", KEY)).await.unwrap_err();
    assert_eq!(refused.code(), "InvalidRequest");
    assert!(refused.message().ends_with("must be made over a secure connection."), "{}", refused.message());
    let copies = CopyObjectInput {
        bucket: BUCKET.to_owned(),
        key: "copy".to_owned(),
        copy_source: format!("{BUCKET}/k"),
        copy_source_sse_customer_key: Some(KEY.to_owned()),
        ..CopyObjectInput::default()
    };
    assert_eq!(code(elsewhere().call(CopyObject, copies).await), "InvalidRequest");
    assert!(elsewhere().call(PutObject, putting("plain", "content")).await.is_ok());
}
