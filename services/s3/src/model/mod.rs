//! The rules of S3, as pure functions.

pub mod acl;
pub mod acl_wish;
pub mod assembly;
pub mod bucket_name;
pub mod checksum;
pub mod conditions;
pub mod copy_source;
pub mod etag;
pub mod event_record;
pub mod headers;
pub mod listing;
pub mod lifecycle;
pub mod lock;
pub mod notification;
pub mod object_tags;
pub mod public;
pub mod range;
pub mod restoring;
pub mod replication;
pub mod storage_class;
pub mod upload_id;
pub mod version;
