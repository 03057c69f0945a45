//! Server access logs: requests are gathered in memory, kept in the store within moments, and delivered as objects every
//! few minutes.
//!
//! Best effort, as at AWS: what was answered in the last moments before a crash is not in the log, and what is there may
//! be there twice. A full disk loses log lines, never the answers they are about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use base::Timestamp;
use bytes::Bytes;
use parking_lot::Mutex;
use s3_api::{LoggingEnabled, PutObject, PutObjectInput, TargetGrant};
use schema::{ByteStream, Fault};
use service::{Nudge, Pass, Task};
use store::{Select, Tx, ordered};

use crate::S3;
use crate::directory::Bucket;
use crate::error::Error;
use crate::events::destinations::{background_call, is_final};
use crate::limits::{
    ACCESS_LOG_OBJECT_BYTES_MAX, ACCESS_LOG_PAGE_RECORDS, ACCESS_LOG_PERIOD, ACCESS_LOG_RECORD_BYTES_MAX,
    ACCESS_LOG_WAITING_MAX,
};
use crate::model::access_log::{LogObject, LoggedRequest, Source, key, line, midnight};
use crate::records::{ACCESS_LOGS, AccessLogRecord, BUCKETS, BucketId};

/// Who delivers logs, as policies name it.
const PRINCIPAL: &str = "logging.s3.amazonaws.com";

const BUCKETS_AT_ONCE: usize = 500;

/// Letters of what tells objects of a log apart.
const UNIQUE: &[u8] = b"0123456789ABCDEF";
const UNIQUE_LEN: usize = 16;

/// Requests that are yet to be kept.
#[derive(Default)]
pub struct AccessLogs {
    waiting: Mutex<Waiting>,
    nudge: Nudge,
    /// [`UNKNOWN`] counts as [`ON`].
    state: AtomicU8,
}

#[derive(Default)]
struct Waiting {
    requests: Vec<LoggedRequest>,
    /// How many there was no room for.
    lost: u64,
}

/// Nobody has looked yet whether any bucket has a log.
const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;

impl AccessLogs {
    /// Whether any bucket may have a log.
    pub fn is_on(&self) -> bool {
        self.state.load(Ordering::Relaxed) != OFF
    }

    pub fn switch_on(&self) {
        self.state.store(ON, Ordering::Relaxed);
    }

    pub fn add(&self, request: LoggedRequest) {
        let mut waiting = self.waiting.lock();
        if waiting.requests.len() >= ACCESS_LOG_WAITING_MAX {
            waiting.lost += 1;
            return;
        }
        waiting.requests.push(request);
        if waiting.requests.len() == 1 {
            self.nudge.nudge();
        }
    }

    fn take(&self) -> Vec<LoggedRequest> {
        let Waiting { requests, lost } = std::mem::take(&mut *self.waiting.lock());
        if lost > 0 {
            tracing::warn!(lost, "requests are missing in access logs: there were too many at a time");
        }
        requests
    }
}

/// The task that delivers. What it delivers is kept by work of its own beside it, since that is this process's and not
/// the lease holder's.
pub fn task(s3: &Arc<S3>) -> Task {
    spawn_keeping(s3);
    Task::of(s3, "s3.deliver-access-logs", ACCESS_LOG_PERIOD, Nudge::default(), |s3| async move {
        deliver(&s3).await
    })
}

fn spawn_keeping(s3: &Arc<S3>) {
    let (tasks, logs) = (s3.tasks.clone(), s3.access_logs.clone());
    let s3 = Arc::downgrade(s3);
    tasks.clone().spawn(async move {
        if let Some(s3) = s3.upgrade()
            && let Err(error) = look_for_logs(&s3).await
        {
            tracing::warn!(%error, "whether buckets have access logs is not known, so all requests are looked at");
        }
        loop {
            let stops = tokio::select! {
                () = logs.nudge.nudged() => false,
                () = tasks.stopped() => true,
            };
            let Some(s3) = s3.upgrade() else { return };
            if let Err(error) = keep(&s3, logs.take()).await {
                tracing::warn!(%error, "requests are missing in access logs: they could not be kept");
            }
            if stops {
                return;
            }
        }
    });
}

/// Switches off what is asked for every request, where no bucket has a log.
async fn look_for_logs(s3: &S3) -> Result<(), Error> {
    let mut after = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let page =
            s3.store.read(|tx| async move { BUCKETS.scan(&tx, &(), select, BUCKETS_AT_ONCE).await }).await?;
        if page.records.iter().any(|(_, record)| record.settings.logging.is_some()) {
            s3.access_logs.switch_on();
            return Ok(());
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // A log that was set up meanwhile stays on.
    let _ = s3.access_logs.state.compare_exchange(UNKNOWN, OFF, Ordering::Relaxed, Ordering::Relaxed);
    Ok(())
}

/// Keeps requests as lines of the logs of their buckets.
async fn keep(s3: &S3, requests: Vec<LoggedRequest>) -> Result<(), Error> {
    let mut texts: BTreeMap<(BucketId, Timestamp), AccessLogRecord> = BTreeMap::new();
    for request in requests {
        let Ok(place) = s3.directory.place(&request.bucket).await else { continue };
        let bucket = &place.bucket;
        if bucket.record.settings.logging.is_none() {
            continue;
        }
        let through = bucket.through.as_ref().map(|point| point.as_str());
        let source = Source { name: &bucket.name, owner: bucket.account(), through };
        let day = midnight(request.at);
        let made =
            || AccessLogRecord { bucket: bucket.name.clone(), id: bucket.id(), day, text: String::new() };
        let record = texts.entry((bucket.id(), day)).or_insert_with(made);
        record.text.push_str(&line(source, &request));
        if record.text.len() >= ACCESS_LOG_RECORD_BYTES_MAX {
            let full = std::mem::replace(record, made());
            save(s3, &[full]).await?;
        }
    }
    let rest: Vec<AccessLogRecord> = texts.into_values().filter(|record| !record.text.is_empty()).collect();
    for records in rest.chunks(16) {
        save(s3, records).await?;
    }
    Ok(())
}

async fn save(s3: &S3, records: &[AccessLogRecord]) -> Result<(), Error> {
    let now = s3.clock.now();
    let placed: Vec<(String, &AccessLogRecord)> =
        records.iter().map(|record| (place(record, now, &s3.ids.hex(8)), record)).collect();
    let placed = &placed;
    s3.store
        .transact(|tx: Tx| async move {
            for (place, record) in placed {
                ACCESS_LOGS.put(&tx, &(), place, record).await?;
            }
            Ok(())
        })
        .await
}

/// By bucket, then by day, then by when it was kept.
fn place(record: &AccessLogRecord, now: Timestamp, unique: &str) -> String {
    let number = |at: Timestamp| ordered(at.as_millis().max(0).unsigned_abs());
    format!("{}{}{}{unique}", ordered(record.id.0), number(record.day), number(now))
}

/// Delivers what one bucket logged on one day, up to a size; there is more as long as something was there.
async fn deliver(s3: &S3) -> Result<Pass, Error> {
    let mut after: Option<String> = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let page = s3
            .store
            .read(|tx| async move { ACCESS_LOGS.scan(&tx, &(), select, ACCESS_LOG_PAGE_RECORDS).await })
            .await?;
        let mut rest = page.records.as_slice();
        while let Some((_, first)) = rest.first() {
            let of = first_of(rest, first);
            deliver_part(s3, of).await?;
            rest = &rest[of.len()..];
        }
        after = page.records.last().map(|(place, _)| place.clone());
        if page.next.is_none() {
            return Ok(Pass::Done);
        }
    }
}

type Kept = (String, AccessLogRecord);

/// As many records as make one object.
fn first_of<'r>(records: &'r [Kept], first: &AccessLogRecord) -> &'r [Kept] {
    let mut bytes = 0;
    let together = records.iter().take_while(|(_, record)| {
        bytes += record.text.len();
        (record.id, record.day) == (first.id, first.day) && bytes <= ACCESS_LOG_OBJECT_BYTES_MAX
    });
    &records[..together.count().max(1)]
}

async fn deliver_part(s3: &S3, records: &[Kept]) -> Result<(), Error> {
    let (_, first) = &records[0];
    let bucket = s3.directory.find(&first.bucket).await?.filter(|bucket| bucket.id() == first.id);
    let logging = bucket.as_ref().and_then(|bucket| bucket.record.settings.logging.as_deref());
    if let (Some(bucket), Some(logging)) = (&bucket, logging) {
        let text: String = records.iter().map(|(_, record)| record.text.as_str()).collect();
        let target = &logging.target_bucket;
        match put(s3, bucket, logging, first.day, text).await {
            Ok(()) => {}
            Err(fault) if is_final(&fault) => {
                tracing::warn!(bucket = bucket.name, target, %fault, "an access log is dropped: its target refuses it");
            }
            // It is there for the next time.
            Err(fault) => {
                tracing::warn!(bucket = bucket.name, target, %fault, "an access log will be delivered later");
                return Ok(());
            }
        }
    }
    s3.store
        .transact(|tx: Tx| async move {
            for (place, _) in records {
                ACCESS_LOGS.delete(&tx, &(), place).await?;
            }
            Ok(())
        })
        .await
}

/// Writes one object, as the service that delivers logs, so that the target decides who that may be.
async fn put(
    s3: &S3,
    bucket: &Bucket,
    logging: &LoggingEnabled,
    day: Timestamp,
    text: String,
) -> Result<(), Fault> {
    let (account, region) = (bucket.account(), bucket.region());
    let cause = background_call(s3, account, region);
    let object = LogObject {
        prefix: &logging.target_prefix,
        format: logging.target_object_key_format.as_ref(),
        account,
        region,
        bucket: &bucket.name,
        delivered: cause.now,
        happened: day,
        unique: &s3.ids.text(UNIQUE_LEN, UNIQUE),
    };
    let grants = logging.target_grants.as_deref().unwrap_or_default();
    let input = PutObjectInput {
        bucket: logging.target_bucket.clone(),
        key: key(&object),
        body: Some(ByteStream::from(Bytes::from(text))),
        content_type: Some("text/plain".to_owned()),
        grant_full_control: granted(grants, "FULL_CONTROL"),
        grant_read: granted(grants, "READ"),
        ..PutObjectInput::default()
    };
    let sender = s3.aws.as_service(PRINCIPAL, account, region, &cause).source(&bucket.arn());
    sender.call(PutObject, input).await.map(drop)
}

/// Those who get a permission on every object of a log, as a header has them. WRITE means nothing on an object.
fn granted(grants: &[TargetGrant], permission: &str) -> Option<String> {
    let grants = grants
        .iter()
        .filter(|grant| grant.permission.as_ref().is_some_and(|granted| granted.as_str() == permission));
    let named = grants.filter_map(|grant| {
        let grantee = grant.grantee.as_ref()?;
        let id = grantee.id.as_ref().map(|id| format!("id=\"{id}\""));
        id.or_else(|| grantee.uri.as_ref().map(|uri| format!("uri=\"{uri}\"")))
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| named.join(", "))
}
