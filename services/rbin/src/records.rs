//! What Recycle Bin keeps.

use std::collections::BTreeMap;

use base::{AccountId, Region, Timestamp};
use rbin_api::{GetRuleOutput, LockState, ResourceTag};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use crate::model::lock::Lock;

pub type Place = (AccountId, Region);

/// Rules, by their ids.
pub const RULES: Table<Place, RuleRecord> = Table::new("rbin.rules");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleRecord {
    /// As it is shown, without its lock, which changes with time.
    pub shown: Kept<GetRuleOutput>,
    pub tags: BTreeMap<String, String>,
    /// Nothing for one that was never locked.
    pub lock: Option<Lock>,
}

impl Versioned for RuleRecord {
    const VERSION: u16 = 1;
}

impl RuleRecord {
    pub fn resource_tags(&self) -> &[ResourceTag] {
        self.shown.resource_tags.as_deref().unwrap_or_default()
    }

    pub fn excluded(&self) -> &[ResourceTag] {
        self.shown.exclude_resource_tags.as_deref().unwrap_or_default()
    }

    pub fn lock_state(&self, now: Timestamp) -> Option<LockState> {
        self.lock.as_ref().map(|lock| lock.state(now))
    }

    /// As clients see it.
    pub fn at(&self, now: Timestamp) -> GetRuleOutput {
        GetRuleOutput {
            lock_configuration: self.lock.as_ref().map(Lock::shown),
            lock_state: self.lock_state(now),
            lock_end_time: self.lock.as_ref().and_then(|lock| lock.pending_until(now)),
            ..self.shown.0.clone()
        }
    }
}
