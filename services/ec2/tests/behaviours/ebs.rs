//! The EBS direct APIs: snapshots written and read block by block.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ebs_api::{
    ChecksumAggregationMethod, ChecksumAlgorithm, CompleteSnapshot, CompleteSnapshotInput,
    CompleteSnapshotOutput, GetSnapshotBlock, GetSnapshotBlockInput, GetSnapshotBlockOutput,
    ListChangedBlocks, ListChangedBlocksInput, ListChangedBlocksOutput, ListSnapshotBlocks,
    ListSnapshotBlocksInput, ListSnapshotBlocksOutput, PutSnapshotBlock, PutSnapshotBlockInput,
    PutSnapshotBlockOutput, StartSnapshot, StartSnapshotInput, Status, Tag,
};
use ec2_api::{DescribeSnapshots, DescribeSnapshotsInput, Snapshot, SnapshotState};
use schema::{ByteStream, Fault};
use testkit::Cloud;

use crate::support::code;

const BLOCK: usize = 512 << 10;

fn checksum(bytes: &[u8]) -> String {
    STANDARD.encode(digest(&SHA256, bytes))
}

/// The checksum of the checksums of blocks that hold these bytes, in order.
fn linear(blocks: &[u8]) -> String {
    let sums = blocks.iter().flat_map(|byte| digest(&SHA256, &[*byte; BLOCK]).as_ref().to_vec());
    checksum(&sums.collect::<Vec<u8>>())
}

/// The reason in a refusal of the EBS direct APIs, behind its code.
fn reason<T: std::fmt::Debug>(result: Result<T, Fault>) -> String {
    let fault = result.expect_err("the call is refused");
    let mut reason = String::new();
    if let Some(detail) = fault.detail().map(schema::Structure::as_any) {
        if let Some(detail) = detail.downcast_ref::<ebs_api::ValidationException>() {
            reason = detail.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        }
        if let Some(detail) = detail.downcast_ref::<ebs_api::ResourceNotFoundException>() {
            reason = detail.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        }
    }
    format!("{} {reason}", fault.code())
}

async fn start(cloud: &Cloud, input: StartSnapshotInput) -> String {
    cloud.call(StartSnapshot, input).await.unwrap().snapshot_id.unwrap()
}

pub fn of_size(gib: i64) -> StartSnapshotInput {
    StartSnapshotInput { volume_size: gib, ..StartSnapshotInput::default() }
}

fn block(id: &str, index: i32, byte: u8) -> PutSnapshotBlockInput {
    let bytes = vec![byte; BLOCK];
    PutSnapshotBlockInput {
        snapshot_id: id.to_owned(),
        block_index: index,
        data_length: 524_288,
        checksum: checksum(&bytes),
        checksum_algorithm: ChecksumAlgorithm::Sha256,
        block_data: ByteStream::from(Bytes::from(bytes)),
        progress: None,
    }
}

async fn put(cloud: &Cloud, id: &str, index: i32, byte: u8) -> Result<PutSnapshotBlockOutput, Fault> {
    cloud.call(PutSnapshotBlock, block(id, index, byte)).await
}

async fn complete(
    cloud: &Cloud,
    id: &str,
    count: i32,
    checksum: Option<String>,
) -> Result<CompleteSnapshotOutput, Fault> {
    let input = CompleteSnapshotInput {
        snapshot_id: id.to_owned(),
        changed_blocks_count: count,
        checksum_algorithm: checksum.is_some().then_some(ChecksumAlgorithm::Sha256),
        checksum_aggregation_method: checksum.is_some().then_some(ChecksumAggregationMethod::Linear),
        checksum,
    };
    let output = cloud.call(CompleteSnapshot, input).await;
    cloud.settle().await;
    output
}

/// A completed snapshot with these blocks.
pub async fn made(cloud: &Cloud, input: StartSnapshotInput, blocks: &[(i32, u8)]) -> String {
    let id = start(cloud, input).await;
    for (index, byte) in blocks {
        put(cloud, &id, *index, *byte).await.unwrap();
    }
    let bytes: Vec<u8> = blocks.iter().map(|(_, byte)| *byte).collect();
    let count = i32::try_from(blocks.len()).unwrap();
    complete(cloud, &id, count, Some(linear(&bytes))).await.unwrap();
    id
}

async fn list(cloud: &Cloud, input: ListSnapshotBlocksInput) -> Result<ListSnapshotBlocksOutput, Fault> {
    cloud.call(ListSnapshotBlocks, input).await
}

fn all_of(id: &str) -> ListSnapshotBlocksInput {
    ListSnapshotBlocksInput { snapshot_id: id.to_owned(), ..ListSnapshotBlocksInput::default() }
}

async fn get(cloud: &Cloud, id: &str, index: i32, token: &str) -> Result<GetSnapshotBlockOutput, Fault> {
    let (snapshot_id, block_token) = (id.to_owned(), token.to_owned());
    cloud.call(GetSnapshotBlock, GetSnapshotBlockInput { snapshot_id, block_index: index, block_token }).await
}

async fn changed(cloud: &Cloud, first: &str, second: &str) -> Result<ListChangedBlocksOutput, Fault> {
    let input = ListChangedBlocksInput {
        first_snapshot_id: Some(first.to_owned()),
        second_snapshot_id: second.to_owned(),
        ..ListChangedBlocksInput::default()
    };
    cloud.call(ListChangedBlocks, input).await
}

async fn described(cloud: &Cloud, id: &str) -> Snapshot {
    let input = DescribeSnapshotsInput { snapshot_ids: Some(vec![id.to_owned()]), ..Default::default() };
    cloud.call(DescribeSnapshots, input).await.unwrap().snapshots.unwrap().remove(0)
}

#[tokio::test]
async fn what_is_written_block_by_block_is_read_back() {
    let cloud = Cloud::new(1).await;
    let tag = Tag { key: Some("from".to_owned()), value: Some("outside".to_owned()) };
    let input =
        StartSnapshotInput { description: Some("of a disk".to_owned()), tags: Some(vec![tag]), ..of_size(1) };
    let started = cloud.call(StartSnapshot, input).await.unwrap();
    assert_eq!((started.status, started.block_size), (Some(Status::Pending), Some(524_288)));
    let id = started.snapshot_id.unwrap();
    assert_eq!(reason(list(&cloud, all_of(&id)).await), "ResourceNotFoundException SNAPSHOT_NOT_FOUND");
    for (index, byte) in [(2047, 3), (0, 1), (7, 9), (7, 2)] {
        put(&cloud, &id, index, byte).await.unwrap();
    }
    let completed = complete(&cloud, &id, 3, Some(linear(&[1, 2, 3]))).await.unwrap();
    assert_eq!(completed.status, Some(Status::Pending));
    let shown = described(&cloud, &id).await;
    assert_eq!(shown.state, Some(SnapshotState::Completed));
    assert_eq!((shown.volume_size, shown.description.as_deref()), (Some(1), Some("of a disk")));
    assert_eq!(shown.tags.unwrap()[0].value.as_deref(), Some("outside"));
    let found = list(&cloud, all_of(&id)).await.unwrap();
    assert_eq!((found.volume_size, found.next_token), (Some(1), None));
    assert_eq!(found.expiry_time, Some(cloud.clock.now() + Duration::from_secs(7 * 86_400)));
    let blocks = found.blocks.unwrap();
    assert_eq!(blocks.iter().filter_map(|block| block.block_index).collect::<Vec<_>>(), [0, 7, 2047]);
    let read = get(&cloud, &id, 7, blocks[1].block_token.as_deref().unwrap()).await.unwrap();
    assert_eq!(read.checksum, Some(checksum(&[2; BLOCK])));
    assert_eq!(read.block_data.unwrap().whole().unwrap(), vec![2; BLOCK]);
}

#[tokio::test]
async fn a_block_is_refused_unless_it_is_what_its_checksum_says() {
    let cloud = Cloud::new(2).await;
    let id = start(&cloud, of_size(1)).await;
    let refused = |input: PutSnapshotBlockInput| cloud.call(PutSnapshotBlock, input);
    let invalid = "ValidationException INVALID_PARAMETER_VALUE";
    let other = PutSnapshotBlockInput { checksum: checksum(b"x"), ..block(&id, 0, 1) };
    assert_eq!(reason(refused(other).await), invalid);
    let short = PutSnapshotBlockInput { data_length: 512, ..block(&id, 0, 1) };
    assert_eq!(reason(refused(short).await), invalid);
    for bytes in [BLOCK - 1, BLOCK + 1] {
        let data = ByteStream::from(Bytes::from(vec![1; bytes]));
        let wrong = PutSnapshotBlockInput { block_data: data, ..block(&id, 0, 1) };
        assert_eq!(reason(refused(wrong).await), invalid);
    }
    assert_eq!(reason(refused(block(&id, 2048, 1)).await), "ValidationException INVALID_BLOCK");
    let missing = refused(block("snap-00000000000000000", 0, 1)).await;
    assert_eq!(reason(missing), "ResourceNotFoundException SNAPSHOT_NOT_FOUND");
    // Nothing of it was kept.
    assert_eq!(reason(complete(&cloud, &id, 1, None).await), invalid);
    complete(&cloud, &id, 0, None).await.unwrap();
}

#[tokio::test]
async fn a_snapshot_is_completed_only_with_the_right_count_and_checksum() {
    let cloud = Cloud::new(3).await;
    let id = start(&cloud, of_size(1)).await;
    put(&cloud, &id, 0, 1).await.unwrap();
    put(&cloud, &id, 1, 2).await.unwrap();
    let invalid = "ValidationException INVALID_PARAMETER_VALUE";
    assert_eq!(reason(complete(&cloud, &id, 3, None).await), invalid);
    assert_eq!(reason(complete(&cloud, &id, 2, Some(linear(&[2, 1]))).await), invalid);
    assert_eq!(described(&cloud, &id).await.state, Some(SnapshotState::Pending));
    complete(&cloud, &id, 2, Some(linear(&[1, 2]))).await.unwrap();
    assert_eq!(reason(put(&cloud, &id, 2, 3).await), "ValidationException INVALID_SNAPSHOT_ID");
    assert_eq!(reason(complete(&cloud, &id, 2, None).await), "ValidationException INVALID_SNAPSHOT_ID");
}

#[tokio::test]
async fn a_child_holds_its_parents_blocks_and_differs_in_its_own() {
    let cloud = Cloud::new(4).await;
    let parent = made(&cloud, of_size(1), &[(0, 1), (1, 1), (2, 1)]).await;
    let input = StartSnapshotInput { parent_snapshot_id: Some(parent.clone()), ..of_size(2) };
    let child = made(&cloud, input, &[(1, 2), (9, 3)]).await;
    let indexes: Vec<i32> = list(&cloud, all_of(&child))
        .await
        .unwrap()
        .blocks
        .unwrap()
        .iter()
        .filter_map(|it| it.block_index)
        .collect();
    assert_eq!(indexes, [0, 1, 2, 9]);
    let found = changed(&cloud, &parent, &child).await.unwrap();
    assert_eq!((found.volume_size, found.next_token), (Some(2), None));
    let found = found.changed_blocks.unwrap();
    let shape: Vec<_> = found
        .iter()
        .map(|it| (it.block_index.unwrap(), it.first_block_token.is_some(), it.second_block_token.is_some()))
        .collect();
    assert_eq!(shape, [(1, true, true), (9, false, true)]);
    let read = get(&cloud, &parent, 1, found[0].first_block_token.as_deref().unwrap()).await.unwrap();
    assert_eq!(read.checksum, Some(checksum(&[1; BLOCK])));
    // The other way round, a block is in the first one only.
    let back = changed(&cloud, &child, &parent).await.unwrap().changed_blocks.unwrap();
    assert!(back[1].first_block_token.is_some() && back[1].second_block_token.is_none());
    let stranger = made(&cloud, of_size(1), &[(0, 1)]).await;
    let unrelated = changed(&cloud, &parent, &stranger).await;
    assert_eq!(reason(unrelated), "ValidationException UNRELATED_SNAPSHOTS");
    let alone = ListChangedBlocksInput { second_snapshot_id: child, ..ListChangedBlocksInput::default() };
    assert_eq!(reason(cloud.call(ListChangedBlocks, alone).await), "ValidationException INVALID_SNAPSHOT_ID");
    let smaller = StartSnapshotInput { parent_snapshot_id: Some(parent), ..of_size(1) };
    start(&cloud, smaller).await;
}

#[tokio::test]
async fn tokens_open_one_block_for_seven_days() {
    let cloud = Cloud::new(5).await;
    let id = made(&cloud, of_size(1), &[(0, 1), (1, 2)]).await;
    let blocks = list(&cloud, all_of(&id)).await.unwrap().blocks.unwrap();
    let token = blocks[0].block_token.as_deref().unwrap();
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)), "{token}");
    assert!(token.len() <= 256, "{}", token.len());
    let invalid = "ValidationException INVALID_BLOCK_TOKEN";
    assert_eq!(reason(get(&cloud, &id, 1, token).await), invalid);
    assert_eq!(reason(get(&cloud, &id, 0, "AAAB").await), invalid);
    cloud.advance(Duration::from_secs(7 * 86_400 - 1)).await;
    get(&cloud, &id, 0, token).await.unwrap();
    cloud.advance(Duration::from_secs(1)).await;
    assert_eq!(reason(get(&cloud, &id, 0, token).await), invalid);
}

#[tokio::test]
async fn pages_follow_each_other_for_an_hour() {
    let cloud = Cloud::new(6).await;
    let blocks: Vec<(i32, u8)> = (0..130).map(|index| (index * 2, 1)).collect();
    let id = made(&cloud, of_size(1), &blocks).await;
    let page = |token: Option<String>, starting: Option<i32>| {
        let input = ListSnapshotBlocksInput {
            max_results: Some(100),
            next_token: token,
            starting_block_index: starting,
            ..all_of(&id)
        };
        list(&cloud, input)
    };
    let first = page(None, None).await.unwrap();
    assert_eq!(first.blocks.as_ref().map(Vec::len), Some(100));
    // "The NextToken is used, and the StartingBlockIndex is ignored."
    let second = page(first.next_token.clone(), Some(0)).await.unwrap();
    let indexes: Vec<i32> = second.blocks.unwrap().iter().filter_map(|it| it.block_index).collect();
    assert_eq!((indexes.len(), indexes[0], second.next_token), (30, 200, None));
    let later = page(None, Some(101)).await.unwrap().blocks.unwrap();
    assert_eq!(later[0].block_index, Some(102));
    let invalid = "ValidationException INVALID_PAGE_TOKEN";
    assert_eq!(reason(page(Some("AAAB".to_owned()), None).await), invalid);
    cloud.advance(Duration::from_secs(3_600)).await;
    assert_eq!(reason(page(first.next_token, None).await), invalid);
}

#[tokio::test]
async fn a_snapshot_that_nobody_writes_to_becomes_an_error() {
    let cloud = Cloud::new(7).await;
    let slow = start(&cloud, StartSnapshotInput { timeout: Some(10), ..of_size(1) }).await;
    let patient = start(&cloud, of_size(1)).await;
    cloud.advance(Duration::from_secs(9 * 60)).await;
    put(&cloud, &slow, 0, 1).await.unwrap();
    cloud.advance(Duration::from_secs(9 * 60)).await;
    assert_eq!(described(&cloud, &slow).await.state, Some(SnapshotState::Pending));
    cloud.advance(Duration::from_secs(2 * 60)).await;
    assert_eq!(described(&cloud, &slow).await.state, Some(SnapshotState::Error));
    assert_eq!(reason(put(&cloud, &slow, 1, 1).await), "ValidationException INVALID_SNAPSHOT_ID");
    put(&cloud, &patient, 0, 1).await.unwrap();
}

#[tokio::test]
async fn a_client_token_starts_one_snapshot() {
    let cloud = Cloud::new(8).await;
    let input = StartSnapshotInput { client_token: Some("t".to_owned()), ..of_size(1) };
    let first = start(&cloud, input.clone()).await;
    assert_eq!(start(&cloud, input.clone()).await, first);
    let other = StartSnapshotInput { volume_size: 2, ..input };
    assert_eq!(code(cloud.call(StartSnapshot, other).await), "ConflictException");
}

#[tokio::test]
async fn parents_and_keys_exclude_each_other() {
    let cloud = Cloud::new(9).await;
    let parent = made(&cloud, of_size(1), &[]).await;
    let invalid = "ValidationException INVALID_PARAMETER_VALUE";
    for encrypted in [true, false] {
        let input = StartSnapshotInput {
            parent_snapshot_id: Some(parent.clone()),
            encrypted: Some(encrypted),
            ..of_size(1)
        };
        assert_eq!(reason(cloud.call(StartSnapshot, input).await), invalid);
    }
    let key = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000";
    let unencrypted =
        StartSnapshotInput { encrypted: Some(false), kms_key_arn: Some(key.to_owned()), ..of_size(1) };
    assert_eq!(reason(cloud.call(StartSnapshot, unencrypted).await), invalid);
    let large = cloud.call(StartSnapshot, of_size(65_537)).await;
    assert_eq!(reason(large), "ValidationException INVALID_VOLUME_SIZE");
    let encrypted = StartSnapshotInput { encrypted: Some(true), ..of_size(1) };
    let encrypted = cloud.call(StartSnapshot, encrypted).await.unwrap();
    assert!(encrypted.kms_key_arn.unwrap().starts_with("arn:aws:kms:us-east-1:000000000000:key/"));
    let id = encrypted.snapshot_id.unwrap();
    put(&cloud, &id, 0, 5).await.unwrap();
    complete(&cloud, &id, 1, None).await.unwrap();
    let token = list(&cloud, all_of(&id)).await.unwrap().blocks.unwrap().remove(0).block_token.unwrap();
    let read = get(&cloud, &id, 0, &token).await.unwrap();
    assert_eq!(read.checksum, Some(checksum(&[5; BLOCK])));
    let child = StartSnapshotInput { parent_snapshot_id: Some(id), ..of_size(1) };
    let child = cloud.call(StartSnapshot, child).await.unwrap();
    assert!(child.kms_key_arn.is_some());
}
