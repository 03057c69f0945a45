//! The objects of an export: data in compressed files of bounded size, then the manifests that list them, each with its
//! checksum beside it. Reference: "DynamoDB table export output format" of the developer guide.

use std::io::Write as _;

use base::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use dynamodb_api as api;
use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use s3_api::{PutObject, PutObjectInput, ServerSideEncryption};
use schema::ByteStream;
use serde_json::{Value as Json, json};
use service::{AsService, Kept};

use crate::DynamoDB;
use crate::encryption::PRINCIPAL;
use crate::error::Error;
use crate::limits::EXPORT_FILE_BYTES_MAX;
use crate::operations::exports;
use crate::records::{ExportRecord, Exported, JobState};

pub struct Files<'a> {
    s3: AsService,
    dynamodb: &'a DynamoDB,
    wish: &'a api::ExportTableToPointInTimeInput,
    /// Where the manifests go, and where the data goes.
    folder: String,
    data: String,
    open: GzEncoder<Vec<u8>>,
    open_bytes: usize,
    open_items: u64,
    /// The lines of the list of files.
    listed: Vec<Json>,
    items: u64,
    bytes: u64,
}

impl<'a> Files<'a> {
    pub async fn begin(dynamodb: &'a DynamoDB, export: &'a ExportRecord) -> Result<Files<'a>, Error> {
        let Kept(wish) = &export.wish;
        let prefix = wish.s3_prefix.as_deref().map(|prefix| prefix.trim_end_matches('/'));
        let prefix = prefix.filter(|prefix| !prefix.is_empty()).map(|prefix| format!("{prefix}/"));
        let root = format!("{}AWSDynamoDB", prefix.unwrap_or_default());
        let folder = format!("{root}/{}", export.id);
        // Incremental exports share one folder of data.
        let data = match export.what {
            Exported::Full { .. } => format!("{folder}/data"),
            Exported::Changes { .. } => format!("{root}/data"),
        };
        let files = Files {
            s3: dynamodb.aws.as_caller(&export.call).via(PRINCIPAL),
            dynamodb,
            wish,
            folder,
            data,
            open: encoder(),
            open_bytes: 0,
            open_items: 0,
            listed: Vec::new(),
            items: 0,
            bytes: 0,
        };
        files.put(&format!("{}/_started", files.folder), Bytes::new()).await?;
        Ok(files)
    }

    /// Writes a line of data, for an item of so many bytes.
    pub async fn line(&mut self, line: &Json, bytes: usize) -> Result<(), Error> {
        writeln!(self.open, "{line}").map_err(Error::internal)?;
        self.open_bytes += bytes;
        self.open_items += 1;
        self.bytes += bytes as u64;
        if self.open_bytes >= EXPORT_FILE_BYTES_MAX { self.close().await } else { Ok(()) }
    }

    async fn close(&mut self) -> Result<(), Error> {
        let content = std::mem::replace(&mut self.open, encoder()).finish().map_err(Error::internal)?;
        let name = self.dynamodb.ids.text(26, b"abcdefghijklmnopqrstuvwxyz234567");
        let key = format!("{}/{name}.json.gz", self.data);
        let checksum = md5(&content);
        let etag = self.put(&key, content.into()).await?;
        self.listed.push(json!({
            "itemCount": self.open_items, "md5Checksum": checksum, "etag": etag, "dataFileS3Key": key,
        }));
        self.items += self.open_items;
        (self.open_bytes, self.open_items) = (0, 0);
        Ok(())
    }

    /// Writes the manifests; the export as it has ended.
    pub async fn end(mut self, dynamodb: &DynamoDB, export: &ExportRecord) -> Result<ExportRecord, Error> {
        if self.open_items > 0 || self.listed.is_empty() {
            self.close().await?;
        }
        let lines: String = self.listed.iter().map(|line| format!("{line}\n")).collect();
        let files_key = format!("{}/manifest-files.json", self.folder);
        self.put_with_checksum(&files_key, lines.into_bytes()).await?;
        let at = dynamodb.clock.now();
        let summary = self.summary(export, &files_key, at).to_string();
        let summary_key = format!("{}/manifest-summary.json", self.folder);
        self.put_with_checksum(&summary_key, summary.into_bytes()).await?;
        Ok(ExportRecord {
            state: JobState::Completed { at },
            manifest: Some(summary_key),
            items: self.items,
            bytes: self.bytes,
            ..export.clone()
        })
    }

    fn summary(&self, export: &ExportRecord, files_key: &str, at: Timestamp) -> Json {
        let sse = self.wish.s3_sse_algorithm.clone().unwrap_or(api::S3SseAlgorithm::Aes256);
        let mut summary = json!({
            "version": "2020-06-30",
            "exportArn": exports::arn(export).to_string(),
            "startTime": export.started.to_iso8601(),
            "endTime": at.to_iso8601(),
            "tableArn": export.table_arn.to_string(),
            "tableId": export.table_id,
            "s3Bucket": self.wish.s3_bucket,
            "s3Prefix": self.wish.s3_prefix,
            "s3SseAlgorithm": sse.to_string(),
            "s3SseKmsKeyId": self.wish.s3_sse_kms_key_id,
            "manifestFilesS3Key": files_key,
            "billedSizeBytes": self.bytes,
            "itemCount": self.items,
            "outputFormat": "DYNAMODB_JSON",
        });
        let more = match export.what {
            Exported::Full { at } => json!({ "exportTime": at.to_iso8601(), "exportType": "FULL_EXPORT" }),
            Exported::Changes { from, to, old_images } => json!({
                "version": "2023-08-01",
                "exportFromTime": from.to_iso8601(),
                "exportToTime": to.to_iso8601(),
                "outputView": if old_images { "NEW_AND_OLD_IMAGES" } else { "NEW_IMAGE" },
                "exportType": "INCREMENTAL_EXPORT",
            }),
        };
        if let (Some(summary), Json::Object(more)) = (summary.as_object_mut(), more) {
            summary.extend(more);
        }
        summary
    }

    async fn put_with_checksum(&self, key: &str, content: Vec<u8>) -> Result<(), Error> {
        let checksum = md5(&content);
        self.put(key, content.into()).await?;
        let beside = key.replace(".json", ".checksum");
        self.put(&beside, checksum.into()).await?;
        Ok(())
    }

    /// Puts an object, as whoever asked for the export; its entity tag, without quotes.
    async fn put(&self, key: &str, content: Bytes) -> Result<String, Error> {
        let is_kms = self.wish.s3_sse_algorithm == Some(api::S3SseAlgorithm::Kms);
        let input = PutObjectInput {
            bucket: self.wish.s3_bucket.clone(),
            key: key.to_owned(),
            body: Some(ByteStream::from(content)),
            expected_bucket_owner: self.wish.s3_bucket_owner.clone(),
            server_side_encryption: Some(match is_kms {
                true => ServerSideEncryption::AwsKms,
                false => ServerSideEncryption::Aes256,
            }),
            ssekms_key_id: self.wish.s3_sse_kms_key_id.clone(),
            ..PutObjectInput::default()
        };
        let output = self.s3.call(PutObject, input).await?;
        Ok(output.e_tag.unwrap_or_default().trim_matches('"').to_owned())
    }
}

fn encoder() -> GzEncoder<Vec<u8>> {
    GzEncoder::new(Vec::new(), Compression::default())
}

fn md5(content: &[u8]) -> String {
    STANDARD.encode(Md5::digest(content))
}
