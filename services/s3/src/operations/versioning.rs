//! Versioning, and MFA delete with it.
//!
//! Surprising: what was never set reads back as nothing at all, and MFA delete is the root's alone, with a code of its
//! device in the request.
//! Reference: PutBucketVersioning of the API reference; "Configuring MFA delete" of the S3 guide.

use s3_api as api;
use s3_api::{
    GetBucketVersioningInput, GetBucketVersioningOutput, PutBucketVersioningInput, PutBucketVersioningOutput,
    VersioningConfiguration,
};
use service::Call;
use store::Tx;

use super::{guard, reach_bucket};
use crate::S3;
use crate::directory::{Bucket, no_such_bucket};
use crate::error::{Error, ILLEGAL_VERSIONING, INVALID_BUCKET_STATE, MALFORMED_XML};
use crate::records::{BUCKETS, BucketState, STATES, Versioning};

/// What is asked for.
#[derive(Clone, Copy)]
struct Change {
    versioning: Versioning,
    mfa_delete: bool,
}

pub async fn put_bucket_versioning(
    s3: &S3,
    call: &Call,
    input: PutBucketVersioningInput,
) -> Result<PutBucketVersioningOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let bucket = &*bucket;
    let change = change(bucket, &input.versioning_configuration)?;
    let touches_mfa = input.versioning_configuration.mfa_delete.is_some() || bucket.record.mfa_delete;
    if touches_mfa {
        guard::mfa(s3, call, bucket, input.mfa.as_deref()).await?;
    }
    let changed = s3.store.transact(|tx: Tx| async move { apply(&tx, bucket, change).await }).await;
    s3.directory.forget(&bucket.name);
    changed?;
    Ok(PutBucketVersioningOutput {})
}

fn change(bucket: &Bucket, configuration: &VersioningConfiguration) -> Result<Change, Error> {
    let versioning = match configuration.status.as_ref().map(api::BucketVersioningStatus::as_str) {
        Some("Enabled") => Versioning::Enabled,
        Some("Suspended") => Versioning::Suspended,
        Some(_) => return Err(Error::new(&MALFORMED_XML)),
        None => return Err(Error::new(&ILLEGAL_VERSIONING)),
    };
    let mfa_delete = match configuration.mfa_delete.as_ref().map(api::MFADelete::as_str) {
        Some("Enabled") => true,
        Some("Disabled") => false,
        Some(_) => return Err(Error::new(&MALFORMED_XML)),
        None => bucket.record.mfa_delete,
    };
    Ok(Change { versioning, mfa_delete })
}

async fn apply(tx: &Tx, bucket: &Bucket, change: Change) -> Result<(), Error> {
    let (name, id) = (bucket.name.as_str(), bucket.id());
    let found = BUCKETS.get(tx, &(), name).await?.filter(|record| record.id == id);
    let Some(mut record) = found else { return Err(no_such_bucket(name)) };
    let refused = |message: &'static str| Err(Error::worded(&INVALID_BUCKET_STATE, message));
    if change.versioning == Versioning::Suspended && record.settings.object_lock.is_some() {
        return refused(
            "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        );
    }
    if change.versioning == Versioning::Suspended && record.settings.replication.is_some() {
        return refused(
            "A replication configuration is present on this bucket, so you cannot change the versioning state. To \
             change the versioning state, first delete the replication configuration.",
        );
    }
    if change.mfa_delete && record.settings.lifecycle.is_some() {
        return refused(
            "Mfa Authentication is not supported on a bucket with a lifecycle configuration. Delete the lifecycle \
             configuration before enabling Mfa Delete.",
        );
    }
    record.versioning = change.versioning;
    record.mfa_delete = change.mfa_delete;
    STATES.put(tx, &id, "", &BucketState { versioning: change.versioning }).await?;
    BUCKETS.put(tx, &(), name, &record).await?;
    Ok(())
}

pub async fn get_bucket_versioning(
    s3: &S3,
    call: &Call,
    input: GetBucketVersioningInput,
) -> Result<GetBucketVersioningOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let record = &bucket.record;
    let status = match record.versioning {
        Versioning::Never => None,
        Versioning::Enabled => Some("Enabled".into()),
        Versioning::Suspended => Some("Suspended".into()),
    };
    // It is there only where it was set once.
    let mfa_delete = record.mfa_delete.then(|| "Enabled".into());
    Ok(GetBucketVersioningOutput { status, mfa_delete })
}
