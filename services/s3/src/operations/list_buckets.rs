//! Lists of the caller's buckets: general purpose ones of all regions, and directory buckets of the caller's.
//!
//! Surprising: without any parameter all buckets come at once; with one, each says its region.
//! References: ListBuckets and ListDirectoryBuckets of the API reference.

use base::{AccountId, Region};
use s3_api as api;
use s3_api::{ListBucketsInput, ListBucketsOutput, ListDirectoryBucketsInput, ListDirectoryBucketsOutput};
use service::Call;
use store::Select;

use super::targets;
use crate::S3;
use crate::error::{Error, INVALID_ARGUMENT};
use crate::limits::{LIST_BUCKETS_MAX, LIST_DIRECTORY_BUCKETS_MAX};
use crate::model::acl::owner;
use crate::model::bucket_name::is_directory_name;
use crate::records::{OWNED, OwnedRecord};

pub async fn list_buckets(s3: &S3, call: &Call, input: ListBucketsInput) -> Result<ListBucketsOutput, Error> {
    let limit = page_size(input.max_buckets, LIST_BUCKETS_MAX, "max-buckets")?;
    let region = input.bucket_region.as_deref().map(|text| bucket_region(call, text)).transpose()?;
    let shows_region = input.max_buckets.is_some()
        || input.continuation_token.is_some()
        || input.prefix.is_some()
        || region.is_some();
    let after = position(s3, call, "ListBuckets", input.continuation_token.as_deref())?;
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let wanted = |name: &str, record: &OwnedRecord| {
        !is_directory_name(name) && region.is_none_or(|region| region == record.region)
    };
    let (found, next) = page(s3, call.account, prefix, after, limit, wanted).await?;
    let shown = |(name, record): (String, OwnedRecord)| api::Bucket {
        name: Some(name),
        creation_date: Some(record.created),
        bucket_region: shows_region.then(|| record.region.to_string()),
        bucket_arn: None,
    };
    Ok(ListBucketsOutput {
        buckets: Some(found.into_iter().map(shown).collect()),
        owner: Some(owner(call.account)),
        continuation_token: next.map(|next| s3.pages.make("ListBuckets", call.account, &next)),
        prefix: input.prefix,
    })
}

/// Only whoever asks in a region may ask for its buckets alone.
fn bucket_region(call: &Call, text: &str) -> Result<Region, Error> {
    let unknown = || {
        let message = format!("Argument value {text} is not a valid AWS Region");
        Error::argument(message, "bucket-region", text)
    };
    let region = Region::parse(text).ok_or_else(unknown)?;
    if region != call.region {
        let message = "Requests made to a Regional endpoint that is different from the bucket-region parameter are \
                       not supported";
        return Err(Error::argument(message, "bucket-region", text));
    }
    Ok(region)
}

pub async fn list_directory_buckets(
    s3: &S3,
    call: &Call,
    input: ListDirectoryBucketsInput,
) -> Result<ListDirectoryBucketsOutput, Error> {
    let limit = page_size(input.max_directory_buckets, LIST_DIRECTORY_BUCKETS_MAX, "max-directory-buckets")?;
    let after = position(s3, call, "ListDirectoryBuckets", input.continuation_token.as_deref())?;
    let wanted = |name: &str, record: &OwnedRecord| is_directory_name(name) && record.region == call.region;
    let (found, next) = page(s3, call.account, "", after, limit, wanted).await?;
    let shown = |(name, record): (String, OwnedRecord)| api::Bucket {
        bucket_arn: Some(targets::of_bucket(record.region, call.account, &name).to_string()),
        bucket_region: Some(record.region.to_string()),
        creation_date: Some(record.created),
        name: Some(name),
    };
    Ok(ListDirectoryBucketsOutput {
        buckets: Some(found.into_iter().map(shown).collect()),
        continuation_token: next.map(|next| s3.pages.make("ListDirectoryBuckets", call.account, &next)),
    })
}

fn page_size(asked: Option<i32>, max: usize, name: &str) -> Result<usize, Error> {
    let Some(asked) = asked else { return Ok(max) };
    let fits =
        usize::try_from(asked).ok().filter(|asked| *asked <= max && (*asked > 0 || max < LIST_BUCKETS_MAX));
    fits.ok_or_else(|| {
        let message = format!("Argument {name} must be an integer between 1 and {max}");
        Error::argument(message, name, &asked.to_string())
    })
}

/// The name that a page continues after.
fn position(s3: &S3, call: &Call, operation: &str, token: Option<&str>) -> Result<Option<String>, Error> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let read = s3.pages.read(operation, call.account, token);
    read.map(Some).map_err(|_| {
        let message = "The continuation token provided is incorrect";
        Error::worded(&INVALID_ARGUMENT, message).with("ArgumentName", "continuation-token")
    })
}

/// At most `limit` of the account's buckets, and the name after which there are more.
async fn page(
    s3: &S3,
    account: AccountId,
    prefix: &str,
    mut after: Option<String>,
    limit: usize,
    wanted: impl Fn(&str, &OwnedRecord) -> bool,
) -> Result<(Vec<(String, OwnedRecord)>, Option<String>), Error> {
    let mut found = Vec::new();
    if limit == 0 {
        return Ok((found, None));
    }
    loop {
        let from = after.as_deref();
        let select = Select::prefix(prefix).after(from);
        let listing = s3
            .store
            .read(
                |tx| async move { OWNED.scan(&tx, &account, select, store::limits::SCAN_ENTRIES_MAX).await },
            )
            .await?;
        for (name, record) in listing.records {
            if !wanted(&name, &record) {
                continue;
            }
            if found.len() == limit {
                let next = found.last().map(|(name, _): &(String, _)| name.clone());
                return Ok((found, next));
            }
            found.push((name, record));
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok((found, None)),
        }
    }
}
