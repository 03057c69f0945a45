//! What has to happen after an event besides telling: copies to other buckets, and the end of a restore.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::Tx;
use store::outbox::Outbox;

use super::lane;
use crate::directory::Bucket;
use crate::error::Error;
use crate::model::notification::{Event, EventName};
use crate::model::replication::{Subject, of_marker, of_object};
use crate::model::version::VersionId;
use crate::operations::saving;
use crate::records::{Described, Encryption, ObjectRecord, ReplicationState, VersionRecord};
use crate::tasks::restores;

/// What has to be copied to other buckets.
pub const COPIES: Outbox = Outbox::new("s3.copies");

/// One version that has to be copied, or copied again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    pub bucket: u64,
    /// The bucket's.
    pub name: String,
    pub key: String,
    pub version: String,
    pub asked: Timestamp,
}

impl Errand {
    pub fn decode(bytes: &[u8]) -> Option<Errand> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Notes what an event entails, in its transaction and after its change.
pub async fn note(tx: &Tx, bucket: &Bucket, now: Timestamp, event: &Event<'_>) -> Result<(), Error> {
    let replicates = bucket.record.settings.replication.is_some();
    match event.name {
        EventName::ObjectRestorePost => restore(tx, bucket, event).await,
        _ if !replicates => Ok(()),
        EventName::ObjectCreatedPut
        | EventName::ObjectCreatedPost
        | EventName::ObjectCreatedCopy
        | EventName::ObjectCreatedCompleteMultipartUpload => created(tx, bucket, now, event).await,
        // Markers that lifecycle rules make stay where they are: that is another event.
        EventName::ObjectRemovedDeleteMarkerCreated => marked(tx, bucket, now, event).await,
        EventName::ObjectTaggingPut
        | EventName::ObjectTaggingDelete
        | EventName::ObjectAclPut
        | EventName::ObjectRetentionPut => changed(tx, bucket, now, event).await,
        _ => Ok(()),
    }
}

/// What replication rules see of an object.
pub fn subject<'a>(key: &'a str, object: &'a ObjectRecord) -> Subject<'a> {
    let is_kms = matches!(object.content.encryption, Encryption::Kms(_) | Encryption::Dual { .. });
    let Described { tags, storage_class, .. } = &object.described;
    Subject { key, tags, class: *storage_class, is_kms }
}

async fn restore(tx: &Tx, bucket: &Bucket, event: &Event<'_>) -> Result<(), Error> {
    let Some((object, id, _)) = version_of(tx, bucket, event).await? else { return Ok(()) };
    match object.restored {
        Some(restored) => restores::expect(tx, bucket, event.key, id, restored).await,
        None => Ok(()),
    }
}

async fn created(tx: &Tx, bucket: &Bucket, now: Timestamp, event: &Event<'_>) -> Result<(), Error> {
    let Some((mut object, id, is_current)) = version_of(tx, bucket, event).await? else { return Ok(()) };
    let Some(configuration) = &bucket.record.settings.replication else { return Ok(()) };
    let is_copied = id != VersionId::Null
        && object.replication != Some(ReplicationState::Replica)
        && !of_object(configuration, &subject(event.key, &object)).is_empty();
    if !is_copied {
        return Ok(());
    }
    object.replication = Some(ReplicationState::Pending);
    saving::rewrite(tx, bucket.id(), event.key, &object, is_current).await?;
    ask(tx, bucket, now, event).await
}

async fn marked(tx: &Tx, bucket: &Bucket, now: Timestamp, event: &Event<'_>) -> Result<(), Error> {
    let Some(configuration) = &bucket.record.settings.replication else { return Ok(()) };
    if of_marker(configuration, event.key).is_empty() {
        return Ok(());
    }
    ask(tx, bucket, now, event).await
}

async fn changed(tx: &Tx, bucket: &Bucket, now: Timestamp, event: &Event<'_>) -> Result<(), Error> {
    let Some((mut object, _, is_current)) = version_of(tx, bucket, event).await? else { return Ok(()) };
    match object.replication {
        // What is on its way takes the changes along.
        None | Some(ReplicationState::Replica | ReplicationState::Pending) => Ok(()),
        Some(ReplicationState::Completed | ReplicationState::Failed) => {
            object.replication = Some(ReplicationState::Pending);
            saving::rewrite(tx, bucket.id(), event.key, &object, is_current).await?;
            ask(tx, bucket, now, event).await
        }
    }
}

async fn version_of(
    tx: &Tx,
    bucket: &Bucket,
    event: &Event<'_>,
) -> Result<Option<(ObjectRecord, VersionId, bool)>, Error> {
    let Some(id) = event.version_id.map_or(Some(VersionId::Null), VersionId::parse) else { return Ok(None) };
    Ok(match saving::version(tx, bucket.id(), event.key, id).await? {
        Some((VersionRecord::Object(object), is_current)) => Some((*object, id, is_current)),
        _ => None,
    })
}

async fn ask(tx: &Tx, bucket: &Bucket, now: Timestamp, event: &Event<'_>) -> Result<(), Error> {
    let errand = Errand {
        bucket: bucket.id().0,
        name: bucket.name.clone(),
        key: event.key.to_owned(),
        version: event.version_id.unwrap_or_default().to_owned(),
        asked: now,
    };
    let bytes = serde_json::to_vec(&errand).expect("plain fields are written to memory");
    COPIES.append(tx, &lane(bucket, event.key), bytes).await?;
    Ok(())
}
