//! ListChangedBlocks: what differs between two snapshots of one lineage. A block that only the first has is shown with
//! its token alone.

use std::collections::BTreeMap;

use ebs_api::*;
use service::Call;

use super::Ebs;
use super::error::Refusal;
use super::finding;
use super::reading::{BLOCK_SIZE, index, page_size, page_start};
use super::tokens::{self, BlockToken};
use crate::ground::disks::Disks;
use crate::limits::CHANGES_LOOKED_THROUGH_MAX;

type Name = [u8; 16];
/// A block, and what it was in either snapshot.
type Change = (u64, Option<Name>, Option<Name>);

pub async fn list_changed_blocks(
    ebs: &Ebs,
    call: &Call,
    input: ListChangedBlocksInput,
) -> Result<ListChangedBlocksOutput, Refusal> {
    const OPERATION: &str = "ebs.ListChangedBlocks";
    let second = input.second_snapshot_id.as_str();
    let first = input.first_snapshot_id.as_deref().ok_or_else(|| {
        let message = "FirstSnapshotId must be specified with SecondSnapshotId.";
        Refusal::invalid(ValidationExceptionReason::InvalidSnapshotId, message)
    })?;
    let both = format!("{first}/{second}");
    let from =
        page_start(ebs, call, OPERATION, &both, input.next_token.as_deref(), input.starting_block_index)?;
    let (one, other) =
        (finding::readable(ebs, call, first).await?, finding::readable(ebs, call, second).await?);
    if !finding::are_related(ebs, &one, &other).await? {
        let message = format!("The snapshots '{first}' and '{second}' are not of one lineage.");
        return Err(Refusal::invalid(ValidationExceptionReason::UnrelatedSnapshots, message));
    }
    let limit = page_size(input.max_results);
    let (found, next) = changes(finding::disks(ebs)?, first, second, from, limit).await?;
    let ends = tokens::end(call);
    let token = |snapshot, block, name: Option<Name>| {
        name.map(|name| BlockToken { snapshot, block, ends, name: &name }.seal(&ebs.ec2, call))
    };
    let shown = found.into_iter().map(|(block, was, is)| ChangedBlock {
        block_index: index(block),
        first_block_token: token(first, block, was),
        second_block_token: token(second, block, is),
    });
    Ok(ListChangedBlocksOutput {
        changed_blocks: Some(shown.collect()),
        expiry_time: Some(ends),
        volume_size: Some(other.record.gib()),
        block_size: Some(BLOCK_SIZE),
        next_token: next.map(|next| tokens::seal_page(&ebs.ec2, call, OPERATION, &both, next)),
    })
}

/// Up to `limit` changes from a block on, and where the next page begins. Where changes are few, a page may be empty.
async fn changes(
    disks: &dyn Disks,
    first: &str,
    second: &str,
    mut from: u64,
    limit: usize,
) -> Result<(Vec<Change>, Option<u64>), Refusal> {
    let mut found = Vec::new();
    let mut looked_through = 0;
    loop {
        let was = disks.blocks(first, from, limit).await?;
        let is = disks.blocks(second, from, limit).await?;
        looked_through += was.len() + is.len();
        let end = seen_up_to(&was, &is, limit);
        for change in differing(was, is) {
            if end.is_some_and(|end| end < change.0) {
                break;
            }
            if found.len() == limit {
                return Ok((found, Some(change.0)));
            }
            found.push(change);
        }
        match end {
            None => return Ok((found, None)),
            Some(end) => from = end + 1,
        }
        if looked_through >= CHANGES_LOOKED_THROUGH_MAX {
            return Ok((found, Some(from)));
        }
    }
}

/// The last block that both lists tell of; nothing where they are complete.
fn seen_up_to(was: &BTreeMap<u64, Name>, is: &BTreeMap<u64, Name>, limit: usize) -> Option<u64> {
    let cut = |list: &BTreeMap<u64, Name>| {
        if list.len() < limit { None } else { list.last_key_value().map(|(block, _)| *block) }
    };
    match (cut(was), cut(is)) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn differing(was: BTreeMap<u64, Name>, is: BTreeMap<u64, Name>) -> impl Iterator<Item = Change> {
    let mut both: BTreeMap<u64, (Option<Name>, Option<Name>)> = BTreeMap::new();
    for (block, name) in was {
        both.entry(block).or_default().0 = Some(name);
    }
    for (block, name) in is {
        both.entry(block).or_default().1 = Some(name);
    }
    both.into_iter().filter(|(_, (was, is))| was != is).map(|(block, (was, is))| (block, was, is))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(blocks: &[(u64, u8)]) -> BTreeMap<u64, Name> {
        blocks.iter().map(|(block, name)| (*block, [*name; 16])).collect()
    }

    #[test]
    fn changes_are_what_differs_and_what_one_side_lacks() {
        let (was, is) = (list(&[(0, 1), (1, 1), (2, 1)]), list(&[(0, 1), (1, 2), (3, 1)]));
        let found: Vec<Change> = differing(was, is).collect();
        assert_eq!(
            found,
            [(1, Some([1; 16]), Some([2; 16])), (2, Some([1; 16]), None), (3, None, Some([1; 16]))]
        );
    }

    #[test]
    fn a_full_list_says_nothing_of_what_lies_behind_it() {
        let (long, short) = (list(&[(0, 1), (5, 1)]), list(&[(9, 1)]));
        assert_eq!(seen_up_to(&long, &short, 2), Some(5));
        assert_eq!(seen_up_to(&short, &short, 2), None);
        assert_eq!(seen_up_to(&long, &list(&[(1, 1), (2, 1)]), 2), Some(2));
    }
}
