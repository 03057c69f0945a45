//! Fast snapshot restores, by snapshot and zone. The rules are in `model/fast_restores.rs`.
//!
//! Surprising: a request succeeds for some pairs and fails for others, and is answered with both lists.

use ec2_api::*;
use service::Call;
use store::Tx;

use super::lists::{self, Asked};
use super::snapshot_finding::find;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE};
use crate::limits::{FAST_RESTORE_GIB_MAX, FAST_RESTORED_SNAPSHOTS_MAX, FAST_RESTORES_PAGE_MAX};
use crate::model::fast_restores::FastRestore;
use crate::model::filter::{Filters, Values, maybe};
use crate::model::tags::Tags;
use crate::model::vpcs::zones;
use crate::records::Place;
use crate::records::snapshot_states::{FAST_RESTORES, FastRestoreRecord, fast_restore_key, fast_restores};

/// A code and what it means.
type Failure = (&'static str, String);

/// The zones that are meant, by their names.
fn zones_of(call: &Call, names: Option<Vec<String>>, ids: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    let (names, ids) = (names.unwrap_or_default(), ids.unwrap_or_default());
    if names.is_empty() == ids.is_empty() {
        let message = "Either AvailabilityZone or AvailabilityZoneId must be specified, but not both.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let unknown =
        |zone: &str| Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid availability zone: [{zone}]"));
    let by_id = ids.iter().map(|id| zones::name_of(call.region, id).ok_or_else(|| unknown(id)));
    let by_name = names.iter().map(|name| match zones::id_of(call.region, name) {
        Some(_) => Ok(name.clone()),
        None => Err(unknown(name)),
    });
    by_id.chain(by_name).collect()
}

pub async fn enable_fast_snapshot_restores(
    ec2: &Ec2,
    call: &Call,
    input: EnableFastSnapshotRestoresInput,
) -> Result<EnableFastSnapshotRestoresOutput, Error> {
    let zones = zones_of(call, input.availability_zones, input.availability_zone_ids)?;
    let (mut successful, mut unsuccessful) = (Vec::new(), Vec::new());
    for snapshot in &input.source_snapshot_ids {
        let mut errors = Vec::new();
        for zone in &zones {
            let enabled = ec2.store.transact(|tx| async move { enable(&tx, call, snapshot, zone).await });
            match enabled.await? {
                Ok(record) => successful.push(enabled_item(call, &record)),
                Err((code, message)) => errors.push(EnableFastSnapshotRestoreStateErrorItem {
                    availability_zone: Some(zone.clone()),
                    availability_zone_id: zones::id_of(call.region, zone),
                    error: Some(EnableFastSnapshotRestoreStateError {
                        code: Some(code.to_owned()),
                        message: Some(message),
                    }),
                }),
            }
        }
        if !errors.is_empty() {
            unsuccessful.push(EnableFastSnapshotRestoreErrorItem {
                snapshot_id: Some(snapshot.clone()),
                fast_snapshot_restore_state_errors: Some(errors),
            });
        }
    }
    Ok(EnableFastSnapshotRestoresOutput { successful: Some(successful), unsuccessful: Some(unsuccessful) })
}

async fn enable(
    tx: &Tx,
    call: &Call,
    snapshot: &str,
    zone: &str,
) -> Result<Result<FastRestoreRecord, Failure>, Error> {
    let found = match find(tx, call.account, call.region, snapshot).await {
        Ok(found) => found,
        Err(Error::Refused { code, message }) => return Ok(Err((code.code, message))),
        Err(error) => return Err(error),
    };
    let place = call.scope();
    if found.record.completed().is_none() {
        let message = format!("The snapshot '{snapshot}' is not in the completed state.");
        return Ok(Err(("IncorrectState", message)));
    }
    if let Err(Error::Refused { code, message }) =
        super::snapshot_tiers::check_usable(tx, &found.place, snapshot, call.now).await
    {
        return Ok(Err((code.code, message)));
    }
    let gib = found.record.gib();
    if gib > FAST_RESTORE_GIB_MAX {
        let message = format!("Fast snapshot restore takes snapshots of up to {FAST_RESTORE_GIB_MAX} GiB.");
        return Ok(Err(("InvalidParameterValue", message)));
    }
    let others = fast_restores(tx, &place).await?;
    let mut wanted: Vec<&str> = others
        .iter()
        .filter(|other| other.restore.is_wanted() && other.snapshot != snapshot)
        .map(|other| other.snapshot.as_str())
        .collect();
    wanted.dedup();
    if wanted.len() >= FAST_RESTORED_SNAPSHOTS_MAX {
        let message = format!(
            "You have reached the limit of {FAST_RESTORED_SNAPSHOTS_MAX} snapshots with fast snapshot restore."
        );
        return Ok(Err(("FastSnapshotRestoreLimitExceeded", message)));
    }
    let key = fast_restore_key(snapshot, zone);
    let earlier = FAST_RESTORES.get(tx, &place, &key).await?.filter(|earlier| earlier.restore.is_wanted());
    if let Some(earlier) = earlier {
        return Ok(Ok(earlier));
    }
    let restore = FastRestore::new(gib, call.now);
    let record = FastRestoreRecord { snapshot: snapshot.to_owned(), zone: zone.to_owned(), restore };
    FAST_RESTORES.put(tx, &place, &key, &record).await?;
    Ok(Ok(record))
}

pub async fn disable_fast_snapshot_restores(
    ec2: &Ec2,
    call: &Call,
    input: DisableFastSnapshotRestoresInput,
) -> Result<DisableFastSnapshotRestoresOutput, Error> {
    let zones = zones_of(call, input.availability_zones, input.availability_zone_ids)?;
    let (mut successful, mut unsuccessful) = (Vec::new(), Vec::new());
    for snapshot in &input.source_snapshot_ids {
        let mut errors = Vec::new();
        for zone in &zones {
            let disabled = ec2.store.transact(|tx| async move { disable(&tx, call, snapshot, zone).await });
            match disabled.await? {
                Some(record) => successful.push(disabled_item(call, &record)),
                None => errors.push(DisableFastSnapshotRestoreStateErrorItem {
                    availability_zone: Some(zone.clone()),
                    availability_zone_id: zones::id_of(call.region, zone),
                    error: Some(DisableFastSnapshotRestoreStateError {
                        code: Some("InvalidParameterValue".to_owned()),
                        message: Some("Fast snapshot restore is not enabled.".to_owned()),
                    }),
                }),
            }
        }
        if !errors.is_empty() {
            unsuccessful.push(DisableFastSnapshotRestoreErrorItem {
                snapshot_id: Some(snapshot.clone()),
                fast_snapshot_restore_state_errors: Some(errors),
            });
        }
    }
    Ok(DisableFastSnapshotRestoresOutput { successful: Some(successful), unsuccessful: Some(unsuccessful) })
}

async fn disable(
    tx: &Tx,
    call: &Call,
    snapshot: &str,
    zone: &str,
) -> Result<Option<FastRestoreRecord>, Error> {
    let (place, key) = (call.scope(), fast_restore_key(snapshot, zone));
    let known = FAST_RESTORES.get(tx, &place, &key).await?;
    let Some(mut record) = known.filter(|record| record.restore.is_wanted()) else { return Ok(None) };
    record.restore.disabling = Some(call.now);
    FAST_RESTORES.put(tx, &place, &key, &record).await?;
    Ok(Some(record))
}

/// Takes a credit for a new volume; whether there was one, and the volume is a fast one.
pub async fn take_credit(tx: &Tx, call: &Call, snapshot: &str, zone: &str) -> Result<bool, Error> {
    let (place, key) = (call.scope(), fast_restore_key(snapshot, zone));
    let Some(mut record) = FAST_RESTORES.get(tx, &place, &key).await? else { return Ok(false) };
    let taken = record.restore.take_credit(call.now);
    FAST_RESTORES.put(tx, &place, &key, &record).await?;
    Ok(taken)
}

const FILTERS: &[&str] = &["availability-zone", "availability-zone-id", "owner-id", "snapshot-id", "state"];

fn value(shown: &DescribeFastSnapshotRestoreSuccessItem, name: &str) -> Values {
    match name {
        "availability-zone" => maybe(shown.availability_zone.as_ref()),
        "availability-zone-id" => maybe(shown.availability_zone_id.as_ref()),
        "owner-id" => maybe(shown.owner_id.as_ref()),
        "snapshot-id" => maybe(shown.snapshot_id.as_ref()),
        "state" => maybe(shown.state.as_ref()),
        _ => None,
    }
}

pub async fn describe_fast_snapshot_restores(
    ec2: &Ec2,
    call: &Call,
    input: DescribeFastSnapshotRestoresInput,
) -> Result<DescribeFastSnapshotRestoresOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| FILTERS.contains(&name).then(Vec::new))?;
    let place: &Place = &call.scope();
    let all = ec2.store.read(|tx| async move { fast_restores(&tx, place).await }).await?;
    let mut found = Vec::new();
    for record in all {
        let shown = item(call, &record);
        if filters.admit(&Tags::new(), &|name| value(&shown, name))? {
            found.push(shown);
        }
    }
    let asked = Asked {
        operation: "DescribeFastSnapshotRestores",
        max_results: input.max_results.or(Some(FAST_RESTORES_PAGE_MAX)),
        next_token: input.next_token,
        least: 0,
    };
    let position = |shown: &DescribeFastSnapshotRestoreSuccessItem| {
        let zone = shown.availability_zone.as_deref().unwrap_or_default();
        fast_restore_key(shown.snapshot_id.as_deref().unwrap_or_default(), zone)
    };
    let (found, next_token) = lists::page(ec2, call, asked, found, position)?;
    Ok(DescribeFastSnapshotRestoresOutput { fast_snapshot_restores: Some(found), next_token })
}

fn item(call: &Call, record: &FastRestoreRecord) -> DescribeFastSnapshotRestoreSuccessItem {
    DescribeFastSnapshotRestoreSuccessItem {
        snapshot_id: Some(record.snapshot.clone()),
        availability_zone: Some(record.zone.clone()),
        availability_zone_id: zones::id_of(call.region, &record.zone),
        owner_id: Some(call.account.to_string()),
        ..record.restore.shown(call.now)
    }
}

macro_rules! of_item {
    ($name:ident, $item:ident) => {
        fn $name(call: &Call, record: &FastRestoreRecord) -> $item {
            let shown = item(call, record);
            $item {
                snapshot_id: shown.snapshot_id,
                availability_zone: shown.availability_zone,
                availability_zone_id: shown.availability_zone_id,
                state: shown.state,
                state_transition_reason: shown.state_transition_reason,
                owner_id: shown.owner_id,
                owner_alias: None,
                enabling_time: shown.enabling_time,
                optimizing_time: shown.optimizing_time,
                enabled_time: shown.enabled_time,
                disabling_time: shown.disabling_time,
                disabled_time: shown.disabled_time,
            }
        }
    };
}

of_item!(enabled_item, EnableFastSnapshotRestoreSuccessItem);
of_item!(disabled_item, DisableFastSnapshotRestoreSuccessItem);
