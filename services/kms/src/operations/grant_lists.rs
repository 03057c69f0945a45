//! ListGrants and ListRetirableGrants.
//!
//! Surprising: retirable grants are listed for a principal, on the keys of all accounts, and the permission is asked on
//! that principal.

use base::Arn;
use kms_api::{
    GrantConstraints, GrantListEntry, GrantOperation, ListGrantsInput, ListGrantsOutput,
    ListRetirableGrantsInput, ListRetirableGrantsOutput,
};
use service::{Call, PrincipalKind};
use store::{Listing, Select};

use super::grant_endings::check_id;
use super::grants::{Place, account_of, grant_keys, key_of_grants};
use super::{by_arn, paging};
use crate::Kms;
use crate::error::Error;
use crate::limits::{LIST_GRANTS_DEFAULT, LIST_GRANTS_MAX};
use crate::model::condition_keys::Keys;
use crate::model::grant::is_service;
use crate::records::{Constraints, GRANTS, GrantRecord, RETIRABLE};

pub fn by_key(_: &Kms, call: &Call, input: &ListGrantsInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![key_of_grants(call, &input.key_id)?])
}

pub fn list_keys(_: &Kms, call: &Call, _: &ListGrantsInput) -> Keys {
    grant_keys(call)
}

pub async fn list_grants(kms: &Kms, call: &Call, input: ListGrantsInput) -> Result<ListGrantsOutput, Error> {
    let key = by_arn(kms, &key_of_grants(call, &input.key_id)?).await?;
    input.grant_id.as_deref().map_or(Ok(()), check_id)?;
    let grantee = either(
        call,
        ("GranteePrincipal", input.grantee_principal),
        ("GranteeServicePrincipal", input.grantee_service_principal),
    )?;
    let limit = paging::limit(input.limit, LIST_GRANTS_DEFAULT, LIST_GRANTS_MAX)?;
    let after = paging::position(kms, call, "ListGrants", input.marker.as_deref())?;
    let is_asked_for = |id: &str, grant: &GrantRecord| {
        input.grant_id.as_deref().is_none_or(|asked| asked == id)
            && grantee.as_deref().is_none_or(|asked| asked == grant.grantee)
    };
    let prefix = format!("{}/", key.id);
    let place = key.place();
    let mut after = after.map(|id| format!("{prefix}{id}"));
    let mut entries = Vec::new();
    let arn = key.arn();
    // What is left out by the filter does not count, so there may be more than one page to read.
    let next = loop {
        let listing = read_grants(kms, place, &prefix, after.as_deref(), limit - entries.len()).await?;
        for (entry, grant) in &listing.records {
            let id = &entry[prefix.len()..];
            if is_asked_for(id, grant) {
                entries.push(shown(&arn, id, grant));
            }
        }
        after = listing.next;
        if after.is_none() || entries.len() == limit {
            break after.map(|entry| entry[prefix.len()..].to_owned());
        }
    };
    Ok(ListGrantsOutput {
        grants: Some(entries),
        truncated: Some(next.is_some()),
        next_marker: paging::marker(kms, call, "ListGrants", next.as_deref()),
    })
}

async fn read_grants(
    kms: &Kms,
    place: Place,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Listing<GrantRecord>, Error> {
    let read = kms
        .store
        .read(|tx| async move { GRANTS.scan(&tx, &place, Select::prefix(prefix).after(after), limit).await });
    Ok(read.await?)
}

/// One of two filters; that by service principal is for services alone.
fn either(
    call: &Call,
    (name, principal): (&str, Option<String>),
    (service_name, service): (&str, Option<String>),
) -> Result<Option<String>, Error> {
    match (principal, service) {
        (Some(_), Some(_)) => {
            Err(Error::Validation(format!("You can specify either {name} or {service_name}, but not both.")))
        }
        (None, Some(_)) if call.principal.kind != PrincipalKind::Service => {
            Err(Error::AccessDenied(format!("The {service_name} filter is for calls by AWS services only.")))
        }
        (principal, service) => Ok(principal.or(service)),
    }
}

/// The retiring principal; grants of another account's principals are its own affair.
pub fn by_principal(_: &Kms, call: &Call, input: &ListRetirableGrantsInput) -> Result<Vec<Arn>, Error> {
    let Some(principal) = &input.retiring_principal else { return Ok(Vec::new()) };
    let arn: Arn = principal.parse().map_err(|_| Error::InvalidArn(format!("Invalid ARN: {principal}")))?;
    match arn.account() {
        Some(account) if account == call.account => Ok(vec![arn]),
        Some(_) => Err(Error::AccessDenied(format!(
            "User: {} is not authorized to perform: kms:ListRetirableGrants on resource: {arn}",
            call.principal.arn
        ))),
        None => Err(Error::InvalidArn(format!("Invalid ARN: {principal}"))),
    }
}

pub async fn list_retirable_grants(
    kms: &Kms,
    call: &Call,
    input: ListRetirableGrantsInput,
) -> Result<ListRetirableGrantsOutput, Error> {
    let principal = either(
        call,
        ("RetiringPrincipal", input.retiring_principal),
        ("RetiringServicePrincipal", input.retiring_service_principal),
    )?;
    let principal = principal.ok_or_else(|| {
        Error::validation("You must specify either RetiringPrincipal or RetiringServicePrincipal.")
    })?;
    let limit = paging::limit(input.limit, LIST_GRANTS_DEFAULT, LIST_GRANTS_MAX)?;
    let after = paging::position(kms, call, "ListRetirableGrants", input.marker.as_deref())?;
    let prefix = format!("{principal} ");
    let after = after.map(|entry| format!("{prefix}{entry}"));
    let place = (account_of(&principal).unwrap_or(call.account), call.region);
    let (prefix, after) = (prefix.as_str(), after.as_deref());
    let (entries, next) = kms
        .store
        .read(|tx| async move {
            let select = Select::prefix(prefix).after(after);
            let listing = RETIRABLE.scan(&tx, &place, select, limit).await?;
            let mut entries = Vec::with_capacity(listing.records.len());
            for (entry, record) in &listing.records {
                let key_and_grant = &entry[prefix.len()..];
                let owner = (record.owner, place.1);
                let found = GRANTS.get(&tx, &owner, key_and_grant).await?;
                if let (Some(grant), Some((key, id))) = (found, key_and_grant.split_once('/')) {
                    let arn = Arn::regional("kms", place.1, record.owner, format!("key/{key}"));
                    entries.push(shown(&arn, id, &grant));
                }
            }
            Ok::<_, Error>((entries, listing.next))
        })
        .await?;
    let next = next.map(|entry| entry[prefix.len()..].to_owned());
    Ok(ListRetirableGrantsOutput {
        grants: Some(entries),
        truncated: Some(next.is_some()),
        next_marker: paging::marker(kms, call, "ListRetirableGrants", next.as_deref()),
    })
}

/// A grant as lists show it.
fn shown(key: &Arn, id: &str, grant: &GrantRecord) -> GrantListEntry {
    // The members for services are filled where a grant could have come in by them: with a source.
    let split = |principal: Option<&String>| match principal {
        Some(name) if is_service(name) && grant.constraints.source_arn.is_some() => {
            (None, Some(name.clone()))
        }
        other => (other.cloned(), None),
    };
    let (grantee_principal, grantee_service_principal) = split(Some(&grant.grantee));
    let (retiring_principal, retiring_service_principal) = split(grant.retiring.as_ref());
    let region = key.region().expect("a key is in a region");
    GrantListEntry {
        key_id: Some(key.to_string()),
        grant_id: Some(id.to_owned()),
        name: Some(grant.name.clone().unwrap_or_default()),
        creation_date: Some(grant.created),
        grantee_principal,
        retiring_principal,
        issuing_account: Some(Arn::global("iam", region, grant.issuing_account, "root").to_string()),
        operations: Some(grant.operations.iter().map(|name| GrantOperation::from(name.as_str())).collect()),
        constraints: (grant.constraints != Constraints::default()).then(|| GrantConstraints {
            encryption_context_subset: grant.constraints.context_subset.clone(),
            encryption_context_equals: grant.constraints.context_equals.clone(),
            source_arn: grant.constraints.source_arn.as_ref().map(Arn::to_string),
        }),
        grantee_service_principal,
        retiring_service_principal,
    }
}
