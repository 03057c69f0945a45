//! A key as DescribeKey shows it.

use base::{Arn, Region, Timestamp};
use kms_api::{
    EncapsulationAlgorithmSpec, EncryptionAlgorithmSpec, ExpirationModelType, KeyAgreementAlgorithmSpec,
    KeyManagerType, KeyMetadata, MacAlgorithmSpec, MultiRegionConfiguration, MultiRegionKey,
    MultiRegionKeyType, SigningAlgorithmSpec,
};

use crate::directory::Key;
use crate::model::usage;
use crate::records::{KeyState, KeyUsage, MultiRegion, Origin};

pub fn of(key: &Key, now: Timestamp) -> KeyMetadata {
    let record = &key.record;
    let state = key.state(now);
    let spec = record.spec.as_str();
    let (deletion_date, pending_days) = match state {
        KeyState::PendingDeletion { deletion, .. } => (Some(deletion), None),
        KeyState::PendingReplicaDeletion { window_days } => (None, Some(window_days as i32)),
        _ => (None, None),
    };
    let current = key.current().map(|(_, material)| material);
    let imported = current.filter(|material| {
        record.origin == Origin::External && material.sealed.is_some() && !material.is_expired(now)
    });
    let valid_to = imported.and_then(|material| material.valid_to);
    let is_symmetric = record.spec == vault::KeySpec::SymmetricDefault;
    KeyMetadata {
        aws_account_id: Some(key.account.to_string()),
        key_id: key.id.clone(),
        arn: Some(key.arn().to_string()),
        creation_date: Some(record.created),
        enabled: Some(state == KeyState::Enabled),
        description: Some(record.description.clone()),
        key_usage: Some(record.usage.as_str().into()),
        key_state: Some(state.as_str().into()),
        deletion_date,
        valid_to,
        origin: Some(record.origin.as_str().into()),
        expiration_model: imported.map(|_| expiration_model(valid_to)),
        key_manager: Some(if record.is_aws_managed() {
            KeyManagerType::Aws
        } else {
            KeyManagerType::Customer
        }),
        customer_master_key_spec: Some(spec.into()),
        key_spec: Some(spec.into()),
        encryption_algorithms: listed(
            usage::encryption_algorithms(record.spec, record.usage).iter().copied(),
            EncryptionAlgorithmSpec::from,
        ),
        signing_algorithms: match record.usage {
            KeyUsage::SignVerify => listed(
                record.spec.signing_algorithms().iter().map(|algorithm| algorithm.as_str()),
                SigningAlgorithmSpec::from,
            ),
            _ => None,
        },
        mac_algorithms: listed(
            record.spec.mac_algorithm().iter().map(|algorithm| algorithm.as_str()),
            MacAlgorithmSpec::from,
        ),
        key_agreement_algorithms: (record.usage == KeyUsage::KeyAgreement)
            .then(|| vec![KeyAgreementAlgorithmSpec::Ecdh]),
        encapsulation_algorithms: (record.usage == KeyUsage::EncapsulateDecapsulate)
            .then(|| vec![EncapsulationAlgorithmSpec::MlKem]),
        multi_region: Some(record.multi_region.is_some()),
        multi_region_configuration: record.multi_region.as_ref().map(|set| configuration(key, set)),
        pending_deletion_window_in_days: pending_days,
        current_key_material_id: current.filter(|_| is_symmetric).map(|material| material.id.clone()),
        ..KeyMetadata::default()
    }
}

pub fn expiration_model(valid_to: Option<Timestamp>) -> ExpirationModelType {
    match valid_to {
        Some(_) => ExpirationModelType::KeyMaterialExpires,
        None => ExpirationModelType::KeyMaterialDoesNotExpire,
    }
}

fn listed<T>(names: impl Iterator<Item = &'static str>, read: fn(&'static str) -> T) -> Option<Vec<T>> {
    let names: Vec<T> = names.map(read).collect();
    (!names.is_empty()).then_some(names)
}

fn configuration(key: &Key, set: &MultiRegion) -> MultiRegionConfiguration {
    let in_region = |region: Region| MultiRegionKey {
        arn: Some(Arn::regional("kms", region, key.account, format!("key/{}", key.id)).to_string()),
        region: Some(region.as_str().to_owned()),
    };
    let is_primary = set.primary == key.region;
    MultiRegionConfiguration {
        multi_region_key_type: Some(match is_primary {
            true => MultiRegionKeyType::Primary,
            false => MultiRegionKeyType::Replica,
        }),
        primary_key: Some(in_region(set.primary)),
        replica_keys: Some(set.replicas.iter().copied().map(in_region).collect()),
    }
}
