//! What Organizations keeps in the store.
//!
//! An organisation belongs to its management account, whose id is the scope of nearly everything; only what is found
//! without knowing the organisation lies outside: which organisation an account is in, whose an address is, and
//! handshakes, which two sides look at.

use std::collections::{BTreeMap, BTreeSet};

use base::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Table, Versioned};

use crate::model::policy_type::PolicyType;
use crate::model::tags::Tags;

/// Accounts that are in an organisation, the management accounts too.
pub const MEMBERSHIPS: Table<(), MembershipRecord> = Table::new("organizations.memberships");
/// Accounts that were ever given a name, whether they are in an organisation or not.
pub const PROFILES: Table<(), ProfileRecord> = Table::new("organizations.profiles");
/// Whose an e-mail address (in lower case) is; in the whole cloud an address is one account's.
pub const EMAILS: Table<(), EmailRecord> = Table::new("organizations.emails");
/// One record under the key [`ORGANIZATION`].
pub const ORGANIZATIONS: Table<AccountId, OrganizationRecord> = Table::new("organizations.organizations");
pub const ORGANIZATION: &str = "organization";
/// By account id.
pub const MEMBERS: Table<AccountId, MemberRecord> = Table::new("organizations.members");
/// `parent/account`.
pub const PLACEMENTS: Table<AccountId, PlacementRecord> = Table::new("organizations.placements");
/// By OU id.
pub const UNITS: Table<AccountId, UnitRecord> = Table::new("organizations.units");
/// `parent/name`, for unique names and for listing a parent's OUs.
pub const UNIT_NAMES: Table<AccountId, UnitNameRecord> = Table::new("organizations.unit-names");
/// By policy id. AWS's own are facts, not records.
pub const POLICIES: Table<AccountId, PolicyRecord> = Table::new("organizations.policies");
/// `TYPE/name`, for unique names and for listing a type's policies.
pub const POLICY_NAMES: Table<AccountId, PolicyNameRecord> = Table::new("organizations.policy-names");
/// `TYPE/target/policy` for everything that is attached.
pub const ATTACHMENTS: Table<AccountId, AttachmentRecord> = Table::new("organizations.attachments");
/// `policy/target`, the same the other way round.
pub const TARGETS: Table<AccountId, TargetRecord> = Table::new("organizations.targets");
/// By request id.
pub const CREATIONS: Table<AccountId, CreationRecord> = Table::new("organizations.creations");
/// By handshake id.
pub const HANDSHAKES: Table<(), HandshakeRecord> = Table::new("organizations.handshakes");
/// `sent/handshake` and `received/handshake` of either side, and the sender's latest invitation as `invited/party`.
pub const HANDSHAKE_LINKS: Table<AccountId, HandshakeLinkRecord> =
    Table::new("organizations.handshake-links");
/// Work for the background: what it is, and the id it is about.
pub const PENDING: Table<(), PendingRecord> = Table::new("organizations.pending");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MembershipRecord {
    pub management: AccountId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileRecord {
    pub name: String,
    pub email: String,
    /// When it was created here; nothing for accounts that came from elsewhere.
    pub created: Option<Timestamp>,
    /// Gone for good: it was closed, and its time to be reopened is over.
    pub gone: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailRecord {
    pub account: AccountId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrganizationRecord {
    /// `o-…`
    pub id: String,
    /// `r-…`
    pub root: String,
    pub created: Timestamp,
    pub features: FeatureSet,
    pub enabled_types: BTreeSet<PolicyType>,
    pub root_tags: Tags,
    /// Members, the management account included, and OUs.
    pub accounts: u32,
    pub units: u32,
    pub policies: BTreeMap<PolicyType, u32>,
    /// Service principals and since when they have access.
    pub service_access: BTreeMap<String, Timestamp>,
    /// Delegated administrators: of which services, and since when.
    pub administrators: BTreeMap<String, BTreeMap<String, Timestamp>>,
    pub resource_policy: Option<ResourcePolicyRecord>,
    /// When accounts were closed, for the quota; older than its window are dropped.
    pub closings: Vec<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeatureSet {
    All,
    ConsolidatedBilling,
    /// On the way to all features: the management account's handshake.
    Enabling {
        handshake: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourcePolicyRecord {
    pub id: String,
    pub content: String,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRecord {
    pub name: String,
    pub email: String,
    /// Root or OU.
    pub parent: String,
    pub invited: bool,
    pub joined: Timestamp,
    pub state: AccountState,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountState {
    /// Its roles are being made.
    PendingActivation,
    Active,
    PendingClosure {
        since: Timestamp,
    },
    Closed {
        since: Timestamp,
    },
}

impl AccountState {
    /// Whether its principals may act no more.
    pub fn is_closed(&self) -> bool {
        matches!(self, AccountState::PendingClosure { .. } | AccountState::Closed { .. })
    }
}

/// The key says it all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacementRecord {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitRecord {
    pub name: String,
    pub parent: String,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitNameRecord {
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    pub kind: PolicyType,
    pub name: String,
    pub description: String,
    /// As given.
    pub content: String,
    pub updated: Timestamp,
    pub tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyNameRecord {
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachmentRecord {
    pub at: Timestamp,
    /// Counts up a target and type: of policies on one target, the first attached wins.
    pub order: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetRecord {
    pub kind: PolicyType,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreationRecord {
    pub name: String,
    pub email: String,
    pub role: String,
    pub tags: Tags,
    pub requested: Timestamp,
    pub completed: Option<Timestamp>,
    /// Known once it has been drawn, before its roles are made.
    pub account: Option<AccountId>,
    pub state: CreationState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CreationState {
    InProgress,
    Succeeded,
    /// With AWS's name for the reason.
    Failed {
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandshakeRecord {
    pub action: HandshakeAction,
    pub management: AccountId,
    /// `o-…`
    pub organization: String,
    /// Told to the other side, as they were when it was sent.
    pub management_name: String,
    pub management_email: String,
    pub features: FeatureSet,
    pub party: Party,
    pub notes: Option<String>,
    /// The tags the account is to have once it joins.
    pub tags: Tags,
    /// The handshake of the management account that this one is part of.
    pub parent: Option<String>,
    pub requested: Timestamp,
    pub expires: Timestamp,
    pub state: HandshakeState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandshakeAction {
    Invite,
    EnableAllFeatures,
    ApproveAllFeatures,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Party {
    Account(AccountId),
    /// With the account, if the address is one's.
    Email {
        email: String,
        account: Option<AccountId>,
    },
    /// The organisation's own management account.
    Organization,
}

/// As it was left; that it expired follows from the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HandshakeState {
    /// Not all it waits for has happened.
    Requested,
    Open,
    Accepted {
        at: Timestamp,
    },
    Declined {
        at: Timestamp,
    },
    Canceled {
        at: Timestamp,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HandshakeLinkRecord {
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingRecord {
    pub management: AccountId,
    pub work: Work,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// A request to create an account, by its id.
    Create { request: String },
    /// An account to close.
    Close { account: AccountId },
    /// An account that needs the role by which Organizations acts in it.
    Link { account: AccountId },
    /// A closed account whose time to be reopened runs.
    Bury { account: AccountId },
}

impl PendingRecord {
    /// Keys are made from the work, so that it is there once.
    pub fn key(work: &Work) -> String {
        match work {
            Work::Create { request } => format!("create/{request}"),
            Work::Close { account } => format!("close/{account}"),
            Work::Link { account } => format!("link/{account}"),
            Work::Bury { account } => format!("bury/{account}"),
        }
    }
}

macro_rules! first_version {
    ($($record:ty),* $(,)?) => {$(
        impl Versioned for $record {
            const VERSION: u16 = 1;
        }
    )*};
}

first_version!(
    MembershipRecord,
    ProfileRecord,
    EmailRecord,
    OrganizationRecord,
    MemberRecord,
    PlacementRecord,
    UnitRecord,
    UnitNameRecord,
    PolicyRecord,
    PolicyNameRecord,
    AttachmentRecord,
    TargetRecord,
    CreationRecord,
    HandshakeRecord,
    HandshakeLinkRecord,
    PendingRecord,
);
