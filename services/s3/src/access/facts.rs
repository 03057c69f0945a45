//! What S3 knows of its resources that matters to permissions.
//!
//! Surprising: a bucket that is not there is told before anybody is asked whether they may know; an object that another
//! account wrote is that account's, as long as the bucket lets lists count; and an access point asks twice, itself and
//! the bucket behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use schema::Structure;
use service::ResourceFacts;

use super::conditions::text_of;
use super::effective::{self, Block};
use crate::S3;
use crate::directory::{AccessPoint, Bucket, object_arn, object_through};
use crate::error::Error;
use crate::model::version::VersionId;
use crate::operations::saving;
use crate::records::{CURRENT, ObjectRecord, Ownership, VersionRecord};

/// What the root of a bucket's account may do whatever its policy says.
const UNLOCKED: &[&str] = &["DeleteBucketPolicy", "GetBucketPolicy", "PutBucketPolicy"];

/// Actions on what need not be there yet, or on nothing that S3 keeps facts of.
const OF_THE_ACCOUNT: &[&str] =
    &["CreateBucket", "CreateAccessPoint", "ListAllMyBuckets", "ListAllMyDirectoryBuckets"];

const OF_TAGS: &[&str] = &["ListTagsForResource", "TagResource", "UntagResource"];

/// Actions on an object that whoever owns the object decides, rather than the owner of the bucket.
const OF_THE_OBJECT: &[&str] = &[
    "DeleteObjectTagging",
    "DeleteObjectVersionTagging",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectTagging",
    "GetObjectTorrent",
    "GetObjectVersion",
    "GetObjectVersionAcl",
    "GetObjectVersionAttributes",
    "GetObjectVersionTagging",
    "PutObjectAcl",
    "PutObjectLegalHold",
    "PutObjectRetention",
    "PutObjectTagging",
    "PutObjectVersionAcl",
    "PutObjectVersionTagging",
];

/// What has an action of its own in directory buckets; everything else is done in a session.
const OF_DIRECTORY_BUCKETS: &[&str] = &[
    "CreateBucket",
    "CreateSession",
    "DeleteBucket",
    "DeleteBucketPolicy",
    "GetBucketPolicy",
    "GetEncryptionConfiguration",
    "GetInventoryConfiguration",
    "GetLifecycleConfiguration",
    "GetMetricsConfiguration",
    "ListAllMyDirectoryBuckets",
    "ListTagsForResource",
    "PutBucketPolicy",
    "PutEncryptionConfiguration",
    "PutInventoryConfiguration",
    "PutLifecycleConfiguration",
    "PutMetricsConfiguration",
    "TagResource",
    "UntagResource",
];

/// The function of S3's table: facts about whatever an ARN of S3's names.
pub async fn facts(
    s3: &S3,
    action: &str,
    arn: &Arn,
    input: Option<&dyn Structure>,
) -> Result<ResourceFacts, Error> {
    let Some(named) = Named::of(arn) else { return Ok(ResourceFacts::default()) };
    if OF_THE_ACCOUNT.contains(&action) {
        return Ok(ResourceFacts::default());
    }
    let place = s3.directory.place(&named.bucket).await?;
    let mut facts = of_bucket(s3, action, &place.bucket, named.key.as_deref(), input).await?;
    if let Some(point) = place.access_point {
        facts.arn = Some(arn_in(&place.bucket, named.key.as_deref()));
        facts = through(&point, named.key.as_deref(), facts);
        // What is done with the point itself is no affair of the bucket's.
        if action.contains("AccessPoint") || OF_TAGS.contains(&action) {
            facts.behind = None;
        }
    }
    Ok(facts)
}

/// The bucket, however it is named, and the key in it.
struct Named {
    bucket: String,
    key: Option<String>,
}

impl Named {
    fn of(arn: &Arn) -> Option<Named> {
        let resource = arn.resource();
        if arn.service() == "s3express" {
            let bucket = resource.strip_prefix("bucket/")?;
            return Some(Named { bucket: bucket.to_owned(), key: None });
        }
        if arn.account().is_none() {
            let (bucket, key) = resource.split_once('/').map_or((resource, None), |(b, key)| (b, Some(key)));
            return Some(Named { bucket: bucket.to_owned(), key: key.map(str::to_owned) });
        }
        let name = resource.strip_prefix("accesspoint/")?;
        let (name, key) = name.split_once("/object/").map_or((name, None), |(name, key)| (name, Some(key)));
        let (head, _) = arn.as_str().split_at(arn.as_str().len() - resource.len());
        Some(Named { bucket: format!("{head}accesspoint/{name}"), key: key.map(str::to_owned) })
    }
}

async fn of_bucket(
    s3: &S3,
    action: &str,
    bucket: &Bucket,
    key: Option<&str>,
    input: Option<&dyn Structure>,
) -> Result<ResourceFacts, Error> {
    let block = s3.directory.block(bucket).await?;
    let settings = &bucket.record.settings;
    let tags = if settings.abac { settings.tags.clone() } else { BTreeMap::new() };
    let keys = tags.iter().map(|(key, value)| (format!("s3:BucketTag/{key}"), value.clone())).collect();
    let mut facts = ResourceFacts {
        // The ARN of a directory bucket has its owner's account, which the caller did not name.
        arn: bucket.record.is_directory().then(|| bucket.arn()),
        action: bucket.record.is_directory().then(|| directory_action(action)),
        owner: Some(bucket.account()),
        policy: bucket.policy(block),
        unlocked_for_root: UNLOCKED.contains(&action),
        takes_policy: true,
        tags,
        keys,
        ..ResourceFacts::default()
    };
    if let Some(key) = key.filter(|_| asks_for_object(bucket, action))
        && let Some(object) = object(s3, bucket, key, input).await?
    {
        of_object(&mut facts, bucket, block, &object);
    }
    Ok(facts)
}

/// The ARN of a bucket, or of an object in it.
fn arn_in(bucket: &Bucket, key: Option<&str>) -> Arn {
    match key.filter(|_| !bucket.record.is_directory()) {
        Some(key) => object_arn(bucket.region(), &bucket.name, key),
        None => bucket.arn(),
    }
}

fn directory_action(action: &str) -> String {
    let own = OF_DIRECTORY_BUCKETS.contains(&action).then_some(action);
    format!("s3express:{}", own.unwrap_or("CreateSession"))
}

/// Most objects are the bucket owner's and have no tags, and most buckets know it: then nobody has to look.
fn asks_for_object(bucket: &Bucket, action: &str) -> bool {
    let lists_count = bucket.record.settings.ownership != Ownership::BucketOwnerEnforced;
    (lists_count || bucket.record.holds_tags) && OF_THE_OBJECT.contains(&action)
}

async fn object(
    s3: &S3,
    bucket: &Bucket,
    key: &str,
    input: Option<&dyn Structure>,
) -> Result<Option<ObjectRecord>, Error> {
    let version = input.and_then(|input| text_of(input, "VersionId"));
    let id = bucket.id();
    let Some(version) = version else {
        let found = s3.store.read(|tx| async move { CURRENT.get(&tx, &id, key).await }).await?;
        return Ok(found);
    };
    // What is no version is told later, to those who may ask.
    let Some(version) = VersionId::parse(&version) else { return Ok(None) };
    let found = s3.store.read(|tx| async move { saving::version(&tx, id, key, version).await }).await?;
    Ok(match found {
        Some((VersionRecord::Object(object), _)) => Some(*object),
        _ => None,
    })
}

fn of_object(facts: &mut ResourceFacts, bucket: &Bucket, block: Block, object: &ObjectRecord) {
    let tags = object.described.tags.iter();
    facts.keys.extend(tags.map(|(key, value)| (format!("s3:ExistingObjectTag/{key}"), value.clone())));
    if bucket.record.settings.ownership == Ownership::BucketOwnerEnforced {
        return;
    }
    let (record, name, acl) = (&bucket.record, bucket.name.as_str(), object.described.acl.as_ref());
    match object.owner.filter(|owner| *owner != bucket.account()) {
        Some(owner) => {
            facts.owner = Some(owner);
            facts.policy = effective::of_foreign_object(record, name, block, (owner, acl));
        }
        None if acl.is_some() => facts.policy = effective::of_object(record, name, block, acl),
        None => {}
    }
}

/// What an access point says comes first, and the bucket behind it must agree.
fn through(point: &Arc<AccessPoint>, key: Option<&str>, mut behind: ResourceFacts) -> ResourceFacts {
    let point_arn = point.arn();
    let arn = match key {
        Some(key) => object_through(&point_arn, key),
        None => point_arn.clone(),
    };
    let keys = [
        ("s3:DataAccessPointArn", point_arn.to_string()),
        ("s3:DataAccessPointAccount", point.account.to_string()),
        ("s3:AccessPointNetworkOrigin", point.origin().to_owned()),
    ];
    let mut keys: Vec<(String, String)> = keys.map(|(key, value)| (key.to_owned(), value)).into();
    behind.keys.extend(keys.clone());
    let tags = point.record.tags.iter();
    keys.extend(tags.map(|(key, value)| (format!("s3:AccessPointTag/{key}"), value.clone())));
    ResourceFacts {
        arn: Some(arn),
        owner: Some(point.account),
        policy: point.policy.clone(),
        takes_policy: true,
        tags: point.record.tags.clone(),
        keys,
        behind: Some(Box::new(behind)),
        ..ResourceFacts::default()
    }
}
