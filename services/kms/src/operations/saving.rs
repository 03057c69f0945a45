//! Changing a key: its record and its materials in one transaction, with what the clock is to do to it, and with the
//! other regions of a multi-region key, which share its materials and its rotation.

use std::sync::atomic::{AtomicBool, Ordering};

use base::{AccountId, Arn, Region};
use store::Tx;

use crate::Kms;
use crate::directory::{Key, materials_of};
use crate::error::Error;
use crate::model::state;
use crate::records::{DUE, DueRecord, KEYS, KeyRecord, KeyState, MATERIALS, MaterialRecord, Origin};

pub type Place = (AccountId, Region);

/// A key as a transaction sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Whole {
    pub place: Place,
    pub id: String,
    pub record: KeyRecord,
    pub materials: Vec<(u32, MaterialRecord)>,
}

impl Whole {
    pub async fn load(tx: &Tx, place: Place, id: &str) -> Result<Option<Whole>, Error> {
        let Some(record) = KEYS.get(tx, &place, id).await? else { return Ok(None) };
        let materials = materials_of(tx, &place, id).await?;
        Ok(Some(Whole { place, id: id.to_owned(), record, materials }))
    }

    pub fn arn(&self) -> Arn {
        Arn::regional("kms", self.place.1, self.place.0, format!("key/{}", self.id))
    }

    pub fn is_replica(&self) -> bool {
        self.record.multi_region.as_ref().is_some_and(|set| set.primary != self.place.1)
    }

    /// The key's own region, and those of its relatives.
    pub fn regions(&self) -> Vec<Region> {
        match &self.record.multi_region {
            None => vec![self.place.1],
            Some(set) => set.replicas.iter().copied().chain([set.primary]).collect(),
        }
    }

    /// Writes what differs from `before`, which is nothing for a new key.
    pub async fn save(&self, tx: &Tx, before: Option<&Whole>) -> Result<(), Error> {
        self.write(tx, before).await?;
        let shares = before.is_none_or(|before| {
            before.record.rotation != self.record.rotation
                || before.record.material != self.record.material
                || before.materials != self.materials
                || before.record.multi_region != self.record.multi_region
        });
        match &self.record.multi_region {
            Some(set) if shares && set.primary == self.place.1 => {
                for region in set.replicas.iter().copied() {
                    self.share_with(tx, region).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Writes this key alone.
    pub async fn write(&self, tx: &Tx, before: Option<&Whole>) -> Result<(), Error> {
        if before.is_none_or(|before| before.record != self.record) {
            KEYS.put(tx, &self.place, &self.id, &self.record).await?;
        }
        for (number, material) in &self.materials {
            let old = before.and_then(|before| before.materials.iter().find(|(at, _)| at == number));
            if old.is_none_or(|(_, old)| old != material) {
                MATERIALS.put(tx, &self.place, &material_key(&self.id, *number), material).await?;
            }
        }
        for (number, _) in before.map_or(&[][..], |before| &before.materials) {
            if !self.materials.iter().any(|(at, _)| at == number) {
                MATERIALS.delete(tx, &self.place, &material_key(&self.id, *number)).await?;
            }
        }
        if let Some(due) = state::next_due(&self.record, &self.materials, self.is_replica()) {
            let (account, region) = self.place;
            let due_record = DueRecord { account, region, key: self.id.clone() };
            let when = store::ordered(due.as_millis().max(0) as u64);
            DUE.put(tx, &(), &format!("{when}/{account}/{region}/{}", self.id), &due_record).await?;
        }
        Ok(())
    }

    /// A replica follows its primary in the materials that KMS made, in rotation, and in who the primary is. Imported
    /// materials are brought to each region by their owner; only which there are is shared.
    async fn share_with(&self, tx: &Tx, region: Region) -> Result<(), Error> {
        let Some(mut replica) = Whole::load(tx, (self.place.0, region), &self.id).await? else {
            return Ok(());
        };
        let before = replica.clone();
        self.share(&mut replica);
        replica.write(tx, Some(&before)).await
    }

    /// Gives a replica what the primary shares.
    pub fn share(&self, replica: &mut Whole) {
        let Whole { record, materials, .. } = replica;
        record.rotation = self.record.rotation.clone();
        record.multi_region = self.record.multi_region.clone();
        record.next_material = self.record.next_material;
        record.material = self.record.material;
        record.public_key = self.record.public_key.clone();
        if self.record.origin == Origin::AwsKms {
            materials.clone_from(&self.materials);
            return;
        }
        materials.retain(|(number, _)| self.materials.iter().any(|(at, _)| at == number));
        for (number, own) in &self.materials {
            match materials.iter_mut().find(|(at, _)| at == number) {
                Some((_, material)) => {
                    material.how = own.how;
                    material.rotated = own.rotated;
                }
                None => {
                    let awaited = MaterialRecord { sealed: None, valid_to: None, ..own.clone() };
                    materials.push((*number, awaited));
                }
            }
        }
        let has_all = materials.iter().all(|(_, held)| !state::is_needed(held) || held.sealed.is_some());
        if !has_all && matches!(record.state, KeyState::Enabled | KeyState::Disabled) {
            record.state = KeyState::PendingImport;
        }
    }
}

pub fn material_key(key: &str, number: u32) -> String {
    format!("{key}/{number:010}")
}

/// Whether a transaction ran before. One whose acknowledgement got lost runs again, and then finds its own work done:
/// only then is that no conflict with somebody else's.
#[derive(Default)]
pub struct Attempts(AtomicBool);

impl Attempts {
    /// Notes that a run comes to its writes, and tells whether one did before.
    pub fn is_again(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }
}

/// Changes a key in one transaction. `change` may run again and has no other effects.
pub async fn update<T: Send>(
    kms: &Kms,
    key: &Key,
    change: impl Fn(&mut Whole) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let (place, id, change) = (key.place(), key.id.as_str(), &change);
    let changed: Result<_, Error> = kms
        .store
        .transact(|tx| async move {
            let whole = Whole::load(&tx, place, id).await?;
            let mut whole = whole.ok_or_else(|| Error::KeyNotFound(key.arn()))?;
            let before = whole.clone();
            let answer = change(&mut whole)?;
            whole.save(&tx, Some(&before)).await?;
            let due = |whole: &Whole| state::next_due(&whole.record, &whole.materials, whole.is_replica());
            let mut regions = before.regions();
            regions.extend(whole.regions());
            Ok((answer, regions, due(&before) != due(&whole)))
        })
        .await;
    kms.directory.forget(place.0, place.1, id);
    let (answer, regions, is_due_otherwise) = changed?;
    regions.into_iter().for_each(|region| kms.directory.forget(place.0, region, id));
    if is_due_otherwise {
        kms.due.nudge();
    }
    Ok(answer)
}
