//! What the clock brings about: keys rotate, imported material ends, waiting periods are over. And once in a while,
//! which key was used last is written down.
//!
//! Each key has an entry for the next moment at which something is due. An entry that is out of date does no harm: the
//! key's record decides. What is due is true already before this task comes to it (see `model::state`); here it
//! becomes lasting, and the material is wiped.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use service::{Pass, Task};
use store::{Select, Tx};
use vault::SealedKey;

use crate::Kms;
use crate::directory::bound_to;
use crate::error::Error;
use crate::limits::{DAY, DUE_KEYS_AT_ONCE_MAX, REMOVED_AT_ONCE_MAX, ROTATIONS_AT_ONCE_MAX};
use crate::model::state;
use crate::operations::rotation;
use crate::operations::saving::{Place, Whole};
use crate::records::{
    ALIASES, ALIASES_OF_KEYS, DUE, DueRecord, GRANTS, KEYS, KeyState, LAST_USES, MATERIALS,
};

const PERIOD: Duration = Duration::from_secs(60);

pub fn task(kms: &Arc<Kms>) -> Task {
    Task::of(kms, "kms.due", PERIOD, kms.due.clone(), |kms| async move { pass(&kms).await })
}

async fn pass(kms: &Kms) -> Result<Pass, Error> {
    let now = kms.clock.now();
    let page = kms
        .store
        .read(|tx| async move { DUE.scan(&tx, &(), Select::ALL, DUE_KEYS_AT_ONCE_MAX).await })
        .await?;
    let when = |entry: &str| entry.split('/').next().and_then(|when| when.parse().ok()).unwrap_or(0);
    let mut outcome = Pass::Done;
    for (entry, due) in &page.records {
        let at = Timestamp::from_millis(when(entry));
        if at > now {
            // What was worked off may have left an entry that is due earlier than this one.
            outcome = if outcome == Pass::More { Pass::More } else { Pass::Again(at.since(now)) };
            break;
        }
        work(kms, entry, due, now).await?;
        outcome = Pass::More;
    }
    write_down_uses(kms).await?;
    Ok(outcome)
}

/// Brings one key up to date, and takes its entry away.
async fn work(kms: &Kms, entry: &str, due: &DueRecord, now: Timestamp) -> Result<(), Error> {
    let place = (due.account, due.region);
    let id = due.key.as_str();
    let is_over = |whole: &Whole| match whole.record.state {
        KeyState::PendingDeletion { deletion, .. } if deletion <= now => Some(deletion),
        _ => None,
    };
    let done = kms
        .store
        .transact(|tx| async move {
            let Some(mut whole) = Whole::load(&tx, place, id).await? else {
                DUE.delete(&tx, &(), entry).await?;
                return Ok::<_, Error>(None);
            };
            let before = whole.clone();
            if let Some(at) = is_over(&whole) {
                let is_all = remove(&tx, &whole, at).await?;
                if is_all {
                    DUE.delete(&tx, &(), entry).await?;
                }
                return Ok(Some((before, None)));
            }
            expire(&mut whole, now);
            rotation::by_the_clock(&kms.vault, &mut whole, now, ROTATIONS_AT_ONCE_MAX)?;
            DUE.delete(&tx, &(), entry).await?;
            whole.save(&tx, Some(&before)).await?;
            Ok(Some((before, Some(whole))))
        })
        .await?;
    if let Some((before, after)) = done {
        before.regions().iter().for_each(|region| kms.directory.forget(place.0, *region, id));
        wipe(kms, &before, after.as_ref());
    }
    Ok(())
}

/// Takes away imported material that has ended.
fn expire(whole: &mut Whole, now: Timestamp) {
    let mut is_incomplete = false;
    for (_, material) in &mut whole.materials {
        if material.is_expired(now) {
            material.sealed = None;
            material.valid_to = None;
            is_incomplete |= state::is_needed(material);
        }
    }
    if is_incomplete && matches!(whole.record.state, KeyState::Enabled | KeyState::Disabled) {
        whole.record.state = KeyState::PendingImport;
    }
}

/// Removes a key and what belongs to it, a bounded part at a time, the key itself at last. `true` if nothing is left.
async fn remove(tx: &Tx, whole: &Whole, at: Timestamp) -> Result<bool, Error> {
    let (place, id) = (whole.place, whole.id.as_str());
    let prefix = format!("{id}/");
    let select = Select::prefix(&prefix);
    let aliases = ALIASES_OF_KEYS.scan(tx, &place, select, REMOVED_AT_ONCE_MAX).await?;
    for (entry, _) in &aliases.records {
        ALIASES_OF_KEYS.delete(tx, &place, entry).await?;
        ALIASES.delete(tx, &place, &entry[prefix.len()..]).await?;
    }
    let grants = GRANTS.scan(tx, &place, select, REMOVED_AT_ONCE_MAX).await?;
    for (entry, grant) in &grants.records {
        crate::operations::grants::remove(tx, place, id, &entry[prefix.len()..], grant).await?;
    }
    let materials = MATERIALS.scan(tx, &place, select, REMOVED_AT_ONCE_MAX).await?;
    for (entry, _) in &materials.records {
        MATERIALS.delete(tx, &place, entry).await?;
    }
    if aliases.next.is_some() || grants.next.is_some() || materials.next.is_some() {
        return Ok(false);
    }
    LAST_USES.delete(tx, &place, id).await?;
    KEYS.delete(tx, &place, id).await?;
    leave_set(tx, whole, at).await?;
    Ok(true)
}

/// A multi-region key without its last replica may go itself, and its waiting period begins.
async fn leave_set(tx: &Tx, gone: &Whole, at: Timestamp) -> Result<(), Error> {
    let Some(set) = &gone.record.multi_region else { return Ok(()) };
    let primary: Place = (gone.place.0, set.primary);
    let Some(mut whole) = Whole::load(tx, primary, &gone.id).await? else { return Ok(()) };
    let before = whole.clone();
    let Some(set) = &mut whole.record.multi_region else { return Ok(()) };
    set.replicas.remove(&gone.place.1);
    if let KeyState::PendingReplicaDeletion { window_days } = whole.record.state
        && set.replicas.is_empty()
    {
        whole.record.state = KeyState::PendingDeletion { deletion: at + DAY * window_days, window_days };
    }
    whole.save(tx, Some(&before)).await
}

/// Lets the vault wipe the material that is no longer any key's.
fn wipe(kms: &Kms, before: &Whole, after: Option<&Whole>) {
    // Replicas have the same material under the same name.
    if after.is_none() && before.regions().len() > 1 {
        return;
    }
    for (number, material) in &before.materials {
        let kept = after.and_then(|after| after.materials.iter().find(|(at, _)| at == number));
        let is_kept = kept.is_some_and(|(_, kept)| kept.sealed.is_some());
        if let (Some(sealed), false) = (&material.sealed, is_kept) {
            let bound_to = bound_to(&before.id, *number);
            kms.vault.forget(&SealedKey { spec: before.record.spec, sealed, bound_to: &bound_to });
        }
    }
}

async fn write_down_uses(kms: &Kms) -> Result<(), Error> {
    loop {
        let some = kms.uses.some();
        if some.is_empty() {
            return Ok(());
        }
        let uses = &some;
        kms.store
            .transact(|tx| async move {
                for (place, key, record) in uses {
                    // A key that is gone leaves nothing behind.
                    if KEYS.get(&tx, place, key).await?.is_some() {
                        LAST_USES.put(&tx, place, key, record).await?;
                    }
                }
                Ok::<_, Error>(())
            })
            .await?;
        kms.uses.written(&some);
    }
}
