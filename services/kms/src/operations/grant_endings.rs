//! RetireGrant and RevokeGrant: both delete a grant.
//!
//! Surprising: they differ in who may. Revoking takes a permission on the key; who may retire, the grant itself says
//! ([`grant::retirement`]), and the key policy has no say in it. So what is authorised for retiring is the grant, as
//! `key/…/grant/…`, and [`facts`] tells its policy.

use std::sync::Arc;

use base::Arn;
use identity::policy::{Kind, Named, Policy};
use kms_api::{RetireGrantInput, RetireGrantOutput, RevokeGrantInput, RevokeGrantOutput};
use service::{Call, ResourceFacts};

use super::grants::{self, Place, grant_keys, key_of_grants};
use super::opening::stop_if_dry;
use super::{by_arn, grant_tokens};
use crate::Kms;
use crate::error::Error;
use crate::limits::GRANT_ID_CHARS;
use crate::model::condition_keys::Keys;
use crate::model::grant;
use crate::records::{GRANTS, GrantRecord};

/// The key and the grant that a request to retire names: by a token, or by both ids.
fn named(kms: &Kms, call: &Call, input: &RetireGrantInput) -> Result<(Arn, String), Error> {
    match (&input.grant_token, &input.key_id, &input.grant_id) {
        (Some(token), None, None) => {
            let granted = grant_tokens::read(kms, token)?;
            if granted.region != call.region {
                return Err(grant_tokens::invalid());
            }
            Ok((granted.key_arn(), granted.grant))
        }
        (None, Some(key_id), Some(grant)) => {
            check_id(grant)?;
            Ok((key_of_grants(call, key_id)?, grant.clone()))
        }
        _ => {
            Err(Error::validation("You must specify either a grant token, or both a key ID and a grant ID."))
        }
    }
}

/// Ids of grants are of one form.
pub fn check_id(id: &str) -> Result<(), Error> {
    let is_id = id.len() == GRANT_ID_CHARS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_id {
        true => Ok(()),
        false => Err(Error::InvalidGrantId(format!("Grant id {id} is not valid."))),
    }
}

const GRANT: &str = "/grant/";

pub fn by_grant(kms: &Kms, call: &Call, input: &RetireGrantInput) -> Result<Vec<Arn>, Error> {
    let (key, grant) = named(kms, call, input)?;
    let arn = format!("{key}{GRANT}{grant}");
    Ok(vec![arn.parse().map_err(|_| Error::InvalidArn(format!("Invalid ARN: {key}")))?])
}

/// What permissions need to know of a grant that is to be retired; nothing if the ARN is not one of [`by_grant`].
pub async fn facts(kms: &Kms, arn: &Arn) -> Result<Option<ResourceFacts>, Error> {
    let Some((key_arn, id)) = arn.as_str().rsplit_once(GRANT) else { return Ok(None) };
    let key_arn: Arn = key_arn.parse().map_err(|_| Error::InvalidArn(format!("Invalid ARN: {key_arn}")))?;
    let unknown =
        ResourceFacts { arn: Some(key_arn.clone()), takes_policy: true, ..ResourceFacts::default() };
    let Some(key) = kms.directory.resolve(&key_arn).await? else { return Ok(Some(unknown)) };
    let Some(record) = find(kms, key.place(), &key.id, id).await? else { return Ok(Some(unknown)) };
    let policy = grant::retirement(&record, key.place());
    let policy = Policy::parse(Kind::Resource, &policy).map_err(|error| Error::Internal(Box::new(error)))?;
    let policy = Arc::new(Named { id: format!("grant {id}"), policy });
    Ok(Some(ResourceFacts {
        // Those it names need no other leave; nobody else has any.
        grants: vec![policy.clone()],
        policy: Some(policy),
        policy_required: true,
        tags: key.record.tags.clone(),
        ..unknown
    }))
}

async fn find(kms: &Kms, place: Place, key: &str, id: &str) -> Result<Option<GrantRecord>, Error> {
    let entry = format!("{key}/{id}");
    let entry = entry.as_str();
    Ok(kms.store.read(|tx| async move { GRANTS.get(&tx, &place, entry).await }).await?)
}

pub async fn retire_grant(
    kms: &Kms,
    call: &Call,
    input: RetireGrantInput,
) -> Result<RetireGrantOutput, Error> {
    let (key, id) = named(kms, call, &input)?;
    end(kms, &key, &id, input.dry_run).await?;
    Ok(RetireGrantOutput {})
}

pub fn by_key(_: &Kms, call: &Call, input: &RevokeGrantInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![key_of_grants(call, &input.key_id)?])
}

pub fn revoke_keys(_: &Kms, call: &Call, _: &RevokeGrantInput) -> Keys {
    grant_keys(call)
}

pub async fn revoke_grant(
    kms: &Kms,
    call: &Call,
    input: RevokeGrantInput,
) -> Result<RevokeGrantOutput, Error> {
    check_id(&input.grant_id)?;
    end(kms, &key_of_grants(call, &input.key_id)?, &input.grant_id, input.dry_run).await?;
    Ok(RevokeGrantOutput {})
}

async fn end(kms: &Kms, key: &Arn, id: &str, dry_run: Option<bool>) -> Result<(), Error> {
    let key = by_arn(kms, key).await?;
    let (place, key_id) = (key.place(), key.id.as_str());
    let unknown = || Error::NotFound(format!("Grant ID {id} not found"));
    find(kms, place, key_id, id).await?.ok_or_else(unknown)?;
    stop_if_dry(dry_run)?;
    kms.store
        .transact(|tx| async move {
            let entry = format!("{key_id}/{id}");
            let grant = GRANTS.get(&tx, &place, &entry).await?.ok_or_else(unknown)?;
            grants::remove(&tx, place, key_id, id, &grant).await
        })
        .await?;
    kms.directory.forget(place.0, place.1, key_id);
    Ok(())
}
