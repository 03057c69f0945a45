//! Buckets themselves: made, looked at, deleted.
//!
//! Surprising: names are one space for everybody; making a bucket again that one owns is an error, except in us-east-1,
//! where it succeeds and resets the bucket's list; and an upload that was never completed does not keep a bucket.
//! References: CreateBucket, HeadBucket and DeleteBucket of the API reference.

use std::collections::BTreeMap;

use base::Region;
use s3_api as api;
use s3_api::{
    CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput,
    GetBucketLocationOutput, HeadBucketInput, HeadBucketOutput,
};
use service::{Ask, Call, Kept, PrincipalKind, ResourceFacts};
use store::{Select, Tx};

use super::{bucket_tags, reach, saving};
use crate::S3;
use crate::control::records::BUCKET_ACCESS_POINTS;
use crate::directory::{Bucket, bucket_arn, no_such_bucket};
use crate::error::{
    ACCESS_DENIED, BUCKET_ALREADY_EXISTS, BUCKET_ALREADY_OWNED_BY_YOU, BUCKET_HAS_ACCESS_POINTS,
    BUCKET_NOT_EMPTY, Error, ILLEGAL_LOCATION, INVALID_BUCKET_ACL, INVALID_BUCKET_STATE, INVALID_LOCATION,
    INVALID_PUBLIC_ACL, INVALID_REQUEST, MALFORMED_XML, TOO_MANY_BUCKETS,
};
use crate::limits::{BUCKETS_OF_ACCOUNT_MAX, PARTS_AT_ONCE};
use crate::model::acl::Acl;
use crate::model::acl_wish::{AclWish, Owners};
use crate::model::bucket_name;
use crate::model::public::is_public_acl;
use crate::records::{
    BUCKET_COUNTS, BUCKETS, BucketId, BucketKind, BucketRecord, BucketState, CURRENT, CountRecord, OWNED,
    OwnedRecord, Ownership, PARTS, STATES, Settings, UPLOADS, VERSIONS, Versioning,
};

/// How often deleting a bucket begins anew because uploads into it began meanwhile.
const DELETE_ATTEMPTS: usize = 5;

/// Rows' `chooses`: directory buckets have actions of their own.
pub fn create_action(input: &CreateBucketInput) -> &'static str {
    if bucket_name::is_directory_name(&input.bucket) { "s3express:CreateBucket" } else { "CreateBucket" }
}

pub async fn create_bucket(
    s3: &S3,
    call: &Call,
    input: CreateBucketInput,
) -> Result<CreateBucketOutput, Error> {
    if call.principal.kind == PrincipalKind::Anonymous {
        return Err(Error::new(&ACCESS_DENIED));
    }
    let name = input.bucket.as_str();
    let is_directory = bucket_name::is_directory_name(name);
    let (region, kind) = if is_directory {
        directory_place(call, &input)?
    } else {
        (general_place(call, &input)?, BucketKind::General)
    };
    let settings = settings(call, &input, is_directory)?;
    may_set(s3, call, &input, &settings).await?;
    let is_locked = settings.object_lock.is_some();
    let record = BucketRecord {
        id: BucketId(s3.ids.number()),
        account: call.account,
        region,
        created: call.now,
        kind,
        versioning: if is_locked { Versioning::Enabled } else { Versioning::Never },
        mfa_delete: false,
        holds_tags: false,
        settings,
    };
    let record = &record;
    let made = s3.store.transact(|tx: Tx| async move { make(&tx, name, record).await }).await;
    s3.directory.forget(name);
    made?;
    let location = match region {
        Region::US_EAST_1 => format!("/{name}"),
        _ => format!("http://{name}.s3.amazonaws.com/"),
    };
    let bucket_arn = is_directory.then(|| super::targets::of_bucket(region, call.account, name).to_string());
    Ok(CreateBucketOutput { location: Some(location), bucket_arn })
}

async fn make(tx: &Tx, name: &str, record: &BucketRecord) -> Result<(), Error> {
    if let Some(existing) = BUCKETS.get(tx, &(), name).await? {
        return make_again(tx, name, existing, record).await;
    }
    let account = record.account;
    let count = BUCKET_COUNTS.get(tx, &account, "").await?.unwrap_or_default().count + 1;
    if count > BUCKETS_OF_ACCOUNT_MAX {
        return Err(Error::new(&TOO_MANY_BUCKETS));
    }
    BUCKET_COUNTS.put(tx, &account, "", &CountRecord { count }).await?;
    OWNED.put(tx, &account, name, &OwnedRecord { created: record.created, region: record.region }).await?;
    STATES.put(tx, &record.id, "", &BucketState { versioning: record.versioning }).await?;
    BUCKETS.put(tx, &(), name, record).await?;
    Ok(())
}

async fn make_again(
    tx: &Tx,
    name: &str,
    mut existing: BucketRecord,
    record: &BucketRecord,
) -> Result<(), Error> {
    if existing.account != record.account {
        return Err(Error::new(&BUCKET_ALREADY_EXISTS).with("BucketName", name));
    }
    let is_legacy = existing.region == Region::US_EAST_1 && record.region == Region::US_EAST_1;
    if !is_legacy || existing.is_directory() {
        return Err(Error::new(&BUCKET_ALREADY_OWNED_BY_YOU).with("BucketName", name));
    }
    existing.settings.acl.clone_from(&record.settings.acl);
    BUCKETS.put(tx, &(), name, &existing).await?;
    Ok(())
}

/// Where a general purpose bucket is to be. The endpoint of us-east-1 makes buckets anywhere; those of other regions
/// only at home, and there it has to be said.
fn general_place(call: &Call, input: &CreateBucketInput) -> Result<Region, Error> {
    let name = input.bucket.as_str();
    bucket_name::check_new(name)?;
    let configuration = input.create_bucket_configuration.as_ref();
    let constraint = configuration.and_then(|configuration| configuration.location_constraint.as_ref());
    let region = match constraint.map(api::BucketLocationConstraint::as_str).filter(|text| !text.is_empty()) {
        None if call.region == Region::US_EAST_1 => call.region,
        None => return Err(illegal_location("unspecified")),
        Some(text) => {
            let region = if text == "EU" { Region::parse("eu-west-1") } else { Region::parse(text) };
            // us-east-1 is where buckets are that have no constraint.
            let invalid = || Error::new(&INVALID_LOCATION).with("LocationConstraint", text);
            let region = region.filter(|region| *region != Region::US_EAST_1).ok_or_else(invalid)?;
            if region != call.region && call.region != Region::US_EAST_1 {
                return Err(illegal_location(text));
            }
            region
        }
    };
    match input.bucket_namespace.as_ref().map(api::BucketNamespace::as_str) {
        Some("account-regional") => bucket_name::check_account_regional(name, call.account, region)?,
        // In the global namespace nobody gets a name of an account's own one.
        _ if bucket_name::is_account_regional(name) => return Err(bucket_name::invalid(name)),
        _ => {}
    }
    Ok(region)
}

fn illegal_location(constraint: &str) -> Error {
    Error::worded(
        &ILLEGAL_LOCATION,
        format!(
            "The {constraint} location constraint is incompatible for the region specific endpoint this request was \
             sent to."
        ),
    )
}

fn directory_place(call: &Call, input: &CreateBucketInput) -> Result<(Region, BucketKind), Error> {
    let invalid = |message: &'static str| Error::worded(&INVALID_REQUEST, message);
    let configuration = input.create_bucket_configuration.as_ref();
    let configuration = configuration.ok_or_else(|| bucket_name::invalid(&input.bucket))?;
    let location = configuration.location.as_ref().and_then(|location| {
        let kind = location.r#type.as_ref()?.as_str();
        Some((kind, location.name.as_deref()?))
    });
    let (kind, zone) =
        location.ok_or_else(|| invalid("A directory bucket needs the type and the name of its location"))?;
    let redundancy = match kind {
        "AvailabilityZone" => "SingleAvailabilityZone",
        _ => "SingleLocalZone",
    };
    let bucket = configuration.bucket.as_ref();
    let is_directory =
        bucket.and_then(|bucket| bucket.r#type.as_ref()).is_some_and(|kind| kind.as_str() == "Directory");
    let given = bucket.and_then(|bucket| bucket.data_redundancy.as_ref());
    if !is_directory || given.is_some_and(|given| given.as_str() != redundancy) {
        return Err(invalid("A directory bucket is of type Directory, and its data in one zone"));
    }
    if !bucket_name::is_zone_of(zone, call.region) {
        return Err(Error::new(&INVALID_LOCATION).with("LocationConstraint", zone));
    }
    bucket_name::check_new_directory(&input.bucket, zone)?;
    Ok((call.region, BucketKind::Directory { zone: zone.to_owned() }))
}

/// A bucket's settings as it is made: closed to the public, without lists.
fn settings(call: &Call, input: &CreateBucketInput, is_directory: bool) -> Result<Settings, Error> {
    let ownership = match &input.object_ownership {
        Some(ownership) => Ownership::parse(ownership.as_str()).ok_or_else(|| Error::new(&MALFORMED_XML))?,
        None => Ownership::default(),
    };
    let wish = wish(input);
    let asks = ownership != Ownership::default() || !wish.is_empty();
    if is_directory && (asks || input.object_lock_enabled_for_bucket == Some(true)) {
        let message = "Directory buckets have neither access control lists nor Object Lock";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    let owners = Owners { own: call.account, bucket: call.account, on_object: false };
    let acl = wish.parse(owners)?.filter(|acl| !acl.is_private(call.account));
    check_list(ownership, acl.as_ref())?;
    let locked = api::ObjectLockConfiguration {
        object_lock_enabled: Some("Enabled".into()),
        ..api::ObjectLockConfiguration::default()
    };
    let tags =
        input.create_bucket_configuration.as_ref().and_then(|configuration| configuration.tags.as_deref());
    Ok(Settings {
        ownership,
        acl,
        public_access_block: Some(Kept(api::PublicAccessBlockConfiguration {
            block_public_acls: Some(true),
            ignore_public_acls: Some(true),
            block_public_policy: Some(true),
            restrict_public_buckets: Some(true),
        })),
        object_lock: (input.object_lock_enabled_for_bucket == Some(true)).then_some(Kept(locked)),
        tags: tags.map_or_else(|| Ok(BTreeMap::new()), bucket_tags::checked)?,
        ..Settings::default()
    })
}

fn wish(input: &CreateBucketInput) -> AclWish<'_> {
    AclWish {
        canned: input.acl.as_ref().map(api::BucketCannedACL::as_str),
        headers: [
            input.grant_full_control.as_deref(),
            input.grant_read.as_deref(),
            input.grant_write.as_deref(),
            input.grant_read_acp.as_deref(),
            input.grant_write_acp.as_deref(),
        ],
        body: None,
    }
}

/// A bucket is made with lists that count only if it says so, and never with a public one: blocks of public access
/// are on from the start.
fn check_list(ownership: Ownership, acl: Option<&Acl>) -> Result<(), Error> {
    match acl {
        Some(_) if ownership == Ownership::BucketOwnerEnforced => Err(Error::new(&INVALID_BUCKET_ACL)),
        Some(acl) if is_public_acl(acl) => Err(Error::new(&INVALID_PUBLIC_ACL)),
        _ => Ok(()),
    }
}

/// What is set with the bucket needs the permission to set it.
async fn may_set(s3: &S3, call: &Call, input: &CreateBucketInput, settings: &Settings) -> Result<(), Error> {
    let arn = bucket_arn(call.region, &input.bucket);
    let lock: &[&str] = &["PutBucketObjectLockConfiguration", "PutBucketVersioning"];
    let needed = [
        (
            !wish(input).is_empty() && input.acl.as_ref().is_none_or(|acl| acl.as_str() != "private"),
            &["PutBucketAcl"][..],
        ),
        (settings.object_lock.is_some(), lock),
        (input.object_ownership.is_some(), &["PutBucketOwnershipControls"]),
        (!settings.tags.is_empty(), &["TagResource"]),
    ];
    for action in needed.into_iter().filter(|(is_needed, _)| *is_needed).flat_map(|(_, actions)| actions) {
        let ask = Ask { prefix: "s3", action, resource: Some(&arn), keys: &[], input: Some(input) };
        if !s3.aws.would_allow(call, &ask, &ResourceFacts::default()).await? {
            let message = format!(
                "User: {} is not authorized to perform: s3:{action} on resource: {arn} because no identity-based \
                 policy allows the s3:{action} action",
                call.principal.arn
            );
            return Err(crate::access::refusal(call, false, &message));
        }
    }
    Ok(())
}

pub async fn head_bucket(s3: &S3, call: &Call, input: HeadBucketInput) -> Result<HeadBucketOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let (mut location_type, mut location_name, mut arn) = (None, None, None);
    if let BucketKind::Directory { zone } = &bucket.record.kind {
        location_type = Some("AvailabilityZone".into());
        location_name = Some(zone.clone());
        arn = Some(bucket.arn().to_string());
    }
    Ok(HeadBucketOutput {
        bucket_arn: arn,
        bucket_location_type: location_type,
        bucket_location_name: location_name,
        bucket_region: Some(bucket.region().to_string()),
        access_point_alias: Some(bucket.name != input.bucket),
    })
}

/// Answers from everywhere, since this is what one asks who does not know where a bucket is.
pub async fn get_bucket_location(
    s3: &S3,
    call: &Call,
    input: GetBucketLocationInput,
) -> Result<GetBucketLocationOutput, Error> {
    let bucket = s3.directory.existing(&input.bucket).await?;
    if call.region != Region::US_EAST_1 {
        super::reach::check_region(call, &bucket)?;
    }
    super::reach::check_owner(&bucket, input.expected_bucket_owner.as_deref())?;
    let constraint = match bucket.region() {
        Region::US_EAST_1 => "",
        region => region.as_str(),
    };
    Ok(GetBucketLocationOutput { location_constraint: Some(constraint.into()) })
}

pub async fn delete_bucket(
    s3: &S3,
    call: &Call,
    input: DeleteBucketInput,
) -> Result<DeleteBucketOutput, Error> {
    let bucket = super::reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let bucket = &*bucket;
    s3.store.read(|tx| async move { check_empty(&tx, bucket).await }).await?;
    for _ in 0..DELETE_ATTEMPTS {
        while clear_uploads(s3, bucket).await? {}
        let deleted = s3.store.transact(|tx: Tx| async move { remove(&tx, bucket).await }).await;
        s3.directory.forget(&bucket.name);
        if deleted? {
            return Ok(DeleteBucketOutput {});
        }
    }
    Err(Error::new(&INVALID_BUCKET_STATE))
}

/// Refuses a bucket that holds anything its owner would miss.
async fn check_empty(tx: &Tx, bucket: &Bucket) -> Result<(), Error> {
    let id = bucket.id();
    let has_objects = !CURRENT.scan(tx, &id, Select::ALL, 1).await?.records.is_empty();
    let has_versions = !VERSIONS.scan(tx, &id, Select::ALL, 1).await?.records.is_empty();
    let has_uploads =
        bucket.record.is_directory() && !UPLOADS.scan(tx, &id, Select::ALL, 1).await?.records.is_empty();
    if has_versions {
        let message =
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
        return Err(Error::worded(&BUCKET_NOT_EMPTY, message).with("BucketName", &bucket.name));
    }
    if has_objects || has_uploads {
        return Err(Error::new(&BUCKET_NOT_EMPTY).with("BucketName", &bucket.name));
    }
    if !BUCKET_ACCESS_POINTS.scan(tx, &id, Select::ALL, 1).await?.records.is_empty() {
        return Err(Error::new(&BUCKET_HAS_ACCESS_POINTS).with("BucketName", &bucket.name));
    }
    Ok(())
}

/// Deletes some of what uploads have brought; says whether there was something.
async fn clear_uploads(s3: &S3, bucket: &Bucket) -> Result<bool, Error> {
    let id = bucket.id();
    let tail = crate::records::VersionTail(s3.ids.bytes());
    let cleared = s3.store.transact(|tx: Tx| async move {
        let parts = PARTS.scan(&tx, &id, Select::ALL, PARTS_AT_ONCE).await?.records;
        let uploads = UPLOADS.scan(&tx, &id, Select::ALL, PARTS_AT_ONCE).await?.records;
        let mut extents = Vec::new();
        for (key, part) in &parts {
            extents.extend(part.extents.clone());
            PARTS.delete(&tx, &id, key).await?;
        }
        for (key, _) in &uploads {
            UPLOADS.delete(&tx, &id, key).await?;
        }
        saving::discard(&tx, extents, tail).await?;
        Ok::<_, Error>(!parts.is_empty() || !uploads.is_empty())
    });
    let cleared = cleared.await?;
    if cleared {
        s3.garbage.nudge();
    }
    Ok(cleared)
}

/// Removes the bucket unless something came in meanwhile; says whether it did.
async fn remove(tx: &Tx, bucket: &Bucket) -> Result<bool, Error> {
    let (id, name, account) = (bucket.id(), bucket.name.as_str(), bucket.account());
    let found = BUCKETS.get(tx, &(), name).await?;
    if found.is_none_or(|record| record.id != id) {
        return Err(no_such_bucket(name));
    }
    check_empty(tx, bucket).await?;
    let has_uploads = !UPLOADS.scan(tx, &id, Select::ALL, 1).await?.records.is_empty();
    if has_uploads || !PARTS.scan(tx, &id, Select::ALL, 1).await?.records.is_empty() {
        return Ok(false);
    }
    let count = BUCKET_COUNTS.get(tx, &account, "").await?.unwrap_or_default().count.saturating_sub(1);
    BUCKET_COUNTS.put(tx, &account, "", &CountRecord { count }).await?;
    OWNED.delete(tx, &account, name).await?;
    STATES.delete(tx, &id, "").await?;
    BUCKETS.delete(tx, &(), name).await?;
    Ok(true)
}
