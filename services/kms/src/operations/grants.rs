//! CreateGrant, and how grants are kept.
//!
//! Surprising: a grant with a name is made once, however often it is asked for with the same parameters; without a name
//! every request makes another.

use base::{AccountId, Arn, Region};
use identity::policy::Pins;
use kms_api::{CreateGrantInput, CreateGrantOutput, GrantOperation};
use service::Call;
use store::{Select, Tx};
use vault::KeySpec;

use super::grant_tokens::{self, Granted};
use super::opening::{check_ready, stop_if_dry};
use super::policies::check_exists;
use super::{by_arn, key_arn};
use crate::Kms;
use crate::directory::Key;
use crate::error::Error;
use crate::limits::{GRANT_ID_CHARS, GRANTS_OF_A_KEY_MAX, LIST_MAX};
use crate::model::condition_keys::{self, Keys, one};
use crate::model::grant;
use crate::model::key_id::KeyName;
use crate::records::{Constraints, GRANTS, GrantRecord, KEYS, RETIRABLE, RetirableRecord};

pub type Place = (AccountId, Region);

/// The key of a grant; it cannot be named by an alias.
pub fn key_of_grants(call: &Call, key_id: &str) -> Result<Arn, Error> {
    match KeyName::parse(key_id)?.is_alias() {
        true => Err(Error::InvalidArn("Key Aliases are not supported for this operation.".to_owned())),
        false => key_arn(call, key_id),
    }
}

/// `kms:GrantIsForAWSResource`: whether a service asks, for a resource of its own.
pub fn grant_keys(call: &Call) -> Keys {
    let mut keys = condition_keys::shared(call);
    let through_service = call.source.via_service.is_some();
    keys.push(one("kms:GrantIsForAWSResource", through_service));
    keys
}

pub fn by_key(_: &Kms, call: &Call, input: &CreateGrantInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![key_of_grants(call, &input.key_id)?])
}

pub fn create_keys(_: &Kms, call: &Call, input: &CreateGrantInput) -> Keys {
    let mut keys = grant_keys(call);
    // What is wrong with the constraints is told later.
    let constraints = constraints(input).unwrap_or_default();
    keys.extend(grant::creation_keys(
        input.grantee_principal.as_deref().or(input.grantee_service_principal.as_deref()),
        input.retiring_principal.as_deref().or(input.retiring_service_principal.as_deref()),
        input.operations.iter().map(ToString::to_string),
        &constraints,
    ));
    keys
}

fn constraints(input: &CreateGrantInput) -> Result<Constraints, Error> {
    let Some(given) = &input.constraints else { return Ok(Constraints::default()) };
    let source_arn = given.source_arn.as_deref().map(|text| {
        text.parse::<Arn>().map_err(|_| Error::InvalidArn(format!("Invalid source ARN: {text}")))
    });
    Ok(Constraints {
        context_subset: given.encryption_context_subset.clone(),
        context_equals: given.encryption_context_equals.clone(),
        source_arn: source_arn.transpose()?,
    })
}

/// The grant that is asked for, if it can be given on this key.
fn asked(call: &Call, input: &CreateGrantInput, key: &Key) -> Result<GrantRecord, Error> {
    let grantee = match (&input.grantee_principal, &input.grantee_service_principal) {
        (Some(principal), None) | (None, Some(principal)) => principal,
        _ => return Err(either_or("GranteePrincipal", "GranteeServicePrincipal")),
    };
    let retiring = match (&input.retiring_principal, &input.retiring_service_principal) {
        (Some(_), Some(_)) => return Err(either_or("RetiringPrincipal", "RetiringServicePrincipal")),
        (principal, None) | (None, principal) => principal,
    };
    let constraints = constraints(input)?;
    let for_service = input.grantee_service_principal.is_some();
    if for_service && (constraints.source_arn.is_none() || retiring.is_none()) {
        return Err(Error::validation(
            "A grant to a GranteeServicePrincipal needs a SourceArn constraint and a retiring principal.",
        ));
    }
    [Some(grantee), retiring.as_ref()]
        .into_iter()
        .flatten()
        .try_for_each(|text| grant::check_principal(text))?;
    let is_symmetric = key.record.spec == KeySpec::SymmetricDefault;
    let operations = input.operations.iter().map(GrantOperation::to_string).collect();
    grant::check_operations(&operations, key.record.usage, is_symmetric)?;
    grant::check_constraints(&constraints, is_symmetric)?;
    Ok(GrantRecord {
        created: call.now,
        name: input.name.clone(),
        grantee: grantee.clone(),
        retiring: retiring.clone(),
        pins: Pins::new(),
        issuing_account: call.principal.account,
        operations,
        constraints,
    })
}

fn either_or(one: &str, other: &str) -> Error {
    Error::Validation(format!("You must specify either {one} or {other}, but not both."))
}

pub async fn create_grant(
    kms: &Kms,
    call: &Call,
    input: CreateGrantInput,
) -> Result<CreateGrantOutput, Error> {
    let key = by_arn(kms, &key_of_grants(call, &input.key_id)?).await?;
    let mut fresh = asked(call, &input, &key)?;
    let mut pins = Pins::new();
    for principal in [Some(&fresh.grantee), fresh.retiring.as_ref()].into_iter().flatten() {
        check_exists(kms, call, principal).await?;
        if let Some(id) = kms.aws.unique_id(principal).await? {
            pins.insert(principal.clone(), id);
        }
    }
    fresh.pins = pins;
    check_ready(kms, call, &key, input.grant_tokens.as_deref())?;
    stop_if_dry(input.dry_run)?;
    let place = key.place();
    let fresh_id = kms.ids.hex(GRANT_ID_CHARS);
    let (fresh, fresh_id, arn, id) = (&fresh, fresh_id.as_str(), &key.arn(), key.id.as_str());
    let made = kms
        .store
        .transact(|tx| async move {
            KEYS.get(&tx, &place, id).await?.ok_or_else(|| Error::KeyNotFound(arn.clone()))?;
            let grants = all(&tx, &place, id).await?;
            if let Some((known, _)) = grants.iter().find(|(_, record)| is_same(record, fresh)) {
                return Ok::<_, Error>(known.clone());
            }
            if grants.len() >= GRANTS_OF_A_KEY_MAX {
                return Err(Error::LimitExceeded(format!("{arn} has {GRANTS_OF_A_KEY_MAX} grants already.")));
            }
            insert(&tx, place, id, fresh_id, fresh).await?;
            Ok(fresh_id.to_owned())
        })
        .await?;
    let (account, region) = place;
    kms.directory.forget(account, region, id);
    let granted = Granted { account, region, key: key.id.clone(), grant: made.clone() };
    Ok(CreateGrantOutput { grant_token: Some(grant_tokens::make(kms, &granted)), grant_id: Some(made) })
}

async fn insert(tx: &Tx, place: Place, key: &str, id: &str, grant: &GrantRecord) -> Result<(), Error> {
    GRANTS.put(tx, &place, &format!("{key}/{id}"), grant).await?;
    if let Some((scope, entry)) = retirable(place, key, id, grant) {
        RETIRABLE.put(tx, &scope, &entry, &RetirableRecord { owner: place.0 }).await?;
    }
    Ok(())
}

/// Removes a grant and its entry under its retiring principal.
pub async fn remove(tx: &Tx, place: Place, key: &str, id: &str, grant: &GrantRecord) -> Result<(), Error> {
    GRANTS.delete(tx, &place, &format!("{key}/{id}")).await?;
    if let Some((scope, entry)) = retirable(place, key, id, grant) {
        RETIRABLE.delete(tx, &scope, &entry).await?;
    }
    Ok(())
}

/// Where a grant is entered under its retiring principal: in the principal's account, so that it finds the grants on
/// other accounts' keys as well.
fn retirable(place: Place, key: &str, id: &str, grant: &GrantRecord) -> Option<(Place, String)> {
    let principal = grant.retiring.as_deref()?;
    Some(((account_of(principal).unwrap_or(place.0), place.1), format!("{principal} {key}/{id}")))
}

/// The account of a principal, unless it is a service.
pub fn account_of(principal: &str) -> Option<AccountId> {
    principal.split(':').nth(4)?.parse().ok()
}

/// A named grant is asked for twice when a client tries again. Without a name every request makes one.
fn is_same(known: &GrantRecord, asked: &GrantRecord) -> bool {
    known.name.is_some() && GrantRecord { created: asked.created, ..known.clone() } == *asked
}

/// Every grant of a key, with its id.
pub async fn all(tx: &Tx, place: &Place, key: &str) -> Result<Vec<(String, GrantRecord)>, Error> {
    let prefix = format!("{key}/");
    let mut grants = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = GRANTS.scan(tx, place, select, LIST_MAX).await?;
        grants.extend(page.records.into_iter().map(|(key, record)| (key[prefix.len()..].to_owned(), record)));
        after = page.next;
        if after.is_none() {
            return Ok(grants);
        }
    }
}
