//! Snapshots that are written block by block, until they are completed: how long each may wait, and what was written.

use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Select, Table, Tx, Versioned};

use crate::error::Error;
use crate::limits::PAGE_MAX;
use crate::records::Place;
use crate::records::instances::PlaceRecord;

/// By the snapshot's id.
pub const UPLOADS: Table<(), UploadRecord> = Table::new("ec2.uploads");

/// Checksums of the blocks that were written, as `snap-…/0000000001`: in the order of the blocks.
pub const WRITTEN: Table<(), WrittenRecord> = Table::new("ec2.uploaded-blocks");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadRecord {
    pub place: PlaceRecord,
    /// How long it may stay without a block being written.
    pub timeout: Duration,
    /// When the last block was written, to about a minute: it would be what all writers meet at.
    pub written: Timestamp,
    /// Completed: nothing is written any more.
    pub is_sealed: bool,
}

impl Versioned for UploadRecord {
    const VERSION: u16 = 1;
}

impl UploadRecord {
    pub fn place(&self) -> Place {
        self.place.place()
    }

    pub fn is_overdue(&self, now: Timestamp) -> bool {
        !self.is_sealed && now.since(self.written) >= self.timeout
    }
}

/// The SHA-256 of a block, in base64 as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WrittenRecord {
    pub checksum: String,
}

impl Versioned for WrittenRecord {
    const VERSION: u16 = 1;
}

pub fn written_key(snapshot: &str, block: u64) -> String {
    format!("{snapshot}/{block:010}")
}

/// A page of what was written to a snapshot, after a key.
pub async fn written(
    tx: &Tx,
    snapshot: &str,
    after: Option<&str>,
) -> Result<(Vec<(String, WrittenRecord)>, Option<String>), Error> {
    let prefix = format!("{snapshot}/");
    let page = WRITTEN.scan(tx, &(), Select::prefix(&prefix).after(after), PAGE_MAX).await?;
    Ok((page.records, page.next))
}

/// Forgets what was written to a snapshot, some of it at a time; whether that was all.
pub async fn forget_some(tx: &Tx, snapshot: &str) -> Result<bool, Error> {
    let (records, next) = written(tx, snapshot, None).await?;
    for (key, _) in records {
        WRITTEN.delete(tx, &(), &key).await?;
    }
    if next.is_none() {
        UPLOADS.delete(tx, &(), snapshot).await?;
    }
    Ok(next.is_none())
}
