//! Access control lists of buckets, and those that objects are written with.
//!
//! Surprising: since April 2023 new buckets let no lists count, and refuse them. Reading a list works all the same, and
//! shows that everything is the owner's.

use base::AccountId;
use s3_api::{GetBucketAclInput, GetBucketAclOutput, PutBucketAclInput, PutBucketAclOutput};
use service::Call;

use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{ACCESS_CONTROL_LIST_NOT_SUPPORTED, ACCESS_DENIED, Error, MISSING_SECURITY_HEADER};
use crate::model::acl::{Acl, Grant, Grantee, Permission, owner};
use crate::model::acl_wish::{AclWish, Owners};
use crate::model::public::is_public_acl;
use crate::records::Ownership;

/// The list and the owner of an object that is about to be written. Nothing of each where it is the bucket owner's
/// and private.
pub async fn of_new_object(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    wish: &AclWish<'_>,
) -> Result<(Option<Acl>, Option<AccountId>), Error> {
    let bucket_owner = bucket.account();
    let ownership = bucket.record.settings.ownership;
    if ownership == Ownership::BucketOwnerEnforced {
        check_unused(bucket, wish)?;
        return Ok((None, None));
    }
    let writer = call.principal.account;
    let is_own = writer == bucket_owner || is_nobody(call);
    let writer = if is_own { bucket_owner } else { writer };
    let owners = Owners { own: writer, bucket: bucket_owner, on_object: true };
    let acl = wish.parse(owners)?;
    check_public(s3, bucket, acl.as_ref()).await?;
    let gives_all = |acl: &Acl| {
        let all = Grant { grantee: Grantee::Account(bucket_owner), permission: Permission::FullControl };
        acl.grants.contains(&all)
    };
    // "Bucket owner preferred": what is written for the bucket's owner is the bucket owner's.
    let goes_over = ownership == Ownership::BucketOwnerPreferred && acl.as_ref().is_some_and(gives_all);
    if !is_own && goes_over {
        return Ok((None, None));
    }
    let acl = acl.filter(|acl| !acl.is_private(writer));
    Ok((acl, (!is_own).then_some(writer)))
}

/// Refuses a list where lists mean nothing, unless it says what holds anyway.
pub fn check_unused(bucket: &Bucket, wish: &AclWish<'_>) -> Result<(), Error> {
    let is_enforced = bucket.record.settings.ownership == Ownership::BucketOwnerEnforced;
    if is_enforced && !wish.is_empty() && !wish.is_harmless(bucket.account()) {
        return Err(Error::new(&ACCESS_CONTROL_LIST_NOT_SUPPORTED));
    }
    Ok(())
}

/// Refuses a public list where these are blocked.
pub async fn check_public(s3: &S3, bucket: &Bucket, acl: Option<&Acl>) -> Result<(), Error> {
    let is_public = acl.is_some_and(is_public_acl);
    if is_public && s3.directory.block(bucket).await?.public_acls {
        return Err(Error::new(&ACCESS_DENIED));
    }
    Ok(())
}

fn is_nobody(call: &Call) -> bool {
    use service::PrincipalKind::{Anonymous, Service};
    matches!(call.principal.kind, Anonymous | Service)
}

/// A list as answers show it; nothing set is all to the owner.
pub fn shown(acl: Option<&Acl>, account: AccountId) -> Vec<s3_api::Grant> {
    let private = Acl::private(account);
    acl.unwrap_or(&private).grants.iter().map(Grant::shown).collect()
}

pub async fn put_bucket_acl(
    s3: &S3,
    call: &Call,
    input: PutBucketAclInput,
) -> Result<PutBucketAclOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let wish = AclWish {
        canned: input.acl.as_ref().map(s3_api::BucketCannedACL::as_str),
        headers: [
            input.grant_full_control.as_deref(),
            input.grant_read.as_deref(),
            input.grant_write.as_deref(),
            input.grant_read_acp.as_deref(),
            input.grant_write_acp.as_deref(),
        ],
        body: input.access_control_policy.as_ref(),
    };
    if wish.is_empty() {
        return Err(Error::new(&MISSING_SECURITY_HEADER).with("MissingHeaderName", "x-amz-acl"));
    }
    if bucket.record.settings.ownership == Ownership::BucketOwnerEnforced {
        return Err(Error::new(&ACCESS_CONTROL_LIST_NOT_SUPPORTED));
    }
    let owners = Owners { own: bucket.account(), bucket: bucket.account(), on_object: false };
    let acl = wish.parse(owners)?;
    check_public(s3, &bucket, acl.as_ref()).await?;
    s3.directory
        .change(&bucket, |record| {
            record.settings.acl.clone_from(&acl);
            Ok(())
        })
        .await?;
    Ok(PutBucketAclOutput {})
}

pub async fn get_bucket_acl(
    s3: &S3,
    call: &Call,
    input: GetBucketAclInput,
) -> Result<GetBucketAclOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let settings = &bucket.record.settings;
    let counts = settings.ownership != Ownership::BucketOwnerEnforced;
    let acl = settings.acl.as_ref().filter(|_| counts);
    Ok(GetBucketAclOutput {
        owner: Some(owner(bucket.account())),
        grants: Some(shown(acl, bucket.account())),
    })
}
