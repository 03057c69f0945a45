//! Aliases: names for keys, which may move from one to another.
//!
//! Surprising: whoever changes an alias needs the permission for the alias, and for each key that is concerned.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use kms_api::{
    AliasListEntry, CreateAliasInput, CreateAliasOutput, DeleteAliasInput, DeleteAliasOutput,
    ListAliasesInput, ListAliasesOutput, UpdateAliasInput, UpdateAliasOutput,
};
use service::{Ask, Call};
use store::{Select, Tx};

use super::making::put_alias;
use super::saving::{Attempts, Place};
use super::{check_not_going, key, own_key_arn, own_key_arn_or_not_found, paging};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::limits::{ALIASES_OF_A_KEY_MAX, LIST_ALIASES_DEFAULT, LIST_ALIASES_MAX};
use crate::model::condition_keys::shared;
use crate::model::{alias, managed};
use crate::records::{ALIASES, ALIASES_OF_KEYS, AliasRecord, KEYS};

pub fn by_creation(_: &Kms, call: &Call, input: &CreateAliasInput) -> Result<Vec<Arn>, Error> {
    alias::parse_own(&input.alias_name)?;
    Ok(vec![call.arn("kms", &input.alias_name), own_key_arn_or_not_found(call, &input.target_key_id)?])
}

/// The alias and its next key; the present one is asked for inside.
pub fn by_update(_: &Kms, call: &Call, input: &UpdateAliasInput) -> Result<Vec<Arn>, Error> {
    alias::parse_own(&input.alias_name)?;
    Ok(vec![call.arn("kms", &input.alias_name), own_key_arn_or_not_found(call, &input.target_key_id)?])
}

pub fn by_name(_: &Kms, call: &Call, input: &DeleteAliasInput) -> Result<Vec<Arn>, Error> {
    alias::parse_own(&input.alias_name)?;
    Ok(vec![call.arn("kms", &input.alias_name)])
}

pub async fn create_alias(
    kms: &Kms,
    call: &Call,
    input: CreateAliasInput,
) -> Result<CreateAliasOutput, Error> {
    let name = alias::parse_own(&input.alias_name)?;
    let key = key(kms, call, &input.target_key_id).await?;
    check_not_going(&key, call)?;
    let (key, place) = (&key, key.place());
    let fresh = &AliasRecord { key: key.id.clone(), created: call.now, updated: call.now };
    let arn = &call.arn("kms", &input.alias_name);
    let attempts = &Attempts::default();
    let made = kms
        .store
        .transact(|tx| async move {
            let is_again = attempts.is_again();
            match ALIASES.get(&tx, &place, name).await? {
                Some(known) if is_again && known == *fresh => return Ok(()),
                Some(_) => {
                    let message = format!("An alias with the name {arn} already exists");
                    return Err(Error::AlreadyExists(message));
                }
                None => {}
            }
            check_room(&tx, place, key).await?;
            put_alias(&tx, place, name, fresh).await
        })
        .await;
    forget(kms, place, name, &[&key.id]);
    made.map(|()| CreateAliasOutput {})
}

/// The key must be there when the alias is, and have room for one more.
async fn check_room(tx: &Tx, place: Place, key: &Key) -> Result<(), Error> {
    if KEYS.get(tx, &place, &key.id).await?.is_none() {
        return Err(Error::KeyNotFound(key.arn()));
    }
    let prefix = format!("{}/", key.id);
    let page = ALIASES_OF_KEYS.scan(tx, &place, Select::prefix(&prefix), ALIASES_OF_A_KEY_MAX).await?;
    match page.records.len() < ALIASES_OF_A_KEY_MAX {
        true => Ok(()),
        false => Err(Error::LimitExceeded(format!(
            "You have reached the maximum of {ALIASES_OF_A_KEY_MAX} aliases for the KMS key {}.",
            key.arn()
        ))),
    }
}

pub async fn update_alias(
    kms: &Kms,
    call: &Call,
    input: UpdateAliasInput,
) -> Result<UpdateAliasOutput, Error> {
    let name = alias::parse_own(&input.alias_name)?;
    let arn = &call.arn("kms", &input.alias_name);
    let next = key(kms, call, &input.target_key_id).await?;
    let current = current(kms, arn).await?;
    require(kms, call, "UpdateAlias", &current).await?;
    check_not_going(&next, call)?;
    alias::check_successor(&current.record, &next.record)?;
    let (place, next, now) = (next.place(), &next, call.now);
    let moved = kms
        .store
        .transact(|tx| async move {
            let known = ALIASES.get(&tx, &place, name).await?;
            let mut known = known.ok_or_else(|| Error::AliasNotFound(arn.clone()))?;
            if known.key != next.id {
                check_room(&tx, place, next).await?;
                ALIASES_OF_KEYS.delete(&tx, &place, &format!("{}/{name}", known.key)).await?;
            }
            known.key.clone_from(&next.id);
            known.updated = now;
            put_alias(&tx, place, name, &known).await
        })
        .await;
    forget(kms, place, name, &[&current.id, &next.id]);
    moved.map(|()| UpdateAliasOutput {})
}

pub async fn delete_alias(
    kms: &Kms,
    call: &Call,
    input: DeleteAliasInput,
) -> Result<DeleteAliasOutput, Error> {
    let name = alias::parse_own(&input.alias_name)?;
    let arn = &call.arn("kms", &input.alias_name);
    let current = current(kms, arn).await?;
    require(kms, call, "DeleteAlias", &current).await?;
    let place = current.place();
    let gone = kms
        .store
        .transact(|tx| async move {
            if let Some(known) = ALIASES.get(&tx, &place, name).await? {
                ALIASES.delete(&tx, &place, name).await?;
                ALIASES_OF_KEYS.delete(&tx, &place, &format!("{}/{name}", known.key)).await?;
            }
            Ok::<_, Error>(())
        })
        .await;
    forget(kms, place, name, &[&current.id]);
    gone.map(|()| DeleteAliasOutput {})
}

/// The key that an alias names now.
async fn current(kms: &Kms, alias: &Arn) -> Result<Arc<Key>, Error> {
    kms.directory.resolve(alias).await?.ok_or_else(|| Error::AliasNotFound(alias.clone()))
}

async fn require(kms: &Kms, call: &Call, action: &str, key: &Key) -> Result<(), Error> {
    let (keys, arn) = (shared(call), key.arn());
    let ask = Ask { prefix: "kms", action, resource: Some(&arn), keys: &keys, input: None };
    Ok(kms.aws.require(call, &ask).await?)
}

fn forget(kms: &Kms, (account, region): Place, name: &str, keys: &[&str]) {
    kms.directory.forget_alias(account, region, name);
    keys.iter().for_each(|key| kms.directory.forget(account, region, key));
}

pub async fn list_aliases(
    kms: &Kms,
    call: &Call,
    input: ListAliasesInput,
) -> Result<ListAliasesOutput, Error> {
    let after = paging::position(kms, call, "ListAliases", input.marker.as_deref())?;
    let limit = paging::limit(input.limit, LIST_ALIASES_DEFAULT, LIST_ALIASES_MAX)?;
    let (place, after) = (call.scope(), after.as_deref());
    let (page, next) = match input.key_id.as_deref() {
        None => with_predefined(kms, place, after, limit).await?,
        Some(key_id) => {
            let key = super::by_arn(kms, &own_key_arn(call, key_id)?).await?;
            let names = key.aliases.iter().map(|name| (name.clone(), name.clone()));
            let (names, next) = paging::page_of(names, after, limit);
            let records = records(kms, place, names).await?;
            (records.into_iter().map(|(name, record)| (name, Some(record))).collect(), next)
        }
    };
    let entries = page.into_iter().map(|(name, record)| AliasListEntry {
        alias_arn: Some(call.arn("kms", format!("alias/{name}")).to_string()),
        alias_name: Some(format!("alias/{name}")),
        creation_date: record.as_ref().map(|record| record.created),
        last_updated_date: record.as_ref().map(|record| record.updated),
        target_key_id: record.map(|record| record.key),
    });
    Ok(ListAliasesOutput {
        aliases: Some(entries.collect()),
        next_marker: paging::marker(kms, call, "ListAliases", next.as_deref()),
        truncated: Some(next.is_some()),
    })
}

type Aliases = Vec<(String, Option<AliasRecord>)>;

/// A page of all aliases of an account, among them those of AWS's services that have no key yet, and so no record.
async fn with_predefined(
    kms: &Kms,
    place: Place,
    after: Option<&str>,
    limit: usize,
) -> Result<(Aliases, Option<String>), Error> {
    let scan =
        kms.store.read(|tx| async move { ALIASES.scan(&tx, &place, Select::ALL.after(after), limit).await });
    let known = scan.await?;
    let mut all: BTreeMap<String, Option<AliasRecord>> =
        known.records.into_iter().map(|(name, record)| (name, Some(record))).collect();
    // Behind the last record that was read there may be others, which come first.
    for name in managed::aliases().filter(|name| known.next.as_ref().is_none_or(|last| name <= last)) {
        all.entry(name).or_default();
    }
    let all = all.into_iter().map(|(name, record)| (name.clone(), (name, record)));
    let (page, next) = paging::page_of(all, after, limit);
    Ok((page, next.or(known.next)))
}

async fn records(kms: &Kms, place: Place, names: Vec<String>) -> Result<Vec<(String, AliasRecord)>, Error> {
    let names = &names;
    kms.store
        .read(|tx| async move {
            let mut records = Vec::with_capacity(names.len());
            for name in names {
                let record = ALIASES.get(&tx, &place, name).await?;
                records.extend(record.map(|record| (name.clone(), record)));
            }
            Ok(records)
        })
        .await
}
