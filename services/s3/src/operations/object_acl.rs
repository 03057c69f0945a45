//! The access control lists of objects that are there.

use s3_api::{GetObjectAclInput, GetObjectAclOutput, PutObjectAclInput, PutObjectAclOutput};
use service::Call;

use super::acls::{check_public, shown};
use super::finding::{self, Change};
use super::{guard, reach};
use crate::S3;
use crate::error::{ACCESS_CONTROL_LIST_NOT_SUPPORTED, Error, MISSING_SECURITY_HEADER};
use crate::events::EventName;
use crate::model::acl::owner;
use crate::model::acl_wish::{AclWish, Owners};
use crate::records::Ownership;

pub fn put_action(input: &PutObjectAclInput) -> &'static str {
    if input.version_id.is_some() { "PutObjectVersionAcl" } else { "PutObjectAcl" }
}

pub fn get_action(input: &GetObjectAclInput) -> &'static str {
    if input.version_id.is_some() { "GetObjectVersionAcl" } else { "GetObjectAcl" }
}

pub async fn put_object_acl(
    s3: &S3,
    call: &Call,
    input: PutObjectAclInput,
) -> Result<PutObjectAclOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::general_purpose(&bucket)?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let wish = AclWish {
        canned: input.acl.as_ref().map(s3_api::ObjectCannedACL::as_str),
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
    // The owner never changes, so it may be looked up before.
    let found = finding::read(s3, call, &bucket, &input.key, version, "PUT").await?;
    let own = found.object.owner.unwrap_or(bucket.account());
    let acl = wish.parse(Owners { own, bucket: bucket.account(), on_object: true })?;
    check_public(s3, &bucket, acl.as_ref()).await?;
    let acl = acl.filter(|acl| !acl.is_private(own));
    let event = Some(EventName::ObjectAclPut);
    let change = Change { bucket: &bucket, key: &input.key, version, method: "PUT", event };
    change
        .make(s3, call, |object| {
            object.described.acl.clone_from(&acl);
            Ok(())
        })
        .await?;
    Ok(PutObjectAclOutput { request_charged })
}

pub async fn get_object_acl(
    s3: &S3,
    call: &Call,
    input: GetObjectAclInput,
) -> Result<GetObjectAclOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    guard::general_purpose(&bucket)?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let version = finding::version_id(input.version_id.as_deref())?;
    let found = finding::read(s3, call, &bucket, &input.key, version, "GET").await?;
    // Where lists mean nothing everything is the bucket owner's, also what somebody else wrote.
    let counts = bucket.record.settings.ownership != Ownership::BucketOwnerEnforced;
    let own = found.object.owner.filter(|_| counts).unwrap_or(bucket.account());
    let acl = found.object.described.acl.as_ref().filter(|_| counts);
    Ok(GetObjectAclOutput { owner: Some(owner(own)), grants: Some(shown(acl, own)), request_charged })
}
