//! Who may create volumes from a snapshot.
//!
//! Surprising: an encrypted snapshot cannot be public, and one under AWS's own key for EBS cannot be shared at all
//! ("Share an Amazon EBS snapshot with other AWS accounts").

use base::AccountId;
use ec2_api::*;
use service::{Call, Kept};

use super::disk_keys::DEFAULT_KEY;
use super::snapshot_finding::arn;
use super::snapshots::own;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, INVALID_USER_ID_MALFORMED,
    OPERATION_NOT_PERMITTED, SNAPSHOT_CREATE_VOLUME_PERMISSION_LIMIT_EXCEEDED,
};
use crate::limits::SNAPSHOT_PERMISSIONS_MAX;
use crate::model::snapshots::is_public;
use crate::records::instances::PlaceRecord;
use crate::records::snapshot_states::blocked;
use crate::records::snapshots::{SHARED_SNAPSHOTS, SnapshotRecord};
use crate::resources;

pub trait BySnapshot {
    fn snapshot_id(&self) -> &str;
}

macro_rules! by_snapshot {
    ($($input:ident)*) => {
        $(impl BySnapshot for $input {
            fn snapshot_id(&self) -> &str {
                &self.snapshot_id
            }
        })*
    };
}

by_snapshot! { DescribeSnapshotAttributeInput ModifySnapshotAttributeInput ResetSnapshotAttributeInput }

pub fn by_id(_: &Ec2, call: &Call, input: &impl BySnapshot) -> Result<Vec<base::Arn>, Error> {
    Ok(vec![arn(call, input.snapshot_id())])
}

pub async fn describe_snapshot_attribute(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSnapshotAttributeInput,
) -> Result<DescribeSnapshotAttributeOutput, Error> {
    let id = input.snapshot_id.as_str();
    let record = ec2.store.read(|tx| async move { own(&tx, call, id).await }).await?;
    let mut output =
        DescribeSnapshotAttributeOutput { snapshot_id: Some(id.to_owned()), ..Default::default() };
    match input.attribute {
        SnapshotAttributeName::CreateVolumePermission => {
            output.create_volume_permissions = Some(record.permissions());
        }
        SnapshotAttributeName::ProductCodes => output.product_codes = Some(Vec::new()),
        SnapshotAttributeName::Unknown(other) => return Err(Error::invalid_value(other, "attribute", "")),
    }
    Ok(output)
}

struct Change {
    add: Vec<CreateVolumePermission>,
    remove: Vec<CreateVolumePermission>,
}

fn change_of(input: ModifySnapshotAttributeInput) -> Result<Change, Error> {
    if let Some(CreateVolumePermissionModifications { add, remove }) = input.create_volume_permission {
        return Ok(Change { add: add.unwrap_or_default(), remove: remove.unwrap_or_default() });
    }
    match &input.attribute {
        None | Some(SnapshotAttributeName::CreateVolumePermission) => {}
        Some(other) => return Err(Error::invalid_value(other, "attribute", "It cannot be modified.")),
    }
    let users = input.user_ids.unwrap_or_default().into_iter();
    let users = users.map(|id| CreateVolumePermission { user_id: Some(id), group: None });
    let groups = input.group_names.unwrap_or_default().into_iter();
    let groups = groups.map(|group| CreateVolumePermission {
        user_id: None,
        group: Some(PermissionGroup::from(group.as_str())),
    });
    let all: Vec<CreateVolumePermission> = users.chain(groups).collect();
    if all.is_empty() {
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, "No attributes specified."));
    }
    match input.operation_type {
        Some(OperationType::Add) => Ok(Change { add: all, remove: Vec::new() }),
        Some(OperationType::Remove) => Ok(Change { add: Vec::new(), remove: all }),
        _ => Err(Error::missing("operationType")),
    }
}

fn check_permission(permission: &CreateVolumePermission) -> Result<(), Error> {
    match (&permission.user_id, &permission.group) {
        (Some(id), None) if id.len() == 12 && id.parse::<AccountId>().is_ok() => Ok(()),
        (Some(id), None) => Err(Error::new(&INVALID_USER_ID_MALFORMED, format!("Invalid user id: \"{id}\""))),
        (None, Some(PermissionGroup::All)) => Ok(()),
        (_, group) => {
            let group = group.as_ref().map(ToString::to_string).unwrap_or_default();
            Err(Error::invalid_value(group, "group", "It has to be all."))
        }
    }
}

fn check_share(
    record: &SnapshotRecord,
    add: &[CreateVolumePermission],
    default_key: bool,
) -> Result<(), Error> {
    if add.is_empty() || record.key.is_none() {
        return Ok(());
    }
    if is_public(add) {
        let message = "Encrypted snapshots with EBS default key cannot be shared publicly, nor can other encrypted snapshots.";
        return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
    }
    match default_key {
        true => {
            let message = "Encrypted snapshots with EBS default key cannot be shared";
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
        false => Ok(()),
    }
}

/// Whether a KMS key is AWS's own for EBS in the account.
async fn is_default(ec2: &Ec2, call: &Call, key_arn: &str) -> Result<bool, Error> {
    let kms = ec2.aws.as_caller(call).via("ec2.amazonaws.com").in_region(call.region);
    let input =
        kms_api::DescribeKeyInput { key_id: DEFAULT_KEY.to_owned(), ..kms_api::DescribeKeyInput::default() };
    let found = kms.call(kms_api::DescribeKey, input).await.map_err(Error::Other)?;
    Ok(found.key_metadata.and_then(|key| key.arn).as_deref() == Some(key_arn))
}

pub async fn modify_snapshot_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ModifySnapshotAttributeInput,
) -> Result<ModifySnapshotAttributeOutput, Error> {
    let id = input.snapshot_id.clone();
    let (id, change) = (id.as_str(), &change_of(input)?);
    change.add.iter().chain(&change.remove).try_for_each(check_permission)?;
    let record = ec2.store.read(|tx| async move { own(&tx, call, id).await }).await?;
    let default_key = match record.key.as_ref().filter(|_| !change.add.is_empty()) {
        Some(key) => is_default(ec2, call, &key.key_arn).await?,
        None => false,
    };
    let changed = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, id).await?;
        check_share(&record, &change.add, default_key)?;
        if is_public(&change.add)
            && blocked(&tx, &call.scope()).await? != SnapshotBlockPublicAccessState::Unblocked
        {
            let message = "Public sharing of snapshots is blocked for this account in this region.";
            return Err(Error::new(&OPERATION_NOT_PERMITTED, message));
        }
        let mut permissions = record.permissions();
        permissions.retain(|known| !change.remove.contains(known));
        for added in &change.add {
            if !permissions.contains(added) {
                permissions.push(added.clone());
            }
        }
        if permissions.len() > SNAPSHOT_PERMISSIONS_MAX {
            let message =
                format!("The limit of {SNAPSHOT_PERMISSIONS_MAX} create volume permissions is exceeded.");
            return Err(Error::new(&SNAPSHOT_CREATE_VOLUME_PERMISSION_LIMIT_EXCEEDED, message));
        }
        set(&tx, call, &mut record, permissions).await
    });
    changed.await?;
    Ok(ModifySnapshotAttributeOutput::default())
}

/// Sets who may create volumes, and whether others find the snapshot.
async fn set(
    tx: &store::Tx,
    call: &Call,
    record: &mut SnapshotRecord,
    permissions: Vec<CreateVolumePermission>,
) -> Result<(), Error> {
    let (place, key) = (&call.scope(), format!("{}/{}", call.region, record.id));
    match permissions.is_empty() {
        true => SHARED_SNAPSHOTS.delete(tx, &(), &key).await?,
        false => SHARED_SNAPSHOTS.put(tx, &(), &key, &PlaceRecord::of(place)).await?,
    }
    record.permissions = permissions.into_iter().map(Kept).collect();
    resources::put(tx, place, record).await
}

pub async fn reset_snapshot_attribute(
    ec2: &Ec2,
    call: &Call,
    input: ResetSnapshotAttributeInput,
) -> Result<ResetSnapshotAttributeOutput, Error> {
    if input.attribute != SnapshotAttributeName::CreateVolumePermission {
        return Err(Error::invalid_value(&input.attribute, "attribute", "It cannot be reset."));
    }
    let id = input.snapshot_id.as_str();
    let reset = ec2.store.transact(|tx| async move {
        let mut record = own(&tx, call, id).await?;
        set(&tx, call, &mut record, Vec::new()).await
    });
    reset.await?;
    Ok(ResetSnapshotAttributeOutput::default())
}
