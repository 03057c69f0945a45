//! One disk on its way in: its file is fetched and made raw, its blocks become a snapshot.
//!
//! Begun again after a crash it fetches the file anew, if that is the same object still, and writes the same blocks.

use futures_util::{StreamExt, TryStreamExt, stream};
use s3_api::{GetObject, GetObjectInput, HeadObject, HeadObjectInput};
use schema::{ByteStream, Fault};
use service::AsService;

use super::Trouble;
use super::imports::Finished;
use super::meter::Meter;
use crate::Ec2;
use crate::error::Error;
use crate::ground::conversions::ConversionError;
use crate::ground::disks::{BLOCK_BYTES, DataKey, DiskError, Disks, UploadSpec};
use crate::limits::{IMPORTED_GIB_MAX, TRANSFERRED_BLOCKS_AT_ONCE};
use crate::model::tags::Tags;
use crate::model::transfers::gib;
use crate::model::transfers::places::ObjectPlace;
use crate::model::transfers::states::{Phase, Stage};
use crate::operations::disk_keys;
use crate::operations::snapshot_making::{self, New, put_new};
use crate::records::Place;
use crate::records::transfers::{DiskRecord, DiskSource, ImportTask};
use crate::resources;

/// The work on one disk of a task.
pub struct Bringing<'a, R> {
    pub ec2: &'a Ec2,
    pub place: &'a Place,
    pub record: &'a R,
    pub index: usize,
    pub role: Option<&'a AsService>,
    pub meter: &'a Meter,
}

/// What keeps the blocks.
pub fn disks(ec2: &Ec2) -> Result<&dyn Disks, Error> {
    snapshot_making::disks(ec2)
}

/// The name of a disk's draft.
pub fn draft(task: &str, index: usize) -> String {
    format!("{task}-{index}")
}

pub async fn bring_in<R: Finished>(bringing: &Bringing<'_, R>) -> Result<(), Trouble> {
    let Bringing { ec2, record, index, .. } = bringing;
    let draft = &draft(record.id(), *index);
    ec2.conversions.forget(draft).await;
    let brought = bring(bringing, draft).await;
    ec2.conversions.forget(draft).await;
    brought
}

async fn bring<R: Finished>(bringing: &Bringing<'_, R>, draft: &str) -> Result<(), Trouble> {
    let Bringing { ec2, record, index, meter, .. } = bringing;
    let disk = &record.import().disks[*index];
    let mut known = disk.clone();
    match &disk.source {
        DiskSource::Object { place, .. } => {
            let body = fetch(bringing, &mut known, place).await?;
            let taken = ec2.conversions.take_in(draft, disk.format, body).await.map_err(trouble)?;
            known.format = Some(taken.format);
            known.gib = Some(gib(taken.bytes));
        }
        DiskSource::Snapshot { id, key } => {
            let bytes = known.gib.and_then(|gib| u64::try_from(gib).ok()).unwrap_or(1) << 30;
            let key = disk_keys::open(ec2, bringing.place, key.as_ref()).await?;
            ec2.conversions.begin(draft, bytes).await.map_err(trouble)?;
            take_out(ec2, (id, key.as_ref()), draft, bytes, &|done| {
                meter.at(Phase::Validating, done, bytes / BLOCK_BYTES);
            })
            .await?;
        }
    }
    R::look(ec2, bringing.place, record, *index, draft).await?;
    let gib = known.gib.unwrap_or(1);
    if gib > IMPORTED_GIB_MAX {
        let message =
            format!("ClientError: The disk has {gib} GiB, and a volume has {IMPORTED_GIB_MAX} at most");
        return Err(Trouble::Final(message));
    }
    let key = disk_keys::open(ec2, bringing.place, known.key.as_ref()).await?;
    begin(bringing, &known, key.as_ref()).await?;
    write(bringing, &known.snapshot, key.as_ref(), draft).await?;
    seal(bringing, &known.snapshot).await
}

/// The object, if it is the same as before, and what is known of it.
async fn fetch<R>(
    bringing: &Bringing<'_, R>,
    known: &mut DiskRecord,
    place: &ObjectPlace,
) -> Result<ByteStream, Trouble> {
    let role = bringing.role.ok_or_else(|| Trouble::Final("ServerError: No role was assumed".to_owned()))?;
    let ObjectPlace { bucket, key } = place;
    let head = HeadObjectInput { bucket: bucket.clone(), key: key.clone(), ..HeadObjectInput::default() };
    let head = role.call(HeadObject, head).await.map_err(|fault| unreadable(&fault))?;
    let length = u64::try_from(head.content_length.unwrap_or(0)).unwrap_or(0);
    if known.etag.is_some() && known.etag != head.e_tag {
        let message = "ClientError: The object was changed while it was imported";
        return Err(Trouble::Final(message.to_owned()));
    }
    (known.etag, known.file_bytes) = (head.e_tag.clone(), Some(length));
    let input = GetObjectInput {
        bucket: bucket.clone(),
        key: key.clone(),
        if_match: head.e_tag,
        ..GetObjectInput::default()
    };
    let object = role.call(GetObject, input).await.map_err(|fault| unreadable(&fault))?;
    Ok(bringing.meter.counted(object.body.unwrap_or_default(), length))
}

/// In the words of AWS's own tasks, as its users quote them.
fn unreadable(fault: &Fault) -> Trouble {
    let status = fault.status();
    if status >= 500 {
        return Trouble::Passing(Error::Internal(fault.to_string().into()));
    }
    let reason = match status {
        403 => "403 Forbidden".to_owned(),
        404 => "404 Not Found".to_owned(),
        other => format!("{other} {}", fault.message()),
    };
    Trouble::Final(format!(
        "ClientError: Disk validation failed [We do not have access to the given resource. Reason {reason}]"
    ))
}

pub fn trouble(error: ConversionError) -> Trouble {
    match error {
        ConversionError::Refused(why) => {
            Trouble::Final(format!("ClientError: Disk validation failed [{why}]"))
        }
        ConversionError::Failed(why) => Trouble::Passing(Error::Internal(why.into())),
    }
}

pub fn disk_trouble(error: DiskError) -> Trouble {
    match error {
        DiskError::Full => Trouble::Final("ServerError: The host's disk is full".to_owned()),
        DiskError::Damaged { .. } | DiskError::Absent(_) => Trouble::Final(format!("ServerError: {error}")),
        other => Trouble::Passing(Error::Internal(Box::new(other))),
    }
}

/// Copies a snapshot into a draft. `on` hears of each block.
pub async fn take_out(
    ec2: &Ec2,
    (snapshot, key): (&str, Option<&DataKey>),
    draft: &str,
    bytes: u64,
    on: &(dyn Fn(u64) + Sync),
) -> Result<(), Trouble> {
    let (driver, end) = (disks(ec2)?, bytes.div_ceil(BLOCK_BYTES));
    let mut from = 0;
    loop {
        let page = driver.blocks(snapshot, from, crate::limits::PAGE_MAX).await.map_err(disk_trouble)?;
        let Some((last, _)) = page.last_key_value() else { return Ok(()) };
        let next = last + 1;
        for block in page.into_keys().take_while(|block| *block < end) {
            if let Some(bytes) = driver.block(snapshot, key, block).await.map_err(disk_trouble)? {
                ec2.conversions.write(draft, block, bytes).await.map_err(trouble)?;
            }
            on(block);
        }
        from = next;
    }
}

/// Begins the snapshot, in the engine first: a record without blocks could never be completed.
async fn begin<R: ImportTask>(
    bringing: &Bringing<'_, R>,
    known: &DiskRecord,
    key: Option<&DataKey>,
) -> Result<(), Trouble> {
    let Bringing { ec2, place, record, index, .. } = bringing;
    let gib = known.gib.unwrap_or(1);
    let spec = UploadSpec {
        id: known.snapshot.clone(),
        volume_bytes: u64::try_from(gib).unwrap_or(1) << 30,
        key: key.cloned(),
        parent: None,
    };
    disks(ec2)?.start_upload(&spec).await.map_err(disk_trouble)?;
    let new = &New {
        id: known.snapshot.clone(),
        gib,
        description: format!("Created by AWS-VMImport service for {}", record.id()),
        key: known.key.clone(),
        parent: None,
        minutes: None,
        is_copy: false,
    };
    let (call, id) = (&ec2.own_call(place.0, place.1), record.id());
    let begun = ec2.store.transact(|tx| async move {
        let Some(mut record) = R::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        let disk = &mut record.import_mut().disks[*index];
        if disk.stage == Stage::Waiting {
            *disk = DiskRecord { stage: Stage::Writing, ..known.clone() };
            put_new(&tx, call, new, &Tags::new()).await?;
            resources::put(&tx, place, &record).await?;
        }
        Ok::<_, Error>(())
    });
    Ok(begun.await?)
}

async fn write<R>(
    bringing: &Bringing<'_, R>,
    snapshot: &str,
    key: Option<&DataKey>,
    draft: &str,
) -> Result<(), Trouble> {
    let Bringing { ec2, meter, .. } = bringing;
    let driver = disks(ec2)?;
    let ranges = ec2.conversions.data(draft).await.map_err(trouble)?;
    let total: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    let written = stream::iter(ranges.into_iter().flatten())
        .map(|block| async move {
            let bytes = ec2.conversions.read(draft, block).await.map_err(trouble)?;
            if bytes.iter().any(|byte| *byte != 0) {
                driver.put_block(snapshot, key, block, bytes).await.map_err(disk_trouble)?;
            }
            Ok::<_, Trouble>(())
        })
        .buffer_unordered(TRANSFERRED_BLOCKS_AT_ONCE);
    let counted = written.try_fold(0_u64, |done, ()| async move {
        meter.at(Phase::Converting, done + 1, total);
        Ok(done + 1)
    });
    counted.await.map(drop)
}

/// All blocks are written. The record says so first: what is sealed is completed, even after a crash.
async fn seal<R: ImportTask>(bringing: &Bringing<'_, R>, snapshot: &str) -> Result<(), Trouble> {
    let Bringing { ec2, place, record, index, .. } = bringing;
    let id = record.id();
    let sealed = ec2.store.transact(|tx| async move {
        let Some(mut record) = R::TABLE.get(&tx, place, id).await? else { return Ok(()) };
        record.import_mut().disks[*index].stage = Stage::Sealed;
        resources::put(&tx, place, &record).await
    });
    sealed.await?;
    disks(ec2)?.complete_upload(snapshot).await.map_err(disk_trouble)?;
    ec2.disks.nudge();
    Ok(())
}
