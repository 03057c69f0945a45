//! Jobs that are broken off between what they make and writing it down: nothing of it is forgotten. The disk is full from
//! some moment of a job on, whichever it is, as if the process had ended there; later there is room, and the job is
//! tried again.

use backup_api::*;
use base::Region;
use testkit::Cloud;

use crate::support::*;

/// Steps of the scheduler from the start of a job that are tried, one after the other, with different luck each time:
/// how many steps something takes follows from the seed.
const STEPS: std::ops::Range<usize> = 5..18;
const SEEDS: std::ops::Range<u64> = 801..803;

fn moments() -> impl Iterator<Item = (u64, usize)> {
    SEEDS.flat_map(|seed| STEPS.map(move |steps| (seed, steps)))
}

/// How a job stood while nothing could be written.
#[derive(Debug, PartialEq)]
enum Left {
    Nothing,
    /// There is a backup, and the job does not know of it.
    Unknown,
    Known,
}

async fn count(cloud: &Cloud, is_table: bool) -> usize {
    if !is_table {
        return snapshots(cloud, Region::US_EAST_1).await.len();
    }
    let input = dynamodb_api::ListBackupsInput {
        backup_type: Some(dynamodb_api::BackupTypeFilter::All),
        ..Default::default()
    };
    cloud.call(dynamodb_api::ListBackups, input).await.unwrap().backup_summaries.unwrap().len()
}

/// Starts a job and lets the disk be full after some steps.
async fn broken_off(cloud: &Cloud, role: &str, resource: &str, steps: usize) -> (String, Left) {
    let id = start_only(cloud, role, resource).await;
    for _ in 0..steps {
        tokio::task::yield_now().await;
    }
    cloud.store.set_full(true);
    cloud.settle().await;
    let (made, shown) = (count(cloud, resource.contains(":table/")).await, job(cloud, &id).await);
    cloud.store.set_full(false);
    let left = match (made, shown.recovery_point_arn) {
        (0, _) => Left::Nothing,
        (_, None) => Left::Unknown,
        (_, Some(_)) => Left::Known,
    };
    (id, left)
}

async fn start_only(cloud: &Cloud, role: &str, resource: &str) -> String {
    cloud.call(StartBackupJob, job_input(role, resource)).await.unwrap().backup_job_id.unwrap()
}

/// A job's end, and what is said of it. What failed is tried again a little later, and less and less often.
async fn ended(cloud: &Cloud, id: &str) -> DescribeBackupJobOutput {
    for _ in 0..30 {
        pass(cloud, std::time::Duration::from_secs(30)).await;
        let shown = job(cloud, id).await;
        if shown.completion_date.is_some() {
            return shown;
        }
    }
    panic!("the job does not end: {:?}", job(cloud, id).await);
}

async fn is_found_again(is_table: bool) {
    let mut found_again = 0;
    for (seed, steps) in moments() {
        let (cloud, role) = prepared(seed).await;
        let resource = match is_table {
            true => table(&cloud, "Music").await,
            false => volume(&cloud, &[("app", "shop")]).await,
        };
        let (id, left) = broken_off(&cloud, &role, &resource, steps).await;
        let done = ended(&cloud, &id).await;
        cloud.settle().await;
        let context = format!("after {steps} steps with {seed}, {left:?}: {:?}", done.status_message);
        // A snapshot that EC2 itself could not begin fails, and the job with it; it takes the snapshot away.
        if done.status_message.as_deref() == Some("The snapshot was not begun.") {
            assert_eq!((done.state, left), (Some(BackupJobState::Failed), Left::Unknown));
            assert_eq!(count(&cloud, is_table).await, 0, "{context}");
            continue;
        }
        assert_eq!(done.state, Some(BackupJobState::Completed), "{context}");
        assert_eq!(count(&cloud, is_table).await, 1, "{context}");
        found_again += usize::from(left == Left::Unknown);
        delete(&cloud, &done.recovery_point_arn.unwrap()).await.unwrap();
        cloud.settle().await;
        assert_eq!(count(&cloud, is_table).await, 0, "{context}");
    }
    assert!(found_again > 0, "no job was broken off where it matters");
}

#[tokio::test]
async fn a_snapshot_that_a_job_could_not_write_down_is_found_again() {
    is_found_again(false).await;
}

#[tokio::test]
async fn a_tables_backup_that_a_job_could_not_write_down_is_found_again() {
    is_found_again(true).await;
}

#[tokio::test]
async fn a_job_that_is_stopped_takes_what_it_could_not_write_down_with_it() {
    let mut unknown = 0;
    for (seed, steps) in moments() {
        let (cloud, role) = prepared(seed).await;
        let disk = volume(&cloud, &[]).await;
        let (id, left) = broken_off(&cloud, &role, &disk, steps).await;
        unknown += usize::from(left == Left::Unknown);
        cloud.call(StopBackupJob, StopBackupJobInput { backup_job_id: id.clone() }).await.unwrap();
        let done = ended(&cloud, &id).await;
        assert_eq!(done.state, Some(BackupJobState::Aborted), "after {steps} steps, {left:?}");
        assert_eq!(count(&cloud, false).await, 0, "after {steps} steps, {left:?}");
    }
    assert!(unknown > 0, "no job was broken off where it matters");
}

#[tokio::test]
async fn two_jobs_of_a_volume_do_not_take_each_others_snapshots() {
    let (cloud, role) = prepared(802).await;
    let disk = volume(&cloud, &[]).await;
    let first = start_only(&cloud, &role, &disk).await;
    let second = start_only(&cloud, &role, &disk).await;
    let (one, other) = (ended(&cloud, &first).await, ended(&cloud, &second).await);
    assert_eq!(one.state, Some(BackupJobState::Completed));
    assert_eq!(other.state, Some(BackupJobState::Completed));
    assert_ne!(one.recovery_point_arn, other.recovery_point_arn);
    assert_eq!(count(&cloud, false).await, 2);
}
