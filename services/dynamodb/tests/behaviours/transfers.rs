//! Exports to S3 and imports from it.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use bytes::Bytes;
use dynamodb_api::*;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::TryStreamExt;
use s3_api::{
    CreateBucket, CreateBucketInput, GetObject, GetObjectInput, ListObjectsV2, ListObjectsV2Input, PutObject,
    PutObjectInput,
};
use schema::{ByteStream, Fault};
use serde_json::{Value as Json, json};
use testkit::Cloud;

use crate::support::*;

const BUCKET: &str = "the-bucket";
const ARN: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Music";

async fn cloud(seed: u64) -> Cloud {
    let cloud = cloud_with(seed, "Music").await;
    let bucket = CreateBucketInput { bucket: BUCKET.to_owned(), ..CreateBucketInput::default() };
    cloud.call(CreateBucket, bucket).await.expect("the bucket is possible");
    let input = UpdateContinuousBackupsInput {
        table_name: "Music".to_owned(),
        point_in_time_recovery_specification: PointInTimeRecoverySpecification {
            point_in_time_recovery_enabled: true,
            recovery_period_in_days: None,
        },
    };
    cloud.call(UpdateContinuousBackups, input).await.expect("the table is there");
    cloud
}

fn exporting() -> ExportTableToPointInTimeInput {
    ExportTableToPointInTimeInput {
        table_arn: ARN.to_owned(),
        s3_bucket: BUCKET.to_owned(),
        s3_prefix: Some("out".to_owned()),
        ..ExportTableToPointInTimeInput::default()
    }
}

async fn export(cloud: &Cloud, input: ExportTableToPointInTimeInput) -> Result<ExportDescription, Fault> {
    let output = cloud.call(ExportTableToPointInTime, input).await?;
    let arn = output.export_description.and_then(|export| export.export_arn).expect("an export has an ARN");
    let describe = async || {
        let input = DescribeExportInput { export_arn: arn.clone() };
        let output = cloud.call(DescribeExport, input).await.expect("it is there");
        output.export_description.expect("it is described")
    };
    until(cloud, async || describe().await.export_status != Some(ExportStatus::InProgress)).await;
    Ok(describe().await)
}

async fn object(cloud: &Cloud, key: &str) -> Vec<u8> {
    let input =
        GetObjectInput { bucket: BUCKET.to_owned(), key: key.to_owned(), ..GetObjectInput::default() };
    let output = cloud.call(GetObject, input).await.expect("the object is there");
    let pieces: Vec<Bytes> =
        output.body.expect("there is a body").take().try_collect().await.expect("it is whole");
    pieces.concat()
}

async fn put_object(cloud: &Cloud, key: &str, content: Vec<u8>) {
    let input = PutObjectInput {
        bucket: BUCKET.to_owned(),
        key: key.to_owned(),
        body: Some(ByteStream::from(Bytes::from(content))),
        ..PutObjectInput::default()
    };
    cloud.call(PutObject, input).await.expect("the object is put");
}

/// The lines of data that a manifest leads to.
async fn lines(cloud: &Cloud, manifest: &str) -> Vec<Json> {
    let summary: Json = serde_json::from_slice(&object(cloud, manifest).await).expect("it is JSON");
    let files = object(cloud, summary["manifestFilesS3Key"].as_str().expect("it is a key")).await;
    let files = String::from_utf8(files).expect("it is text");
    let mut lines = Vec::new();
    for file in files.lines() {
        let file: Json = serde_json::from_str(file).expect("it is JSON");
        let data = object(cloud, file["dataFileS3Key"].as_str().expect("it is a key")).await;
        let mut text = String::new();
        GzDecoder::new(&data[..]).read_to_string(&mut text).expect("it is compressed text");
        lines.extend(text.lines().map(|line| serde_json::from_str::<Json>(line).expect("it is JSON")));
    }
    lines
}

#[tokio::test]
async fn an_export_is_the_table_as_it_was() {
    let cloud = cloud(1).await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("v", number(1))])).await;
    cloud.advance(Duration::from_secs(60)).await;
    let at = cloud.clock.now();
    cloud.advance(Duration::from_secs(60)).await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("v", number(2))])).await;
    let done = export(&cloud, ExportTableToPointInTimeInput { export_time: Some(at), ..exporting() }).await;
    let done = done.expect("the table can be exported");
    assert_eq!((done.export_status, done.item_count), (Some(ExportStatus::Completed), Some(1)));
    let manifest = done.export_manifest.expect("it has a manifest");
    assert!(manifest.starts_with("out/AWSDynamoDB/") && manifest.ends_with("/manifest-summary.json"));
    let expected = json!({ "Item": { "pk": { "S": "a" }, "sk": { "S": "x" }, "v": { "N": "1" } } });
    assert_eq!(lines(&cloud, &manifest).await, [expected]);
}

#[tokio::test]
async fn an_incremental_export_tells_what_changed() {
    let cloud = cloud(2).await;
    put(&cloud, "Music", item(&[("pk", text("same")), ("sk", text("x"))])).await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("v", number(1))])).await;
    cloud.advance(Duration::from_secs(60)).await;
    let from = cloud.clock.now();
    cloud.advance(Duration::from_secs(1000)).await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("v", number(2))])).await;
    let specification = IncrementalExportSpecification {
        export_from_time: Some(from),
        ..IncrementalExportSpecification::default()
    };
    let input = ExportTableToPointInTimeInput {
        export_type: Some(ExportType::IncrementalExport),
        incremental_export_specification: Some(specification),
        ..exporting()
    };
    let done = export(&cloud, input).await.expect("the table can be exported");
    let lines = lines(&cloud, &done.export_manifest.expect("it has a manifest")).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["OldImage"]["v"], json!({ "N": "1" }));
    assert_eq!(lines[0]["NewImage"]["v"], json!({ "N": "2" }));
    assert_eq!(lines[0]["Keys"], json!({ "pk": { "S": "a" }, "sk": { "S": "x" } }));
}

#[tokio::test]
async fn what_is_wrong_with_the_bucket_fails_the_export_and_the_rest_the_request() {
    let cloud = cloud(3).await;
    let nowhere = ExportTableToPointInTimeInput { s3_bucket: "nowhere".to_owned(), ..exporting() };
    let failed = export(&cloud, nowhere).await.expect("it is found out later");
    assert_eq!(failed.export_status, Some(ExportStatus::Failed));
    assert_eq!(failed.failure_code.as_deref(), Some("S3NoSuchBucket"));
    let bare = ExportTableToPointInTimeInput { table_arn: "Music".to_owned(), ..exporting() };
    assert_eq!(
        words(export(&cloud, bare).await),
        "One or more parameter values were invalid: tableArn is not a valid ARN"
    );
    let early = base::Timestamp::from_secs(1);
    let early = ExportTableToPointInTimeInput { export_time: Some(early), ..exporting() };
    assert_eq!(code(export(&cloud, early).await), "InvalidExportTimeException");
    let token = |prefix: &str| ExportTableToPointInTimeInput {
        client_token: Some("token".to_owned()),
        s3_prefix: Some(prefix.to_owned()),
        ..exporting()
    };
    let first = export(&cloud, token("a")).await.expect("it is new");
    let again = export(&cloud, token("a")).await.expect("it is the same");
    assert_eq!(first.export_arn, again.export_arn);
    assert_eq!(code(export(&cloud, token("b")).await), "ExportConflictException");
    let listed = cloud.call(ListExports, ListExportsInput::default()).await.expect("they are listed");
    assert_eq!(listed.export_summaries.unwrap_or_default().len(), 2);
}

fn importing(name: &str, format: InputFormat, prefix: &str) -> ImportTableInput {
    let table = creating(name);
    ImportTableInput {
        s3_bucket_source: S3BucketSource {
            s3_bucket: BUCKET.to_owned(),
            s3_key_prefix: Some(prefix.to_owned()),
            s3_bucket_owner: None,
        },
        input_format: format,
        table_creation_parameters: TableCreationParameters {
            table_name: table.table_name,
            attribute_definitions: table.attribute_definitions.unwrap_or_default(),
            key_schema: table.key_schema.unwrap_or_default(),
            billing_mode: table.billing_mode,
            ..TableCreationParameters::default()
        },
        ..ImportTableInput::default()
    }
}

async fn import(cloud: &Cloud, input: ImportTableInput) -> ImportTableDescription {
    let output = cloud.call(ImportTable, input).await.expect("the table can be made");
    let arn = output.import_table_description.import_arn.expect("an import has an ARN");
    let describe = async || {
        let input = DescribeImportInput { import_arn: arn.clone() };
        cloud.call(DescribeImport, input).await.expect("it is there").import_table_description
    };
    until(cloud, async || describe().await.import_status != Some(ImportStatus::InProgress)).await;
    describe().await
}

#[tokio::test]
async fn what_was_exported_is_imported_again() {
    let cloud = cloud(4).await;
    for number in 0..50 {
        put(&cloud, "Music", item(&[("pk", text(&number.to_string())), ("sk", text("x"))])).await;
    }
    let done = export(&cloud, exporting()).await.expect("the table can be exported");
    let manifest = done.export_manifest.expect("it has a manifest");
    let folder = manifest.replace("manifest-summary.json", "data/");
    let input = ImportTableInput {
        input_compression_type: Some(InputCompressionType::Gzip),
        ..importing("Again", InputFormat::DynamodbJson, &folder)
    };
    let imported = import(&cloud, input).await;
    assert_eq!(imported.import_status, Some(ImportStatus::Completed));
    assert_eq!((imported.imported_item_count, imported.error_count), (Some(50), Some(0)));
    assert_eq!(scan(&cloud, "Again", None).await.expect("it can be read").len(), 50);
}

#[tokio::test]
async fn lines_that_are_no_items_are_counted_and_left_out() {
    let cloud = cloud(5).await;
    put_object(&cloud, "in/a.csv", b"pk,sk,v\na,x,1\n\"b,c\",y,\n,z,3\n".to_vec()).await;
    let imported = import(&cloud, importing("Csv", InputFormat::Csv, "in/")).await;
    assert_eq!((imported.processed_item_count, imported.error_count), (Some(3), Some(1)));
    assert_eq!(get(&cloud, "Csv", "b,c", "y").await, Some(item(&[("pk", text("b,c")), ("sk", text("y"))])));
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    writeln!(encoder, "{}", json!({ "Item": { "pk": { "S": "a" }, "sk": { "S": "b" } } })).expect("memory");
    writeln!(encoder, "rubbish").expect("memory");
    put_object(&cloud, "gz/a.json.gz", encoder.finish().expect("memory")).await;
    let input = ImportTableInput {
        input_compression_type: Some(InputCompressionType::Gzip),
        ..importing("Json", InputFormat::DynamodbJson, "gz/")
    };
    let imported = import(&cloud, input).await;
    assert_eq!((imported.imported_item_count, imported.error_count), (Some(1), Some(1)));
    let objects = ListObjectsV2Input { bucket: BUCKET.to_owned(), ..ListObjectsV2Input::default() };
    cloud.call(ListObjectsV2, objects).await.expect("nothing was taken away");
    let ion = importing("Ion", InputFormat::Ion, "in/");
    assert_eq!(code(cloud.call(ImportTable, ion).await), "NotImplemented");
}
