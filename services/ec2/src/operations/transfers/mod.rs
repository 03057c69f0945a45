//! Disks and images that come from S3 and go there ("VM Import/Export User Guide"). A request is looked at and kept; a
//! task does the work.

pub mod cancelling;
pub mod export_image;
pub mod import_image;
pub mod import_snapshot;
pub mod restore_image;
pub mod role;
pub mod store_image;

use base::Arn;
use service::Call;
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER;
use crate::kind::{IMPORT_IMAGE_TASK, IMPORT_SNAPSHOT_TASK, SNAPSHOT};
use crate::model::tags::Tags;
use crate::model::transfers::places::ObjectPlace;
use crate::operations::snapshot_finding::arn;
use crate::operations::vpcs::tokens::Token;
use crate::operations::{disk_keys, images};
use crate::records::Resource;
use crate::records::snapshots::SealedKey;
use crate::records::transfers::{DiskSource, enqueue};
use crate::resources;

pub fn to_import_snapshot<I>(_: &Ec2, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![IMPORT_SNAPSHOT_TASK.any(call), arn(call, "*")])
}

pub fn to_import_image<I>(_: &Ec2, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![IMPORT_IMAGE_TASK.any(call), images::arn(call, "*"), arn(call, "*")])
}

pub fn to_restore<I>(_: &Ec2, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![images::arn(call, "*"), arn(call, "*")])
}

/// What an earlier request with the same token began, as it is now, and its tags.
async fn repeated<R: Resource>(
    ec2: &Ec2,
    call: &Call,
    token: &Token<'_>,
) -> Result<Option<(R, Tags)>, Error> {
    ec2.store.read(|tx| async move { earlier(&tx, call, token).await }).await
}

async fn earlier<R: Resource>(tx: &Tx, call: &Call, token: &Token<'_>) -> Result<Option<(R, Tags)>, Error> {
    let Some(id) = token.earlier(tx, call).await? else { return Ok(None) };
    let record = resources::get(tx, &call.scope(), &id).await?;
    Ok(Some((record, resources::tags(tx, &call.scope(), &id).await?)))
}

/// Keeps a new task, which then begins; of requests with the same token that came at once, one does.
async fn begin<R: Resource>(
    ec2: &Ec2,
    call: &Call,
    token: &Token<'_>,
    record: R,
    tags: &Tags,
) -> Result<(R, Tags), Error> {
    let new = &record;
    let begun = ec2.store.transact(|tx| async move {
        if let Some(earlier) = earlier(&tx, call, token).await? {
            return Ok(Some(earlier));
        }
        token.remember(&tx, call, new.id()).await?;
        enqueue(&tx, &call.scope(), new.id()).await?;
        resources::create(&tx, &call.scope(), new, tags).await?;
        Ok::<_, Error>(None)
    });
    if let Some(earlier) = begun.await? {
        return Ok(earlier);
    }
    ec2.transfers.nudge();
    Ok((record, tags.clone()))
}

/// The object that a container names.
fn source_of(
    bucket: Option<&ec2_api::UserBucket>,
    url: Option<&String>,
) -> Result<Option<DiskSource>, Error> {
    let (name, key) = (
        bucket.and_then(|bucket| bucket.s3_bucket.as_deref()),
        bucket.and_then(|bucket| bucket.s3_key.as_deref()),
    );
    let place = ObjectPlace::of(name, key, url.map(String::as_str))?;
    Ok(place.map(|place| DiskSource::Object { place, url: url.cloned() }))
}

/// The id of a new snapshot, and its data key if it is to be encrypted.
async fn new_snapshot(
    ec2: &Ec2,
    call: &Call,
    encrypted: Option<bool>,
    kms_key: Option<&str>,
) -> Result<(String, Option<SealedKey>), Error> {
    if kms_key.is_some_and(|key| !key.is_empty()) && encrypted != Some(true) {
        let message = "If a KmsKeyId is specified, the Encrypted flag must also be set.";
        return Err(Error::new(&INVALID_PARAMETER, message));
    }
    let id = SNAPSHOT.new_id(&ec2.ids);
    let key = match disk_keys::choose(ec2, call, encrypted, kms_key, None).await? {
        Some(kms_key) => Some(disk_keys::seal(ec2, call, &kms_key, &id).await?),
        None => None,
    };
    Ok((id, key))
}
