//! The operations, one family a file.

pub mod acls;
pub mod attributes;
pub mod bucket_tags;
pub mod buckets;
pub mod complete;
pub mod copy;
pub mod cursor;
pub mod delete;
pub mod delete_many;
pub mod finding;
pub mod get;
pub mod guard;
pub mod head;
pub mod list_buckets;
pub mod list_parts;
pub mod list_uploads;
pub mod list_versions;
pub mod lists;
pub mod locks;
pub mod object_acl;
pub mod object_tags;
pub mod part_copy;
pub mod parts;
pub mod put;
pub mod reach;
pub mod reencrypt;
pub mod rename;
pub mod restore;
pub mod saving;
pub mod select;
pub mod show;
pub mod sources;
pub mod storing;
pub mod targets;
pub mod uploads;

pub use reach::{missing_key, missing_version, reach, reach_bucket};
