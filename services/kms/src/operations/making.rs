//! New keys and new materials.

use base::Timestamp;
use identity::policy::Pins;
use store::Tx;
use vault::{KeySpec, SealedKey, Vault};

use super::saving::{Place, Whole};
use crate::Kms;
use crate::directory::bound_to;
use crate::error::Error;
use crate::limits::{DAY, ROTATION_PERIOD_DAYS_DEFAULT};
use crate::model::managed;
use crate::records::{
    ALIASES, ALIASES_OF_KEYS, AliasOfKeyRecord, AliasRecord, Became, KeyRecord, KeyState, KeyUsage, Manager,
    MaterialRecord, MultiRegion, Origin, Rotation,
};

/// The number of a key's first material.
pub const FIRST: u32 = 1;

/// A material and, of asymmetric keys, its public half.
pub type Made = (MaterialRecord, Option<Vec<u8>>);

/// A new material of a key, made here. Takes long for RSA keys.
pub fn material(
    vault: &Vault,
    spec: KeySpec,
    key: &str,
    number: u32,
    how: Became,
    now: Timestamp,
) -> Result<Made, Error> {
    let bound_to = bound_to(key, number);
    let made = vault.generate(spec, &bound_to)?;
    let sealed = SealedKey { spec, sealed: &made.sealed, bound_to: &bound_to };
    let id = vault.material_id(&sealed, key.as_bytes())?;
    let rotated = matches!(how, Became::RotatedByTheClock | Became::RotatedOnDemand).then_some(now);
    let record = MaterialRecord {
        id,
        created: now,
        sealed: Some(made.sealed),
        how,
        valid_to: None,
        description: None,
        rotated,
    };
    Ok((record, made.public_key))
}

/// What a new key is to be.
pub struct Plan {
    pub place: Place,
    pub id: String,
    pub spec: KeySpec,
    pub usage: KeyUsage,
    pub origin: Origin,
    pub manager: Manager,
    pub description: String,
    pub policy: String,
    pub pins: Pins,
    pub tags: std::collections::BTreeMap<String, String>,
    pub multi_region: bool,
    pub now: Timestamp,
}

/// A key by that plan, with its first material unless that will be imported.
pub fn key(plan: Plan, made: Option<Made>) -> Whole {
    let (material, public_key) = made.map_or((None, None), |(record, public)| (Some(record), public));
    let every = matches!(plan.manager, Manager::Aws { .. }).then(|| DAY * ROTATION_PERIOD_DAYS_DEFAULT);
    let primary = plan.place.1;
    let record = KeyRecord {
        created: plan.now,
        description: plan.description,
        usage: plan.usage,
        spec: plan.spec,
        origin: plan.origin,
        state: if material.is_some() { KeyState::Enabled } else { KeyState::PendingImport },
        manager: plan.manager,
        policy: plan.policy,
        pins: plan.pins,
        tags: plan.tags,
        material: material.is_some().then_some(FIRST),
        next_material: if material.is_some() { FIRST + 1 } else { FIRST },
        public_key,
        rotation: Rotation { every, next: every.map(|every| plan.now + every), on_demand_done: 0 },
        multi_region: plan.multi_region.then(|| MultiRegion { primary, replicas: Default::default() }),
    };
    let materials = material.map(|material| (FIRST, material)).into_iter().collect();
    Whole { place: plan.place, id: plan.id, record, materials }
}

/// The id of a new key.
pub fn id(kms: &Kms, multi_region: bool) -> String {
    if multi_region { format!("mrk-{}", kms.ids.hex(32)) } else { kms.ids.uuid() }
}

/// The key of one of AWS's services.
pub fn managed(
    vault: &Vault,
    place: Place,
    id: String,
    service: &managed::Service,
    now: Timestamp,
) -> Result<Whole, Error> {
    let made = material(vault, KeySpec::SymmetricDefault, &id, FIRST, Became::First, now)?;
    let plan = Plan {
        place,
        id,
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: Origin::AwsKms,
        manager: Manager::Aws { service: service.name.to_owned() },
        description: service.description(),
        policy: service.policy(place.0, place.1),
        pins: Pins::new(),
        tags: Default::default(),
        multi_region: false,
        now,
    };
    Ok(key(plan, Some(made)))
}

pub async fn insert_managed(tx: &Tx, alias: &str, key: &Whole, now: Timestamp) -> Result<(), Error> {
    key.save(tx, None).await?;
    put_alias(tx, key.place, alias, &AliasRecord { key: key.id.clone(), created: now, updated: now }).await
}

/// Writes an alias and its place among the aliases of its key.
pub async fn put_alias(tx: &Tx, place: Place, name: &str, alias: &AliasRecord) -> Result<(), Error> {
    ALIASES.put(tx, &place, name, alias).await?;
    ALIASES_OF_KEYS.put(tx, &place, &format!("{}/{name}", alias.key), &AliasOfKeyRecord {}).await?;
    Ok(())
}
