//! One action of a rule on one version, in one transaction, if it is still due there.

use base::Timestamp;
use store::{Select, Tx};

use super::versions::{is_due_newest, is_due_older};
use super::{rules, subject};
use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::events::destinations::background_call;
use crate::events::{Event, EventName, order_of, record};
use crate::model::etag::ETag;
use crate::model::lifecycle::Action;
use crate::model::lock::is_deletable;
use crate::model::storage_class::StorageClass;
use crate::model::upload_id::UploadId;
use crate::model::version::{VersionId, place_prefix};
use crate::operations::saving::{self, Saved, Stamp};
use crate::operations::uploads::abort;
use crate::records::{
    ObjectRecord, ReplicationState, UPLOADS, VERSIONS, VersionRecord, VersionTail, Versioning,
};

/// Of when an upload began, in its place.
const BEGAN_CHARS: usize = 16;

/// Something that seems to be due.
#[derive(Clone, Debug)]
pub enum Doing {
    /// The newest version of a key.
    Object {
        key: String,
        id: VersionId,
    },
    /// An older version or a delete marker: how many are newer without being the newest, and since when it is not the
    /// newest itself (nothing if it is).
    Older {
        key: String,
        id: VersionId,
        newer: usize,
        since: Option<Timestamp>,
    },
    Upload {
        place: String,
    },
}

/// Everything that an action needs to know.
struct Acting<'a> {
    s3: &'a S3,
    bucket: &'a Bucket,
    stamp: Stamp,
    /// The midnight that the run is for.
    now: Timestamp,
}

/// Returns whether there is garbage to be given back.
pub async fn act(s3: &S3, bucket: &Bucket, doing: &Doing, now: Timestamp) -> Result<bool, Error> {
    let stamp = Stamp { tail: VersionTail(s3.ids.bytes()), now: s3.clock.now() };
    let acting = &Acting { s3, bucket, stamp, now };
    s3.store
        .transact(|tx| async move {
            match doing {
                Doing::Object { key, id } => acting.object(&tx, key, *id).await,
                Doing::Older { key, id, newer, since: Some(since) } => {
                    acting.older(&tx, key, *id, *newer, *since).await
                }
                Doing::Older { key, id, since: None, .. } => acting.marker(&tx, key, *id).await,
                Doing::Upload { place } => acting.upload(&tx, place).await,
            }
        })
        .await
}

impl Acting<'_> {
    async fn object(&self, tx: &Tx, key: &str, id: VersionId) -> Result<bool, Error> {
        let found = saving::version(tx, self.bucket.id(), key, id).await?;
        let Some((VersionRecord::Object(object), true)) = found else { return Ok(false) };
        let Some(rules) = rules(&self.bucket.record) else { return Ok(false) };
        let Some(planned) = rules.due(&subject(key, &object), object.modified, self.now) else {
            return Ok(false);
        };
        if waits(&object) {
            return Ok(false);
        }
        match planned.action {
            Action::Transition(to) => self.transition(tx, key, *object, true, to).await,
            Action::Expire => {
                let versioning = saving::versioning(tx, self.bucket).await?;
                if versioning == Versioning::Never && !is_deletable(&object.described, false, self.now) {
                    return Ok(false);
                }
                let saved = saving::delete(tx, self.bucket, key, self.stamp, |_| Ok(())).await?;
                self.tell_expired(tx, key, &saved).await?;
                Ok(saved.has_garbage)
            }
        }
    }

    async fn older(
        &self,
        tx: &Tx,
        key: &str,
        id: VersionId,
        newer: usize,
        since: Timestamp,
    ) -> Result<bool, Error> {
        let found = saving::version(tx, self.bucket.id(), key, id).await?;
        let Some((version, false)) = found else { return Ok(false) };
        let Some(rules) = rules(&self.bucket.record) else { return Ok(false) };
        if !is_due_older(rules, key, &version, since, newer, self.now) {
            return Ok(false);
        }
        if let VersionRecord::Object(object) = version {
            if waits(&object) {
                return Ok(false);
            }
            let planned = rules.due_noncurrent(&subject(key, &object), since, newer, self.now);
            if let Some(Action::Transition(to)) = planned.map(|planned| planned.action) {
                return self.transition(tx, key, *object, false, to).await;
            }
            if !is_deletable(&object.described, false, self.stamp.now) {
                return Ok(false);
            }
        }
        self.remove(tx, key, id).await
    }

    /// A delete marker, which goes when it is all there is of its key.
    async fn marker(&self, tx: &Tx, key: &str, id: VersionId) -> Result<bool, Error> {
        let found = saving::version(tx, self.bucket.id(), key, id).await?;
        let Some((version, false)) = found else { return Ok(false) };
        let Some(rules) = rules(&self.bucket.record) else { return Ok(false) };
        let prefix = place_prefix(key);
        let all = VERSIONS.scan(tx, &self.bucket.id(), Select::prefix(&prefix), 2).await?;
        if all.records.len() != 1 || !is_due_newest(rules, key, &version, self.now) {
            return Ok(false);
        }
        self.remove(tx, key, id).await
    }

    async fn remove(&self, tx: &Tx, key: &str, id: VersionId) -> Result<bool, Error> {
        let saved = saving::delete_version(tx, self.bucket, key, id, self.stamp, |_| Ok(())).await?;
        let name = EventName::LifecycleExpirationDelete;
        self.tell(tx, name, key, None, (saved.version_id.as_deref(), saved.order)).await?;
        Ok(saved.has_garbage)
    }

    async fn transition(
        &self,
        tx: &Tx,
        key: &str,
        mut object: ObjectRecord,
        is_current: bool,
        to: StorageClass,
    ) -> Result<bool, Error> {
        let versioning = saving::versioning(tx, self.bucket).await?;
        object.described.storage_class = to;
        object.restored = None;
        saving::rewrite(tx, self.bucket.id(), key, &object, is_current).await?;
        let version_id = saving::shown(versioning, object.version, object.order);
        let name = EventName::LifecycleTransition { to };
        let of = Some((object.size, object.etag));
        self.tell(tx, name, key, of, (version_id.as_deref(), order_of(self.stamp.now))).await?;
        Ok(false)
    }

    async fn upload(&self, tx: &Tx, place: &str) -> Result<bool, Error> {
        let Some(upload) = UPLOADS.get(tx, &self.bucket.id(), place).await? else { return Ok(false) };
        let due = rules(&self.bucket.record).and_then(|rules| rules.abort(&upload.key, upload.initiated));
        if due.is_none_or(|planned| planned.at > self.now) {
            return Ok(false);
        }
        match upload_id(place) {
            Some(id) => abort(tx, self.bucket.id(), &upload.key, &id, self.stamp.tail).await,
            None => Ok(false),
        }
    }

    async fn tell_expired(&self, tx: &Tx, key: &str, saved: &Saved) -> Result<(), Error> {
        let name = if saved.is_delete_marker {
            EventName::LifecycleExpirationDeleteMarkerCreated
        } else {
            EventName::LifecycleExpirationDelete
        };
        self.tell(tx, name, key, None, (saved.version_id.as_deref(), saved.order)).await
    }

    async fn tell(
        &self,
        tx: &Tx,
        name: EventName,
        key: &str,
        of: Option<(u64, ETag)>,
        (version_id, order): (Option<&str>, u64),
    ) -> Result<(), Error> {
        let call = background_call(self.s3, self.bucket.account(), self.bucket.region());
        let (size, etag) = of.unzip();
        record(tx, self.bucket, &call, Event { name, key, size, etag, version_id, order }).await
    }
}

/// The upload that lies at this place: by its key, then by when it began.
fn upload_id(place: &str) -> Option<UploadId> {
    let (_, began_and_id) = place.rsplit_once("\0\0")?;
    UploadId::parse(began_and_id.get(BEGAN_CHARS..)?)
}

/// Rules wait for objects to be copied elsewhere first.
fn waits(object: &ObjectRecord) -> bool {
    object.replication == Some(ReplicationState::Pending)
}
