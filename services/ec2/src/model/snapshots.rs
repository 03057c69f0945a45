//! Snapshots: who may use which, and what filters see.

use base::AccountId;
use ec2_api::{CreateVolumePermission, PermissionGroup, Snapshot};

use crate::model::filter::{Values, maybe, with_millis};

/// DescribeSnapshots, besides tags.
pub const FILTERS: &[&str] = &[
    "description",
    "encrypted",
    "owner-alias",
    "owner-id",
    "progress",
    "snapshot-id",
    "start-time",
    "status",
    "storage-tier",
    "transfer-type",
    "volume-id",
    "volume-size",
];

pub fn value(shown: &Snapshot, name: &str) -> Values {
    match name {
        "description" => maybe(shown.description.as_ref()),
        "encrypted" => maybe(shown.encrypted),
        "owner-alias" => maybe(shown.owner_alias.as_ref()),
        "owner-id" => maybe(shown.owner_id.as_ref()),
        "progress" => maybe(shown.progress.as_ref()),
        "snapshot-id" => maybe(shown.snapshot_id.as_ref()),
        "start-time" => maybe(shown.start_time.map(with_millis)),
        "status" => maybe(shown.state.as_ref()),
        "storage-tier" => {
            maybe(shown.storage_tier.as_ref().map_or(Some("standard"), |tier| Some(tier.as_str())))
        }
        "transfer-type" => maybe(shown.transfer_type.as_ref()),
        "volume-id" => maybe(shown.volume_id.as_ref()),
        "volume-size" => maybe(shown.volume_size),
        _ => None,
    }
}

/// Whether everyone may create volumes from it.
pub fn is_public(permissions: &[CreateVolumePermission]) -> bool {
    permissions.iter().any(|one| one.group == Some(PermissionGroup::All))
}

/// Whether this account was named.
pub fn is_named(permissions: &[CreateVolumePermission], account: AccountId) -> bool {
    let account = account.to_string();
    permissions.iter().any(|one| one.user_id.as_deref() == Some(&account))
}
