//! What IAM keeps in the store. All of it belongs to an account; only access keys are found without one.
//!
//! Everything that hangs on an identity (inline policies, attachments, memberships) is in the identity's own record:
//! all of it is bounded by quotas, permissions are gathered with few reads, and a deletion sees what is in its way.
//!
//! Names are unique whatever their case, so keys are names in lower case ([`key`]); records keep the spelling.

mod arns;
mod federation;
mod permissions;
mod uses;

pub use federation::*;
pub use permissions::*;
pub use uses::*;

use std::collections::{BTreeMap, BTreeSet};

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use store::Table;

pub const USERS: Table<AccountId, UserRecord> = Table::new("iam.users");
pub const GROUPS: Table<AccountId, GroupRecord> = Table::new("iam.groups");
pub const ROLES: Table<AccountId, RoleRecord> = Table::new("iam.roles");
pub const INSTANCE_PROFILES: Table<AccountId, InstanceProfileRecord> = Table::new("iam.instance-profiles");
/// Customer-managed policies. AWS's own are facts, not records.
pub const POLICIES: Table<AccountId, PolicyRecord> = Table::new("iam.policies");
/// `policy ARN|permissions or boundary|user, group or role|name key`, for every use of a managed policy.
pub const POLICY_USES: Table<AccountId, PolicyUseRecord> = Table::new("iam.policy-uses");
/// `group key|user key` for every membership, to list a group's users; the user's record has its groups.
pub const MEMBERS: Table<AccountId, MemberRecord> = Table::new("iam.members");
/// Long-lived access keys by id, whoever owns them.
pub const ACCESS_KEYS: Table<(), AccessKeyRecord> = Table::new("iam.access-keys");
/// By serial number (an ARN, or a hardware device's).
pub const MFA_DEVICES: Table<AccountId, MfaDeviceRecord> = Table::new("iam.mfa-devices");
/// One record under the key `account`: alias, password policy and switches.
pub const ACCOUNTS: Table<AccountId, AccountRecord> = Table::new("iam.accounts");
/// Account aliases are unique in the whole cloud.
pub const ALIASES: Table<(), AliasRecord> = Table::new("iam.aliases");
/// Central root access, of the management account, by the id of its organisation.
pub const ROOT_ACCESS: Table<AccountId, RootAccessRecord> = Table::new("iam.root-access");
/// How many of a kind an account has, by the kind's quota; see [`crate::operations::quotas`].
pub const COUNTS: Table<AccountId, CountRecord> = Table::new("iam.counts");

/// A name's key.
pub fn key(name: &str) -> String {
    name.to_lowercase()
}

/// What users and roles have in common, and groups in part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Permissions {
    /// Inline policies, as given, by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of managed policies, in the order they were attached.
    pub attached: Vec<String>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UserRecord {
    pub name: String,
    /// Begins and ends with a slash.
    pub path: String,
    /// `AIDA…`
    pub id: String,
    pub created: Timestamp,
    pub permissions: Permissions,
    /// Keys of the groups it is in.
    pub groups: BTreeSet<String>,
    pub tags: BTreeMap<String, String>,
    pub login: Option<LoginRecord>,
    pub password_last_used: Option<Timestamp>,
    /// Ids of its access keys, oldest first.
    pub access_keys: Vec<String>,
    /// Serial numbers of its MFA devices, in the order they were enabled.
    pub mfa_devices: Vec<String>,
    pub ssh_public_keys: Vec<SshPublicKey>,
    pub signing_certificates: Vec<SigningCertificate>,
    pub service_credentials: Vec<ServiceCredential>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoginRecord {
    /// A slow salted hash in text form; the password itself is kept nowhere.
    pub password_hash: String,
    /// Hashes of earlier passwords, latest first, as many as the password policy may ask about.
    pub earlier_hashes: Vec<String>,
    pub created: Timestamp,
    /// When the password was set.
    pub changed: Timestamp,
    pub reset_required: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SshPublicKey {
    /// `APKA…`
    pub id: String,
    pub fingerprint: String,
    pub body: String,
    pub active: bool,
    pub uploaded: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SigningCertificate {
    pub id: String,
    pub body: String,
    pub active: bool,
    pub uploaded: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceCredential {
    /// `ACCA…`
    pub id: String,
    pub service: String,
    pub user_name: String,
    /// Sealed; shown once.
    pub sealed_secret: String,
    pub active: bool,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    /// API-key credentials have an alias of their own instead of a user name.
    pub alias: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupRecord {
    pub name: String,
    pub path: String,
    /// `AGPA…`
    pub id: String,
    pub created: Timestamp,
    pub permissions: Permissions,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RoleRecord {
    pub name: String,
    pub path: String,
    /// `AROA…`
    pub id: String,
    pub created: Timestamp,
    pub permissions: Permissions,
    pub tags: BTreeMap<String, String>,
    pub description: Option<String>,
    /// The trust policy, as given.
    pub trust: String,
    /// The unique ids of the users and roles that it names, by their ARN. Who is made again under the same name is
    /// somebody else.
    #[serde(default)]
    pub trusted_ids: BTreeMap<String, String>,
    pub session_seconds_max: u32,
    pub last_used: Option<LastUsed>,
    /// The service that owns it, for service-linked roles.
    pub linked_to: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfileRecord {
    pub name: String,
    pub path: String,
    /// `AIPA…`
    pub id: String,
    pub created: Timestamp,
    /// Keys of roles; one at most.
    pub roles: Vec<String>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRecord {
    pub name: String,
    pub path: String,
    /// `ANPA…`
    pub id: String,
    pub description: Option<String>,
    pub created: Timestamp,
    pub updated: Timestamp,
    pub versions: Vec<PolicyVersion>,
    /// The number of the default version, and of the next to be made.
    pub default_version: u32,
    pub next_version: u32,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    pub number: u32,
    /// As given.
    pub document: String,
    pub created: Timestamp,
}

/// The key says who uses which policy as what; this is what listings show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyUseRecord {
    pub name: String,
    pub path: String,
    pub id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRecord {
    pub user_name: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessKeyRecord {
    pub account: AccountId,
    /// The user's key; nothing for a key of the account's root.
    pub user: Option<String>,
    pub sealed_secret: String,
    pub active: bool,
    pub created: Timestamp,
    pub last_used: Option<LastUsed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastUsed {
    pub at: Timestamp,
    pub region: Region,
    pub service: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MfaDeviceRecord {
    /// The shared secret of a virtual device, sealed; hardware devices' are not known here.
    pub sealed_seed: Option<String>,
    pub created: Timestamp,
    pub enabled: Option<MfaEnabled>,
    pub tags: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MfaEnabled {
    /// The user's key; nothing for the account's root.
    pub user: Option<String>,
    pub at: Timestamp,
    /// The time step of the last code that was accepted: codes are used once.
    pub last_step: u64,
    /// How many time steps the device's clock is ahead of the cloud's, as its last two codes showed.
    #[serde(default)]
    pub drift_steps: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountRecord {
    pub alias: Option<String>,
    pub password_policy: Option<PasswordPolicyRecord>,
    /// `v1Token` or `v2Token`, as SetSecurityTokenServicePreferences chose.
    pub global_token_version: Option<String>,
    pub root_mfa_devices: Vec<String>,
    pub root_access_keys: Vec<String>,
    #[serde(default)]
    pub root_signing_certificates: Vec<SigningCertificate>,
}

/// The features of central root access that are on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RootAccessRecord {
    pub credentials_management: bool,
    pub sessions: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PasswordPolicyRecord {
    pub length_min: u32,
    pub symbols: bool,
    pub numbers: bool,
    pub uppercase: bool,
    pub lowercase: bool,
    pub users_may_change: bool,
    pub age_days_max: Option<u32>,
    pub reuse_prevention: Option<u32>,
    pub hard_expiry: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AliasRecord {
    pub account: AccountId,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CountRecord {
    pub count: u64,
}

macro_rules! first_version {
    ($($record:ty),* $(,)?) => {$(
        impl ::store::Versioned for $record {
            const VERSION: u16 = 1;
        }
    )*};
}

use first_version;

first_version!(
    UserRecord,
    GroupRecord,
    RoleRecord,
    InstanceProfileRecord,
    PolicyRecord,
    PolicyUseRecord,
    MemberRecord,
    AccessKeyRecord,
    MfaDeviceRecord,
    AccountRecord,
    RootAccessRecord,
    AliasRecord,
    CountRecord,
);
