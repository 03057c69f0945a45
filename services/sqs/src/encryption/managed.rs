//! Data keys of SQS's own (SSE-SQS), sealed by the vault and kept in the store.
//!
//! A data key belongs to an account in a region, not to a queue: messages outlive their queue in dead-letter queues,
//! and are moved on as often as somebody likes, so a key of a queue could never be deleted with it. One a day keeps
//! the messages under one key far below the 2³² that random nonces allow, and the records few; they are kept for good.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{AccountId, Ids, Region, Timestamp};
use parking_lot::RwLock;
use store::{Store, ordered};
use vault::Vault;

use super::DataKey;
use crate::error::Error;
use crate::limits::{
    DATA_KEY_BYTES, MANAGED_DATA_KEY_SENDS_MAX, MANAGED_DATA_KEY_TIME_MAX, MANAGED_DATA_KEYS_KNOWN_MAX,
};
use crate::model::sealed::Seal;
use crate::records::{CURRENT_DATA_KEYS, CurrentDataKeyRecord, DATA_KEYS, DataKeyRecord};

type Place = (AccountId, Region);

/// What the vault is told the data keys are for.
const PURPOSE: &str = "sqs.managed";
/// There is one current data key a place.
const CURRENT: &str = "current";

pub struct Managed {
    store: Store,
    vault: Vault,
    ids: Ids,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    current: HashMap<Place, Current>,
    by_number: HashMap<u64, Arc<DataKey>>,
}

struct Current {
    number: u64,
    key: Arc<DataKey>,
    until: Timestamp,
    /// How often it was handed out, for a send or a batch.
    sends: AtomicU64,
}

impl Managed {
    pub fn new(store: Store, vault: Vault, ids: Ids) -> Managed {
        Managed { store, vault, ids, known: RwLock::default() }
    }

    pub async fn for_sending(&self, place: Place, now: Timestamp) -> Result<Arc<DataKey>, Error> {
        let worn = {
            let known = self.known.read();
            match known.current.get(&place) {
                Some(current) if now < current.until => {
                    if current.sends.fetch_add(1, Ordering::Relaxed) < MANAGED_DATA_KEY_SENDS_MAX {
                        return Ok(current.key.clone());
                    }
                    Some(current.number)
                }
                _ => None,
            }
        };
        let (number, until) = self.current(place, now, worn).await?;
        let key = self.by_number(number).await?;
        let current = Current { number, key: key.clone(), until, sends: AtomicU64::new(1) };
        self.known.write().current.insert(place, current);
        Ok(key)
    }

    /// The key to encrypt with, and until when: the stored one, or a new one where that is too old or `worn`.
    async fn current(
        &self,
        place: Place,
        now: Timestamp,
        worn: Option<u64>,
    ) -> Result<(u64, Timestamp), Error> {
        let number = self.ids.number();
        let material = self.vault.random(DATA_KEY_BYTES);
        let fresh = &DataKeyRecord {
            account: place.0,
            region: place.1,
            created: now,
            sealed: self.vault.seal(PURPOSE, &context(place, number), &material),
        };
        let place = &place;
        self.store
            .transact(|tx| async move {
                if let Some(current) = CURRENT_DATA_KEYS.get(&tx, place, CURRENT).await? {
                    let until = current.created + MANAGED_DATA_KEY_TIME_MAX;
                    if now < until && worn != Some(current.number) {
                        return Ok((current.number, until));
                    }
                }
                DATA_KEYS.put(&tx, &(), &ordered(number), fresh).await?;
                let current = CurrentDataKeyRecord { number, created: now };
                CURRENT_DATA_KEYS.put(&tx, place, CURRENT, &current).await?;
                Ok((number, now + MANAGED_DATA_KEY_TIME_MAX))
            })
            .await
    }

    /// The key that a message names.
    pub async fn by_number(&self, number: u64) -> Result<Arc<DataKey>, Error> {
        if let Some(key) = self.known.read().by_number.get(&number) {
            return Ok(key.clone());
        }
        let name = ordered(number);
        let name = name.as_str();
        let found = self.store.read(|tx| async move { DATA_KEYS.get(&tx, &(), name).await }).await?;
        let Some(DataKeyRecord { account, region, sealed, .. }) = found else {
            return Err(Error::Internal(
                format!("there is no data key {number} to open a message with").into(),
            ));
        };
        let material = self
            .vault
            .open(PURPOSE, &context((account, region), number), &sealed)
            .map_err(|error| Error::Internal(error.into()))?;
        let key = Arc::new(DataKey::new(&material, Seal::Managed(number))?);
        let mut known = self.known.write();
        if known.by_number.len() >= MANAGED_DATA_KEYS_KNOWN_MAX {
            known.by_number.clear();
        }
        known.by_number.insert(number, key.clone());
        Ok(key)
    }
}

/// What the sealed key is bound to.
fn context((account, region): Place, number: u64) -> Vec<u8> {
    format!("{account}/{region}/{number}").into_bytes()
}
