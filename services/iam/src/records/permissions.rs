//! What hangs on policies and roles: how often a policy is used, and deletions of service-linked roles.

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use store::Table;

/// By the policy's ARN, for policies that are in use.
pub const POLICY_COUNTS: Table<AccountId, PolicyCountRecord> = Table::new("iam.policy-counts");
/// `account|task id`, to be worked off and then to be asked about.
pub const ROLE_DELETIONS: Table<(), RoleDeletionRecord> = Table::new("iam.role-deletions");

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyCountRecord {
    /// Users, groups and roles that it is attached to.
    pub permissions: u32,
    /// Users and roles whose boundary it is.
    pub boundary: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoleDeletionRecord {
    pub account: AccountId,
    pub role_name: String,
    /// A role of the same name that is made meanwhile is another.
    pub role_id: String,
    pub state: DeletionState,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum DeletionState {
    Waiting,
    Done { at: Timestamp },
}

super::first_version!(PolicyCountRecord, RoleDeletionRecord);
