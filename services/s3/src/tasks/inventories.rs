//! Inventory reports, made once a day or on Sundays, after midnight UTC.
//!
//! A pass makes one file of one report, and notes how far it came. What is delivered is put by S3 itself on behalf of the
//! bucket, so that the policy of the destination decides; a report that it does not let in is given up until the next
//! one is due. The manifest comes last: whoever waits for its checksum finds all the rest.

mod files;

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use bytes::Bytes;
use md5::{Digest, Md5};
use s3_api::{InventoryConfiguration, ObjectCannedACL, PutObject, PutObjectInput, ServerSideEncryption};
use schema::{ByteStream, Fault};
use service::{Nudge, Pass, Task};
use store::{Select, Tx};

use self::files::File;
use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::events::destinations::{PRINCIPAL, background_call, is_final};
use crate::limits::{INVENTORY_FILE_ROWS_MAX, INVENTORY_PAGE_RECORDS};
use crate::model::inventory::{
    Listed, ReportFile, Row, columns, ending, folder, hive_stamp, is_due, is_made, lists_versions, manifest,
    stamp,
};
use crate::model::version::{escaped, key_of};
use crate::records::{
    BUCKETS, CURRENT, INVENTORY_RUNS, InventoryRunRecord, ObjectRecord, Ownership, VERSIONS, VersionRecord,
    Versioning,
};
use crate::tasks::lifecycle;

const PERIOD: Duration = Duration::from_secs(24 * 3600);
const DAY_SECONDS: i64 = 24 * 3600;
const BUCKETS_AT_ONCE: usize = 100;

pub fn task(s3: &Arc<S3>) -> Task {
    Task::of(s3, "s3.inventories", PERIOD, Nudge::default(), |s3| async move { pass(&s3).await })
}

/// A report that is to be made or goes on.
struct Due {
    bucket: Arc<Bucket>,
    configuration: InventoryConfiguration,
    place: String,
    run: InventoryRunRecord,
}

async fn pass(s3: &S3) -> Result<Pass, Error> {
    let now = s3.clock.now();
    let day = now.as_secs().div_euclid(DAY_SECONDS);
    let Some(mut due) = next(s3, day, now).await? else {
        return Ok(Pass::Again(Timestamp::from_secs((day + 1) * DAY_SECONDS).since(now)));
    };
    match go_on(s3, &mut due).await {
        Ok(()) => {}
        Err(fault) if is_final(&fault) => {
            let (bucket, id) = (&due.bucket.name, &due.configuration.id);
            tracing::warn!(bucket, id, %fault, "an inventory report is given up: it cannot be delivered");
            due.run = InventoryRunRecord { finished: true, ..due.run };
        }
        Err(fault) => return Err(fault.into()),
    }
    let (place, run) = (due.place.as_str(), &due.run);
    s3.store.transact(|tx: Tx| async move { INVENTORY_RUNS.put(&tx, &(), place, run).await }).await?;
    Ok(Pass::More)
}

/// The first report that is due, or that an earlier pass began.
async fn next(s3: &S3, day: i64, now: Timestamp) -> Result<Option<Due>, Error> {
    let mut after: Option<String> = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let page =
            s3.store.read(|tx| async move { BUCKETS.scan(&tx, &(), select, BUCKETS_AT_ONCE).await }).await?;
        for (name, record) in &page.records {
            if record.settings.inventory.values().any(|configuration| configuration.is_enabled)
                && let Some(bucket) = s3.directory.find(name).await?
                && let Some(due) = next_of(s3, &bucket, day, now).await?
            {
                return Ok(Some(due));
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(None);
        }
    }
}

async fn next_of(s3: &S3, bucket: &Arc<Bucket>, day: i64, now: Timestamp) -> Result<Option<Due>, Error> {
    for configuration in bucket.record.settings.inventory.values() {
        // One of a format that is not made was kept before it was refused.
        if !configuration.is_enabled || !is_made(&configuration.destination.s3_bucket_destination.format) {
            continue;
        }
        let place = format!("{:020}/{}", bucket.id().0, configuration.id);
        let key = place.as_str();
        let found = s3.store.read(|tx| async move { INVENTORY_RUNS.get(&tx, &(), key).await }).await?;
        let weekly = configuration.schedule.frequency.as_str() == "Weekly";
        let run = match found {
            Some(run) if !run.finished => run,
            found if is_due(weekly, found.as_ref().map(|run| run.day), day) => {
                InventoryRunRecord { day, started: now, ..InventoryRunRecord::default() }
            }
            _ => continue,
        };
        let (bucket, configuration) = (bucket.clone(), configuration.0.clone());
        return Ok(Some(Due { bucket, configuration, place, run }));
    }
    Ok(None)
}

/// One file further; after the last, the manifest.
async fn go_on(s3: &S3, due: &mut Due) -> Result<(), Fault> {
    let format = due.configuration.destination.s3_bucket_destination.format.clone();
    let columns = columns(&due.configuration);
    let mut file = File::new(&format, &columns);
    let rows = fill(s3, due, &mut file).await?;
    if rows > 0 || due.run.files.is_empty() {
        let made = tokio::task::spawn_blocking(move || file.finish()).await;
        let bytes = made.map_err(Fault::internal)??;
        let folder = folder(&due.bucket.name, &due.configuration);
        let key = format!("{folder}data/{}.{}", s3.ids.uuid(), ending(&format));
        let listed = ReportFile { key, size: bytes.len() as u64, md5: md5_hex(&bytes) };
        put(s3, due, &listed.key, bytes).await?;
        due.run.files.push(listed);
    }
    if due.run.listed {
        publish(s3, due).await?;
        due.run.finished = true;
    }
    Ok(())
}

/// Adds rows up to a file's limit: of the newest versions first, then of all others.
async fn fill(s3: &S3, due: &mut Due, file: &mut File) -> Result<usize, Error> {
    let mut rows = 0;
    while rows < INVENTORY_FILE_ROWS_MAX && !due.run.listed {
        let page = read(s3, due).await?;
        rows += page.found.len();
        for found in &page.found {
            file.add(&row(&due.bucket, found))?;
        }
        due.run.last_key = page.last_key;
        due.run.after = page.next;
        if due.run.after.is_none() {
            let goes_on = lists_versions(&due.configuration) && !due.run.in_versions;
            (due.run.in_versions, due.run.listed) = (true, !goes_on);
        }
    }
    Ok(rows)
}

/// One version, and whether it is the newest of its key.
struct Found {
    key: String,
    is_latest: bool,
    version: VersionRecord,
}

struct Page {
    found: Vec<Found>,
    next: Option<String>,
    last_key: Option<String>,
}

async fn read(s3: &S3, due: &Due) -> Result<Page, Error> {
    let (id, run) = (due.bucket.id(), &due.run);
    let prefix = due.configuration.filter.as_ref().map_or("", |filter| filter.prefix.as_str());
    if !run.in_versions {
        let select = Select::prefix(prefix).after(run.after.as_deref());
        let page = s3
            .store
            .read(|tx| async move { CURRENT.scan(&tx, &id, select, INVENTORY_PAGE_RECORDS).await })
            .await?;
        let found = page.records.into_iter().map(|(key, object): (String, ObjectRecord)| Found {
            key,
            is_latest: true,
            version: VersionRecord::Object(Box::new(object)),
        });
        return Ok(Page { found: found.collect(), next: page.next, last_key: None });
    }
    let prefix = escaped(prefix);
    let select = Select::prefix(&prefix).after(run.after.as_deref());
    s3.store
        .read(|tx| async move {
            let page = VERSIONS.scan(&tx, &id, select, INVENTORY_PAGE_RECORDS).await?;
            let (mut found, mut last_key) = (Vec::new(), run.last_key.clone());
            for (place, version) in page.records {
                let Some(key) = key_of(&place) else { continue };
                // The first of a key is its newest where that is a delete marker.
                let is_first = last_key.as_deref() != Some(key.as_str());
                let is_latest = is_first && CURRENT.get(&tx, &id, &key).await?.is_none();
                last_key = Some(key.clone());
                found.push(Found { key, is_latest, version });
            }
            Ok(Page { found, next: page.next, last_key })
        })
        .await
}

fn row<'a>(bucket: &'a Bucket, found: &'a Found) -> Row<'a> {
    Row {
        bucket: &bucket.name,
        owner: bucket.account(),
        lists_count: bucket.record.settings.ownership != Ownership::BucketOwnerEnforced,
        rules: lifecycle::rules(&bucket.record),
        key: &found.key,
        has_versions: bucket.record.versioning != Versioning::Never,
        is_latest: found.is_latest,
        listed: match &found.version {
            VersionRecord::Object(object) => Listed::Object(object),
            VersionRecord::Marker(marker) => Listed::Marker(marker),
        },
    }
}

/// Says that the report is there: the manifests, and at last the checksum.
async fn publish(s3: &S3, due: &Due) -> Result<(), Fault> {
    let (run, destination) = (&due.run, &due.configuration.destination.s3_bucket_destination);
    let folder = folder(&due.bucket.name, &due.configuration);
    let name = destination.bucket.rsplit(':').next().unwrap_or_default();
    let links: Vec<String> = run.files.iter().map(|file| format!("s3://{name}/{}", file.key)).collect();
    let hive = format!("{folder}hive/dt={}/symlink.txt", hive_stamp(run.started));
    put(s3, due, &hive, links.join("\n").into_bytes()).await?;
    let manifest = manifest(&due.bucket.name, &due.configuration, run.started, &run.files);
    let checksum = md5_hex(manifest.as_bytes());
    let at = format!("{folder}{}/manifest", stamp(run.started));
    put(s3, due, &format!("{at}.json"), manifest.into_bytes()).await?;
    put(s3, due, &format!("{at}.checksum"), checksum.into_bytes()).await
}

async fn put(s3: &S3, due: &Due, key: &str, bytes: Vec<u8>) -> Result<(), Fault> {
    let (account, region) = (due.bucket.account(), due.bucket.region());
    let destination = &due.configuration.destination.s3_bucket_destination;
    let encryption = destination.encryption.as_ref();
    let kms = encryption.and_then(|encryption| encryption.ssekms.as_ref());
    let method = match (kms, encryption) {
        (Some(_), _) => Some(ServerSideEncryption::AwsKms),
        (None, Some(_)) => Some(ServerSideEncryption::Aes256),
        (None, None) => None,
    };
    let input = PutObjectInput {
        bucket: destination.bucket.rsplit(':').next().unwrap_or_default().to_owned(),
        key: key.to_owned(),
        body: Some(ByteStream::from(Bytes::from(bytes))),
        acl: Some(ObjectCannedACL::BucketOwnerFullControl),
        server_side_encryption: method,
        ssekms_key_id: kms.map(|kms| kms.key_id.clone()),
        expected_bucket_owner: destination.account_id.clone(),
        ..PutObjectInput::default()
    };
    let cause = background_call(s3, account, region);
    let sender = s3.aws.as_service(PRINCIPAL, account, region, &cause).source(&due.bucket.arn());
    sender.call(PutObject, input).await.map(drop)
}

fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
