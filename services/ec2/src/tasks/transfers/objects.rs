//! Objects that are written piece by piece: an upload in parts, that is taken back if it is not completed.

use bytes::{Bytes, BytesMut};
use s3_api::{
    AbortMultipartUpload, AbortMultipartUploadInput, CompleteMultipartUpload, CompleteMultipartUploadInput,
    CompletedMultipartUpload, CompletedPart, CreateMultipartUpload, CreateMultipartUploadInput, UploadPart,
    UploadPartInput,
};
use schema::{ByteStream, Fault};
use service::AsService;

use super::Trouble;
use crate::error::Error;
use crate::limits::TRANSFERRED_PARTS_MAX;

pub struct Upload<'a> {
    client: &'a AsService,
    bucket: String,
    key: String,
    pub id: String,
    part_bytes: usize,
    waiting: BytesMut,
    parts: Vec<CompletedPart>,
}

impl<'a> Upload<'a> {
    /// Begins an object; parts have so many bytes, but the last.
    pub async fn begin(
        client: &'a AsService,
        input: CreateMultipartUploadInput,
        part_bytes: usize,
    ) -> Result<Upload<'a>, Trouble> {
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let begun = client.call(CreateMultipartUpload, input).await.map_err(|fault| unwritable(&fault))?;
        let id = begun.upload_id.unwrap_or_default();
        Ok(Upload { client, bucket, key, id, part_bytes, waiting: BytesMut::new(), parts: Vec::new() })
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.waiting.extend_from_slice(bytes);
        while self.waiting.len() >= self.part_bytes {
            let part = self.waiting.split_to(self.part_bytes).freeze();
            self.put(part).await?;
        }
        Ok(())
    }

    async fn put(&mut self, part: Bytes) -> Result<(), Trouble> {
        if self.parts.len() >= TRANSFERRED_PARTS_MAX {
            return Err(Trouble::Final("ClientError: It is larger than an object can be".to_owned()));
        }
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let input = UploadPartInput {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.id.clone(),
            part_number: number,
            body: Some(ByteStream::from(part)),
            ..UploadPartInput::default()
        };
        let done = self.client.call(UploadPart, input).await.map_err(|fault| unwritable(&fault))?;
        let part = CompletedPart { e_tag: done.e_tag, part_number: Some(number), ..CompletedPart::default() };
        self.parts.push(part);
        Ok(())
    }

    /// The object is there when this returns.
    pub async fn complete(mut self) -> Result<(), Trouble> {
        if !self.waiting.is_empty() || self.parts.is_empty() {
            let last = std::mem::take(&mut self.waiting).freeze();
            self.put(last).await?;
        }
        let input = CompleteMultipartUploadInput {
            bucket: self.bucket,
            key: self.key,
            upload_id: self.id,
            multipart_upload: Some(CompletedMultipartUpload { parts: Some(self.parts) }),
            ..CompleteMultipartUploadInput::default()
        };
        let done = self.client.call(CompleteMultipartUpload, input).await;
        done.map(drop).map_err(|fault| unwritable(&fault))
    }
}

/// Takes back what was written of an object; that it is not there any more is as good.
pub async fn abort(client: &AsService, bucket: &str, key: &str, id: &str) {
    let input = AbortMultipartUploadInput {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        upload_id: id.to_owned(),
        ..AbortMultipartUploadInput::default()
    };
    if let Err(fault) = client.call(AbortMultipartUpload, input).await
        && fault.status() != 404
    {
        tracing::warn!(bucket, key, %fault, "parts of an object that was not completed stay behind");
    }
}

/// What S3 refuses of what is read or written for a task.
pub fn unwritable(fault: &Fault) -> Trouble {
    match fault.status() {
        500.. => Trouble::Passing(Error::Internal(fault.to_string().into())),
        _ => Trouble::Final(format!("ClientError: S3 refused with {}: {}", fault.code(), fault.message())),
    }
}
