//! One version to one destination.

use std::sync::Arc;

use s3_api as api;
use service::Call;
use store::Tx;

use super::role::assume;
use super::{Failure, Work};
use crate::S3;
use crate::content::{self, EncryptionHeaders, EncryptionWish, Received};
use crate::directory::Bucket;
use crate::error::{ACCESS_DENIED, Error, INVALID_REQUEST};
use crate::events::destinations::background_call;
use crate::events::{Event, EventName, record};
use crate::model::storage_class::StorageClass;
use crate::operations::guard::permitted;
use crate::operations::saving::{self, Replicated};
use crate::records::{Encryption, MarkerRecord, ObjectRecord, ReplicationState, VersionRecord, VersionTail};

/// Where something goes, and as whom.
struct Way<'a> {
    s3: &'a S3,
    work: &'a Work,
    rule: &'a api::ReplicationRule,
    destination: Arc<Bucket>,
    /// As the role, at the source and at the destination.
    there: Call,
    here: Call,
}

pub async fn copy(s3: &S3, work: &Work, role: &str, rule: &api::ReplicationRule) -> Result<(), Failure> {
    let name = rule.destination.bucket.rsplit(':').next().unwrap_or_default();
    let destination = s3.directory.existing(name).await.map_err(Failure::because("DstBucketNotFound"))?;
    let here = assume(s3, &work.bucket, role, work.bucket.region()).await;
    let here = here.map_err(Failure::because("AssumeRoleNotPermitted"))?;
    let there = Call { region: destination.region(), ..here.clone() };
    let way = Way { s3, work, rule, destination, there, here };
    match &work.version {
        VersionRecord::Marker(marker) => way.marker(marker.clone()).await,
        VersionRecord::Object(object) => {
            if way.changes(object).await? {
                Ok(())
            } else {
                way.object(object).await
            }
        }
    }
}

impl Way<'_> {
    fn key(&self) -> &str {
        &self.work.errand.key
    }

    /// Asks whether the role may do something at the destination.
    async fn may(&self, action: &'static str, else_reason: &'static str) -> Result<(), Failure> {
        let asked = permitted(self.s3, &self.there, &self.destination, self.key(), action).await;
        asked.map_err(Failure::because(else_reason))
    }

    async fn marker(&self, marker: MarkerRecord) -> Result<(), Failure> {
        self.may("ReplicateDelete", "DstDelObjNotPermitted").await?;
        let record = VersionRecord::Marker(MarkerRecord { owner: None, ..marker });
        let put = self.put(record, EventName::ObjectRemovedDeleteMarkerCreated).await;
        put.map_err(Failure::because("DstBucketUnversioned"))
    }

    async fn object(&self, object: &ObjectRecord) -> Result<(), Failure> {
        let source = &self.work.bucket;
        let read = permitted(self.s3, &self.here, source, self.key(), "GetObjectVersionForReplication").await;
        read.map_err(Failure::because("SrcGetObjNotPermitted"))?;
        self.may("ReplicateObject", "DstPutObjNotPermitted").await?;
        if !object.described.tags.is_empty() {
            let expected = self.s3.directory.expect_tags(&self.destination).await;
            expected.map_err(Failure::because("DstPutTaggingNotPermitted"))?;
            self.may("ReplicateTags", "DstPutTaggingNotPermitted").await?;
        }
        if self.changes_owner() {
            self.may("ObjectOwnerOverrideToBucketOwner", "DstPutObjNotPermitted").await?;
        }
        let received = self.content(object).await;
        let mut received = received.map_err(Failure::because("SrcKmsKeyNotPermitted"))?;
        received.keep();
        let replica = self.replica(object, &received);
        let put = self.put(VersionRecord::Object(Box::new(replica)), EventName::ObjectCreatedPut).await;
        if matches!(put, Err(Error::Refused { .. })) {
            received.free(self.s3).await;
        }
        put.map_err(Failure::because("DstBucketUnversioned"))
    }

    /// The content, decrypted as the role may and encrypted as the destination wants it.
    async fn content(&self, object: &ObjectRecord) -> Result<Received, Error> {
        if matches!(object.content.encryption, Encryption::Customer { .. }) {
            return Err(Error::worded(&INVALID_REQUEST, "The key of the object is its owner's alone"));
        }
        let reading = self.s3.readers.enter();
        let body = content::open(self.s3, &self.here, reading, &object.content, None, 0..object.size).await?;
        let configuration = self.rule.destination.encryption_configuration.as_ref();
        let key_id = configuration.and_then(|configuration| configuration.replica_kms_key_id.as_deref());
        let is_kms = matches!(object.content.encryption, Encryption::Kms(_) | Encryption::Dual { .. });
        let wish = match key_id {
            Some(key_id) if is_kms => EncryptionWish::parse(EncryptionHeaders {
                method: Some(&api::ServerSideEncryption::AwsKms),
                kms_key_id: Some(key_id),
                ..EncryptionHeaders::default()
            })?,
            _ => EncryptionWish::bucket_default(),
        };
        let settled = content::settle(self.s3, &self.there, &self.destination, self.key(), &wish).await?;
        content::receive_under(self.s3, &settled, &content::Declared::default(), &body).await
    }

    /// It keeps what it is known by, and when it was made.
    fn replica(&self, object: &ObjectRecord, received: &Received) -> ObjectRecord {
        let mut described = object.described.clone();
        let class = self.rule.destination.storage_class.as_ref();
        if let Some(class) = class.and_then(|class| StorageClass::parse(class.as_str())) {
            described.storage_class = class;
        }
        let (owner, here) = (object.owner.unwrap_or(self.work.bucket.account()), self.destination.account());
        if owner != here || self.changes_owner() {
            described.acl = None;
        }
        ObjectRecord {
            content: received.content.clone(),
            owner: (owner != here && !self.changes_owner()).then_some(owner),
            described,
            restored: None,
            replication: Some(ReplicationState::Replica),
            ..object.clone()
        }
    }

    fn changes_owner(&self) -> bool {
        self.rule.destination.access_control_translation.is_some()
    }

    async fn put(&self, version: VersionRecord, name: EventName) -> Result<(), Error> {
        let tail = VersionTail(self.s3.ids.bytes());
        let (bucket, key) = (&self.destination, self.key());
        let (name, version) = (&name, &version);
        let call = &background_call(self.s3, bucket.account(), bucket.region());
        let put = self
            .s3
            .store
            .transact(|tx: Tx| async move {
                let put = saving::put_replica(&tx, bucket, key, version.clone(), tail).await?;
                let (size, etag) = match version {
                    VersionRecord::Object(object) => (Some(object.size), Some(object.etag)),
                    VersionRecord::Marker(_) => (None, None),
                };
                let event = Event {
                    name: name.clone(),
                    key,
                    size,
                    etag,
                    version_id: Some(&self.work.errand.version),
                    order: version.order(),
                };
                if put != Replicated::Known {
                    record(&tx, bucket, call, event).await?;
                }
                Ok::<_, Error>(put)
            })
            .await?;
        match put {
            Replicated::Added { has_garbage: true } => self.s3.garbage.nudge(),
            Replicated::Added { has_garbage: false } | Replicated::Known => {}
        }
        Ok(())
    }

    /// Changes a replica as its original was changed. Says whether there is one.
    async fn changes(&self, object: &ObjectRecord) -> Result<bool, Failure> {
        let (bucket, key, id) = (&self.destination, self.key(), self.work.id);
        let read =
            self.s3.store.read(|tx: Tx| async move { saving::version(&tx, bucket.id(), key, id).await });
        match read.await.map_err(Failure::because("DstVersionNotFound"))? {
            Some((VersionRecord::Object(_), _)) => {}
            _ => return Ok(false),
        }
        self.may("ReplicateTags", "DstPutTaggingNotPermitted").await?;
        if !object.described.tags.is_empty() {
            let expected = self.s3.directory.expect_tags(bucket).await;
            expected.map_err(Failure::because("DstPutTaggingNotPermitted"))?;
        }
        let changed = self.s3.store.transact(|tx: Tx| async move {
            let found = saving::version(&tx, bucket.id(), key, id).await?;
            let Some((VersionRecord::Object(mut replica), is_current)) = found else { return Ok(false) };
            if replica.replication != Some(ReplicationState::Replica) {
                return Err(Error::new(&ACCESS_DENIED));
            }
            replica.described.tags = object.described.tags.clone();
            replica.described.retention = object.described.retention;
            replica.described.legal_hold = object.described.legal_hold;
            saving::rewrite(&tx, bucket.id(), key, &replica, is_current).await?;
            Ok(true)
        });
        changed.await.map_err(Failure::because("DstPutTaggingNotPermitted"))
    }
}
