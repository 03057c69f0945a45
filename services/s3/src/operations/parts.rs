//! UploadPart, and what it shares with UploadPartCopy: a part is content on its own, under the encryption that its
//! upload began with.

use s3_api as api;
use service::Call;

use super::guard::requester_pays;
use super::reach::reach;
use super::saving::discard;
use super::uploads::{find, no_such_upload};
use crate::S3;
use crate::content::{
    CustomerHeaders, CustomerKey, Declared, EncryptionHeaders, EncryptionShown, EncryptionWish, Received,
    Settled, admit, receive_under, show_checksum, unlock,
};
use crate::directory::Bucket;
use crate::error::{Error, INVALID_REQUEST};
use crate::model::assembly::{DEFAULT_ALGORITHM, check_part_algorithm, part_number};
use crate::model::upload_id::UploadId;
use crate::records::{Encryption, PARTS, PartRecord, UPLOADS, UploadRecord, VersionTail};

pub async fn upload_part(
    s3: &S3,
    call: &Call,
    input: api::UploadPartInput,
) -> Result<api::UploadPartOutput, Error> {
    let bucket = reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let number = part_number(input.part_number)?;
    let body = input.body.clone().unwrap_or_default();
    let algorithm = input.checksum_algorithm.as_ref().map(api::ChecksumAlgorithm::as_str);
    let declared = Declared::parse(&input, input.content_md5.as_deref(), algorithm, &body)?;
    let customer = CustomerHeaders {
        algorithm: input.sse_customer_algorithm.as_deref(),
        key: input.sse_customer_key.as_deref(),
        key_md5: input.sse_customer_key_md5.as_deref(),
    };
    let wish = EncryptionWish::parse(EncryptionHeaders { customer, ..EncryptionHeaders::default() })?;
    let place = Destination::find(s3, &bucket, &input.key, &input.upload_id, number).await?;
    let upload = &place.upload;
    if (upload.described.retention.is_some() || upload.described.legal_hold.is_some())
        && !declared.is_checked()
    {
        let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests with Object Lock \
                       parameters";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    check_part_algorithm(upload.checksum, declared.declared_algorithm())?;
    admit(call, &bucket, &input.key, &wish, "s3:PutObject")?;
    let settled = place.settle(s3, call, wish.customer()).await?;
    let is_declared = declared.declared_algorithm().is_some();
    let declared = match upload.checksum {
        Some(checksum) => declared.or_compute(checksum.algorithm),
        // The whole object's checksum comes from its parts', whatever these declare.
        None => declared.and_compute(DEFAULT_ALGORITHM),
    };
    let received = receive_under(s3, &settled, &declared, &body).await?;
    let shown = EncryptionShown::of(&settled.encryption);
    let mut output = api::UploadPartOutput {
        server_side_encryption: shown.method,
        e_tag: Some(received.etag.quoted()),
        sse_customer_algorithm: shown.customer_algorithm,
        sse_customer_key_md5: shown.customer_key_md5,
        ssekms_key_id: shown.kms_key_id,
        bucket_key_enabled: shown.bucket_key,
        request_charged,
        ..api::UploadPartOutput::default()
    };
    if let Some(checksum) = received.checksum.as_ref().filter(|_| is_declared || upload.checksum.is_some()) {
        show_checksum(&mut output, checksum);
    }
    place.save(s3, call, received).await?;
    Ok(output)
}

/// Where a part goes.
pub struct Destination<'a> {
    bucket: &'a Bucket,
    key: &'a str,
    id: UploadId,
    number: u16,
    pub upload: UploadRecord,
}

impl<'a> Destination<'a> {
    /// `NoSuchUpload` before anything of the content is read.
    pub async fn find(
        s3: &S3,
        bucket: &'a Bucket,
        key: &'a str,
        upload_id: &str,
        number: u16,
    ) -> Result<Destination<'a>, Error> {
        let found = s3.store.read(|tx| async move { find(&tx, bucket, key, upload_id).await }).await;
        let (id, upload) = found?;
        Ok(Destination { bucket, key, id, number, upload })
    }

    /// The keys that the upload began with; for SSE-C the request brings them again.
    pub async fn settle(
        &self,
        s3: &S3,
        call: &Call,
        customer: Option<&CustomerKey>,
    ) -> Result<Settled, Error> {
        let refuse = |message: &'static str| Err(Error::worded(&INVALID_REQUEST, message));
        let encryption = self.upload.encryption.clone();
        match (&encryption, customer) {
            (Encryption::Customer { .. }, None) => {
                return refuse(
                    "The multipart upload initiate requested encryption. Subsequent part requests must include the \
                     appropriate encryption parameters.",
                );
            }
            (Encryption::Customer { salt, check, .. }, Some(customer)) if !customer.matches(salt, check) => {
                return refuse("The provided encryption parameters did not match the ones used originally.");
            }
            _ => {}
        }
        let keys = unlock(s3, call, &encryption, customer).await?;
        Ok(Settled { encryption, keys })
    }

    /// Puts a part in its place. What was there under its number is garbage from then on.
    pub async fn save(&self, s3: &S3, call: &Call, mut received: Received) -> Result<(), Error> {
        received.keep();
        let record = PartRecord {
            size: received.size,
            md5: received.md5,
            checksum: received.besides.clone().or_else(|| received.checksum.clone()),
            extents: received.content.extents.clone(),
            modified: call.now,
        };
        let garbage = VersionTail(s3.ids.bytes());
        let record = &record;
        let saved = s3
            .store
            .transact(|tx| async move {
                let (bucket, place) = (self.bucket.id(), self.id.part(self.number));
                // An upload that was completed or given up meanwhile takes no more parts.
                if UPLOADS.get(&tx, &bucket, &self.id.place(self.key)).await?.is_none() {
                    return Err(no_such_upload(&self.id.to_string()));
                }
                let before = PARTS.get(&tx, &bucket, &place).await?;
                PARTS.put(&tx, &bucket, &place, record).await?;
                // It is this very part where the transaction happened before and is run again.
                let replaced = before.filter(|before| before.extents != record.extents);
                discard(&tx, replaced.map(|part| part.extents).unwrap_or_default(), garbage).await
            })
            .await;
        match saved {
            Ok(true) => s3.garbage.nudge(),
            Ok(false) => {}
            Err(error) => {
                if matches!(error, Error::Refused { .. }) {
                    received.free(s3).await;
                }
                return Err(error);
            }
        }
        Ok(())
    }
}
