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
}

impl Versioned for AccountSettingsRecord {
    const VERSION: u16 = 1;
}

/// Root volumes, by their ids: the instances that they belong to. They can be tagged; what else volumes can comes with
/// block storage.
pub const ROOT_VOLUMES: Table<Place, RootVolumeRecord> = Table::new("ec2.root-volumes");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RootVolumeRecord {
    pub instance: String,
}

impl Versioned for RootVolumeRecord {
    const VERSION: u16 = 1;
}
