//! Access points: names under which a bucket is reached with a policy of its own.
//!
//! Surprising: a point belongs to its account and region, while its alias is a name among those of all buckets.
//! Reference: CreateAccessPoint of the S3 Control API reference.

use std::collections::BTreeMap;

use base::{Arn, Region};
use identity::policy::Pins;
use s3_api as s3;
use s3control_api as api;
use s3control_api::{
    CreateAccessPointInput, CreateAccessPointOutput, DeleteAccessPointInput, DeleteAccessPointOutput,
    GetAccessPointInput, GetAccessPointOutput, ListAccessPointsInput, ListAccessPointsOutput,
};
use service::{Call, Kept, check_tags};
use store::{Select, Tx};

use super::{S3Control, account, point_arn};
use crate::S3;
use crate::control::records::{
    ACCESS_POINTS, ALIASES, AccessPointRecord, AliasRecord, BUCKET_ACCESS_POINTS, access_point_key,
};
use crate::directory::{AccessPoint, Bucket, no_such_bucket};
use crate::error::{
    ACCESS_DENIED, ACCESS_POINT_ALREADY_OWNED, Error, INVALID_REQUEST, NO_SUCH_ACCESS_POINT, NOT_IMPLEMENTED,
};
use crate::limits::LIST_ACCESS_POINTS_MAX;
use crate::model::bucket_name::ALIAS_END;
use crate::operations::bucket_tags;
use crate::records::BUCKETS;

const NAME_CHARS_MIN: usize = 3;
const NAME_CHARS_MAX: usize = 50;

/// So much of a point's name is in its alias, and so many random characters.
const ALIAS_NAME_CHARS: usize = 20;
const ALIAS_RANDOM_CHARS: usize = 30;

/// The point that a name or an ARN stands for.
pub async fn existing(s3: &S3, call: &Call, name: &str) -> Result<std::sync::Arc<AccessPoint>, Error> {
    let arn = point_arn(call, name);
    let found = s3.directory.point(arn.as_str()).await?;
    found.ok_or_else(|| Error::new(&NO_SUCH_ACCESS_POINT).with("AccessPointName", name))
}

/// Changes a point in a transaction, and lets everybody see it.
pub async fn change(
    s3: &S3,
    point: &AccessPoint,
    change: impl Fn(&mut AccessPointRecord) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    let (account, key, change) = (point.account, access_point_key(&point.name, point.region), &change);
    let key = key.as_str();
    let changed = s3
        .store
        .transact(|tx: Tx| async move {
            let found = ACCESS_POINTS.get(&tx, &account, key).await?;
            let Some(mut record) = found.filter(|record| record.alias == point.record.alias) else {
                return Err(Error::new(&NO_SUCH_ACCESS_POINT).with("AccessPointName", &point.name));
            };
            change(&mut record)?;
            ACCESS_POINTS.put(&tx, &account, key, &record).await?;
            Ok(())
        })
        .await;
    s3.directory.forget_account(account);
    changed
}

pub async fn create_access_point(
    control: &S3Control,
    call: &Call,
    input: CreateAccessPointInput,
) -> Result<CreateAccessPointOutput, Error> {
    let s3 = &*control.s3;
    check_name(&input.name)?;
    if input.vpc_configuration.is_some() || input.scope.is_some() {
        let message = "Access points for one VPC, and scopes, are not implemented";
        return Err(Error::worded(&NOT_IMPLEMENTED, message));
    }
    let bucket = bucket_of(s3, call, &input).await?;
    let bucket = &*bucket;
    let mut tags = BTreeMap::new();
    tags.extend(input.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone())));
    check_tags(&tags).map_err(bucket_tags::worded)?;
    let closed = api::PublicAccessBlockConfiguration {
        block_public_acls: Some(true),
        ignore_public_acls: Some(true),
        block_public_policy: Some(true),
        restrict_public_buckets: Some(true),
    };
    let record = AccessPointRecord {
        bucket: bucket.name.clone(),
        bucket_account: bucket.account(),
        alias: alias(s3, &input.name),
        created: call.now,
        policy: None,
        pins: Pins::new(),
        public_access_block: account::kept(
            input.public_access_block_configuration.as_ref().unwrap_or(&closed),
        ),
        tags,
    };
    let arn = call.arn("s3", format!("accesspoint/{}", input.name));
    let (record, name, arn) = (&record, input.name.as_str(), &arn);
    let made =
        s3.store.transact(|tx: Tx| async move { make(&tx, call, bucket, name, arn, record).await }).await;
    s3.directory.forget_account(call.account);
    made?;
    Ok(CreateAccessPointOutput { access_point_arn: Some(arn.to_string()), alias: Some(record.alias.clone()) })
}

/// A bucket of the caller's own unless the request says whose it is; always of the same region.
async fn bucket_of(
    s3: &S3,
    call: &Call,
    input: &CreateAccessPointInput,
) -> Result<std::sync::Arc<Bucket>, Error> {
    let bucket = s3.directory.existing(&input.bucket).await?;
    let owner = input.bucket_account_id.as_deref().map_or(Some(call.account), |account| account.parse().ok());
    if owner != Some(bucket.account()) {
        return Err(Error::new(&ACCESS_DENIED));
    }
    if bucket.record.is_directory() {
        return Err(Error::worded(
            &NOT_IMPLEMENTED,
            "Access points of directory buckets are not implemented",
        ));
    }
    if bucket.region() != call.region {
        let message = "The access point and its bucket must be in the same AWS Region";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    Ok(bucket)
}

async fn make(
    tx: &Tx,
    call: &Call,
    bucket: &Bucket,
    name: &str,
    arn: &Arn,
    record: &AccessPointRecord,
) -> Result<(), Error> {
    let (account, region) = (call.account, call.region);
    let found = BUCKETS.get(tx, &(), &bucket.name).await?;
    if found.is_none_or(|found| found.id != bucket.id()) {
        return Err(no_such_bucket(&bucket.name));
    }
    let key = access_point_key(name, region);
    if ACCESS_POINTS.get(tx, &account, &key).await?.is_some() {
        return Err(Error::new(&ACCESS_POINT_ALREADY_OWNED).with("AccessPointName", name));
    }
    let alias = AliasRecord { account, region, name: name.to_owned() };
    ACCESS_POINTS.put(tx, &account, &key, record).await?;
    ALIASES.put(tx, &(), &record.alias, &alias).await?;
    BUCKET_ACCESS_POINTS.put(tx, &bucket.id(), arn.as_str(), &alias).await?;
    Ok(())
}

fn check_name(name: &str) -> Result<(), Error> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_plain = (NAME_CHARS_MIN..=NAME_CHARS_MAX).contains(&name.len())
        && name.chars().all(|c| letter(c) || c == '-')
        && name.starts_with(letter)
        && name.ends_with(letter)
        && !name.ends_with(ALIAS_END);
    if is_plain { Ok(()) } else { Err(Error::worded(&INVALID_REQUEST, "Your access point name is invalid")) }
}

fn alias(s3: &S3, name: &str) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let start: String = name.chars().take(ALIAS_NAME_CHARS).collect();
    format!("{}-{}{ALIAS_END}", start.trim_end_matches('-'), s3.ids.text(ALIAS_RANDOM_CHARS, LETTERS))
}

pub async fn get_access_point(
    control: &S3Control,
    call: &Call,
    input: GetAccessPointInput,
) -> Result<GetAccessPointOutput, Error> {
    let point = existing(&control.s3, call, &input.name).await?;
    let record = &point.record;
    Ok(GetAccessPointOutput {
        name: Some(point.name.clone()),
        bucket: Some(record.bucket.clone()),
        network_origin: Some(point.origin().into()),
        vpc_configuration: None,
        public_access_block_configuration: Some(account::shown(&record.public_access_block)),
        creation_date: Some(record.created),
        alias: Some(record.alias.clone()),
        access_point_arn: Some(point.arn().to_string()),
        endpoints: Some(endpoints(point.region)),
        bucket_account_id: Some(record.bucket_account.to_string()),
        ..GetAccessPointOutput::default()
    })
}

fn endpoints(region: Region) -> BTreeMap<String, String> {
    let suffix = region.dns_suffix();
    [
        ("ipv4", format!("s3-accesspoint.{region}.{suffix}")),
        ("fips", format!("s3-accesspoint-fips.{region}.{suffix}")),
        ("fips_dualstack", format!("s3-accesspoint-fips.dualstack.{region}.{suffix}")),
        ("dualstack", format!("s3-accesspoint.dualstack.{region}.{suffix}")),
    ]
    .map(|(kind, host)| (kind.to_owned(), host))
    .into()
}

pub async fn list_access_points(
    control: &S3Control,
    call: &Call,
    input: ListAccessPointsInput,
) -> Result<ListAccessPointsOutput, Error> {
    let s3 = &*control.s3;
    let limit = input.max_results.map_or(LIST_ACCESS_POINTS_MAX, |most| usize::try_from(most).unwrap_or(0));
    let limit = limit.min(LIST_ACCESS_POINTS_MAX);
    let mut after =
        match input.next_token.as_deref() {
            Some(token) => Some(s3.pages.read("ListAccessPoints", call.account, token).map_err(|_| {
                Error::worded(&INVALID_REQUEST, "The continuation token provided is incorrect")
            })?),
            None => None,
        };
    let mut found: Vec<(String, api::AccessPoint)> = Vec::new();
    loop {
        let (account, from) = (call.account, after.as_deref());
        let select = Select::ALL.after(from);
        let listing = s3
            .store
            .read(|tx| async move {
                ACCESS_POINTS.scan(&tx, &account, select, store::limits::SCAN_ENTRIES_MAX).await
            })
            .await?;
        for (key, record) in listing.records {
            let Some((name, _)) = key.split_once('/').filter(|(_, region)| *region == call.region.as_str())
            else {
                continue;
            };
            if input.bucket.as_ref().is_some_and(|bucket| *bucket != record.bucket) {
                continue;
            }
            if found.len() == limit {
                let next = found.last().map(|(key, _)| s3.pages.make("ListAccessPoints", call.account, key));
                return Ok(listed(found, next));
            }
            found.push((key.clone(), summary(call, name, &record)));
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok(listed(found, None)),
        }
    }
}

fn listed(found: Vec<(String, api::AccessPoint)>, next_token: Option<String>) -> ListAccessPointsOutput {
    let points = found.into_iter().map(|(_, point)| point).collect();
    ListAccessPointsOutput { access_point_list: Some(points), next_token }
}

fn summary(call: &Call, name: &str, record: &AccessPointRecord) -> api::AccessPoint {
    api::AccessPoint {
        name: name.to_owned(),
        network_origin: "Internet".into(),
        bucket: record.bucket.clone(),
        access_point_arn: Some(call.arn("s3", format!("accesspoint/{name}")).to_string()),
        alias: Some(record.alias.clone()),
        bucket_account_id: Some(record.bucket_account.to_string()),
        ..api::AccessPoint::default()
    }
}

pub async fn delete_access_point(
    control: &S3Control,
    call: &Call,
    input: DeleteAccessPointInput,
) -> Result<DeleteAccessPointOutput, Error> {
    let s3 = &*control.s3;
    let point = existing(s3, call, &input.name).await?;
    let (point, key, arn) = (&*point, access_point_key(&point.name, point.region), point.arn());
    let (key, arn) = (key.as_str(), arn.as_str());
    let deleted = s3
        .store
        .transact(|tx: Tx| async move {
            ACCESS_POINTS.delete(&tx, &point.account, key).await?;
            ALIASES.delete(&tx, &(), &point.record.alias).await?;
            if let Some(bucket) = BUCKETS.get(&tx, &(), &point.record.bucket).await? {
                BUCKET_ACCESS_POINTS.delete(&tx, &bucket.id, arn).await?;
            }
            Ok::<_, Error>(())
        })
        .await;
    s3.directory.forget_account(point.account);
    deleted?;
    Ok(DeleteAccessPointOutput {})
}

/// As the point's policy is weighed.
pub fn block(point: &AccessPoint) -> &Kept<s3::PublicAccessBlockConfiguration> {
    &point.record.public_access_block
}
