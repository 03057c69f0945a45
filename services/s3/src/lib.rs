//! Amazon S3: start with the table below, follow one row to its function.
//!
//! Buckets and versions of objects are records ([`records`]); their bytes are the object engine's, always encrypted
//! ([`content`]). Every change of what a key holds goes through [`operations::saving`]. What AWS does, with sources, is
//! in `BEHAVIOURS.md` beside this crate.

mod access;
mod content;
mod contents;
mod directory;
mod error;
mod events;
mod limits;
mod model;
mod operations;
mod readers;
mod records;
mod tasks;

use std::sync::Arc;

use base::{Clock, Ids};
use object_engine::ObjectEngine;
use service::{Aws, Nudge, PageTokens, Task, Tasks, service};
use store::Store;
use vault::Vault;

use content::{Kms, Managed};
use access::conditions;
use directory::Directory;
use error::Error;
use operations::{acls, attributes, bucket_tags, buckets, copy, delete, delete_many, list_buckets, locks, object_acl, object_tags, reencrypt, rename, restore, targets};
use readers::Readers;

pub struct S3 {
    store: Store,
    engine: ObjectEngine,
    vault: Vault,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    tasks: Tasks,
    aws: Aws,
    directory: Directory,
    /// Data keys of S3's own.
    managed: Managed,
    /// Data keys that KMS makes.
    kms: Kms,
    /// Wakes the task that gives the room of deleted content back.
    garbage: Nudge,
    /// Whom freeing content waits for.
    readers: Readers,
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
}

service! { S3: s3_api, principal "s3.amazonaws.com", error Error,
    resources access::facts of input;
    CreateBucket => buckets::create_bucket on targets::by_bucket chooses buckets::create_action
        keys conditions::sent,
    DeleteBucket => buckets::delete_bucket on targets::by_bucket keys conditions::sent,
    DeleteBucketTagging => bucket_tags::delete_bucket_tagging on targets::by_bucket as "PutBucketTagging"
        keys conditions::sent,
    GetBucketAcl => acls::get_bucket_acl on targets::by_bucket keys conditions::sent,
    GetBucketLocation => buckets::get_bucket_location on targets::by_bucket keys conditions::sent,
    GetBucketTagging => bucket_tags::get_bucket_tagging on targets::by_bucket keys conditions::sent,
    HeadBucket => buckets::head_bucket on targets::by_bucket as "ListBucket" keys conditions::sent,
    ListBuckets => list_buckets::list_buckets on targets::all_buckets as "ListAllMyBuckets" keys conditions::sent,
    ListDirectoryBuckets => list_buckets::list_directory_buckets on targets::all_buckets
        as "s3express:ListAllMyDirectoryBuckets" keys conditions::sent,
    PutBucketAcl => acls::put_bucket_acl on targets::by_bucket keys conditions::sent,
    PutBucketTagging => bucket_tags::put_bucket_tagging on targets::by_bucket keys conditions::sent,
    CopyObject => copy::copy_object on targets::by_key as "PutObject" keys conditions::sent,
    CreateMultipartUpload => operations::uploads::create_multipart_upload on targets::by_key as "PutObject"
        keys conditions::sent,
    DeleteObject => delete::delete_object on targets::by_key chooses delete::action keys conditions::sent,
    DeleteObjectTagging => object_tags::delete_object_tagging on targets::by_key
        chooses object_tags::delete_action keys conditions::sent,
    DeleteObjects => delete_many::delete_objects on targets::by_bucket as "DeleteObject"
        free "every key is permitted by itself, and refused by itself",
    GetObject => operations::get::get_object on targets::by_key chooses operations::get::action keys conditions::sent,
    GetObjectTorrent => operations::get::get_object_torrent on targets::by_key keys conditions::sent,
    HeadObject => operations::head::head_object on targets::by_key chooses operations::head::action
        keys conditions::sent,
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
    RenameObject => rename::rename_object on targets::by_key keys conditions::sent,
    RestoreObject => restore::restore_object on targets::by_key keys conditions::sent,
    SelectObjectContent => operations::select::select_object_content on targets::by_key as "GetObject"
        keys conditions::sent,
    UpdateObjectEncryption => reencrypt::update_object_encryption on targets::by_key keys conditions::sent,
    UploadPart => operations::parts::upload_part on targets::by_key as "PutObject" keys conditions::sent,
    UploadPartCopy => operations::part_copy::upload_part_copy on targets::by_key as "PutObject" keys conditions::sent,
    CompleteMultipartUpload => operations::complete::complete_multipart_upload on targets::by_key as "PutObject"
        keys conditions::sent,
    AbortMultipartUpload => operations::uploads::abort_multipart_upload on targets::by_key keys conditions::sent,
    ListParts => operations::list_parts::list_parts on targets::by_key as "ListMultipartUploadParts"
        keys conditions::sent,
    ListMultipartUploads => operations::list_uploads::list_multipart_uploads on targets::by_bucket
        as "ListBucketMultipartUploads" keys conditions::sent,
    ListObjects => operations::lists::list_objects on targets::by_bucket as "ListBucket" keys conditions::sent,
    ListObjectsV2 => operations::lists::list_objects_v2 on targets::by_bucket as "ListBucket" keys conditions::sent,
    ListObjectVersions => operations::list_versions::list_object_versions on targets::by_bucket
        as "ListBucketVersions" keys conditions::sent,
}

impl S3 {
    pub fn new(parts: S3Parts) -> Arc<S3> {
        let S3Parts { store, engine, vault, clock, ids, pages, tasks, aws } = parts;
        Arc::new(S3 {
            directory: Directory::new(store.clone()),
            managed: Managed::new(store.clone(), vault.clone(), ids.clone()),
            kms: Kms::new(aws.clone()),
            garbage: Nudge::default(),
            readers: Readers::default(),
            store,
            engine,
            vault,
            clock,
            ids,
            pages,
            tasks,
            aws,
        })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<S3>) -> Vec<Task> {
        vec![
            tasks::deliver_events::task(self),
            tasks::garbage::task(self),
            tasks::lifecycle::task(self),
            tasks::replicate::task(self),
            tasks::restores::task(self),
            tasks::scrub::task(self),
            tasks::sweep::task(self),
        ]
    }
}
