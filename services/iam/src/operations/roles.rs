//! Roles: who may become one is in its trust policy, what it may then do is in its permissions.
//!
//! Users and roles in a trust policy are pinned to their unique ids when it is saved (see [`pinned`]), so one that is
//! not there is refused, and one that is made again under the same name is not trusted.

use std::collections::BTreeMap;

use base::{AccountId, Arn};
use iam_api::{
    CreateRoleInput, CreateRoleOutput, DeleteRoleInput, DeleteRoleOutput, GetRoleInput, GetRoleOutput,
    ListRoleTagsInput, ListRoleTagsOutput, ListRolesInput, ListRolesOutput, Role, RoleLastUsed, TagRoleInput,
    TagRoleOutput, UntagRoleInput, UntagRoleOutput, UpdateAssumeRolePolicyInput,
    UpdateAssumeRolePolicyOutput, UpdateRoleDescriptionInput, UpdateRoleDescriptionOutput, UpdateRoleInput,
    UpdateRoleOutput,
};
use identity::policy::{Policy, PrincipalPattern, pinned};
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::holders::{find, load, save, update};
use super::pages::{self, Page, Part};
use super::policy_uses::{self, UsedBy};
use super::{boundaries, quotas};
use crate::Iam;
use crate::error::Error;
use crate::limits::{INSTANCE_PROFILES_MAX, ROLE_SESSION_SECONDS_DEFAULT};
use crate::model::{arns, documents, tags};
use crate::records::{INSTANCE_PROFILES, Permissions, ROLES, RoleRecord, USERS, erase_service_uses, key};

pub fn by_new_name(_: &Iam, call: &Call, input: &CreateRoleInput) -> Result<Vec<Arn>, Error> {
    let path = input.path.as_deref().unwrap_or("/");
    Ok(vec![arns::entity(call.account, "role", path, &input.role_name)])
}

pub fn all(_: &Iam, call: &Call, input: &ListRolesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::entity(call.account, "role", input.path_prefix.as_deref().unwrap_or("/"), "")])
}

pub fn boundary_key(_: &Iam, _: &Call, input: &CreateRoleInput) -> Vec<(String, Vec<String>)> {
    input.permissions_boundary.as_deref().map(boundaries::key).unwrap_or_default()
}

/// Refuses changes of roles that belong to a service.
pub fn check_modifiable(record: &RoleRecord) -> Result<(), Error> {
    match &record.linked_to {
        None => Ok(()),
        Some(_) => Err(Error::Unmodifiable(format!(
            "Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS",
            record.name
        ))),
    }
}

/// A role as listings show it.
pub async fn listed(tx: &Tx, account: AccountId, record: &RoleRecord) -> Result<Role, Error> {
    Ok(Role {
        path: record.path.clone(),
        role_name: record.name.clone(),
        role_id: record.id.clone(),
        arn: record.arn(account).to_string(),
        create_date: record.created,
        assume_role_policy_document: Some(documents::encoded(&shown_trust(tx, record).await?)),
        description: record.description.clone(),
        max_session_duration: i32::try_from(record.session_seconds_max).ok(),
        permissions_boundary: None,
        tags: None,
        role_last_used: None,
        source_role_template: None,
    })
}

/// The trust policy as given, but with the ids of those that are there no more in place of their ARNs.
async fn shown_trust(tx: &Tx, record: &RoleRecord) -> Result<String, Error> {
    let mut gone = BTreeMap::new();
    for (arn, id) in &record.trusted_ids {
        if id_of(tx, arn).await?.as_ref() != Some(id) {
            gone.insert(arn.clone(), id.clone());
        }
    }
    Ok(pinned(&record.trust, &gone).into_owned())
}

/// The unique id of the user or role that has this very ARN, in whichever account.
pub async fn id_of(tx: &Tx, arn: &str) -> Result<Option<String>, Error> {
    let Ok(arn) = arn.parse::<Arn>() else { return Ok(None) };
    let Some(account) = arn.account() else { return Ok(None) };
    let name = key(arns::name(arn.resource()));
    if arn.resource().starts_with("role/") {
        let role = ROLES.get(tx, &account, &name).await?.filter(|role| role.arn(account) == arn);
        return Ok(role.map(|role| role.id));
    }
    let user = USERS.get(tx, &account, &name).await?.filter(|user| user.arn(account) == arn);
    Ok(user.map(|user| user.id))
}

/// The unique ids of the users and roles that a trust policy names. `own` is the ARN of the role itself and its id,
/// which a role may trust from its first moment on.
async fn pins(
    tx: &Tx,
    policy: &Policy,
    own: (&str, &str),
    known: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut pins = BTreeMap::new();
    for principal in policy.principals() {
        let invalid = |name: &str| {
            Err(Error::MalformedPolicy(format!("Invalid principal in policy: \"AWS\":\"{name}\"")))
        };
        match principal {
            PrincipalPattern::User(arn) | PrincipalPattern::Role(arn) => {
                let id = match **arn == *own.0 {
                    true => Some(own.1.to_owned()),
                    false => id_of(tx, arn).await?,
                };
                let Some(id) = id else { return invalid(arn) };
                pins.insert(arn.to_string(), id);
            }
            // An id stands for somebody who is gone; it can stay where it is and cannot be given anew.
            PrincipalPattern::UniqueId(id) if !known.values().any(|known| **known == **id) => {
                return invalid(id);
            }
            _ => {}
        }
    }
    Ok(pins)
}

/// A role with all that listings leave out.
async fn whole(iam: &Iam, tx: &Tx, account: AccountId, record: &RoleRecord) -> Result<Role, Error> {
    let noted = iam.directory.role_last_used(&record.id);
    let last_used = noted.or_else(|| record.last_used.clone());
    let last_used = last_used.map_or_else(RoleLastUsed::default, |used| RoleLastUsed {
        last_used_date: Some(used.at),
        region: Some(used.region.to_string()),
    });
    Ok(Role {
        permissions_boundary: boundaries::shown(&record.permissions),
        tags: tags::some(&record.tags),
        role_last_used: Some(last_used),
        ..listed(tx, account, record).await?
    })
}

pub async fn create_role(iam: &Iam, call: &Call, input: CreateRoleInput) -> Result<CreateRoleOutput, Error> {
    let policy = documents::check_trust(&input.assume_role_policy_document)?;
    boundaries::check(call, input.permissions_boundary.as_deref())?;
    let seconds = input.max_session_duration.and_then(|seconds| u32::try_from(seconds).ok());
    let fresh = RoleRecord {
        name: input.role_name,
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        id: iam.ids.unique_id("AROA"),
        created: second(call),
        permissions: Permissions { boundary: input.permissions_boundary, ..Permissions::default() },
        tags: tags::fresh(input.tags.as_deref())?,
        description: input.description,
        trust: input.assume_role_policy_document,
        session_seconds_max: seconds.unwrap_or(ROLE_SESSION_SECONDS_DEFAULT),
        ..RoleRecord::default()
    };
    let (account, fresh, policy) = (call.account, &fresh, &policy);
    let role = iam
        .change(account, |tx| async move {
            if let Some(boundary) = &fresh.permissions.boundary {
                policy_uses::check_boundary(&tx, account, boundary).await?;
            }
            let arn = fresh.arn(account);
            let trusted_ids = pins(&tx, policy, (arn.as_str(), &fresh.id), &BTreeMap::new()).await?;
            let fresh = RoleRecord { trusted_ids, ..fresh.clone() };
            add(&tx, account, &fresh).await?;
            listed(&tx, account, &fresh).await
        })
        .await?;
    let (permissions_boundary, tags) = (boundaries::shown(&fresh.permissions), tags::some(&fresh.tags));
    Ok(CreateRoleOutput { role: Role { permissions_boundary, tags, ..role } })
}

/// Saves a new role, if its name is free.
pub async fn add(tx: &Tx, account: AccountId, fresh: &RoleRecord) -> Result<(), Error> {
    match ROLES.get(tx, &account, &key(&fresh.name)).await? {
        // An earlier run of this very transaction made it.
        Some(existing) if existing.id == fresh.id => return Ok(()),
        Some(_) => {
            let message = format!("Role with name {} already exists.", fresh.name);
            return Err(Error::EntityAlreadyExists(message));
        }
        None => {}
    }
    quotas::ROLES.take(tx, account).await?;
    policy_uses::link_all(tx, account, &fresh.permissions, &UsedBy::from(fresh)).await?;
    save(tx, account, fresh).await
}

/// Removes a role and what points back at it.
pub async fn remove(tx: &Tx, account: AccountId, record: &RoleRecord) -> Result<(), Error> {
    policy_uses::unlink_all(tx, account, &record.permissions, &UsedBy::from(record)).await?;
    erase_service_uses(tx, account, &record.id).await?;
    quotas::ROLES.give_back(tx, account).await?;
    Ok(ROLES.delete(tx, &account, &key(&record.name)).await?)
}

pub async fn get_role(iam: &Iam, call: &Call, input: GetRoleInput) -> Result<GetRoleOutput, Error> {
    let (account, name) = (call.account, input.role_name.as_str());
    let role = iam
        .store
        .read(|tx| async move {
            let record: RoleRecord = load(&tx, account, name).await?;
            whole(iam, &tx, account, &record).await
        })
        .await?;
    Ok(GetRoleOutput { role })
}

/// Without a session duration the default is set again, as the API reference says; a description that is left out
/// stays.
pub async fn update_role(iam: &Iam, call: &Call, input: UpdateRoleInput) -> Result<UpdateRoleOutput, Error> {
    let seconds = input.max_session_duration.and_then(|seconds| u32::try_from(seconds).ok());
    update(iam, call.account, &input.role_name, |record: &mut RoleRecord| {
        // Of a service's role only the description may be changed.
        if seconds.is_some() {
            check_modifiable(record)?;
        }
        record.session_seconds_max = seconds.unwrap_or(ROLE_SESSION_SECONDS_DEFAULT);
        if let Some(description) = &input.description {
            record.description = Some(description.clone());
        }
        Ok(())
    })
    .await?;
    Ok(UpdateRoleOutput {})
}

pub async fn update_role_description(
    iam: &Iam,
    call: &Call,
    input: UpdateRoleDescriptionInput,
) -> Result<UpdateRoleDescriptionOutput, Error> {
    let (account, input) = (call.account, &input);
    let role = iam
        .change(account, |tx| async move {
            let mut record: RoleRecord = load(&tx, account, &input.role_name).await?;
            record.description = Some(input.description.clone());
            save(&tx, account, &record).await?;
            listed(&tx, account, &record).await
        })
        .await?;
    Ok(UpdateRoleDescriptionOutput { role: Some(role) })
}

pub async fn update_assume_role_policy(
    iam: &Iam,
    call: &Call,
    input: UpdateAssumeRolePolicyInput,
) -> Result<UpdateAssumeRolePolicyOutput, Error> {
    let policy = documents::check_trust(&input.policy_document)?;
    let (account, policy, input) = (call.account, &policy, &input);
    iam.change(account, |tx| async move {
        let mut record: RoleRecord = load(&tx, account, &input.role_name).await?;
        check_modifiable(&record)?;
        let arn = record.arn(account);
        record.trusted_ids = pins(&tx, policy, (arn.as_str(), &record.id), &record.trusted_ids).await?;
        record.trust.clone_from(&input.policy_document);
        save(&tx, account, &record).await
    })
    .await?;
    Ok(UpdateAssumeRolePolicyOutput {})
}

pub async fn delete_role(iam: &Iam, call: &Call, input: DeleteRoleInput) -> Result<DeleteRoleOutput, Error> {
    let (account, name) = (call.account, input.role_name.as_str());
    iam.change(account, |tx| async move {
        let record: RoleRecord = load(&tx, account, name).await?;
        check_modifiable(&record)?;
        if let Some(obstacle) = obstacle(&tx, account, &record).await? {
            return Err(Error::DeleteConflict(format!("Cannot delete entity, must {obstacle} first.")));
        }
        remove(&tx, account, &record).await
    })
    .await?;
    Ok(DeleteRoleOutput {})
}

/// The first thing that stands in the way of a deletion.
async fn obstacle(tx: &Tx, account: AccountId, record: &RoleRecord) -> Result<Option<&'static str>, Error> {
    let profiles = INSTANCE_PROFILES.scan(tx, &account, Select::ALL, INSTANCE_PROFILES_MAX).await?;
    let role = key(&record.name);
    let is_in_profile = profiles.records.iter().any(|(_, profile)| profile.roles.contains(&role));
    let obstacles = [
        (is_in_profile, "remove roles from instance profile"),
        (!record.permissions.inline.is_empty(), "delete policies"),
        (!record.permissions.attached.is_empty(), "detach all policies"),
    ];
    Ok(obstacles.into_iter().find(|(is_there, _)| *is_there).map(|(_, what)| what))
}

pub async fn list_roles(iam: &Iam, call: &Call, input: ListRolesInput) -> Result<ListRolesOutput, Error> {
    let page = &Page::open(iam, call, "ListRoles", input.marker.as_deref(), input.max_items)?;
    let (account, prefix) = (call.account, input.path_prefix.as_deref().unwrap_or("/"));
    let part = iam
        .store
        .read(|tx| async move {
            let keep = |_: &str, record: RoleRecord| record.path.starts_with(prefix).then_some(record);
            let part = page.scan(&tx, &ROLES, "", keep).await?;
            let mut items = Vec::with_capacity(part.items.len());
            for record in &part.items {
                items.push(listed(&tx, account, record).await?);
            }
            Ok::<_, Error>(Part { items, next: part.next })
        })
        .await?;
    let found = page.close(iam, part);
    Ok(ListRolesOutput { roles: found.items, is_truncated: found.is_truncated, marker: found.marker })
}

pub async fn tag_role(iam: &Iam, call: &Call, input: TagRoleInput) -> Result<TagRoleOutput, Error> {
    let put = |record: &mut RoleRecord| tags::put(&mut record.tags, &input.tags);
    update(iam, call.account, &input.role_name, put).await?;
    Ok(TagRoleOutput {})
}

pub async fn untag_role(iam: &Iam, call: &Call, input: UntagRoleInput) -> Result<UntagRoleOutput, Error> {
    update(iam, call.account, &input.role_name, |record: &mut RoleRecord| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagRoleOutput {})
}

pub async fn list_role_tags(
    iam: &Iam,
    call: &Call,
    input: ListRoleTagsInput,
) -> Result<ListRoleTagsOutput, Error> {
    let record: RoleRecord = find(iam, call.account, &input.role_name).await?;
    let all = tags::list(&record.tags);
    let found = pages::cut(iam, call, "ListRoleTags", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListRoleTagsOutput { tags: found.items, is_truncated: found.is_truncated, marker: found.marker })
}
