//! PutSnapshotBlock and CompleteSnapshot.
//!
//! A block's checksum is kept when its bytes are: the caller proves at the end, with a checksum of all of them in
//! order, that nothing is missing.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ebs_api::*;
use futures_util::TryStreamExt;
use schema::ByteStream;
use service::Call;

use super::error::Refusal;
use super::finding;
use super::reading::{BLOCK_SIZE, checksum};
use super::records::{UPLOADS, WRITTEN, WrittenRecord, written, written_key};
use super::{Ebs, encryption};
use crate::ground::disks::BLOCK_BYTES;
use crate::limits::UPLOAD_WRITTEN_STEP;
use crate::records::snapshots::SnapshotRecord;

pub async fn put_snapshot_block(
    ebs: &Ebs,
    call: &Call,
    input: PutSnapshotBlockInput,
) -> Result<PutSnapshotBlockOutput, Refusal> {
    if input.data_length != BLOCK_SIZE {
        let message = format!("The data length must be {BLOCK_SIZE} bytes.");
        return Err(Refusal::parameter(message));
    }
    let id = input.snapshot_id.as_str();
    let snapshot = finding::writable(ebs, call, id).await?;
    let block = block_of(&snapshot, input.block_index)?;
    let bytes = gathered(&input.block_data).await?;
    if checksum(&bytes) != input.checksum {
        let message = "The checksum of the block data does not match the checksum of the request.";
        return Err(Refusal::parameter(message));
    }
    let key = encryption::open(ebs, call, &snapshot).await?;
    let _held = ebs.ec2.writers.write(id, block)?;
    finding::disks(ebs)?.put_block(id, key.as_ref(), block, bytes).await?;
    let record = &WrittenRecord { checksum: input.checksum.clone() };
    let kept = ebs.ec2.store.transact(|tx| async move {
        let upload = UPLOADS.get(&tx, &(), id).await?.filter(|upload| !upload.is_sealed);
        let mut upload = upload.ok_or_else(|| Refusal::no_snapshot(id))?;
        if call.now.since(upload.written) >= UPLOAD_WRITTEN_STEP {
            upload.written = call.now;
            UPLOADS.put(&tx, &(), id, &upload).await?;
        }
        Ok::<_, Refusal>(WRITTEN.put(&tx, &(), &written_key(id, block), record).await?)
    });
    kept.await?;
    Ok(PutSnapshotBlockOutput {
        checksum: Some(input.checksum),
        checksum_algorithm: Some(ChecksumAlgorithm::Sha256),
    })
}

fn block_of(snapshot: &SnapshotRecord, index: i32) -> Result<u64, Refusal> {
    let blocks = (snapshot.gib() << 30) / i64::from(BLOCK_SIZE);
    match u64::try_from(index) {
        Ok(block) if i64::from(index) < blocks => Ok(block),
        _ => {
            let message = format!("Block {index} lies behind the end of the volume.");
            Err(Refusal::invalid(ValidationExceptionReason::InvalidBlock, message))
        }
    }
}

/// Exactly one block.
async fn gathered(body: &ByteStream) -> Result<Vec<u8>, Refusal> {
    let unreadable = || Refusal::parameter("Failed to read block data");
    let wanted = usize::try_from(BLOCK_BYTES).expect("a block fits into memory");
    let mut bytes = Vec::with_capacity(wanted);
    let mut chunks = body.take();
    while let Some(chunk) = chunks.try_next().await.map_err(|_| unreadable())? {
        if bytes.len() + chunk.len() > wanted {
            return Err(Refusal::parameter(format!("The block data is longer than {wanted} bytes.")));
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.len() == wanted { Ok(bytes) } else { Err(unreadable()) }
}

pub async fn complete_snapshot(
    ebs: &Ebs,
    call: &Call,
    input: CompleteSnapshotInput,
) -> Result<CompleteSnapshotOutput, Refusal> {
    let id = input.snapshot_id.as_str();
    finding::writable(ebs, call, id).await?;
    if input.checksum.is_some()
        && (input.checksum_algorithm.is_none() || input.checksum_aggregation_method.is_none())
    {
        let message = "A checksum needs ChecksumAlgorithm and ChecksumAggregationMethod.";
        return Err(Refusal::parameter(message));
    }
    let _held = ebs.ec2.writers.complete(id)?;
    let (blocks, sum) = sum_of_all(ebs, id).await?;
    if i64::from(input.changed_blocks_count) != blocks {
        let message = format!(
            "The changed blocks count {} is not the number of blocks that were written, {blocks}.",
            input.changed_blocks_count
        );
        return Err(Refusal::parameter(message));
    }
    if input.checksum.as_ref().is_some_and(|given| *given != sum) {
        let message = "The checksum does not match the aggregated checksum of the blocks.";
        return Err(Refusal::parameter(message));
    }
    let sealed = ebs.ec2.store.transact(|tx| async move {
        let upload = UPLOADS.get(&tx, &(), id).await?.filter(|upload| !upload.is_sealed);
        let mut upload = upload.ok_or_else(|| Refusal::no_snapshot(id))?;
        upload.is_sealed = true;
        Ok::<_, Refusal>(UPLOADS.put(&tx, &(), id, &upload).await?)
    });
    sealed.await?;
    // A crash before it is done leaves that to the task.
    finding::disks(ebs)?.complete_upload(id).await?;
    ebs.ec2.uploads.nudge();
    ebs.ec2.disks.nudge();
    Ok(CompleteSnapshotOutput { status: Some(Status::Pending) })
}

/// How many blocks were written, and their checksums in order, hashed once more (`LINEAR`).
async fn sum_of_all(ebs: &Ebs, id: &str) -> Result<(i64, String), Refusal> {
    let (mut blocks, mut sum) = (0, Context::new(&SHA256));
    let mut after: Option<String> = None;
    loop {
        let from = after.as_deref();
        let (page, next) = ebs.ec2.store.read(|tx| async move { written(&tx, id, from).await }).await?;
        for (_, record) in page {
            blocks += 1;
            let bytes = STANDARD.decode(&record.checksum);
            sum.update(&bytes.expect("it was compared with a checksum of our own"));
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok((blocks, STANDARD.encode(sum.finish()))),
        }
    }
}
