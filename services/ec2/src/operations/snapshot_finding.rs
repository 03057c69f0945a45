//! Finding a snapshot that a call names: the caller's own, or one that others let its account use.

use base::{AccountId, Arn, Region};
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::kind::SNAPSHOT;
use crate::model::images::catalogue;
use crate::model::snapshots::{is_named, is_public};
use crate::records::snapshot_states::blocked;
use crate::records::snapshots::{SHARED_SNAPSHOTS, SnapshotRecord};
use crate::records::{Place, Resource};

/// A snapshot, and where it is.
#[derive(Clone, Debug)]
pub struct Found {
    pub place: Place,
    pub record: SnapshotRecord,
    /// Seen only because everyone may see it.
    pub is_only_public: bool,
}

/// ARNs of snapshots name no account.
pub fn arn(call: &Call, id: &str) -> Arn {
    let text = format!("arn:{}:ec2:{}::snapshot/{id}", call.region.partition().as_str(), call.region);
    text.parse().expect("an id has no colon, and the rest is well-formed")
}

/// Inputs that name one snapshot.
pub trait OneSnapshot {
    fn snapshot_id(&self) -> &str;
}

macro_rules! one_snapshot {
    ($($input:ident)*) => {
        $(impl OneSnapshot for $input {
            fn snapshot_id(&self) -> &str {
                &self.snapshot_id
            }
        })*
    };
}

one_snapshot! { LockSnapshotInput UnlockSnapshotInput ModifySnapshotTierInput RestoreSnapshotTierInput }

pub fn by_one(_: &Ec2, call: &Call, input: &impl OneSnapshot) -> Result<Vec<Arn>, Error> {
    SNAPSHOT.check(input.snapshot_id())?;
    Ok(vec![arn(call, input.snapshot_id())])
}

fn by_sources(call: &Call, ids: &[String]) -> Result<Vec<Arn>, Error> {
    ids.iter().try_for_each(|id| SNAPSHOT.check(id))?;
    Ok(ids.iter().map(|id| arn(call, id)).collect())
}

pub fn to_enable(_: &Ec2, call: &Call, input: &EnableFastSnapshotRestoresInput) -> Result<Vec<Arn>, Error> {
    by_sources(call, &input.source_snapshot_ids)
}

pub fn to_disable(_: &Ec2, call: &Call, input: &DisableFastSnapshotRestoresInput) -> Result<Vec<Arn>, Error> {
    by_sources(call, &input.source_snapshot_ids)
}

pub fn to_copy(_: &Ec2, call: &Call, _: &CopySnapshotInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arn(call, "*")])
}

/// The snapshots of this cloud's own images in a region: public, and in no table.
pub fn own_ones(region: Region) -> impl Iterator<Item = Found> {
    catalogue::snapshots(region).map(move |(owner, shown)| {
        let all = CreateVolumePermission { group: Some(PermissionGroup::All), ..Default::default() };
        let record = SnapshotRecord {
            id: shown.snapshot_id.clone().unwrap_or_default(),
            shown: Kept(shown),
            key: None,
            permissions: vec![Kept(all)],
            parent: None,
            begun: true,
            own_bytes: None,
        };
        Found { place: (owner, region), record, is_only_public: true }
    })
}

/// The snapshot of that id, if the account may use it.
///
/// # Errors
/// `InvalidSnapshotID.Malformed`, `InvalidSnapshot.NotFound`
pub async fn find(tx: &Tx, account: AccountId, region: Region, id: &str) -> Result<Found, Error> {
    SNAPSHOT.check(id)?;
    let place = (account, region);
    if let Some(record) = SnapshotRecord::TABLE.get(tx, &place, id).await? {
        return Ok(Found { place, record, is_only_public: false });
    }
    if let Some(found) = own_ones(region).find(|found| found.record.id == id) {
        return Ok(found);
    }
    let shared = SHARED_SNAPSHOTS.get(tx, &(), &format!("{region}/{id}")).await?;
    let place = shared.ok_or_else(|| SNAPSHOT.missing(id))?.place();
    let record = SnapshotRecord::TABLE.get(tx, &place, id).await?.ok_or_else(|| SNAPSHOT.missing(id))?;
    let permissions = record.permissions();
    let is_only_public = !is_named(&permissions, account);
    if is_only_public
        && (!is_public(&permissions)
            || blocked(tx, &place).await? == SnapshotBlockPublicAccessState::BlockAllSharing)
    {
        return Err(SNAPSHOT.missing(id));
    }
    Ok(Found { place, record, is_only_public })
}
