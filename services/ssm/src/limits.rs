//! The limits of the Parameter Store, unit last. Source: the model, "AWS Systems Manager endpoints and quotas", and
//! "Managing parameter tiers" in the user guide.

use std::time::Duration;

/// Of a name with the ARN before it; the rest of the model's 2048 is AWS's own.
pub const ARN_CHARS_MAX: usize = 1_011;
pub const HIERARCHY_LEVELS_MAX: usize = 15;

pub const STANDARD_VALUE_BYTES_MAX: usize = 4_096;
pub const ADVANCED_VALUE_BYTES_MAX: usize = 8_192;
/// In one account and region.
pub const STANDARD_PARAMETERS_MAX: u64 = 10_000;
pub const ADVANCED_PARAMETERS_MAX: u64 = 100_000;

pub const VERSIONS_MAX: u64 = 100;
pub const VERSION_LABELS_MAX: usize = 10;
pub const LABEL_CHARS_MAX: usize = 100;
pub const POLICIES_MAX: usize = 10;
pub const RESOURCE_POLICY_BYTES_MAX: usize = 1_024;

/// An `AllowedPattern` is somebody's regular expression: what it may take to compile, and steps back for one value.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;
pub const PATTERN_BACKTRACKS_MAX: usize = 100_000;

/// Results on a page: of GetParametersByPath, and of everything else.
pub const PATH_RESULTS_MAX: usize = 10;
pub const RESULTS_MAX: usize = 50;
/// Records that one page of a filtered listing looks at. Where they hold too few results, the page is short and has a
/// token, as AWS's pages are.
pub const PAGE_RECORDS_MAX: usize = 500;

/// How often a new SecureString is sealed again because somebody else changed the parameter meanwhile.
pub const SEAL_ATTEMPTS_MAX: usize = 8;

/// Parameters that one pass of the expiry takes away.
pub const EXPIRED_AT_ONCE_MAX: usize = 50;
pub const EXPIRY_PERIOD: Duration = Duration::from_secs(3600);
