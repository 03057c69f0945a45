//! Amazon S3: start with the table below, follow one row to its function.
//!
//! Buckets and versions of objects are records ([`records`]); their bytes are the object engine's, always encrypted
//! ([`content`]). Every change of what a key holds goes through [`operations::saving`]. What AWS does, with sources, is
//! in `BEHAVIOURS.md` beside this crate.

mod access;
mod content;
mod contents;
mod control;
mod directory;
mod error;
mod events;
mod fronts;
mod fsck;
mod limits;
mod model;
mod operations;
mod readers;
mod records;
mod tasks;

use std::sync::Arc;

use base::{Clock, Ids};
use object_engine::ObjectEngine;
use service::{Aws, Keyring, Nudge, PageTokens, Task, Tasks, service};
use store::Store;
use tokio::sync::Semaphore;
use vault::Vault;

pub use control::S3Control;

use access::conditions;
use content::{Kms, Managed};
use directory::Directory;
use error::Error;
use limits::HASHES_AT_ONCE;
use operations::{
    acls, analytics, attributes, bucket_tags, buckets, copy, cors, delete, delete_many, encryption,
    inventory, lifecycle, list_buckets, locks, logging, metrics, notification, object_acl, object_lock,
    object_tags, ownership, policies, public_access, reencrypt, rename, replication, restore, sessions,
    switches, targets, tiering, versioning, website,
};
use readers::Readers;
use tasks::access_logs::AccessLogs;

pub use fronts::{Allowed, CrossOrigin};
pub use fsck::{Finding, FsckProgress, FsckReport, fsck};
pub use model::access_log::LoggedRequest;

pub struct S3 {
    store: Store,
    engine: ObjectEngine,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    tasks: Tasks,
    aws: Aws,
    keyring: Arc<Keyring>,
    directory: Directory,
    /// Data keys of S3's own.
    managed: Managed,
    /// Data keys that KMS makes.
    kms: Kms,
    /// Wakes the task that gives the room of deleted content back.
    garbage: Nudge,
    /// Whom freeing content waits for.
    readers: Readers,
    /// How many bodies are hashed at a time on other threads: more than cores only costs memory.
    hashing: Semaphore,
    /// Requests on their way to the access logs of their buckets.
    access_logs: Arc<AccessLogs>,
}

/// What the composition root gives this service.
pub struct S3Parts {
    pub store: Store,
    pub engine: ObjectEngine,
    /// Seals the data keys of objects that S3 encrypts with keys of its own.
    pub vault: Vault,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub tasks: Tasks,
    /// For KMS, and for whom events go to.
    pub aws: Aws,
    /// Issues the credentials of sessions with directory buckets.
    pub keyring: Arc<Keyring>,
}

service! { S3: s3_api, principal "s3.amazonaws.com", error Error,
    resources access::facts of input;
    CreateBucket => buckets::create_bucket on targets::by_bucket chooses buckets::create_action
        keys conditions::sent,
    CreateSession => sessions::create_session on targets::by_bucket as "s3express:CreateSession"
        keys conditions::sent,
    DeleteBucket => buckets::delete_bucket on targets::by_bucket keys conditions::sent,
    DeleteBucketTagging => bucket_tags::delete_bucket_tagging on targets::by_bucket as "PutBucketTagging"
        keys conditions::sent,
    GetBucketAcl => acls::get_bucket_acl on targets::by_bucket keys conditions::sent,
    GetBucketLocation => buckets::get_bucket_location on targets::by_bucket keys conditions::sent,
    GetBucketTagging => bucket_tags::get_bucket_tagging on targets::by_bucket keys conditions::sent,
    HeadBucket => buckets::head_bucket on targets::by_bucket as "ListBucket" keys conditions::sent,
    ListBuckets => list_buckets::list_buckets on targets::all_buckets as "ListAllMyBuckets"
        keys conditions::sent,
    ListDirectoryBuckets => list_buckets::list_directory_buckets on targets::all_buckets
        as "s3express:ListAllMyDirectoryBuckets" keys conditions::sent,
    PutBucketAcl => acls::put_bucket_acl on targets::by_bucket keys conditions::sent,
    PutBucketTagging => bucket_tags::put_bucket_tagging on targets::by_bucket keys conditions::sent,
    DeleteBucketAnalyticsConfiguration => analytics::delete_bucket_analytics_configuration
        on targets::by_bucket as "PutAnalyticsConfiguration" keys conditions::sent,
    DeleteBucketCors => cors::delete_bucket_cors on targets::by_bucket as "PutBucketCORS"
        keys conditions::sent,
    DeleteBucketEncryption => encryption::delete_bucket_encryption
        on targets::by_bucket as "PutEncryptionConfiguration" keys conditions::sent,
    DeleteBucketIntelligentTieringConfiguration => tiering::delete_bucket_intelligent_tiering_configuration
        on targets::by_bucket as "PutIntelligentTieringConfiguration" keys conditions::sent,
    DeleteBucketInventoryConfiguration => inventory::delete_bucket_inventory_configuration
        on targets::by_bucket as "PutInventoryConfiguration" keys conditions::sent,
    DeleteBucketLifecycle => lifecycle::delete_bucket_lifecycle
        on targets::by_bucket as "PutLifecycleConfiguration" keys conditions::sent,
    DeleteBucketMetricsConfiguration => metrics::delete_bucket_metrics_configuration
        on targets::by_bucket as "PutMetricsConfiguration" keys conditions::sent,
    DeleteBucketOwnershipControls => ownership::delete_bucket_ownership_controls
        on targets::by_bucket as "PutBucketOwnershipControls" keys conditions::sent,
    DeleteBucketPolicy => policies::delete_bucket_policy on targets::by_bucket keys conditions::sent,
    DeleteBucketReplication => replication::delete_bucket_replication
        on targets::by_bucket as "PutReplicationConfiguration" keys conditions::sent,
    DeleteBucketWebsite => website::delete_bucket_website on targets::by_bucket keys conditions::sent,
    DeletePublicAccessBlock => public_access::delete_public_access_block
        on targets::by_bucket as "PutBucketPublicAccessBlock" keys conditions::sent,
    GetBucketAbac => switches::get_bucket_abac on targets::by_bucket keys conditions::sent,
    GetBucketAccelerateConfiguration => switches::get_bucket_accelerate_configuration
        on targets::by_bucket as "GetAccelerateConfiguration" keys conditions::sent,
    GetBucketAnalyticsConfiguration => analytics::get_bucket_analytics_configuration
        on targets::by_bucket as "GetAnalyticsConfiguration" keys conditions::sent,
    GetBucketCors => cors::get_bucket_cors on targets::by_bucket as "GetBucketCORS" keys conditions::sent,
    GetBucketEncryption => encryption::get_bucket_encryption
        on targets::by_bucket as "GetEncryptionConfiguration" keys conditions::sent,
    GetBucketIntelligentTieringConfiguration => tiering::get_bucket_intelligent_tiering_configuration
        on targets::by_bucket as "GetIntelligentTieringConfiguration" keys conditions::sent,
    GetBucketInventoryConfiguration => inventory::get_bucket_inventory_configuration
        on targets::by_bucket as "GetInventoryConfiguration" keys conditions::sent,
    GetBucketLifecycleConfiguration => lifecycle::get_bucket_lifecycle_configuration
        on targets::by_bucket as "GetLifecycleConfiguration" keys conditions::sent,
    GetBucketLogging => logging::get_bucket_logging on targets::by_bucket keys conditions::sent,
    GetBucketMetricsConfiguration => metrics::get_bucket_metrics_configuration
        on targets::by_bucket as "GetMetricsConfiguration" keys conditions::sent,
    GetBucketNotificationConfiguration => notification::get_bucket_notification_configuration
        on targets::by_bucket as "GetBucketNotification" keys conditions::sent,
    GetBucketOwnershipControls => ownership::get_bucket_ownership_controls on targets::by_bucket
        keys conditions::sent,
    GetBucketPolicy => policies::get_bucket_policy on targets::by_bucket keys conditions::sent,
    GetBucketPolicyStatus => policies::get_bucket_policy_status on targets::by_bucket keys conditions::sent,
    GetBucketReplication => replication::get_bucket_replication
        on targets::by_bucket as "GetReplicationConfiguration" keys conditions::sent,
    GetBucketRequestPayment => switches::get_bucket_request_payment on targets::by_bucket
        keys conditions::sent,
    GetBucketVersioning => versioning::get_bucket_versioning on targets::by_bucket keys conditions::sent,
    GetBucketWebsite => website::get_bucket_website on targets::by_bucket keys conditions::sent,
    GetObjectLockConfiguration => object_lock::get_object_lock_configuration
        on targets::by_bucket as "GetBucketObjectLockConfiguration" keys conditions::sent,
    GetPublicAccessBlock => public_access::get_public_access_block
        on targets::by_bucket as "GetBucketPublicAccessBlock" keys conditions::sent,
    ListBucketAnalyticsConfigurations => analytics::list_bucket_analytics_configurations
        on targets::by_bucket as "GetAnalyticsConfiguration" keys conditions::sent,
    ListBucketIntelligentTieringConfigurations => tiering::list_bucket_intelligent_tiering_configurations
        on targets::by_bucket as "GetIntelligentTieringConfiguration" keys conditions::sent,
    ListBucketInventoryConfigurations => inventory::list_bucket_inventory_configurations
        on targets::by_bucket as "GetInventoryConfiguration" keys conditions::sent,
    ListBucketMetricsConfigurations => metrics::list_bucket_metrics_configurations
        on targets::by_bucket as "GetMetricsConfiguration" keys conditions::sent,
    PutBucketAbac => switches::put_bucket_abac on targets::by_bucket keys conditions::sent,
    PutBucketAccelerateConfiguration => switches::put_bucket_accelerate_configuration
        on targets::by_bucket as "PutAccelerateConfiguration" keys conditions::sent,
    PutBucketAnalyticsConfiguration => analytics::put_bucket_analytics_configuration
        on targets::by_bucket as "PutAnalyticsConfiguration" keys conditions::sent,
    PutBucketCors => cors::put_bucket_cors on targets::by_bucket as "PutBucketCORS" keys conditions::sent,
    PutBucketEncryption => encryption::put_bucket_encryption
        on targets::by_bucket as "PutEncryptionConfiguration" keys conditions::sent,
    PutBucketIntelligentTieringConfiguration => tiering::put_bucket_intelligent_tiering_configuration
        on targets::by_bucket as "PutIntelligentTieringConfiguration" keys conditions::sent,
    PutBucketInventoryConfiguration => inventory::put_bucket_inventory_configuration
        on targets::by_bucket as "PutInventoryConfiguration" keys conditions::sent,
    PutBucketLifecycleConfiguration => lifecycle::put_bucket_lifecycle_configuration
        on targets::by_bucket as "PutLifecycleConfiguration" keys conditions::sent,
    PutBucketLogging => logging::put_bucket_logging on targets::by_bucket keys conditions::sent,
    PutBucketMetricsConfiguration => metrics::put_bucket_metrics_configuration
        on targets::by_bucket as "PutMetricsConfiguration" keys conditions::sent,
    PutBucketNotificationConfiguration => notification::put_bucket_notification_configuration
        on targets::by_bucket as "PutBucketNotification" keys conditions::sent,
    PutBucketOwnershipControls => ownership::put_bucket_ownership_controls on targets::by_bucket
        keys conditions::sent,
    PutBucketPolicy => policies::put_bucket_policy on targets::by_bucket keys conditions::sent,
    PutBucketReplication => replication::put_bucket_replication
        on targets::by_bucket as "PutReplicationConfiguration" keys conditions::sent,
    PutBucketRequestPayment => switches::put_bucket_request_payment on targets::by_bucket
        keys conditions::sent,
    PutBucketVersioning => versioning::put_bucket_versioning on targets::by_bucket keys conditions::sent,
    PutBucketWebsite => website::put_bucket_website on targets::by_bucket keys conditions::sent,
    PutObjectLockConfiguration => object_lock::put_object_lock_configuration
        on targets::by_bucket as "PutBucketObjectLockConfiguration" keys conditions::sent,
    PutPublicAccessBlock => public_access::put_public_access_block
        on targets::by_bucket as "PutBucketPublicAccessBlock" keys conditions::sent,
    CopyObject => copy::copy_object on targets::by_key as "PutObject" keys conditions::sent,
    CreateMultipartUpload => operations::uploads::create_multipart_upload on targets::by_key as "PutObject"
        keys conditions::sent,
    DeleteObject => delete::delete_object on targets::by_key chooses delete::action keys conditions::sent,
    DeleteObjectTagging => object_tags::delete_object_tagging on targets::by_key
        chooses object_tags::delete_action keys conditions::sent,
    DeleteObjects => delete_many::delete_objects on targets::by_bucket as "DeleteObject"
        free "every key is permitted by itself, and refused by itself",
    GetObject => operations::get::get_object on targets::by_key chooses operations::get::action
        keys conditions::sent,
    GetObjectTorrent => operations::get::get_object_torrent on targets::by_key keys conditions::sent,
    HeadObject => operations::head::head_object on targets::by_key as "GetObject"
        chooses operations::head::action keys conditions::sent,
    PutObject => operations::put::put_object on targets::by_key keys conditions::sent,
    GetObjectAcl => object_acl::get_object_acl on targets::by_key chooses object_acl::get_action
        keys conditions::sent,
    GetObjectAttributes => attributes::get_object_attributes on targets::by_key chooses attributes::action
        keys conditions::sent,
    GetObjectLegalHold => locks::get_object_legal_hold on targets::by_key keys conditions::sent,
    GetObjectRetention => locks::get_object_retention on targets::by_key keys conditions::sent,
    GetObjectTagging => object_tags::get_object_tagging on targets::by_key chooses object_tags::get_action
        keys conditions::sent,
    PutObjectAcl => object_acl::put_object_acl on targets::by_key chooses object_acl::put_action
        keys conditions::sent,
    PutObjectLegalHold => locks::put_object_legal_hold on targets::by_key keys conditions::sent,
    PutObjectRetention => locks::put_object_retention on targets::by_key keys conditions::sent,
    PutObjectTagging => object_tags::put_object_tagging on targets::by_key chooses object_tags::put_action
        keys conditions::sent,
    RenameObject => rename::rename_object on targets::by_key as "s3express:CreateSession"
        keys conditions::sent,
    RestoreObject => restore::restore_object on targets::by_key keys conditions::sent,
    SelectObjectContent => operations::select::select_object_content on targets::by_key as "GetObject"
        keys conditions::sent,
    UpdateObjectEncryption => reencrypt::update_object_encryption on targets::by_key keys conditions::sent,
    UploadPart => operations::parts::upload_part on targets::by_key as "PutObject" keys conditions::sent,
    UploadPartCopy => operations::part_copy::upload_part_copy on targets::by_key as "PutObject"
        keys conditions::sent,
    CompleteMultipartUpload => operations::complete::complete_multipart_upload on targets::by_key as "PutObject"
        keys conditions::sent,
    AbortMultipartUpload => operations::uploads::abort_multipart_upload on targets::by_key
        keys conditions::sent,
    ListParts => operations::list_parts::list_parts on targets::by_key as "ListMultipartUploadParts"
        keys conditions::sent,
    ListMultipartUploads => operations::list_uploads::list_multipart_uploads on targets::by_bucket
        as "ListBucketMultipartUploads" keys conditions::sent,
    ListObjects => operations::lists::list_objects on targets::by_bucket as "ListBucket"
        keys conditions::sent,
    ListObjectsV2 => operations::lists::list_objects_v2 on targets::by_bucket as "ListBucket"
        keys conditions::sent,
    ListObjectVersions => operations::list_versions::list_object_versions on targets::by_bucket
        as "ListBucketVersions" keys conditions::sent,
}

impl S3 {
    pub fn new(parts: S3Parts) -> Arc<S3> {
        let S3Parts { store, engine, vault, clock, ids, pages, tasks, aws, keyring } = parts;
        Arc::new(S3 {
            directory: Directory::new(store.clone()),
            managed: Managed::new(store.clone(), vault, ids.clone()),
            kms: Kms::new(aws.clone()),
            garbage: Nudge::default(),
            readers: Readers::default(),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            access_logs: Arc::default(),
            store,
            engine,
            clock,
            ids,
            pages,
            tasks,
            aws,
            keyring,
        })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<S3>) -> Vec<Task> {
        vec![
            tasks::access_logs::task(self),
            tasks::deliver_events::task(self),
            tasks::garbage::task(self),
            tasks::inventories::task(self),
            tasks::lifecycle::task(self),
            tasks::replicate::task(self),
            tasks::restores::task(self),
            tasks::scrub::task(self),
            tasks::sweep::task(self),
        ]
    }
}
