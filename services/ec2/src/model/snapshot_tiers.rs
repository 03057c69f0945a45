//! The archive: what tier a snapshot is in, and how far its way there or back is ("Archive Amazon EBS snapshots").
//!
//! Surprising: a snapshot that is being archived can be used until it is there, and one that was restored for some days
//! goes back by itself. All of it follows from when the last request was and what time it is.

use std::time::Duration;

use base::Timestamp;
use ec2_api::{StorageTier, TieringOperationStatus};
use serde::{Deserialize, Serialize};

use crate::limits::{TEMPORARY_RESTORE_DAYS_MAX, TIERING_TIME_OF_A_TIB};

const DAY: Duration = Duration::from_secs(86_400);

/// The last thing that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tiering {
    pub operation: TierOperation,
    pub started: Timestamp,
    pub takes: Duration,
    /// Since when it is in the archive, of one that comes back.
    pub archived: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum TierOperation {
    Archive,
    RestoreForGood,
    RestoreFor { days: i32 },
}

/// What follows from it at some time.
#[derive(Debug, PartialEq)]
pub struct Standing {
    pub status: TieringOperationStatus,
    pub percent: i32,
    pub tier: StorageTier,
    pub archived: Option<Timestamp>,
    /// When one that was restored for some days goes back.
    pub goes_back: Option<Timestamp>,
}

impl Standing {
    pub fn is_under_way(&self) -> bool {
        matches!(
            self.status,
            TieringOperationStatus::ArchivalInProgress
                | TieringOperationStatus::PermanentRestoreInProgress
                | TieringOperationStatus::TemporaryRestoreInProgress
        )
    }

    pub fn is_usable(&self) -> bool {
        self.tier == StorageTier::Standard
    }
}

/// How long a snapshot of a volume of this size is on its way. On AWS, up to a day or three.
pub fn time_for(gib: i64) -> Duration {
    TIERING_TIME_OF_A_TIB * u32::try_from(gib.max(1).unsigned_abs().div_ceil(1_024)).unwrap_or(u32::MAX)
}

pub fn is_restore_time(days: i32) -> bool {
    (1..=TEMPORARY_RESTORE_DAYS_MAX).contains(&days)
}

impl Tiering {
    fn ends(&self) -> Timestamp {
        self.started + self.takes
    }

    pub fn at(&self, now: Timestamp) -> Standing {
        use TieringOperationStatus as Status;
        let is_done = self.ends() <= now;
        let (status, tier) = match (self.operation, is_done) {
            (TierOperation::Archive, false) => (Status::ArchivalInProgress, StorageTier::Standard),
            (TierOperation::Archive, true) => (Status::ArchivalCompleted, StorageTier::Archive),
            (TierOperation::RestoreForGood, false) => {
                (Status::PermanentRestoreInProgress, StorageTier::Archive)
            }
            (TierOperation::RestoreForGood, true) => {
                (Status::PermanentRestoreCompleted, StorageTier::Standard)
            }
            (TierOperation::RestoreFor { .. }, false) => {
                (Status::TemporaryRestoreInProgress, StorageTier::Archive)
            }
            (TierOperation::RestoreFor { days }, true) => {
                let is_back = self.goes_back(days) <= now;
                let tier = if is_back { StorageTier::Archive } else { StorageTier::Standard };
                (Status::TemporaryRestoreCompleted, tier)
            }
        };
        let archived = match self.operation {
            TierOperation::Archive if is_done => Some(self.ends()),
            _ => self.archived,
        };
        let goes_back = match self.operation {
            TierOperation::RestoreFor { days } if is_done => {
                Some(self.goes_back(days)).filter(|at| now < *at)
            }
            _ => None,
        };
        Standing { status, percent: self.percent(now), tier, archived, goes_back }
    }

    fn goes_back(&self, days: i32) -> Timestamp {
        self.ends() + DAY * days.unsigned_abs()
    }

    fn percent(&self, now: Timestamp) -> i32 {
        let (passed, all) = (now.since(self.started).as_secs(), self.takes.as_secs());
        if passed >= all { 100 } else { i32::try_from(passed * 100 / all).unwrap_or(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_goes_to_the_archive_and_comes_back_for_some_days() {
        let start = Timestamp::from_secs(1_000_000);
        let takes = time_for(1_025);
        assert_eq!(takes, TIERING_TIME_OF_A_TIB * 2);
        let archive = Tiering { operation: TierOperation::Archive, started: start, takes, archived: None };
        let under_way = archive.at(start + TIERING_TIME_OF_A_TIB);
        assert_eq!((under_way.percent, under_way.is_usable(), under_way.is_under_way()), (50, true, true));
        let there = archive.at(start + takes);
        assert_eq!((there.percent, there.is_usable(), there.archived), (100, false, Some(start + takes)));
        let back = Tiering {
            operation: TierOperation::RestoreFor { days: 2 },
            started: start + takes,
            takes,
            archived: there.archived,
        };
        assert!(!back.at(start + takes).is_usable());
        let here = start + takes + takes;
        let standing = back.at(here);
        assert_eq!((standing.is_usable(), standing.goes_back), (true, Some(here + DAY * 2)));
        let gone = back.at(here + DAY * 2);
        assert_eq!((gone.is_usable(), gone.goes_back, gone.archived), (false, None, Some(start + takes)));
        let for_good = Tiering { operation: TierOperation::RestoreForGood, ..back };
        assert!(for_good.at(here + DAY * 9).is_usable());
    }
}
