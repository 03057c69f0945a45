//! Users themselves: create, find, rename, delete, list, tag.
//!
//! A user's record holds all that hangs on it; what points back at the user (memberships, uses of policies, access
//! keys, devices) is renamed with it. Deleting a user never takes anything along in silence.

use base::{AccountId, Arn};
use iam_api::{
    CreateUserInput, CreateUserOutput, DeleteUserInput, DeleteUserOutput, GetUserInput, GetUserOutput,
    ListUserTagsInput, ListUserTagsOutput, ListUsersInput, ListUsersOutput, TagUserInput, TagUserOutput,
    UntagUserInput, UntagUserOutput, UpdateUserInput, UpdateUserOutput, User,
};
use service::Call;
use store::Tx;

use super::callers::{Owner, second};
use super::pages::{self, Page};
use super::policy_uses::{self, UsedBy};
use super::{boundaries, quotas};
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, tags};
use crate::records::{
    ACCESS_KEYS, ACCOUNTS, MEMBERS, MFA_DEVICES, MemberRecord, Permissions, USERS, UserRecord,
    erase_service_uses, key,
};

/// The key of an account's one record of [`ACCOUNTS`].
pub const ACCOUNT: &str = "account";

pub fn by_new_name(_: &Iam, call: &Call, input: &CreateUserInput) -> Result<Vec<Arn>, Error> {
    let path = input.path.as_deref().unwrap_or("/");
    Ok(vec![arns::entity(call.account, "user", path, &input.user_name)])
}

/// Renaming takes a permission on both names.
pub fn by_both_names(_: &Iam, call: &Call, input: &UpdateUserInput) -> Result<Vec<Arn>, Error> {
    let mut both = vec![arns::plain(call.account, "user", &input.user_name)];
    if let Some(name) = &input.new_user_name {
        let path = input.new_path.as_deref().unwrap_or("/");
        both.push(arns::entity(call.account, "user", path, name));
    }
    Ok(both)
}

/// AWS words its refusals of listings with a user that has no name.
pub fn all(_: &Iam, call: &Call, input: &ListUsersInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::entity(call.account, "user", input.path_prefix.as_deref().unwrap_or("/"), "")])
}

pub fn boundary_key(_: &Iam, _: &Call, input: &CreateUserInput) -> Vec<(String, Vec<String>)> {
    input.permissions_boundary.as_deref().map(boundaries::key).unwrap_or_default()
}

pub async fn load(tx: &Tx, account: AccountId, name: &str) -> Result<UserRecord, Error> {
    USERS.get(tx, &account, &key(name)).await?.ok_or_else(|| not_found(name))
}

pub async fn save(tx: &Tx, account: AccountId, record: &UserRecord) -> Result<(), Error> {
    Ok(USERS.put(tx, &account, &key(&record.name), record).await?)
}

/// Changes one user in one transaction. The change may be made twice.
pub async fn update<T: Send>(
    iam: &Iam,
    account: AccountId,
    name: &str,
    change: impl Fn(&mut UserRecord) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let change = &change;
    iam.change(account, |tx| async move {
        let mut record = load(&tx, account, name).await?;
        let answer = change(&mut record)?;
        save(&tx, account, &record).await?;
        Ok(answer)
    })
    .await
}

/// Reads one user.
pub async fn find(iam: &Iam, account: AccountId, name: &str) -> Result<UserRecord, Error> {
    iam.store.read(|tx| async move { load(&tx, account, name).await }).await
}

pub fn not_found(name: &str) -> Error {
    Error::NoSuchEntity(format!("The user with name {name} cannot be found."))
}

fn taken(name: &str) -> Error {
    Error::EntityAlreadyExists(format!("User with name {name} already exists."))
}

/// A user as listings show it.
pub fn listed(account: AccountId, record: &UserRecord) -> User {
    User {
        path: record.path.clone(),
        user_name: record.name.clone(),
        user_id: record.id.clone(),
        arn: record.arn(account).to_string(),
        create_date: record.created,
        password_last_used: record.password_last_used,
        permissions_boundary: None,
        tags: None,
    }
}

/// A user with its boundary and tags, which listings leave out.
pub fn whole(account: AccountId, record: &UserRecord) -> User {
    let boundary = boundaries::shown(&record.permissions);
    User { permissions_boundary: boundary, tags: tags::some(&record.tags), ..listed(account, record) }
}

pub async fn create_user(iam: &Iam, call: &Call, input: CreateUserInput) -> Result<CreateUserOutput, Error> {
    boundaries::check(call, input.permissions_boundary.as_deref())?;
    let fresh = UserRecord {
        name: input.user_name,
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        id: iam.ids.unique_id("AIDA"),
        created: second(call),
        permissions: Permissions { boundary: input.permissions_boundary, ..Permissions::default() },
        tags: tags::fresh(input.tags.as_deref())?,
        ..UserRecord::default()
    };
    let (account, fresh) = (call.account, &fresh);
    iam.change(account, |tx| async move {
        match USERS.get(&tx, &account, &key(&fresh.name)).await? {
            // An earlier run of this very transaction made it.
            Some(existing) if existing.id == fresh.id => return Ok(()),
            Some(_) => return Err(taken(&fresh.name)),
            None => {}
        }
        quotas::USERS.take(&tx, account).await?;
        if let Some(boundary) = &fresh.permissions.boundary {
            policy_uses::check_boundary(&tx, account, boundary).await?;
        }
        policy_uses::link_all(&tx, account, &fresh.permissions, &UsedBy::from(fresh)).await?;
        save(&tx, account, fresh).await
    })
    .await?;
    Ok(CreateUserOutput { user: Some(whole(account, fresh)) })
}

pub async fn get_user(iam: &Iam, call: &Call, input: GetUserInput) -> Result<GetUserOutput, Error> {
    match Owner::of(call, input.user_name.as_deref())? {
        Owner::Root => root(iam, call).await,
        Owner::User(name) => {
            let record = find(iam, call.account, &name).await?;
            Ok(GetUserOutput { user: whole(call.account, &record) })
        }
    }
}

/// Root is shown as a user that has the account's alias for a name.
async fn root(iam: &Iam, call: &Call) -> Result<GetUserOutput, Error> {
    let account = &call.account;
    let record = iam.store.read(|tx| async move { ACCOUNTS.get(&tx, account, ACCOUNT).await }).await;
    let alias = record?.unwrap_or_default().alias;
    let user = User {
        path: "/".to_owned(),
        user_name: alias.unwrap_or_else(|| Owner::Root.shown().to_owned()),
        user_id: account.to_string(),
        arn: arns::root(*account).to_string(),
        ..User::default()
    };
    Ok(GetUserOutput { user })
}

pub async fn update_user(iam: &Iam, call: &Call, input: UpdateUserInput) -> Result<UpdateUserOutput, Error> {
    let (account, input) = (call.account, &input);
    iam.change(account, |tx| async move {
        let old = load(&tx, account, &input.user_name).await?;
        let mut new = old.clone();
        new.name.clone_from(input.new_user_name.as_ref().unwrap_or(&old.name));
        new.path.clone_from(input.new_path.as_ref().unwrap_or(&old.path));
        if key(&new.name) != key(&old.name) && USERS.get(&tx, &account, &key(&new.name)).await?.is_some() {
            return Err(taken(&new.name));
        }
        move_references(&tx, account, &old, &new).await?;
        USERS.delete(&tx, &account, &key(&old.name)).await?;
        save(&tx, account, &new).await
    })
    .await?;
    Ok(UpdateUserOutput {})
}

/// Points everything that points at a user at its new name.
async fn move_references(
    tx: &Tx,
    account: AccountId,
    old: &UserRecord,
    new: &UserRecord,
) -> Result<(), Error> {
    let (old_key, new_key) = (key(&old.name), key(&new.name));
    for group in &old.groups {
        MEMBERS.delete(tx, &account, &format!("{group}|{old_key}")).await?;
        let member = MemberRecord { user_name: new.name.clone() };
        MEMBERS.put(tx, &account, &format!("{group}|{new_key}"), &member).await?;
    }
    for id in &old.access_keys {
        if let Some(mut record) = ACCESS_KEYS.get(tx, &(), id).await? {
            record.user = Some(new_key.clone());
            ACCESS_KEYS.put(tx, &(), id, &record).await?;
        }
    }
    for serial in &old.mfa_devices {
        if let Some(mut record) = MFA_DEVICES.get(tx, &account, serial).await? {
            if let Some(enabled) = &mut record.enabled {
                enabled.user = Some(new_key.clone());
            }
            MFA_DEVICES.put(tx, &account, serial, &record).await?;
        }
    }
    policy_uses::unlink_all(tx, account, &old.permissions, &UsedBy::from(old)).await?;
    policy_uses::link_all(tx, account, &new.permissions, &UsedBy::from(new)).await
}

pub async fn delete_user(iam: &Iam, call: &Call, input: DeleteUserInput) -> Result<DeleteUserOutput, Error> {
    let (account, name) = (call.account, input.user_name.as_str());
    iam.change(account, |tx| async move {
        let record = load(&tx, account, name).await?;
        if let Some(obstacle) = obstacle(&record) {
            return Err(Error::DeleteConflict(format!("Cannot delete entity, must {obstacle} first.")));
        }
        policy_uses::unlink_all(&tx, account, &record.permissions, &UsedBy::from(&record)).await?;
        erase_service_uses(&tx, account, &record.id).await?;
        quotas::USERS.give_back(&tx, account).await?;
        Ok(USERS.delete(&tx, &account, &key(name)).await?)
    })
    .await?;
    Ok(DeleteUserOutput {})
}

/// The first thing that stands in the way of a deletion.
fn obstacle(record: &UserRecord) -> Option<&'static str> {
    let (inline, attached) = (&record.permissions.inline, &record.permissions.attached);
    let others = !record.ssh_public_keys.is_empty() || !record.service_credentials.is_empty();
    let obstacles = [
        (record.login.is_some(), "delete login profile"),
        (!record.access_keys.is_empty(), "delete access keys"),
        (!record.signing_certificates.is_empty(), "delete certificates"),
        (!inline.is_empty(), "delete policies"),
        (!attached.is_empty(), "detach all policies"),
        (!record.groups.is_empty(), "remove users from group"),
        (!record.mfa_devices.is_empty(), "delete MFA device"),
        (others, "remove referenced objects"),
    ];
    obstacles.into_iter().find(|(is_there, _)| *is_there).map(|(_, what)| what)
}

pub async fn list_users(iam: &Iam, call: &Call, input: ListUsersInput) -> Result<ListUsersOutput, Error> {
    let page = &Page::open(iam, call, "ListUsers", input.marker.as_deref(), input.max_items)?;
    let (account, prefix) = (call.account, input.path_prefix.as_deref().unwrap_or("/"));
    let part = iam
        .store
        .read(|tx| async move {
            let keep = |_: &str, record: UserRecord| {
                record.path.starts_with(prefix).then(|| listed(account, &record))
            };
            page.scan(&tx, &USERS, "", keep).await
        })
        .await?;
    let found = page.close(iam, part);
    Ok(ListUsersOutput { users: found.items, is_truncated: found.is_truncated, marker: found.marker })
}

pub async fn tag_user(iam: &Iam, call: &Call, input: TagUserInput) -> Result<TagUserOutput, Error> {
    let put = |record: &mut UserRecord| tags::put(&mut record.tags, &input.tags);
    update(iam, call.account, &input.user_name, put).await?;
    Ok(TagUserOutput {})
}

pub async fn untag_user(iam: &Iam, call: &Call, input: UntagUserInput) -> Result<UntagUserOutput, Error> {
    update(iam, call.account, &input.user_name, |record| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagUserOutput {})
}

pub async fn list_user_tags(
    iam: &Iam,
    call: &Call,
    input: ListUserTagsInput,
) -> Result<ListUserTagsOutput, Error> {
    let record = find(iam, call.account, &input.user_name).await?;
    let all = tags::list(&record.tags);
    let found = pages::cut(iam, call, "ListUserTags", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListUserTagsOutput { tags: found.items, is_truncated: found.is_truncated, marker: found.marker })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::LoginRecord;

    #[test]
    fn what_stands_in_the_way_is_named_in_order() {
        let mut record = UserRecord {
            login: Some(LoginRecord::default()),
            access_keys: vec!["AKIA".to_owned()],
            mfa_devices: vec!["serial".to_owned()],
            ..UserRecord::default()
        };
        record.groups.insert("admins".to_owned());
        record.permissions.attached.push("arn".to_owned());
        record.permissions.inline.insert("p".to_owned(), "{}".to_owned());
        let mut order = Vec::new();
        while let Some(what) = obstacle(&record) {
            order.push(what);
            match what {
                "delete login profile" => record.login = None,
                "delete access keys" => record.access_keys.clear(),
                "delete policies" => record.permissions.inline.clear(),
                "detach all policies" => record.permissions.attached.clear(),
                "remove users from group" => record.groups.clear(),
                _ => record.mfa_devices.clear(),
            }
        }
        assert_eq!(order.len(), 6);
        assert_eq!(order[0], "delete login profile");
        assert_eq!(order[5], "delete MFA device");
    }
}
