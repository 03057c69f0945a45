//! Locks of snapshots: which changes of one are allowed, and what state it is in ("Amazon EBS snapshot lock").
//!
//! Surprising: nobody may shorten or lift a lock in compliance mode once its cooling-off period is over, the account's
//! root included; and the time of a snapshot that is still pending begins when it is completed.

use std::time::Duration;

use base::Timestamp;
use ec2_api::{LockMode, LockState, LockedSnapshotsInfo};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::error::codes::{INCORRECT_STATE, INVALID_PARAMETER_COMBINATION, OPERATION_NOT_PERMITTED};
use crate::limits::{COOL_OFF_HOURS_MAX, LOCK_DAYS_MAX};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    pub mode: Mode,
    pub created: Timestamp,
    pub term: Term,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Mode {
    Governance,
    Compliance(Option<CoolOff>),
}

/// How long a lock in compliance mode can still be taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoolOff {
    pub hours: i32,
    pub ends: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Term {
    Days(i32),
    Until(Timestamp),
}

impl Lock {
    /// When the time of the lock began; nothing while the snapshot is not completed.
    fn starts(&self, completed: Option<Timestamp>) -> Option<Timestamp> {
        completed.map(|completed| completed.max(self.created))
    }

    fn ends(&self, completed: Option<Timestamp>) -> Option<Timestamp> {
        match self.term {
            Term::Days(days) => self.starts(completed).map(|start| start + DAY * unsigned(days)),
            Term::Until(at) => Some(at),
        }
    }

    pub fn state(&self, completed: Option<Timestamp>, now: Timestamp) -> LockState {
        if self.ends(completed).is_some_and(|end| end <= now) {
            return LockState::Expired;
        }
        match &self.mode {
            Mode::Governance => LockState::Governance,
            Mode::Compliance(Some(cool_off)) if now < cool_off.ends => LockState::ComplianceCooloff,
            Mode::Compliance(_) => LockState::Compliance,
        }
    }

    pub fn shown(&self, completed: Option<Timestamp>, now: Timestamp) -> LockedSnapshotsInfo {
        let (starts, ends) = (self.starts(completed), self.ends(completed));
        let cool_off = match &self.mode {
            Mode::Compliance(Some(cool_off)) => Some(cool_off),
            _ => None,
        };
        LockedSnapshotsInfo {
            lock_state: Some(self.state(completed, now)),
            lock_duration: match self.term {
                Term::Days(days) => Some(days),
                Term::Until(at) => Some(days_until(self.created, at)),
            },
            cool_off_period: cool_off.map(|cool_off| cool_off.hours),
            cool_off_period_expires_on: cool_off.map(|cool_off| cool_off.ends),
            lock_created_on: Some(self.created),
            lock_duration_start_time: starts,
            lock_expires_on: ends,
            ..LockedSnapshotsInfo::default()
        }
    }

    /// Refuses what a lock forbids (to delete the snapshot).
    pub fn check_free(&self, id: &str, completed: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
        match self.state(completed, now) {
            LockState::Expired => Ok(()),
            state => {
                let message = format!("The snapshot '{id}' is locked in {state} mode.");
                Err(Error::new(&OPERATION_NOT_PERMITTED, message))
            }
        }
    }

    /// Refuses to lift a lock that nobody may lift.
    pub fn check_unlock(&self, id: &str, completed: Option<Timestamp>, now: Timestamp) -> Result<(), Error> {
        match self.state(completed, now) {
            LockState::Compliance => {
                let message = format!(
                    "The snapshot '{id}' is locked in compliance mode, and its cooling-off period is over."
                );
                Err(Error::new(&OPERATION_NOT_PERMITTED, message))
            }
            LockState::Expired => Err(not_locked(id)),
            _ => Ok(()),
        }
    }
}

pub fn not_locked(id: &str) -> Error {
    Error::new(&INCORRECT_STATE, format!("The snapshot '{id}' is not locked."))
}

/// What LockSnapshot is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    pub compliance: bool,
    pub cool_off_hours: Option<i32>,
    pub term: Term,
}

impl Wish {
    pub fn parse(
        mode: &LockMode,
        cool_off_hours: Option<i32>,
        days: Option<i32>,
        until: Option<Timestamp>,
    ) -> Result<Wish, Error> {
        let compliance = match mode {
            LockMode::Governance => false,
            LockMode::Compliance => true,
            LockMode::Unknown(other) => return Err(Error::invalid_value(other, "lockMode", "")),
        };
        if let Some(hours) = cool_off_hours.filter(|hours| !(1..=COOL_OFF_HOURS_MAX).contains(hours)) {
            let why = format!("It must be between 1 and {COOL_OFF_HOURS_MAX} hours.");
            return Err(Error::invalid_value(hours, "coolOffPeriod", &why));
        }
        if cool_off_hours.is_some() && !compliance {
            let message = "CoolOffPeriod can be specified only for the compliance mode.";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        let term = match (days, until) {
            (Some(days), None) if (1..=LOCK_DAYS_MAX).contains(&days) => Term::Days(days),
            (Some(days), None) => {
                let why = format!("It must be between 1 and {LOCK_DAYS_MAX} days.");
                return Err(Error::invalid_value(days, "lockDuration", &why));
            }
            (None, Some(until)) => Term::Until(until),
            _ => {
                let message = "Specify either LockDuration or ExpirationDate, but not both.";
                return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
            }
        };
        Ok(Wish { compliance, cool_off_hours, term })
    }

    /// The lock as it is after the request.
    ///
    /// # Errors
    /// `InvalidParameterValue` for an end that is past or too far, `InvalidParameterCombination` and
    /// `OperationNotPermitted` for what a lock in compliance mode forbids.
    pub fn granted(
        self,
        id: &str,
        earlier: Option<&Lock>,
        completed: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Lock, Error> {
        let earlier = earlier.filter(|lock| lock.state(completed, now) != LockState::Expired);
        let cool_off = self.cool_off_hours.map(|hours| CoolOff { hours, ends: now + HOUR * unsigned(hours) });
        let lock = Lock {
            mode: if self.compliance { Mode::Compliance(cool_off) } else { Mode::Governance },
            created: earlier.map_or(now, |lock| lock.created),
            term: self.term,
        };
        if let Some(end) = lock.ends(completed)
            && (end <= now || end.since(now) > DAY * unsigned(LOCK_DAYS_MAX))
        {
            let why = format!("The lock must end in the future and within {LOCK_DAYS_MAX} days.");
            return Err(Error::invalid_value(end.to_iso8601(), "expirationDate", &why));
        }
        match earlier {
            Some(earlier) if earlier.state(completed, now) == LockState::Compliance => {
                extended(id, earlier, lock, completed)
            }
            _ => Ok(lock),
        }
    }
}

/// Of a lock that can only be made longer.
fn extended(id: &str, earlier: &Lock, lock: Lock, completed: Option<Timestamp>) -> Result<Lock, Error> {
    match &lock.mode {
        Mode::Governance => {
            let message = format!(
                "The lock mode of the snapshot '{id}' can't be changed from compliance to governance."
            );
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        Mode::Compliance(Some(_)) => {
            let message = "CoolOffPeriod can't be specified after the cooling-off period has expired.";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        Mode::Compliance(None) => {}
    }
    // While neither has an end yet, both are counted in days from the same moment.
    let is_shorter = match (&lock.term, &earlier.term) {
        (Term::Days(new), Term::Days(old)) => new < old,
        _ => lock.ends(completed) < earlier.ends(completed),
    };
    if is_shorter {
        let message = format!("The lock of the snapshot '{id}' can only be extended.");
        return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
    }
    Ok(Lock { mode: earlier.mode.clone(), ..lock })
}

/// Days begun, as the answer shows for a date.
fn days_until(from: Timestamp, to: Timestamp) -> i32 {
    i32::try_from(to.since(from).as_secs().div_ceil(86_400)).unwrap_or(i32::MAX)
}

fn unsigned(number: i32) -> u32 {
    number.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const DONE: Option<Timestamp> = Some(Timestamp::from_secs(500_000));

    fn wish(mode: LockMode, cool_off: Option<i32>, days: i32) -> Wish {
        Wish::parse(&mode, cool_off, Some(days), None).unwrap()
    }

    #[test]
    fn a_lock_in_governance_mode_can_be_changed_and_lifted() {
        let lock = wish(LockMode::Governance, None, 2).granted("s", None, DONE, NOW).unwrap();
        assert_eq!(lock.state(DONE, NOW), LockState::Governance);
        assert!(lock.check_free("s", DONE, NOW).is_err() && lock.check_unlock("s", DONE, NOW).is_ok());
        let shorter = wish(LockMode::Governance, None, 1).granted("s", Some(&lock), DONE, NOW).unwrap();
        assert_eq!(shorter.state(DONE, NOW + DAY), LockState::Expired);
        assert!(shorter.check_free("s", DONE, NOW + DAY).is_ok());
    }

    #[test]
    fn a_lock_in_compliance_mode_only_grows_after_its_cooling_off() {
        let lock = wish(LockMode::Compliance, Some(3), 10).granted("s", None, DONE, NOW).unwrap();
        assert_eq!(lock.state(DONE, NOW), LockState::ComplianceCooloff);
        assert!(lock.check_unlock("s", DONE, NOW).is_ok());
        let later = NOW + HOUR * 3;
        assert_eq!(lock.state(DONE, later), LockState::Compliance);
        assert!(lock.check_unlock("s", DONE, later).is_err());
        for refused in [
            wish(LockMode::Governance, None, 20),
            wish(LockMode::Compliance, Some(1), 20),
            wish(LockMode::Compliance, None, 9),
        ] {
            assert!(refused.clone().granted("s", Some(&lock), DONE, later).is_err(), "{refused:?}");
        }
        let longer = wish(LockMode::Compliance, None, 20).granted("s", Some(&lock), DONE, later).unwrap();
        assert_eq!(longer.ends(DONE), Some(NOW + DAY * 20));
    }

    #[test]
    fn the_time_of_a_pending_snapshot_begins_when_it_is_completed() {
        let lock = wish(LockMode::Governance, None, 1).granted("s", None, None, NOW).unwrap();
        assert_eq!(lock.state(None, NOW + DAY * 9), LockState::Governance);
        let shown = lock.shown(None, NOW);
        assert_eq!((shown.lock_duration_start_time, shown.lock_expires_on), (None, None));
        assert_eq!(lock.shown(Some(NOW + DAY), NOW).lock_expires_on, Some(NOW + DAY * 2));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(Wish::parse(&LockMode::Governance, Some(1), Some(1), None).is_err());
        assert!(Wish::parse(&LockMode::Compliance, Some(73), Some(1), None).is_err());
        assert!(Wish::parse(&LockMode::Governance, None, None, None).is_err());
        assert!(Wish::parse(&LockMode::Governance, None, Some(1), Some(NOW)).is_err());
        assert!(Wish::parse(&LockMode::Governance, None, Some(36_501), None).is_err());
        let past = Wish::parse(&LockMode::Governance, None, None, Some(NOW)).unwrap();
        assert!(past.granted("s", None, DONE, NOW).is_err());
    }
}
