//! Finding keys quickly. Every operation starts here, so what was found is remembered: the key's record, its
//! materials (sealed), its aliases, and its policy with its grants, ready to be asked.

pub mod uses;

use std::collections::HashMap;
use std::sync::Arc;

use base::{AccountId, Arn, Clock, Ids, Region, Timestamp};
use identity::policy::Named;
use parking_lot::RwLock;
use service::ResourceFacts;
use store::{Select, Store, Tx};
use vault::Vault;

use crate::Kms;
use crate::error::Error;
use crate::model::{condition_keys, key_policy, managed};
use crate::operations::{grant_endings, last_use, making};
use crate::records::{
    ALIASES, ALIASES_OF_KEYS, GRANTS, GrantRecord, KEYS, KeyRecord, KeyState, MATERIALS, MaterialRecord,
};

/// A key that exists, as it was when it was looked up.
#[derive(Clone, Debug)]
pub struct Key {
    pub account: AccountId,
    pub region: Region,
    pub id: String,
    pub record: KeyRecord,
    /// Every material it ever had, by number.
    pub materials: Vec<(u32, MaterialRecord)>,
    /// Names without `alias/`, sorted.
    pub aliases: Vec<String>,
    pub policy: Arc<Named>,
    pub grants: Vec<Arc<Named>>,
}

impl Key {
    pub fn arn(&self) -> Arn {
        Arn::regional("kms", self.region, self.account, format!("key/{}", self.id))
    }

    pub fn place(&self) -> (AccountId, Region) {
        (self.account, self.region)
    }

    /// What the vault binds a material of this key to.
    pub fn bound_to(&self, number: u32) -> Vec<u8> {
        bound_to(&self.id, number)
    }

    /// The material of that number, if it ever was.
    pub fn material(&self, number: u32) -> Option<&MaterialRecord> {
        self.materials.iter().find(|(at, _)| *at == number).map(|(_, material)| material)
    }

    /// The material that new ciphertexts, signatures and MACs are made with, and its number.
    pub fn current(&self) -> Option<(u32, &MaterialRecord)> {
        let number = self.record.material?;
        Some((number, self.material(number)?))
    }

    /// The state at a moment: the clock may have gone further than the task that writes it down.
    pub fn state(&self, now: Timestamp) -> KeyState {
        crate::model::state::at(&self.record, &self.materials, now)
    }
}

/// What the vault binds a key's material to.
pub fn bound_to(key: &str, number: u32) -> Vec<u8> {
    format!("{key}/{number}").into_bytes()
}

/// What permissions need to know of a key, or of the key behind an alias.
pub async fn facts(kms: &Kms, action: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    if action == "RetireGrant"
        && let Some(facts) = grant_endings::facts(kms, arn).await?
    {
        return Ok(facts);
    }
    let of_the_name = arn.resource().starts_with("alias/")
        && matches!(action, "CreateAlias" | "UpdateAlias" | "DeleteAlias");
    if of_the_name {
        return Ok(ResourceFacts::default());
    }
    let Some(key) = kms.directory.resolve(arn).await? else {
        return Ok(ResourceFacts { takes_policy: true, ..ResourceFacts::default() });
    };
    let mut keys = condition_keys::of_key(&key.record, &key.aliases, key.region);
    if matches!(action, "DisableKey" | "ScheduleKeyDeletion") {
        let last = last_use::of(kms, key.place(), &key.id).await?.map(|last| last.at);
        keys.push(condition_keys::idle_days(key.record.created, last, kms.clock.now()));
    }
    Ok(ResourceFacts {
        arn: Some(key.arn()),
        policy: Some(key.policy.clone()),
        grants: key.grants.clone(),
        takes_policy: true,
        policy_required: true,
        tags: key.record.tags.clone(),
        keys,
        ..ResourceFacts::default()
    })
}

type Place = (AccountId, Region);

pub struct Directory {
    store: Store,
    vault: Vault,
    ids: Ids,
    clock: Clock,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    keys: HashMap<Place, HashMap<String, Arc<Key>>>,
    /// Names without `alias/`, to the key's id.
    aliases: HashMap<Place, HashMap<String, String>>,
    count: usize,
    /// Counts forgettings, so that a lookup that was overtaken by one is not remembered.
    forgotten: u64,
}

/// More than this many keys or aliases are not remembered; the memory begins anew.
const KNOWN_MAX: usize = 100_000;
const PAGE_RECORDS: usize = 1_000;

impl Directory {
    pub fn new(store: Store, vault: Vault, ids: Ids, clock: Clock) -> Directory {
        Directory { store, vault, ids, clock, known: RwLock::default() }
    }

    /// The key of that id.
    pub async fn key(&self, account: AccountId, region: Region, id: &str) -> Result<Option<Arc<Key>>, Error> {
        let place = (account, region);
        let forgotten = {
            let known = self.known.read();
            if let Some(key) = known.keys.get(&place).and_then(|keys| keys.get(id)) {
                return Ok(Some(key.clone()).filter(|key| self.still_there(key)));
            }
            known.forgotten
        };
        let found = self.store.read(|tx| async move { load(&tx, place, id).await }).await?;
        let Some(found) = found else { return Ok(None) };
        let key = Arc::new(found);
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            known.make_room();
            known.keys.entry(place).or_default().insert(id.to_owned(), key.clone());
        }
        drop(known);
        Ok(Some(key).filter(|key| self.still_there(key)))
    }

    /// The key that a key ARN or an alias ARN names. An alias of AWS's own (`alias/aws/s3`) makes its key when it is
    /// first named.
    pub async fn resolve(&self, arn: &Arn) -> Result<Option<Arc<Key>>, Error> {
        let place = arn.account().zip(arn.region()).filter(|_| arn.service() == "kms");
        let Some((account, region)) = place else { return Ok(None) };
        if let Some(id) = arn.resource().strip_prefix("key/") {
            return self.key(account, region, id).await;
        }
        let Some(name) = arn.resource().strip_prefix("alias/") else { return Ok(None) };
        let id = match self.target(account, region, name).await? {
            Some(id) => id,
            None => match managed::service_of(name) {
                Some(service) => self.make_managed(account, region, service).await?,
                None => return Ok(None),
            },
        };
        self.key(account, region, &id).await
    }

    /// To be called after every change of a key, its materials, grants or aliases has been committed.
    pub fn forget(&self, account: AccountId, region: Region, id: &str) {
        let mut known = self.known.write();
        if let Some(keys) = known.keys.get_mut(&(account, region)) {
            keys.remove(id);
        }
        known.forgotten += 1;
    }

    /// To be called after every change of an alias, besides [`Directory::forget`] for its keys.
    pub fn forget_alias(&self, account: AccountId, region: Region, name: &str) {
        let mut known = self.known.write();
        if let Some(aliases) = known.aliases.get_mut(&(account, region)) {
            aliases.remove(name);
        }
        known.forgotten += 1;
    }

    /// A key whose deletion is due is gone, even if the task that removes it has not come to it yet.
    fn still_there(&self, key: &Key) -> bool {
        match key.record.state {
            KeyState::PendingDeletion { deletion, .. } => self.clock.now() < deletion,
            _ => true,
        }
    }

    /// The id of the key an alias names.
    async fn target(&self, account: AccountId, region: Region, name: &str) -> Result<Option<String>, Error> {
        let place = (account, region);
        let forgotten = {
            let known = self.known.read();
            if let Some(id) = known.aliases.get(&place).and_then(|aliases| aliases.get(name)) {
                return Ok(Some(id.clone()));
            }
            known.forgotten
        };
        let scope = &place;
        let found = self.store.read(|tx| async move { ALIASES.get(&tx, scope, name).await }).await?;
        let Some(alias) = found else { return Ok(None) };
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            known.make_room();
            known.aliases.entry(place).or_default().insert(name.to_owned(), alias.key.clone());
        }
        Ok(Some(alias.key))
    }

    /// Makes the key of a service of AWS's, once: whoever comes second finds the first one's.
    async fn make_managed(
        &self,
        account: AccountId,
        region: Region,
        service: &'static managed::Service,
    ) -> Result<String, Error> {
        let now = self.clock.now();
        let fresh = making::managed(&self.vault, (account, region), self.ids.uuid(), service, now)?;
        let (fresh, place) = (&fresh, &(account, region));
        let name = service.alias();
        let name = name.as_str();
        let id = self
            .store
            .transact(|tx| async move {
                if let Some(alias) = ALIASES.get(&tx, place, name).await? {
                    return Ok::<_, Error>(alias.key);
                }
                making::insert_managed(&tx, name, fresh, now).await?;
                Ok(fresh.id.clone())
            })
            .await?;
        self.forget_alias(account, region, name);
        Ok(id)
    }
}

impl Known {
    fn make_room(&mut self) {
        self.count += 1;
        if self.count > KNOWN_MAX {
            self.keys.clear();
            self.aliases.clear();
            self.count = 1;
        }
    }
}

/// Reads all that belongs to a key, in one snapshot.
async fn load(tx: &Tx, place: Place, id: &str) -> Result<Option<Key>, Error> {
    let Some(record) = KEYS.get(tx, &place, id).await? else { return Ok(None) };
    let prefix = format!("{id}/");
    let materials = materials_of(tx, &place, id).await?;
    let mut aliases = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = ALIASES_OF_KEYS.scan(tx, &place, select, PAGE_RECORDS).await?;
        aliases.extend(page.records.into_iter().map(|(key, _)| key[prefix.len()..].to_owned()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let grants = grants_of(tx, &place, &prefix).await?;
    let policy = key_policy::compile(&record.policy, &record.pins, id);
    let grants = key_policy::compile_grants(&grants, id);
    let (account, region) = place;
    Ok(Some(Key { account, region, id: id.to_owned(), record, materials, aliases, policy, grants }))
}

/// Every material a key ever had, by number.
pub async fn materials_of(tx: &Tx, place: &Place, id: &str) -> Result<Vec<(u32, MaterialRecord)>, Error> {
    let prefix = format!("{id}/");
    let mut materials = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = MATERIALS.scan(tx, place, select, PAGE_RECORDS).await?;
        for (key, material) in page.records {
            let number = key[prefix.len()..]
                .parse()
                .map_err(|_| Error::Internal(format!("a material of key {id} has no number").into()))?;
            materials.push((number, material));
        }
        after = page.next;
        if after.is_none() {
            return Ok(materials);
        }
    }
}

async fn grants_of(tx: &Tx, place: &Place, prefix: &str) -> Result<Vec<GrantRecord>, Error> {
    let mut grants = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(prefix).after(after.as_deref());
        let page = GRANTS.scan(tx, place, select, PAGE_RECORDS).await?;
        grants.extend(page.records.into_iter().map(|(_, grant)| grant));
        after = page.next;
        if after.is_none() {
            return Ok(grants);
        }
    }
}
