//! CompleteMultipartUpload: the parts' content becomes the object's, in one transaction and without being copied.
//!
//! An upload that is completed is no more. A completion that is repeated, as clients do that saw no answer, is answered
//! as before for as long as the object is there, whatever its conditions say by now. The object is as old as its upload
//! ("System-defined object metadata" of the S3 guide: multipart uploads carry the date they were begun).
//!
//! Where a completion has a condition, what happened to the key since the upload began counts as well: an object that
//! was there and is gone, or one that came later, is a conflict (409).

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3_api as api;
use service::Call;
use store::{Select, Tx};

use super::guard::requester_pays;
use super::list_parts::number_of;
use super::reach::reach;
use super::saving::{self, Newest, Stamp, discard};
use super::uploads::{find, no_such_upload, parts};
use crate::S3;
use crate::content::{CustomerHeaders, CustomerKey, EncryptionShown, check_customer, show_checksum, unlock};
use crate::directory::Bucket;
use crate::error::{CONDITIONAL_REQUEST_CONFLICT, Error, NO_SUCH_UPLOAD};
use crate::events::{self, Event, EventName};
use crate::limits::COMPLETED_VERSIONS_MAX;
use crate::model::assembly::{Assembled, Expected, Named, assemble, expected, named};
use crate::model::conditions::WriteCondition;
use crate::model::lifecycle::{Rules, SmallObjects, Subject, expiration_header};
use crate::model::upload_id::UploadId;
use crate::model::version::{VersionId, place_prefix};
use crate::records::{
    CURRENT, Content, Encryption, ObjectRecord, PARTS, PartRecord, UPLOADS, UploadRecord, VERSIONS,
    VersionRecord, VersionTail, Versioning,
};

pub async fn complete_multipart_upload(
    s3: &S3,
    call: &Call,
    input: api::CompleteMultipartUploadInput,
) -> Result<api::CompleteMultipartUploadOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let named = named(input.multipart_upload.as_ref())?;
    let expected = expected(&input)?;
    let condition = WriteCondition::parse(input.if_match.as_deref(), input.if_none_match.as_deref())?;
    let id = UploadId::parse(&input.upload_id).ok_or_else(|| no_such_upload(&input.upload_id))?;
    check_keys(s3, call, &bucket, &input).await?;
    let completion = Completion {
        call,
        bucket: &bucket,
        key: &input.key,
        id,
        named: &named,
        expected: &expected,
        condition: &condition,
        stamp: Stamp { tail: VersionTail(s3.ids.bytes()), now: call.now },
        unused: VersionTail(s3.ids.bytes()),
    };
    let completion = &completion;
    let completed = s3.store.transact(|tx| async move { completion.make(&tx).await }).await?;
    if completed.has_garbage {
        s3.garbage.nudge();
    }
    let object = completed.object;
    let shown = EncryptionShown::of(&object.content.encryption);
    let mut output = api::CompleteMultipartUploadOutput {
        location: Some(location(call, &bucket, &input.key)),
        bucket: Some(bucket.name.clone()),
        expiration: expiration(&bucket, &input.key, &object),
        e_tag: Some(object.etag.quoted()),
        server_side_encryption: shown.method,
        version_id: completed.version_id,
        ssekms_key_id: shown.kms_key_id,
        bucket_key_enabled: shown.bucket_key,
        request_charged,
        key: Some(input.key),
        ..api::CompleteMultipartUploadOutput::default()
    };
    if let Some(checksum) = &object.checksum {
        show_checksum(&mut output, checksum);
    }
    Ok(output)
}

/// Whoever completes an upload with checksums reads, as it were, what is in its parts: the KMS key must let them, and
/// a customer's key, if it comes along, must be the one.
async fn check_keys(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    input: &api::CompleteMultipartUploadInput,
) -> Result<(), Error> {
    let customer = CustomerKey::parse(CustomerHeaders {
        algorithm: input.sse_customer_algorithm.as_deref(),
        key: input.sse_customer_key.as_deref(),
        key_md5: input.sse_customer_key_md5.as_deref(),
    })?;
    let found =
        s3.store.read(|tx| async move { find(&tx, bucket, &input.key, &input.upload_id).await }).await;
    let upload = match found {
        // It may have been completed.
        Err(error) if error.is(&NO_SUCH_UPLOAD) => return Ok(()),
        found => found?.1,
    };
    if customer.is_some() {
        check_customer(&upload.encryption, customer.as_ref())?;
    }
    if upload.checksum.is_some() && matches!(upload.encryption, Encryption::Kms(_) | Encryption::Dual { .. })
    {
        unlock(s3, call, &upload.encryption, None).await?;
    }
    Ok(())
}

/// One completion, with all that its transaction needs.
struct Completion<'a> {
    call: &'a Call,
    bucket: &'a Bucket,
    key: &'a str,
    id: UploadId,
    named: &'a [Named],
    expected: &'a Expected,
    condition: &'a WriteCondition,
    stamp: Stamp,
    /// Names the garbage of parts that are not used.
    unused: VersionTail,
}

struct Completed {
    object: ObjectRecord,
    version_id: Option<String>,
    has_garbage: bool,
}

impl Completion<'_> {
    async fn make(&self, tx: &Tx) -> Result<Completed, Error> {
        let (bucket, place) = (self.bucket.id(), self.id.place(self.key));
        let versioning = saving::versioning(tx, self.bucket).await?;
        let Some(upload) = UPLOADS.get(tx, &bucket, &place).await? else {
            return self.made_before(tx, versioning).await;
        };
        let stored = parts(tx, bucket, &self.id).await?;
        for (place, _) in &stored {
            PARTS.delete(tx, &bucket, place).await?;
        }
        UPLOADS.delete(tx, &bucket, &place).await?;
        let stored: BTreeMap<u16, PartRecord> =
            stored.into_iter().map(|(place, part)| (number_of(&place), part)).collect();
        let mut assembled = assemble(&self.id, upload.checksum, self.named, self.expected, stored)?;
        let unused = std::mem::take(&mut assembled.unused);
        let object = self.object(&upload, assembled);
        let check = |newest: &Newest| self.check(&upload, newest);
        let saved = saving::put(tx, self.bucket, self.key, object.clone(), self.stamp, check).await?;
        let has_unused = discard(tx, unused, self.unused).await?;
        let event = Event {
            name: EventName::ObjectCreatedCompleteMultipartUpload,
            key: self.key,
            size: Some(object.size),
            etag: Some(object.etag),
            version_id: saved.version_id.as_deref(),
            order: saved.order,
        };
        events::record(tx, self.bucket, self.call, event).await?;
        Ok(Completed { object, version_id: saved.version_id, has_garbage: saved.has_garbage || has_unused })
    }

    fn object(&self, upload: &UploadRecord, assembled: Assembled) -> ObjectRecord {
        ObjectRecord {
            // Both are set when it is put.
            version: None,
            order: 0,
            modified: upload.initiated,
            size: assembled.size,
            etag: assembled.etag,
            content: Content { extents: assembled.extents, encryption: upload.encryption.clone() },
            checksum: assembled.checksum,
            parts: assembled.parts,
            upload: Some(self.id),
            described: upload.described.clone(),
            owner: upload.owner,
            restored: None,
            replication: None,
        }
    }

    fn check(&self, upload: &UploadRecord, newest: &Newest) -> Result<(), Error> {
        self.condition.check(self.key, newest.etag())?;
        let conflict = |condition| {
            let error = Error::new(&CONDITIONAL_REQUEST_CONFLICT);
            Err(error.with("Condition", condition).with("Key", self.key))
        };
        match (self.condition, newest) {
            (WriteCondition::Absent, _) if upload.replaces => conflict("If-None-Match"),
            (WriteCondition::Same(_), Newest::Object(object)) if object.modified > upload.initiated => {
                conflict("If-Match")
            }
            _ => Ok(()),
        }
    }

    /// The object that an earlier completion of this upload made, if it is still there.
    async fn made_before(&self, tx: &Tx, versioning: Versioning) -> Result<Completed, Error> {
        let is_it = |object: &ObjectRecord| object.upload == Some(self.id);
        let bucket = self.bucket.id();
        let found = match CURRENT.get(tx, &bucket, self.key).await?.filter(is_it) {
            None if versioning != Versioning::Never => {
                let prefix = place_prefix(self.key);
                let older =
                    VERSIONS.scan(tx, &bucket, Select::prefix(&prefix), COMPLETED_VERSIONS_MAX).await?;
                older.records.into_iter().find_map(|(_, record)| match record {
                    VersionRecord::Object(object) => Some(*object).filter(is_it),
                    VersionRecord::Marker(_) => None,
                })
            }
            found => found,
        };
        let object = found.ok_or_else(|| no_such_upload(&self.id.to_string()))?;
        let version_id = VersionId::of(object.version, object.order).to_string();
        let version_id = (versioning != Versioning::Never).then_some(version_id);
        Ok(Completed { object, version_id, has_garbage: false })
    }
}

/// `x-amz-expiration`
fn expiration(bucket: &Bucket, key: &str, object: &ObjectRecord) -> Option<String> {
    let configuration = bucket.record.settings.lifecycle.as_ref()?;
    let (tags, class) = (&object.described.tags, object.described.storage_class);
    let subject = Subject { key, size: Some(object.size), tags, class };
    let rules = Rules::of(configuration, SmallObjects::default());
    rules.expiration(&subject, object.modified).map(|planned| expiration_header(&planned))
}

/// Where the object is, as a URL. Slashes in its key are encoded, too.
fn location(call: &Call, bucket: &Bucket, key: &str) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    format!("{}/{}/{}", call.source.endpoint, bucket.name, utf8_percent_encode(key, PLAIN))
}

#[cfg(test)]
mod tests;
