//! Settings of buckets: what is set reads back, what is wrong is refused, what is gone is not there.

use s3_api::*;
use testkit::Cloud;

use crate::identities::{allows, user};
use crate::support::*;

fn bucket() -> String {
    BUCKET.to_owned()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn every_bucket_has_a_default_encryption() {
    let cloud = cloud(1).await;
    let get = || GetBucketEncryptionInput { bucket: bucket(), ..Default::default() };
    let rule = |output: GetBucketEncryptionOutput| {
        output.server_side_encryption_configuration.expect("there is always one").rules.remove(0)
    };
    let first = rule(cloud.call(GetBucketEncryption, get()).await.unwrap());
    let method = first.apply_server_side_encryption_by_default.unwrap();
    assert_eq!((method.sse_algorithm, first.bucket_key_enabled), (ServerSideEncryption::Aes256, Some(false)));
    let blocked = first.blocked_encryption_types.unwrap().encryption_type.unwrap();
    assert_eq!(blocked, [EncryptionType::SseC]);
    let setting = |algorithm: &str, key: Option<&str>| PutBucketEncryptionInput {
        bucket: bucket(),
        server_side_encryption_configuration: ServerSideEncryptionConfiguration {
            rules: vec![ServerSideEncryptionRule {
                apply_server_side_encryption_by_default: Some(ServerSideEncryptionByDefault {
                    sse_algorithm: algorithm.into(),
                    kms_master_key_id: key.map(str::to_owned),
                }),
                bucket_key_enabled: Some(true),
                blocked_encryption_types: None,
            }],
        },
        ..Default::default()
    };
    cloud.call(PutBucketEncryption, setting("aws:kms", Some("alias/mine"))).await.unwrap();
    let second = rule(cloud.call(GetBucketEncryption, get()).await.unwrap());
    assert_eq!(second.bucket_key_enabled, Some(true));
    let refused = cloud.call(PutBucketEncryption, setting("AES256", Some("alias/mine"))).await;
    assert_eq!(code(refused), "InvalidArgument");
    assert_eq!(code(cloud.call(PutBucketEncryption, setting("aws:fsx", None)).await), "MalformedXML");
    let delete = DeleteBucketEncryptionInput { bucket: bucket(), ..Default::default() };
    cloud.call(DeleteBucketEncryption, delete).await.unwrap();
    let third = rule(cloud.call(GetBucketEncryption, get()).await.unwrap());
    assert_eq!(third.bucket_key_enabled, Some(false));
}

#[tokio::test]
async fn versioning_is_nothing_until_it_is_set_and_stays_with_a_lock() {
    let cloud = cloud(2).await;
    let get = || GetBucketVersioningInput { bucket: bucket(), ..Default::default() };
    assert_eq!(cloud.call(GetBucketVersioning, get()).await.unwrap(), GetBucketVersioningOutput::default());
    let nothing = PutBucketVersioningInput { bucket: bucket(), ..Default::default() };
    assert_eq!(
        code(cloud.call(PutBucketVersioning, nothing).await),
        "IllegalVersioningConfigurationException"
    );
    set_versioning(&cloud, BucketVersioningStatus::Enabled).await;
    let lock = |days, years| PutObjectLockConfigurationInput {
        bucket: bucket(),
        object_lock_configuration: Some(ObjectLockConfiguration {
            object_lock_enabled: Some(ObjectLockEnabled::Enabled),
            rule: Some(ObjectLockRule {
                default_retention: Some(DefaultRetention {
                    mode: Some(ObjectLockRetentionMode::Governance),
                    days,
                    years,
                    default_event_hold: None,
                }),
            }),
        }),
        ..Default::default()
    };
    for (days, years, expected) in [
        (Some(1), Some(1), "MalformedXML"),
        (None, None, "MalformedXML"),
        (Some(0), None, "InvalidArgument"),
        (Some(36_501), None, "InvalidArgument"),
        (None, Some(101), "InvalidArgument"),
    ] {
        assert_eq!(code(cloud.call(PutObjectLockConfiguration, lock(days, years)).await), expected);
    }
    let get_lock = || GetObjectLockConfigurationInput { bucket: bucket(), ..Default::default() };
    let missing = cloud.call(GetObjectLockConfiguration, get_lock()).await;
    assert_eq!(code(missing), "ObjectLockConfigurationNotFoundError");
    cloud.call(PutObjectLockConfiguration, lock(Some(3), None)).await.unwrap();
    let shown = cloud.call(GetObjectLockConfiguration, get_lock()).await.unwrap();
    assert_eq!(shown.object_lock_configuration, lock(Some(3), None).object_lock_configuration);
    let suspend = PutBucketVersioningInput {
        bucket: bucket(),
        versioning_configuration: VersioningConfiguration {
            status: Some(BucketVersioningStatus::Suspended),
            mfa_delete: None,
        },
        ..Default::default()
    };
    assert_eq!(code(cloud.call(PutBucketVersioning, suspend).await), "InvalidBucketState");
}

#[tokio::test]
async fn mfa_delete_takes_a_code() {
    let cloud = cloud(3).await;
    let input = |mfa: Option<&str>| PutBucketVersioningInput {
        bucket: bucket(),
        mfa: mfa.map(str::to_owned),
        versioning_configuration: VersioningConfiguration {
            status: Some(BucketVersioningStatus::Enabled),
            mfa_delete: Some(MFADelete::Enabled),
        },
        ..Default::default()
    };
    assert_eq!(code(cloud.call(PutBucketVersioning, input(None)).await), "AccessDenied");
    let wrong = input(Some("arn:aws:iam::000000000000:mfa/root 123456"));
    assert_eq!(code(cloud.call(PutBucketVersioning, wrong).await), "AccessDenied");
}

#[tokio::test]
async fn tags_come_and_go_as_a_whole() {
    let cloud = cloud(4).await;
    let put = |tags: Vec<Tag>| PutBucketTaggingInput {
        bucket: bucket(),
        tagging: Tagging { tag_set: tags },
        ..Default::default()
    };
    let get = || GetBucketTaggingInput { bucket: bucket(), ..Default::default() };
    assert_eq!(code(cloud.call(GetBucketTagging, get()).await), "NoSuchTagSet");
    cloud.call(PutBucketTagging, put(vec![tag("b", "2"), tag("a", "1")])).await.unwrap();
    cloud.call(PutBucketTagging, put(vec![tag("c", "3")])).await.unwrap();
    assert_eq!(cloud.call(GetBucketTagging, get()).await.unwrap().tag_set, [tag("c", "3")]);
    for bad in [vec![tag("a", "1"), tag("a", "2")], vec![tag("aws:x", "1")], vec![tag("a", &"x".repeat(257))]]
    {
        assert_eq!(code(cloud.call(PutBucketTagging, put(bad)).await), "InvalidTag");
    }
    let many = (0..51).map(|number| tag(&number.to_string(), "")).collect();
    assert_eq!(code(cloud.call(PutBucketTagging, put(many)).await), "BadRequest");
    let delete = DeleteBucketTaggingInput { bucket: bucket(), ..Default::default() };
    cloud.call(DeleteBucketTagging, delete).await.unwrap();
    assert_eq!(code(cloud.call(GetBucketTagging, get()).await), "NoSuchTagSet");
}

#[tokio::test]
async fn configurations_without_an_id_read_back_as_they_were_set() {
    let cloud = cloud(5).await;
    let cors = CORSConfiguration {
        cors_rules: vec![CORSRule {
            allowed_methods: vec!["GET".to_owned()],
            allowed_origins: vec!["https://*.example.com".to_owned()],
            max_age_seconds: Some(60),
            ..CORSRule::default()
        }],
    };
    let input =
        PutBucketCorsInput { bucket: bucket(), cors_configuration: cors.clone(), ..Default::default() };
    let get = || GetBucketCorsInput { bucket: bucket(), ..Default::default() };
    assert_eq!(code(cloud.call(GetBucketCors, get()).await), "NoSuchCORSConfiguration");
    cloud.call(PutBucketCors, input).await.unwrap();
    assert_eq!(cloud.call(GetBucketCors, get()).await.unwrap().cors_rules, Some(cors.cors_rules));
    let delete = DeleteBucketCorsInput { bucket: bucket(), ..Default::default() };
    cloud.call(DeleteBucketCors, delete).await.unwrap();
    assert_eq!(code(cloud.call(GetBucketCors, get()).await), "NoSuchCORSConfiguration");

    let site = WebsiteConfiguration {
        index_document: Some(IndexDocument { suffix: "index.html".to_owned() }),
        error_document: Some(ErrorDocument { key: "error.html".to_owned() }),
        ..WebsiteConfiguration::default()
    };
    let input =
        PutBucketWebsiteInput { bucket: bucket(), website_configuration: site.clone(), ..Default::default() };
    cloud.call(PutBucketWebsite, input).await.unwrap();
    let get = GetBucketWebsiteInput { bucket: bucket(), ..Default::default() };
    let shown = cloud.call(GetBucketWebsite, get).await.unwrap();
    assert_eq!((shown.index_document, shown.error_document), (site.index_document, site.error_document));
}

#[tokio::test]
async fn a_log_goes_to_a_bucket_of_the_same_owner_and_region() {
    let cloud = cloud(6).await;
    make_bucket(&cloud, "logs").await;
    let input = |target: &str| PutBucketLoggingInput {
        bucket: bucket(),
        bucket_logging_status: BucketLoggingStatus {
            logging_enabled: Some(LoggingEnabled {
                target_bucket: target.to_owned(),
                target_prefix: "access/".to_owned(),
                ..LoggingEnabled::default()
            }),
        },
        ..Default::default()
    };
    assert_eq!(code(cloud.call(PutBucketLogging, input("missing")).await), "InvalidTargetBucketForLogging");
    let theirs = CreateBucketInput { bucket: "theirs".to_owned(), ..Default::default() };
    as_stranger(&cloud, CreateBucket, theirs).await.unwrap();
    assert_eq!(code(cloud.call(PutBucketLogging, input("theirs")).await), "InvalidTargetBucketForLogging");
    cloud.call(PutBucketLogging, input("logs")).await.unwrap();
    let get = || GetBucketLoggingInput { bucket: bucket(), ..Default::default() };
    let shown = cloud.call(GetBucketLogging, get()).await.unwrap().logging_enabled.unwrap();
    assert_eq!(shown.target_prefix, "access/");
    let off = PutBucketLoggingInput { bucket: bucket(), ..Default::default() };
    cloud.call(PutBucketLogging, off).await.unwrap();
    assert_eq!(cloud.call(GetBucketLogging, get()).await.unwrap().logging_enabled, None);
}

#[tokio::test]
async fn the_lectures_lifecycle_rule_reads_back() {
    let cloud = cloud(7).await;
    let rule = LifecycleRule {
        filter: Some(LifecycleRuleFilter { prefix: Some("logs/".to_owned()), ..Default::default() }),
        status: ExpirationStatus::Enabled,
        transitions: Some(vec![Transition {
            days: Some(7),
            storage_class: Some(TransitionStorageClass::Glacier),
            date: None,
        }]),
        expiration: Some(LifecycleExpiration { days: Some(2600), ..Default::default() }),
        ..LifecycleRule::default()
    };
    let put = |rule: LifecycleRule| PutBucketLifecycleConfigurationInput {
        bucket: bucket(),
        lifecycle_configuration: Some(BucketLifecycleConfiguration { rules: vec![rule] }),
        ..Default::default()
    };
    let get = || GetBucketLifecycleConfigurationInput { bucket: bucket(), ..Default::default() };
    assert_eq!(
        code(cloud.call(GetBucketLifecycleConfiguration, get()).await),
        "NoSuchLifecycleConfiguration"
    );
    cloud.call(PutBucketLifecycleConfiguration, put(rule.clone())).await.unwrap();
    let shown = cloud.call(GetBucketLifecycleConfiguration, get()).await.unwrap();
    let shown_rule = shown.rules.unwrap().remove(0);
    assert!(shown_rule.id.is_some());
    assert_eq!(LifecycleRule { id: None, ..shown_rule }, rule);
    let bad = LifecycleRule { transitions: None, expiration: None, ..rule };
    assert_eq!(code(cloud.call(PutBucketLifecycleConfiguration, put(bad)).await), "InvalidRequest");
    let delete = DeleteBucketLifecycleInput { bucket: bucket(), ..Default::default() };
    cloud.call(DeleteBucketLifecycle, delete).await.unwrap();
    assert_eq!(
        code(cloud.call(GetBucketLifecycleConfiguration, get()).await),
        "NoSuchLifecycleConfiguration"
    );
}

fn replicating(to: &str) -> PutBucketReplicationInput {
    PutBucketReplicationInput {
        bucket: bucket(),
        replication_configuration: ReplicationConfiguration {
            role: "arn:aws:iam::000000000000:role/replicator".to_owned(),
            rules: vec![ReplicationRule {
                status: ReplicationRuleStatus::Enabled,
                prefix: Some(String::new()),
                destination: Destination { bucket: format!("arn:aws:s3:::{to}"), ..Destination::default() },
                ..ReplicationRule::default()
            }],
        },
        ..Default::default()
    }
}

#[tokio::test]
async fn replication_needs_versions_on_both_sides_and_a_role_one_may_pass() {
    let cloud = cloud(8).await;
    make_bucket(&cloud, "copies").await;
    let refused = |fault: schema::Fault| (fault.code().to_owned(), fault.message().to_owned());
    for (to, words) in [("missing", "must exist"), ("copies", "must have versioning"), (BUCKET, "different")]
    {
        let (error, message) = refused(cloud.call(PutBucketReplication, replicating(to)).await.unwrap_err());
        assert_eq!(error, "InvalidRequest");
        assert!(message.contains(words), "{message}");
    }
    let enabled = |name: &str| PutBucketVersioningInput {
        bucket: name.to_owned(),
        versioning_configuration: VersioningConfiguration {
            status: Some(BucketVersioningStatus::Enabled),
            mfa_delete: None,
        },
        ..Default::default()
    };
    cloud.call(PutBucketVersioning, enabled("copies")).await.unwrap();
    let (_, message) = refused(cloud.call(PutBucketReplication, replicating("copies")).await.unwrap_err());
    assert!(message.contains("Versioning must be 'Enabled' on the bucket"), "{message}");
    cloud.call(PutBucketVersioning, enabled(BUCKET)).await.unwrap();
    let account = base::AccountId::DEV;
    let bob = user(&cloud, account, "bob", &allows("s3:*", "*")).await;
    let (error, message) =
        refused(cloud.call_by(bob, PutBucketReplication, replicating("copies")).await.unwrap_err());
    assert_eq!(error, "AccessDenied");
    assert!(message.contains("iam:PassRole"), "{message}");
    cloud.call(PutBucketReplication, replicating("copies")).await.unwrap();
    let get = GetBucketReplicationInput { bucket: bucket(), ..Default::default() };
    assert!(cloud.call(GetBucketReplication, get).await.unwrap().replication_configuration.is_some());
}

#[tokio::test]
async fn configurations_with_ids_are_listed_and_deleted() {
    let cloud = cloud(9).await;
    let put = |id: &str| PutBucketMetricsConfigurationInput {
        bucket: bucket(),
        id: id.to_owned(),
        metrics_configuration: MetricsConfiguration { id: id.to_owned(), filter: None },
        ..Default::default()
    };
    for number in 0..101 {
        cloud.call(PutBucketMetricsConfiguration, put(&format!("id-{number:03}"))).await.unwrap();
    }
    let list = |token: Option<String>| ListBucketMetricsConfigurationsInput {
        bucket: bucket(),
        continuation_token: token,
        ..Default::default()
    };
    let first = cloud.call(ListBucketMetricsConfigurations, list(None)).await.unwrap();
    assert_eq!(first.metrics_configuration_list.as_ref().map(Vec::len), Some(100));
    let rest =
        cloud.call(ListBucketMetricsConfigurations, list(first.next_continuation_token)).await.unwrap();
    assert_eq!(rest.metrics_configuration_list.unwrap()[0].id, "id-100");
    assert_eq!(rest.is_truncated, Some(false));
    let get = || GetBucketMetricsConfigurationInput {
        bucket: bucket(),
        id: "id-000".to_owned(),
        ..Default::default()
    };
    assert!(cloud.call(GetBucketMetricsConfiguration, get()).await.is_ok());
    let delete = DeleteBucketMetricsConfigurationInput {
        bucket: bucket(),
        id: "id-000".to_owned(),
        ..Default::default()
    };
    cloud.call(DeleteBucketMetricsConfiguration, delete).await.unwrap();
    assert_eq!(code(cloud.call(GetBucketMetricsConfiguration, get()).await), "NoSuchConfiguration");
    assert_eq!(code(cloud.call(PutBucketMetricsConfiguration, put("no id")).await), "InvalidConfigurationId");
}

async fn make_queue(cloud: &Cloud, name: &str, policy: Option<&str>) -> String {
    let attributes = policy.map(|policy| [("Policy".to_owned(), policy.to_owned())].into());
    let input = sqs_api::CreateQueueInput { queue_name: name.to_owned(), attributes, ..Default::default() };
    cloud
        .call(sqs_api::CreateQueue, input)
        .await
        .expect("the name is free")
        .queue_url
        .expect("a queue has one")
}

#[tokio::test]
async fn a_queue_is_told_only_if_it_lets_s3_in() {
    let cloud = cloud(10).await;
    make_queue(&cloud, "closed", None).await;
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},
        "Action":"sqs:SendMessage","Resource":"*"}]}"#;
    let url = make_queue(&cloud, "open", Some(policy)).await;
    let notifying = |arn: &str| PutBucketNotificationConfigurationInput {
        bucket: bucket(),
        notification_configuration: NotificationConfiguration {
            queue_configurations: Some(vec![QueueConfiguration {
                id: Some("new".to_owned()),
                queue_arn: arn.to_owned(),
                events: vec![Event::from("s3:ObjectCreated:*")],
                filter: None,
            }]),
            ..NotificationConfiguration::default()
        },
        ..Default::default()
    };
    for (arn, words) in [
        ("arn:aws:sqs:us-east-1:000000000000:missing", "does not exist"),
        ("arn:aws:sqs:us-east-1:000000000000:closed", "Permissions on the destination queue"),
    ] {
        let fault = cloud.call(PutBucketNotificationConfiguration, notifying(arn)).await.unwrap_err();
        assert_eq!(fault.message(), "Unable to validate the following destination configurations");
        assert!(field(&fault, "ArgumentValue1").unwrap().contains(words), "{arn}: {:?}", fault.fields());
    }
    let elsewhere = notifying("arn:aws:sqs:eu-west-1:000000000000:open");
    assert_eq!(code(cloud.call(PutBucketNotificationConfiguration, elsewhere).await), "InvalidArgument");
    let input = notifying("arn:aws:sqs:us-east-1:000000000000:open");
    cloud.call(PutBucketNotificationConfiguration, input.clone()).await.unwrap();
    let receive = sqs_api::ReceiveMessageInput { queue_url: url, ..Default::default() };
    let message = cloud.call(sqs_api::ReceiveMessage, receive).await.unwrap().messages.unwrap().remove(0);
    assert!(message.body.unwrap().contains("s3:TestEvent"));
    let get = GetBucketNotificationConfigurationInput { bucket: bucket(), ..Default::default() };
    let shown = cloud.call(GetBucketNotificationConfiguration, get).await.unwrap();
    assert_eq!(shown.queue_configurations, input.notification_configuration.queue_configurations);
}

#[tokio::test]
async fn switches_read_back() {
    let cloud = cloud(11).await;
    let get = || GetBucketRequestPaymentInput { bucket: bucket(), ..Default::default() };
    assert_eq!(cloud.call(GetBucketRequestPayment, get()).await.unwrap().payer, Some(Payer::BucketOwner));
    let put = PutBucketRequestPaymentInput {
        bucket: bucket(),
        request_payment_configuration: RequestPaymentConfiguration { payer: Payer::Requester },
        ..Default::default()
    };
    cloud.call(PutBucketRequestPayment, put).await.unwrap();
    assert_eq!(cloud.call(GetBucketRequestPayment, get()).await.unwrap().payer, Some(Payer::Requester));
    let get = || GetBucketAccelerateConfigurationInput { bucket: bucket(), ..Default::default() };
    assert_eq!(cloud.call(GetBucketAccelerateConfiguration, get()).await.unwrap().status, None);
    let put = PutBucketAccelerateConfigurationInput {
        bucket: bucket(),
        accelerate_configuration: AccelerateConfiguration { status: Some(BucketAccelerateStatus::Enabled) },
        ..Default::default()
    };
    cloud.call(PutBucketAccelerateConfiguration, put).await.unwrap();
    let status = cloud.call(GetBucketAccelerateConfiguration, get()).await.unwrap().status;
    assert_eq!(status, Some(BucketAccelerateStatus::Enabled));
}
