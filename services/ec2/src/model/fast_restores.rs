//! Fast restores of a snapshot in a zone: the states by the clock, and the credits that volumes cost ("Amazon EBS fast
//! snapshot restore", "volume creation credits").

use std::time::Duration;

use base::Timestamp;
use ec2_api::{DescribeFastSnapshotRestoreSuccessItem, FastSnapshotRestoreStateCode as State};
use serde::{Deserialize, Serialize};

use crate::limits::{FAST_RESTORE_CHANGE_TIME, FAST_RESTORE_CREDITS_MAX, FAST_RESTORE_TIME_OF_A_TIB};

const HOUR_SECONDS: f64 = 3_600.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FastRestore {
    pub enabling: Timestamp,
    pub disabling: Option<Timestamp>,
    /// Of the snapshot's volume.
    pub gib: i64,
    /// Credits there were at a time; they grow since.
    pub credits: f64,
    pub counted: Timestamp,
}

impl FastRestore {
    pub fn new(gib: i64, now: Timestamp) -> FastRestore {
        let fresh = FastRestore { enabling: now, disabling: None, gib, credits: 0.0, counted: now };
        FastRestore { counted: fresh.enabled(), ..fresh }
    }

    fn optimizing(&self) -> Timestamp {
        self.enabling + FAST_RESTORE_CHANGE_TIME
    }

    /// "It takes 60 minutes per TiB to optimize a snapshot."
    fn enabled(&self) -> Timestamp {
        let seconds = FAST_RESTORE_TIME_OF_A_TIB.as_secs() * self.gib.max(1).unsigned_abs() / 1_024;
        self.optimizing() + Duration::from_secs(seconds)
    }

    fn disabled(&self) -> Option<Timestamp> {
        self.disabling.map(|at| at + FAST_RESTORE_CHANGE_TIME)
    }

    pub fn state(&self, now: Timestamp) -> State {
        if let (Some(_), Some(disabled)) = (self.disabling, self.disabled()) {
            return if disabled <= now { State::Disabled } else { State::Disabling };
        }
        match now {
            now if now < self.optimizing() => State::Enabling,
            now if now < self.enabled() => State::Optimizing,
            _ => State::Enabled,
        }
    }

    /// Whether it is on, or about to be.
    pub fn is_wanted(&self) -> bool {
        self.disabling.is_none()
    }

    /// Takes what one volume costs; false where there is not enough.
    pub fn take_credit(&mut self, now: Timestamp) -> bool {
        if self.state(now) != State::Enabled {
            return false;
        }
        let per_hour = (1_024.0 / self.gib.max(1) as f64).min(FAST_RESTORE_CREDITS_MAX);
        let grown = now.since(self.counted).as_secs_f64() / HOUR_SECONDS * per_hour;
        self.credits = (self.credits + grown).min(per_hour.max(1.0));
        self.counted = now;
        if self.credits < 1.0 {
            return false;
        }
        self.credits -= 1.0;
        true
    }

    /// Everything but the names of what it is about.
    pub fn shown(&self, now: Timestamp) -> DescribeFastSnapshotRestoreSuccessItem {
        let reached = |at: Timestamp| (at <= self.disabling.unwrap_or(now) && at <= now).then_some(at);
        let state = self.state(now);
        let reason = match state {
            State::Enabling | State::Disabling => "Client.UserInitiated",
            _ => "Client.UserInitiated - Lifecycle state transition",
        };
        DescribeFastSnapshotRestoreSuccessItem {
            state: Some(state),
            state_transition_reason: Some(reason.to_owned()),
            enabling_time: Some(self.enabling),
            optimizing_time: reached(self.optimizing()),
            enabled_time: reached(self.enabled()),
            disabling_time: self.disabling,
            disabled_time: self.disabled().filter(|at| *at <= now),
            ..DescribeFastSnapshotRestoreSuccessItem::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_per_tebibyte_passes_until_it_is_on() {
        let start = Timestamp::from_secs(1_000_000);
        let mut restore = FastRestore::new(512, start);
        let change = FAST_RESTORE_CHANGE_TIME;
        let half_an_hour = Duration::from_secs(1_800);
        assert_eq!(restore.state(start), State::Enabling);
        assert_eq!(restore.state(start + change), State::Optimizing);
        let on = start + change + half_an_hour;
        assert_eq!(restore.state(on), State::Enabled);
        assert!(!restore.take_credit(on), "the bucket begins empty");
        // Two credits an hour, and two at most.
        let later = on + Duration::from_secs(36_000);
        assert!(restore.take_credit(later) && restore.take_credit(later) && !restore.take_credit(later));
        assert!(restore.take_credit(later + half_an_hour));
        restore.disabling = Some(later);
        assert_eq!(restore.state(later), State::Disabling);
        assert_eq!(restore.state(later + change), State::Disabled);
        let shown = restore.shown(later + change);
        assert_eq!((shown.enabled_time, shown.disabled_time), (Some(on), Some(later + change)));
    }
}
