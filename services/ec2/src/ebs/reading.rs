//! ListSnapshotBlocks and GetSnapshotBlock: only blocks that were ever written are there.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ebs_api::*;
use schema::ByteStream;
use service::Call;

use super::error::Refusal;
use super::finding;
use super::tokens::{self, BlockToken};
use super::{Ebs, encryption};
use crate::ground::disks::BLOCK_BYTES;
use crate::limits::BLOCKS_OF_A_PAGE_MAX;

/// As answers say it.
pub const BLOCK_SIZE: i32 = 524_288;
const _: () = assert!(BLOCK_BYTES == BLOCK_SIZE as u64, "the engine's blocks are those of the API");

/// How many blocks a page may have.
pub fn page_size(max_results: Option<i32>) -> usize {
    let wanted = max_results.and_then(|wanted| usize::try_from(wanted).ok());
    wanted.map_or(BLOCKS_OF_A_PAGE_MAX, |wanted| wanted.clamp(1, BLOCKS_OF_A_PAGE_MAX))
}

/// Where a page begins: "The NextToken is used, and the StartingBlockIndex is ignored."
pub fn page_start(
    ebs: &Ebs,
    call: &Call,
    operation: &str,
    of: &str,
    token: Option<&str>,
    starting: Option<i32>,
) -> Result<u64, Refusal> {
    match token {
        Some(token) => tokens::open_page(&ebs.ec2, call, operation, of, token),
        None => Ok(starting.and_then(|index| u64::try_from(index).ok()).unwrap_or(0)),
    }
}

pub fn index(block: u64) -> Option<i32> {
    i32::try_from(block).ok()
}

pub async fn list_snapshot_blocks(
    ebs: &Ebs,
    call: &Call,
    input: ListSnapshotBlocksInput,
) -> Result<ListSnapshotBlocksOutput, Refusal> {
    const OPERATION: &str = "ebs.ListSnapshotBlocks";
    let id = input.snapshot_id.as_str();
    let from = page_start(ebs, call, OPERATION, id, input.next_token.as_deref(), input.starting_block_index)?;
    let snapshot = finding::readable(ebs, call, id).await?;
    let limit = page_size(input.max_results);
    // One more than is shown tells whether there is another page.
    let mut found = finding::disks(ebs)?.blocks(id, from, limit + 1).await?;
    let next = if found.len() > limit { found.pop_last().map(|(block, _)| block) } else { None };
    let ends = tokens::end(call);
    let block = |(block, name): (u64, [u8; 16])| Block {
        block_index: index(block),
        block_token: Some(BlockToken { snapshot: id, block, ends, name: &name }.seal(&ebs.ec2, call)),
    };
    Ok(ListSnapshotBlocksOutput {
        blocks: Some(found.into_iter().map(block).collect()),
        expiry_time: Some(ends),
        volume_size: Some(snapshot.record.gib()),
        block_size: Some(BLOCK_SIZE),
        next_token: next.map(|next| tokens::seal_page(&ebs.ec2, call, OPERATION, id, next)),
    })
}

pub async fn get_snapshot_block(
    ebs: &Ebs,
    call: &Call,
    input: GetSnapshotBlockInput,
) -> Result<GetSnapshotBlockOutput, Refusal> {
    let id = input.snapshot_id.as_str();
    let block = u64::try_from(input.block_index).map_err(|_| no_block(input.block_index))?;
    let snapshot = finding::readable(ebs, call, id).await?;
    tokens::check_block(&ebs.ec2, call, id, block, &input.block_token)?;
    let key = encryption::open(ebs, call, &snapshot.record).await?;
    let bytes = finding::disks(ebs)?.block(id, key.as_ref(), block).await?;
    let bytes = bytes.ok_or_else(|| no_block(input.block_index))?;
    Ok(GetSnapshotBlockOutput {
        data_length: i32::try_from(bytes.len()).ok(),
        checksum: Some(checksum(&bytes)),
        checksum_algorithm: Some(ChecksumAlgorithm::Sha256),
        block_data: Some(ByteStream::from(Bytes::from(bytes))),
    })
}

fn no_block(index: i32) -> Refusal {
    let message = format!("The snapshot has no block {index}.");
    Refusal::invalid(ValidationExceptionReason::InvalidBlock, message)
}

/// SHA-256 in base64.
pub fn checksum(bytes: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, bytes))
}
