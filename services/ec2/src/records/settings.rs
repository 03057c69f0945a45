//! What an account sets for itself in a region.

use serde::{Deserialize, Serialize};
use store::{Table, Versioned};

use super::Place;

/// Under [`OWN`].
pub const ACCOUNT_SETTINGS: Table<Place, AccountSettingsRecord> = Table::new("ec2.account-settings");
pub const OWN: &str = "account";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountSettingsRecord {
    /// Whether instances may be reached through their serial consoles.
    pub serial_console: bool,
    /// Whether new volumes and copies of snapshots are encrypted though nobody asks for it.
    #[serde(default)]
    pub encrypts_volumes: bool,
    /// The KMS key of those that name none; else `alias/aws/ebs`.
    #[serde(default)]
    pub volume_key: Option<String>,
}

impl Versioned for AccountSettingsRecord {
    const VERSION: u16 = 1;
}

/// What instances of earlier versions show for a root volume, which is none: by their ids, the instances that they belong
/// to. They can be tagged.
pub const ROOT_VOLUMES: Table<Place, RootVolumeRecord> = Table::new("ec2.root-volumes");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootVolumeRecord {
    pub instance: String,
}

impl Versioned for RootVolumeRecord {
    const VERSION: u16 = 1;
}
