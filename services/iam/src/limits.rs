//! IAM's quotas, the unit last. Reference: "IAM and AWS STS quotas" of the user guide.

use std::time::Duration;

pub const USERS_MAX: usize = 5_000;

// What the directory remembers.
pub const KEYS_KNOWN_MAX: usize = 50_000;
pub const UNKNOWN_KEYS_KNOWN_MAX: usize = 4_096;
pub const PRINCIPALS_KNOWN_MAX: usize = 20_000;
pub const SESSIONS_KNOWN_MAX: usize = 5_000;
pub const COMPILED_POLICIES_MAX: usize = 10_000;
/// Users and roles whose use of services is held until it is written down.
pub const PRINCIPALS_NOTED_MAX: usize = 20_000;
/// Distinct actions that are noted for one principal and service.
pub const ACTIONS_NOTED_MAX: usize = 500;
pub const GROUPS_MAX: usize = 300;
pub const GROUPS_PER_USER_MAX: usize = 10;
pub const ACCESS_KEYS_PER_USER_MAX: usize = 2;
pub const MFA_DEVICES_PER_USER_MAX: usize = 8;
pub const SSH_PUBLIC_KEYS_PER_USER_MAX: usize = 5;
pub const SIGNING_CERTIFICATES_PER_USER_MAX: usize = 2;
pub const SERVICE_CREDENTIALS_PER_USER_AND_SERVICE_MAX: usize = 2;
pub const TAGS_MAX: usize = 50;

/// Listings.
pub const PAGE_ITEMS_DEFAULT: usize = 100;
pub const PAGE_ITEMS_MAX: usize = 1_000;

/// Passwords. The rounds of PBKDF2 are those that OWASP recommends for HMAC-SHA-256.
pub const PASSWORD_HASH_ROUNDS: u32 = 600_000;
pub const PASSWORDS_REMEMBERED_MAX: usize = 24;

/// How far a device's clock may be from the cloud's when it is enabled or synchronised, in time steps of 30 seconds.
pub const MFA_DRIFT_STEPS_MAX: i64 = 120;

pub const OIDC_PROVIDERS_MAX: usize = 100;
pub const CLIENT_IDS_PER_PROVIDER_MAX: usize = 100;
pub const THUMBPRINTS_PER_PROVIDER_MAX: usize = 5;
pub const SAML_PROVIDERS_MAX: usize = 100;
pub const SAML_PRIVATE_KEYS_MAX: usize = 2;
/// How long a SAML provider is said to be valid whose metadata names no end.
pub const SAML_VALIDITY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
pub const SERVER_CERTIFICATES_MAX: usize = 20;
/// AWS takes two megabytes; a record has to hold it here.
pub const CERTIFICATE_CHAIN_BYTES_MAX: usize = 512 * 1024;

/// A credential report is used again for this long, and then has expired.
pub const CREDENTIAL_REPORT_AGE_MAX: Duration = Duration::from_secs(4 * 3600);
/// How long reports of last accesses can be read.
pub const ACCESS_REPORT_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Uses longer ago are not reported.
pub const ACCESS_TRACKING_TIME: Duration = Duration::from_secs(400 * 24 * 3600);
pub const POLICY_VERSIONS_IN_USE_MAX: usize = 10_000;

pub const ROLES_MAX: usize = 1_000;
pub const INSTANCE_PROFILES_MAX: usize = 1_000;
pub const ROLES_PER_INSTANCE_PROFILE_MAX: usize = 1;
pub const POLICIES_MAX: usize = 1_500;
pub const POLICIES_PER_IDENTITY_MAX: usize = 10;
pub const VERSIONS_PER_POLICY_MAX: usize = 5;
/// Sizes of policies, without white space. Inline ones are counted together.
pub const MANAGED_POLICY_CHARS_MAX: usize = 6_144;
pub const TRUST_POLICY_CHARS_MAX: usize = 2_048;
pub const USER_POLICIES_CHARS_MAX: usize = 2_048;
pub const GROUP_POLICIES_CHARS_MAX: usize = 5_120;
pub const ROLE_POLICIES_CHARS_MAX: usize = 10_240;
pub const ROLE_SESSION_SECONDS_DEFAULT: u32 = 3_600;
/// How long the outcome of a service-linked role's deletion can be asked for.
pub const ROLE_DELETION_AGE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Pairs of actions and resources that one call of the simulator may ask for.
pub const SIMULATIONS_MAX: usize = 10_000;
