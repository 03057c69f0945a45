//! Rotation: a key gets new material, by the clock or on demand, and the old ones still decrypt.
//!
//! Surprising: an on-demand rotation leaves the automatic schedule as it is, and a key may have 25 of them in its life.
//! Shortly before an automatic one it is refused. A rotation here is complete when it is answered, so there never is one
//! in progress.

use base::Timestamp;
use kms_api::{
    DisableKeyRotationInput, DisableKeyRotationOutput, EnableKeyRotationInput, EnableKeyRotationOutput,
    GetKeyRotationStatusInput, GetKeyRotationStatusOutput, ImportState, IncludeKeyMaterial, KeyMaterialState,
    ListKeyRotationsInput, ListKeyRotationsOutput, RotateKeyOnDemandInput, RotateKeyOnDemandOutput,
    RotationType, RotationsListEntry,
};
use service::Call;
use vault::{KeySpec, Vault};

use super::saving::{Attempts, Whole, update};
use super::{by_arn, check_state, key, making, paging};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::limits::{
    DAY, LIST_DEFAULT, LIST_MAX, ON_DEMAND_ROTATIONS_MAX, ROTATION_NEAR_TIME, ROTATION_PERIOD_DAYS_DEFAULT,
};
use crate::model::condition_keys::{Keys, one, shared};
use crate::model::metadata::expiration_model;
use crate::model::state;
use crate::records::{Became, KeyState, MaterialRecord, Origin, Rotation};

pub fn enabling_keys(_: &Kms, call: &Call, input: &EnableKeyRotationInput) -> Keys {
    let mut keys = shared(call);
    let days = input.rotation_period_in_days.unwrap_or(ROTATION_PERIOD_DAYS_DEFAULT as i32);
    keys.push(one("kms:RotationPeriodInDays", days));
    keys
}

/// Only symmetric encryption keys rotate at all.
fn check_rotates(key: &Key) -> Result<(), Error> {
    match key.record.spec {
        KeySpec::SymmetricDefault => Ok(()),
        spec => Err(unsupported(key, &format!("its key spec is {spec}"))),
    }
}

/// By themselves only those whose material was made here, and of a multi-region key the primary.
fn check_rotates_by_itself(key: &Key) -> Result<(), Error> {
    check_rotates(key)?;
    match key.record.origin {
        Origin::AwsKms => check_primary(key),
        Origin::External => Err(Error::UnsupportedOperation(format!(
            "{} origin is EXTERNAL which is not valid for this operation.",
            key.arn()
        ))),
    }
}

fn check_primary(key: &Key) -> Result<(), Error> {
    match &key.record.multi_region {
        Some(set) if set.primary != key.region => {
            Err(unsupported(key, "it is a replica key; use the multi-Region primary key"))
        }
        _ => Ok(()),
    }
}

fn unsupported(key: &Key, why: &str) -> Error {
    Error::UnsupportedOperation(format!("{} cannot be rotated: {why}.", key.arn()))
}

pub async fn enable_key_rotation(
    kms: &Kms,
    call: &Call,
    input: EnableKeyRotationInput,
) -> Result<EnableKeyRotationOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    check_rotates_by_itself(&key)?;
    check_state(&key, call)?;
    let asked = input.rotation_period_in_days.and_then(|days| u32::try_from(days).ok());
    update(kms, &key, |whole| {
        let rotation = &mut whole.record.rotation;
        let every = match (asked, rotation.every) {
            (Some(days), _) => DAY * days,
            (None, Some(every)) => every,
            (None, None) => DAY * ROTATION_PERIOD_DAYS_DEFAULT,
        };
        if rotation.every != Some(every) {
            *rotation = Rotation { every: Some(every), next: Some(call.now + every), ..rotation.clone() };
        }
        Ok(())
    })
    .await?;
    Ok(EnableKeyRotationOutput {})
}

pub async fn disable_key_rotation(
    kms: &Kms,
    call: &Call,
    input: DisableKeyRotationInput,
) -> Result<DisableKeyRotationOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    check_rotates_by_itself(&key)?;
    check_state(&key, call)?;
    update(kms, &key, |whole| {
        let rotation = &mut whole.record.rotation;
        *rotation = Rotation { every: None, next: None, ..rotation.clone() };
        Ok(())
    })
    .await?;
    Ok(DisableKeyRotationOutput {})
}

pub async fn get_key_rotation_status(
    kms: &Kms,
    call: &Call,
    input: GetKeyRotationStatusInput,
) -> Result<GetKeyRotationStatusOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    // Keys that cannot rotate have an answer here as well. While a key waits for its deletion, it does not rotate, whatever it did before.
    let every = key.record.rotation.every.filter(|_| !key.state(call.now).is_going());
    Ok(GetKeyRotationStatusOutput {
        key_rotation_enabled: Some(every.is_some()),
        key_id: Some(key.arn().to_string()),
        rotation_period_in_days: every.map(|every| (every.as_secs() / DAY.as_secs()) as i32),
        next_rotation_date: key.record.rotation.next.filter(|_| every.is_some()),
        on_demand_rotation_start_date: None,
    })
}

pub async fn rotate_key_on_demand(
    kms: &Kms,
    call: &Call,
    input: RotateKeyOnDemandInput,
) -> Result<RotateKeyOnDemandOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    check_rotates(&key)?;
    check_primary(&key)?;
    check_state(&key, call)?;
    if key.record.origin == Origin::External {
        check_replicas_have_it(kms, &key).await?;
    }
    let attempts = Attempts::default();
    update(kms, &key, |whole| on_demand(kms, whole, call.now, attempts.is_again())).await?;
    Ok(RotateKeyOnDemandOutput { key_id: Some(key.arn().to_string()) })
}

fn on_demand(kms: &Kms, whole: &mut Whole, now: Timestamp, is_again: bool) -> Result<(), Error> {
    let is_done =
        |material: &MaterialRecord| material.how == Became::RotatedOnDemand && material.rotated == Some(now);
    if is_again && whole.materials.iter().any(|(_, material)| is_done(material)) {
        return Ok(());
    }
    let rotation = &whole.record.rotation;
    if rotation.next.is_some_and(|next| next <= now + ROTATION_NEAR_TIME) {
        return Err(Error::Conflict(format!(
            "An automatic rotation of {} is in progress or begins within the next 20 minutes.",
            whole.arn()
        )));
    }
    if rotation.on_demand_done >= ON_DEMAND_ROTATIONS_MAX {
        return Err(Error::LimitExceeded(format!(
            "The KMS key {} has been rotated on demand {ON_DEMAND_ROTATIONS_MAX} times, which is the maximum.",
            whole.arn()
        )));
    }
    match whole.record.origin {
        Origin::AwsKms => add_material(&kms.vault, whole, Became::RotatedOnDemand, now)?,
        Origin::External => {
            let pending = whole
                .materials
                .iter_mut()
                .find(|(_, material)| material.how == Became::PendingRotation && material.sealed.is_some());
            let Some((number, material)) = pending else {
                return Err(Error::InvalidState(format!(
                    "{} has no imported key material that is pending rotation.",
                    whole.arn()
                )));
            };
            material.how = Became::RotatedOnDemand;
            material.rotated = Some(now);
            whole.record.material = Some(*number);
        }
    }
    whole.record.rotation.on_demand_done += 1;
    Ok(())
}

/// What is imported has to be in every region before it is used in one.
async fn check_replicas_have_it(kms: &Kms, key: &Key) -> Result<(), Error> {
    let Some(set) = &key.record.multi_region else { return Ok(()) };
    let is_pending = |material: &MaterialRecord| material.how == Became::PendingRotation;
    for region in set.replicas.iter().copied() {
        let Some(replica) = kms.directory.key(key.account, region, &key.id).await? else { continue };
        let lacks = |(_, material): &(u32, MaterialRecord)| is_pending(material) && material.sealed.is_none();
        if replica.materials.iter().any(lacks) {
            return Err(Error::InvalidState(format!(
                "{} has not been given the key material that is pending rotation.",
                replica.arn()
            )));
        }
    }
    Ok(())
}

/// Makes new material the current one.
pub fn add_material(vault: &Vault, whole: &mut Whole, how: Became, now: Timestamp) -> Result<(), Error> {
    let number = whole.record.next_material;
    let (material, _) = making::material(vault, whole.record.spec, &whole.id, number, how, now)?;
    whole.materials.push((number, material));
    whole.record.material = Some(number);
    whole.record.next_material = number + 1;
    Ok(())
}

/// Rotates as often as the clock says, at most `times`.
pub fn by_the_clock(vault: &Vault, whole: &mut Whole, now: Timestamp, times: usize) -> Result<(), Error> {
    for _ in 0..times {
        let Rotation { every: Some(every), next: Some(next), .. } = whole.record.rotation else {
            return Ok(());
        };
        if next > now || whole.record.state != KeyState::Enabled || whole.is_replica() {
            return Ok(());
        }
        add_material(vault, whole, Became::RotatedByTheClock, next)?;
        whole.record.rotation.next = Some(next + every);
    }
    Ok(())
}

pub async fn list_key_rotations(
    kms: &Kms,
    call: &Call,
    input: ListKeyRotationsInput,
) -> Result<ListKeyRotationsOutput, Error> {
    let key = by_arn(kms, &super::own_key_arn(call, &input.key_id)?).await?;
    check_rotates(&key)?;
    let after = paging::position(kms, call, "ListKeyRotations", input.marker.as_deref())?;
    let limit = paging::limit(input.limit, LIST_DEFAULT, LIST_MAX)?;
    let all = matches!(input.include_key_material, Some(IncludeKeyMaterial::AllKeyMaterial));
    let listed = key.materials.iter().filter(|(_, material)| all || material.rotated.is_some());
    let entries = listed.map(|(number, material)| {
        (store::ordered(u64::from(*number)), entry(&key, *number, material, call.now))
    });
    let (page, next) = paging::page_of(entries, after.as_deref(), limit);
    Ok(ListKeyRotationsOutput {
        rotations: Some(page),
        next_marker: paging::marker(kms, call, "ListKeyRotations", next.as_deref()),
        truncated: Some(next.is_some()),
    })
}

fn entry(key: &Key, number: u32, material: &MaterialRecord, now: Timestamp) -> RotationsListEntry {
    let is_imported = material.sealed.is_some() && !material.is_expired(now);
    let external = key.record.origin == Origin::External;
    let valid_to = material.valid_to.filter(|_| is_imported);
    RotationsListEntry {
        key_id: Some(key.arn().to_string()),
        key_material_id: Some(material.id.clone()),
        key_material_description: material.description.clone(),
        import_state: external.then_some(if is_imported {
            ImportState::Imported
        } else {
            ImportState::PendingImport
        }),
        key_material_state: Some(match () {
            () if !state::is_needed(material) => KeyMaterialState::PendingRotation,
            () if key.record.material == Some(number) => KeyMaterialState::Current,
            () => KeyMaterialState::NonCurrent,
        }),
        expiration_model: (external && is_imported).then(|| expiration_model(valid_to)),
        valid_to,
        rotation_date: material.rotated,
        rotation_type: match material.how {
            Became::RotatedByTheClock => Some(RotationType::Automatic),
            Became::RotatedOnDemand => Some(RotationType::OnDemand),
            Became::First | Became::PendingRotation => None,
        },
    }
}
