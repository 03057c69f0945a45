//! Locks of rules: one that was locked can be unlocked only with a delay, which is said when it is locked first
//! ("Lock a Recycle Bin retention rule", "Unlock a Recycle Bin retention rule").

use std::time::Duration;

use base::Timestamp;
use rbin_api::{LockConfiguration, LockState, UnlockDelay, UnlockDelayUnit};
use serde::{Deserialize, Serialize};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub delay_days: u32,
    /// When it was unlocked, the end of the delay.
    pub ends: Option<Timestamp>,
}

impl Lock {
    pub fn new(configuration: &LockConfiguration) -> Lock {
        let days = configuration.unlock_delay.unlock_delay_value;
        Lock { delay_days: u32::try_from(days).unwrap_or_default(), ends: None }
    }

    pub fn state(&self, now: Timestamp) -> LockState {
        match self.ends {
            None => LockState::Locked,
            Some(ends) if now < ends => LockState::PendingUnlock,
            Some(_) => LockState::Unlocked,
        }
    }

    /// The end of the delay, while it lasts.
    pub fn pending_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends.filter(|ends| now < *ends)
    }

    pub fn unlock(&mut self, now: Timestamp) {
        self.ends = Some(now + DAY * self.delay_days);
    }

    pub fn shown(&self) -> LockConfiguration {
        LockConfiguration {
            unlock_delay: UnlockDelay {
                unlock_delay_value: i32::try_from(self.delay_days).unwrap_or(i32::MAX),
                unlock_delay_unit: UnlockDelayUnit::Days,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_unlocked_only_after_its_delay() {
        let start = Timestamp::from_secs(1_800_000_000);
        let mut lock = Lock { delay_days: 7, ends: None };
        assert_eq!(lock.state(start), LockState::Locked);
        lock.unlock(start);
        let ends = start + DAY * 7;
        assert_eq!(lock.state(start + DAY * 6), LockState::PendingUnlock);
        assert_eq!(lock.pending_until(start + DAY), Some(ends));
        assert_eq!((lock.state(ends), lock.pending_until(ends)), (LockState::Unlocked, None));
    }
}
