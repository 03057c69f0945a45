//! Data keys of S3's own (SSE-S3), sealed by the vault and kept in the store.
//!
//! A data key belongs to an account in a region, not to a bucket or an object: the engine derives from it, for every
//! extent, a key that is used for that extent alone, so objects need no keys of their own, and their records stay
//! small. There is a new one every day; they are kept for good.

use std::collections::HashMap;
use std::sync::Arc;

use base::{AccountId, Ids, Region, Timestamp};
use object_engine::{ContentKey, ContentKeys};
use parking_lot::RwLock;
use store::{Store, ordered};
use vault::Vault;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::limits::{DATA_KEY_BYTES, MANAGED_DATA_KEY_TIME_MAX, MANAGED_DATA_KEYS_KNOWN_MAX};
use crate::records::{CURRENT_DATA_KEYS, CurrentDataKeyRecord, DATA_KEYS, DataKeyRecord};

type Place = (AccountId, Region);

/// What the vault is told the data keys are for.
const PURPOSE: &str = "s3.managed";
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
    current: HashMap<Place, (Arc<DataKey>, Timestamp)>,
    by_number: HashMap<u64, Arc<DataKey>>,
}

/// A data key, ready for use; wiped when the last user is gone.
pub struct DataKey {
    pub number: u64,
    material: Zeroizing<[u8; DATA_KEY_BYTES]>,
    keys: ContentKeys,
}

impl DataKey {
    fn new(number: u64, material: &[u8]) -> Result<DataKey, Error> {
        let material = <[u8; DATA_KEY_BYTES]>::try_from(material)
            .map(Zeroizing::new)
            .map_err(|_| Error::Internal("a data key does not have 256 bits".into()))?;
        let keys = ContentKeys::one(ContentKey::new(*material));
        Ok(DataKey { number, material, keys })
    }

    pub fn keys(&self) -> ContentKeys {
        self.keys.clone()
    }

    /// For a second layer.
    pub fn content_key(&self) -> ContentKey {
        ContentKey::new(*self.material)
    }
}

impl Managed {
    pub fn new(store: Store, vault: Vault, ids: Ids) -> Managed {
        Managed { store, vault, ids, known: RwLock::default() }
    }

    /// What new content of an account in a region is encrypted with.
    pub async fn current(&self, place: Place, now: Timestamp) -> Result<Arc<DataKey>, Error> {
        if let Some((key, until)) = self.known.read().current.get(&place)
            && now < *until
        {
            return Ok(key.clone());
        }
        let (number, until) = self.choose(place, now).await?;
        let key = self.by_number(number).await?;
        self.known.write().current.insert(place, (key.clone(), until));
        Ok(key)
    }

    /// The stored key, or a new one where that is too old; and until when it is to be used.
    async fn choose(&self, place: Place, now: Timestamp) -> Result<(u64, Timestamp), Error> {
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
                    if now < until {
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

    /// The key that content names.
    pub async fn by_number(&self, number: u64) -> Result<Arc<DataKey>, Error> {
        if let Some(key) = self.known.read().by_number.get(&number) {
            return Ok(key.clone());
        }
        let name = ordered(number);
        let name = name.as_str();
        let found = self.store.read(|tx| async move { DATA_KEYS.get(&tx, &(), name).await }).await?;
        let Some(DataKeyRecord { account, region, sealed, .. }) = found else {
            return Err(Error::Internal(
                format!("there is no data key {number} to open an object with").into(),
            ));
        };
        let material = self
            .vault
            .open(PURPOSE, &context((account, region), number), &sealed)
            .map_err(|error| Error::Internal(error.into()))?;
        let key = Arc::new(DataKey::new(number, &material)?);
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
