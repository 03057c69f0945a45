//! Inventory reports: what their columns are, how an object reads in them, and what their files are called.
//!
//! Reference: "Cataloging and analyzing your data with S3 Inventory" and "Locating your inventory list" of the S3 guide.
//! Surprising: keys are URL-encoded in CSV and not in Parquet, and the columns have other names in each.

use base::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3_api::{
    InventoryConfiguration, InventoryFormat, InventoryIncludedObjectVersions, InventoryOptionalField,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::acl::{Acl, canonical_id};
use super::lifecycle::Rules;
use super::storage_class::StorageClass;
use super::version::VersionId;
use crate::records::{Encryption, MarkerRecord, ObjectRecord, ReplicationState, RetentionMode};

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    Text,
    Flag,
    Number,
    Moment,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Nothing,
    Text(String),
    Flag(bool),
    Number(i64),
    Moment(Timestamp),
}

/// One column: its names in CSV and in Parquet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub csv: &'static str,
    pub parquet: &'static str,
    pub kind: CellKind,
}

const fn column(csv: &'static str, parquet: &'static str, kind: CellKind) -> Column {
    Column { csv, parquet, kind }
}

const BUCKET: Column = column("Bucket", "bucket", CellKind::Text);
const KEY: Column = column("Key", "key", CellKind::Text);

/// Where all versions are listed.
const OF_VERSIONS: [Column; 3] = [
    column("VersionId", "version_id", CellKind::Text),
    column("IsLatest", "is_latest", CellKind::Flag),
    column("IsDeleteMarker", "is_delete_marker", CellKind::Flag),
];

/// Those that are asked for, in the order in which they stand.
const OPTIONAL: &[Column] = &[
    column("Size", "size", CellKind::Number),
    column("LastModifiedDate", "last_modified_date", CellKind::Moment),
    column("ETag", "e_tag", CellKind::Text),
    column("StorageClass", "storage_class", CellKind::Text),
    column("IsMultipartUploaded", "is_multipart_uploaded", CellKind::Flag),
    column("ReplicationStatus", "replication_status", CellKind::Text),
    column("EncryptionStatus", "encryption_status", CellKind::Text),
    column("ObjectLockRetainUntilDate", "object_lock_retain_until_date", CellKind::Moment),
    column("ObjectLockMode", "object_lock_mode", CellKind::Text),
    column("ObjectLockLegalHoldStatus", "object_lock_legal_hold_status", CellKind::Text),
    column("IntelligentTieringAccessTier", "intelligent_tiering_access_tier", CellKind::Text),
    column("BucketKeyStatus", "bucket_key_status", CellKind::Text),
    column("ChecksumAlgorithm", "checksum_algorithm", CellKind::Text),
    column("ObjectAccessControlList", "object_access_control_list", CellKind::Text),
    column("ObjectOwner", "object_owner", CellKind::Text),
    column("LifecycleExpirationDate", "lifecycle_expiration_date", CellKind::Moment),
];

/// Whether a report can have this field.
pub fn is_known(field: &InventoryOptionalField) -> bool {
    OPTIONAL.iter().any(|column| column.csv == field.as_str())
}

/// Whether reports can be made in this format.
pub fn is_made(format: &InventoryFormat) -> bool {
    matches!(format, InventoryFormat::Csv | InventoryFormat::Parquet)
}

pub fn lists_versions(configuration: &InventoryConfiguration) -> bool {
    configuration.included_object_versions == InventoryIncludedObjectVersions::All
}

/// The columns of a report.
pub fn columns(configuration: &InventoryConfiguration) -> Vec<Column> {
    let asked = configuration.optional_fields.as_deref().unwrap_or_default();
    let mut columns = vec![BUCKET, KEY];
    if lists_versions(configuration) {
        columns.extend(OF_VERSIONS);
    }
    let is_asked = |column: &&Column| asked.iter().any(|field| field.as_str() == column.csv);
    columns.extend(OPTIONAL.iter().filter(is_asked));
    columns
}

/// What is listed.
#[derive(Clone, Copy, Debug)]
pub enum Listed<'a> {
    Object(&'a ObjectRecord),
    Marker(&'a MarkerRecord),
}

/// One row's subject, and the bucket around it.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub bucket: &'a str,
    pub owner: base::AccountId,
    /// Nothing where lists count for nothing.
    pub lists_count: bool,
    pub rules: Option<Rules<'a>>,
    pub key: &'a str,
    /// As answers show it; empty in buckets without versions.
    pub has_versions: bool,
    pub is_latest: bool,
    pub listed: Listed<'a>,
}

impl Row<'_> {
    pub fn cell(&self, column: &Column) -> Cell {
        let text = |text: &str| Cell::Text(text.to_owned());
        let (version, order, modified) = match self.listed {
            Listed::Object(object) => (object.version, object.order, object.modified),
            Listed::Marker(marker) => (marker.version, marker.order, marker.modified),
        };
        match column.csv {
            "Bucket" => text(self.bucket),
            "Key" => text(self.key),
            "VersionId" if self.has_versions => Cell::Text(VersionId::of(version, order).to_string()),
            "IsLatest" => Cell::Flag(self.is_latest),
            "IsDeleteMarker" => Cell::Flag(matches!(self.listed, Listed::Marker(_))),
            "LastModifiedDate" => Cell::Moment(modified),
            name => match self.listed {
                Listed::Object(object) => self.of_object(name, object),
                Listed::Marker(_) => Cell::Nothing,
            },
        }
    }

    fn of_object(&self, name: &str, object: &ObjectRecord) -> Cell {
        let text = |text: &str| Cell::Text(text.to_owned());
        let (described, owner) = (&object.described, object.owner.unwrap_or(self.owner));
        match name {
            "Size" => Cell::Number(object.size as i64),
            "ETag" => text(object.etag.quoted().trim_matches('"')),
            "StorageClass" => text(described.storage_class.as_str()),
            "IsMultipartUploaded" => Cell::Flag(!object.parts.is_empty()),
            "ReplicationStatus" => object.replication.map_or(Cell::Nothing, |state| text(replication(state))),
            "EncryptionStatus" => text(encryption(&object.content.encryption)),
            "ObjectLockRetainUntilDate" => {
                described.retention.map_or(Cell::Nothing, |retention| Cell::Moment(retention.until))
            }
            "ObjectLockMode" => described.retention.map_or(Cell::Nothing, |retention| {
                text(match retention.mode {
                    RetentionMode::Governance => "GOVERNANCE",
                    RetentionMode::Compliance => "COMPLIANCE",
                })
            }),
            "ObjectLockLegalHoldStatus" => {
                described.legal_hold.map_or(Cell::Nothing, |held| text(if held { "ON" } else { "OFF" }))
            }
            "IntelligentTieringAccessTier" if described.storage_class == StorageClass::IntelligentTiering => {
                text("FREQUENT")
            }
            "BucketKeyStatus" => match &object.content.encryption {
                Encryption::Kms(kms) => text(if kms.bucket_key { "ENABLED" } else { "DISABLED" }),
                _ => Cell::Nothing,
            },
            "ChecksumAlgorithm" => {
                object.checksum.as_ref().map_or(Cell::Nothing, |sum| text(sum.algorithm.as_str()))
            }
            "ObjectAccessControlList" => Cell::Text(self.acl(described.acl.as_ref(), owner)),
            "ObjectOwner" => Cell::Text(canonical_id(owner)),
            "LifecycleExpirationDate" => {
                let subject = super::lifecycle::Subject {
                    key: self.key,
                    size: Some(object.size),
                    tags: &described.tags,
                    class: described.storage_class,
                };
                let planned = self.rules.filter(|_| self.is_latest);
                let planned = planned.and_then(|rules| rules.expiration(&subject, object.modified));
                planned.map_or(Cell::Nothing, |planned| Cell::Moment(planned.at))
            }
            _ => Cell::Nothing,
        }
    }

    /// "Working with the Object ACL field" of the guide: JSON, as base64.
    fn acl(&self, acl: Option<&Acl>, owner: base::AccountId) -> String {
        let private = Acl::private(owner);
        let acl = acl.filter(|_| self.lists_count).unwrap_or(&private);
        let grants: Vec<_> = acl
            .grants
            .iter()
            .map(|grant| {
                let shown = grant.grantee.shown();
                let mut grantee =
                    json!({ "permission": grant.permission.as_str(), "type": shown.r#type.as_str() });
                if let Some(id) = shown.id {
                    grantee["canonicalId"] = json!(id);
                }
                if let Some(uri) = shown.uri {
                    grantee["uri"] = json!(uri);
                }
                grantee
            })
            .collect();
        let document = json!({ "version": "2022-11-10", "status": "AVAILABLE", "grants": grants });
        STANDARD.encode(document.to_string())
    }
}

fn replication(state: ReplicationState) -> &'static str {
    match state {
        ReplicationState::Pending => "PENDING",
        ReplicationState::Completed => "COMPLETED",
        ReplicationState::Failed => "FAILED",
        ReplicationState::Replica => "REPLICA",
    }
}

fn encryption(encryption: &Encryption) -> &'static str {
    match encryption {
        Encryption::Managed { .. } => "SSE-S3",
        Encryption::Kms(_) => "SSE-KMS",
        Encryption::Dual { .. } => "DSSE-KMS",
        Encryption::Customer { .. } => "SSE-C",
    }
}

/// What keys are written with as they are, in CSV.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// One line of CSV: every field in quotes.
pub fn csv_line(columns: &[Column], row: &Row<'_>) -> String {
    let fields = columns.iter().map(|column| {
        let value = match row.cell(column) {
            Cell::Nothing => String::new(),
            Cell::Text(text) if column.csv == "Key" => {
                utf8_percent_encode(&text, PLAIN).to_string().replace("%20", "+")
            }
            Cell::Text(text) => text,
            Cell::Flag(flag) => flag.to_string(),
            Cell::Number(number) => number.to_string(),
            Cell::Moment(at) => moment(at),
        };
        format!("\"{}\"", value.replace('"', "\"\""))
    });
    let mut line = fields.collect::<Vec<_>>().join(",");
    line.push('\n');
    line
}

/// With milliseconds, in any case.
fn moment(at: Timestamp) -> String {
    format!("{}.{:03}Z", &at.to_iso8601()[..19], at.as_millis().rem_euclid(1000))
}

/// What the manifest says of the columns, which in Parquet is also the files' schema.
pub fn schema(format: &InventoryFormat, columns: &[Column]) -> String {
    if *format == InventoryFormat::Csv {
        return columns.iter().map(|column| column.csv).collect::<Vec<_>>().join(", ");
    }
    let fields = columns.iter().enumerate().map(|(at, column)| {
        let rule = if at < 2 { "required" } else { "optional" };
        let name = column.parquet;
        match column.kind {
            CellKind::Text => format!("{rule} binary {name} (UTF8);"),
            CellKind::Flag => format!("{rule} boolean {name};"),
            CellKind::Number => format!("{rule} int64 {name};"),
            CellKind::Moment => format!("{rule} int64 {name} (TIMESTAMP_MILLIS);"),
        }
    });
    format!("message s3.inventory {{ {} }}", fields.collect::<Vec<_>>().join(" "))
}

/// A file that was delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFile {
    pub key: String,
    pub size: u64,
    /// In hexadecimal digits.
    #[serde(rename = "MD5checksum")]
    pub md5: String,
}

/// `manifest.json`
pub fn manifest(
    source: &str,
    configuration: &InventoryConfiguration,
    started: Timestamp,
    files: &[ReportFile],
) -> String {
    let destination = &configuration.destination.s3_bucket_destination;
    let manifest = Manifest {
        source_bucket: source,
        destination_bucket: &destination.bucket,
        version: "2016-11-30",
        creation_timestamp: started.as_millis().to_string(),
        file_format: destination.format.as_str(),
        file_schema: schema(&destination.format, &columns(configuration)),
        files,
    };
    serde_json::to_string_pretty(&manifest).expect("plain fields are written to memory")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    source_bucket: &'a str,
    destination_bucket: &'a str,
    version: &'a str,
    creation_timestamp: String,
    file_format: &'a str,
    file_schema: String,
    files: &'a [ReportFile],
}

/// Where everything of a configuration's reports is: `prefix/source-bucket/config-id/`.
pub fn folder(source: &str, configuration: &InventoryConfiguration) -> String {
    let prefix = configuration.destination.s3_bucket_destination.prefix.as_deref().unwrap_or("");
    let prefix = if prefix.is_empty() { String::new() } else { format!("{}/", prefix.trim_end_matches('/')) };
    format!("{prefix}{source}/{}/", configuration.id)
}

/// `2016-11-06T21-32Z`
pub fn stamp(started: Timestamp) -> String {
    format!("{}Z", started.to_iso8601()[..16].replace(':', "-"))
}

/// `2016-11-06-21-32`
pub fn hive_stamp(started: Timestamp) -> String {
    started.to_iso8601()[..16].replace([':', 'T'], "-")
}

/// The ending of a report's files.
pub fn ending(format: &InventoryFormat) -> &'static str {
    if *format == InventoryFormat::Parquet { "parquet" } else { "csv.gz" }
}

const SUNDAY: i64 = 0;

/// Whether a report is due on a day (days since 1970): the first at once, then every day, or on Sundays.
pub fn is_due(weekly: bool, last: Option<i64>, day: i64) -> bool {
    // 1970 began on a Thursday.
    let weekday = (day + 4).rem_euclid(7);
    match last {
        None => true,
        Some(last) => last < day && (!weekly || weekday == SUNDAY),
    }
}

#[cfg(test)]
mod tests {
    use s3_api::{InventoryDestination, InventoryS3BucketDestination};

    use super::*;

    fn configuration(format: InventoryFormat, fields: &[&str]) -> InventoryConfiguration {
        InventoryConfiguration {
            id: "daily".to_owned(),
            included_object_versions: InventoryIncludedObjectVersions::All,
            optional_fields: Some(fields.iter().map(|field| (*field).into()).collect()),
            destination: InventoryDestination {
                s3_bucket_destination: InventoryS3BucketDestination {
                    bucket: "arn:aws:s3:::there".to_owned(),
                    format,
                    prefix: Some("inventory".to_owned()),
                    ..InventoryS3BucketDestination::default()
                },
            },
            ..InventoryConfiguration::default()
        }
    }

    fn marker_row(marker: &MarkerRecord) -> Row<'_> {
        Row {
            bucket: "here",
            owner: base::AccountId::DEV,
            lists_count: false,
            rules: None,
            key: "a \"b\"/ä*",
            has_versions: true,
            is_latest: true,
            listed: Listed::Marker(marker),
        }
    }

    #[test]
    fn columns_stand_in_a_fixed_order_and_read_as_the_format_has_it() {
        let csv = configuration(InventoryFormat::Csv, &["ETag", "Size", "LastModifiedDate"]);
        let columns = columns(&csv);
        let marker = MarkerRecord { version: None, order: 1, modified: Timestamp::EPOCH, owner: None };
        let expected = "\"here\",\"a+%22b%22/%C3%A4*\",\"null\",\"true\",\"true\",\"\",\"1970-01-01T00:00:00.000Z\",\"\"\n";
        assert_eq!(csv_line(&columns, &marker_row(&marker)), expected);
        assert_eq!(
            schema(&InventoryFormat::Csv, &columns),
            "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"
        );
        assert_eq!(
            schema(&InventoryFormat::Parquet, &columns),
            "message s3.inventory { required binary bucket (UTF8); required binary key (UTF8); optional binary \
             version_id (UTF8); optional boolean is_latest; optional boolean is_delete_marker; optional int64 size; \
             optional int64 last_modified_date (TIMESTAMP_MILLIS); optional binary e_tag (UTF8); }"
        );
    }

    #[test]
    fn names_and_manifest_are_those_of_the_guide() {
        let csv = configuration(InventoryFormat::Csv, &[]);
        let started = Timestamp::from_secs(1_478_467_938);
        assert_eq!(folder("here", &csv), "inventory/here/daily/");
        assert_eq!(stamp(started), "2016-11-06T21-32Z");
        assert_eq!(hive_stamp(started), "2016-11-06-21-32");
        let files = [ReportFile { key: "k".to_owned(), size: 3, md5: "ab".to_owned() }];
        let manifest: serde_json::Value =
            serde_json::from_str(&manifest("here", &csv, started, &files)).unwrap();
        assert_eq!(manifest["creationTimestamp"], "1478467938000");
        assert_eq!(manifest["destinationBucket"], "arn:aws:s3:::there");
        assert_eq!(manifest["files"][0]["MD5checksum"], "ab");
    }

    #[test]
    fn the_first_report_is_due_at_once_and_weekly_ones_on_sundays() {
        // 2027-01-17 is a Sunday.
        let sunday = 20_835;
        for (weekly, last, day, expected) in [
            (false, None, sunday, true),
            (false, Some(sunday), sunday, false),
            (false, Some(sunday), sunday + 1, true),
            (true, None, sunday + 2, true),
            (true, Some(sunday - 2), sunday - 1, false),
            (true, Some(sunday - 2), sunday, true),
            (true, Some(sunday), sunday + 6, false),
            (true, Some(sunday), sunday + 7, true),
        ] {
            assert_eq!(is_due(weekly, last, day), expected, "{weekly} {last:?} {day}");
        }
    }
}
