//! Groups and who is in them. A group has no credentials and no tags; it hands its permissions to its users.

use base::{AccountId, Arn};
use iam_api::{
    AddUserToGroupInput, AddUserToGroupOutput, CreateGroupInput, CreateGroupOutput, DeleteGroupInput,
    DeleteGroupOutput, GetGroupInput, GetGroupOutput, Group, ListGroupsForUserInput, ListGroupsForUserOutput,
    ListGroupsInput, ListGroupsOutput, RemoveUserFromGroupInput, RemoveUserFromGroupOutput, UpdateGroupInput,
    UpdateGroupOutput,
};
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::pages::{self, Page, Part};
use super::policy_uses::{self, UsedBy};
use super::{quotas, users};
use crate::Iam;
use crate::error::Error;
use crate::model::arns;
use crate::records::{GROUPS, GroupRecord, MEMBERS, MemberRecord, Permissions, USERS, key};

/// Inputs that name a group.
pub trait OfGroup {
    fn group_name(&self) -> &str;
}

macro_rules! of_group {
    ($($input:ident)*) => { $(impl OfGroup for iam_api::$input {
        fn group_name(&self) -> &str {
            &self.group_name
        }
    })* };
}

of_group! {
    AddUserToGroupInput AttachGroupPolicyInput DeleteGroupInput DeleteGroupPolicyInput DetachGroupPolicyInput
    GetGroupInput GetGroupPolicyInput ListAttachedGroupPoliciesInput ListGroupPoliciesInput PutGroupPolicyInput
    RemoveUserFromGroupInput
}

pub fn by_name(_: &Iam, call: &Call, input: &impl OfGroup) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "group", input.group_name())])
}

pub fn by_new_name(_: &Iam, call: &Call, input: &CreateGroupInput) -> Result<Vec<Arn>, Error> {
    let path = input.path.as_deref().unwrap_or("/");
    Ok(vec![arns::entity(call.account, "group", path, &input.group_name)])
}

/// Renaming takes a permission on both names.
pub fn by_both_names(_: &Iam, call: &Call, input: &UpdateGroupInput) -> Result<Vec<Arn>, Error> {
    let mut both = vec![arns::plain(call.account, "group", &input.group_name)];
    if let Some(name) = &input.new_group_name {
        let path = input.new_path.as_deref().unwrap_or("/");
        both.push(arns::entity(call.account, "group", path, name));
    }
    Ok(both)
}

pub fn all(_: &Iam, call: &Call, input: &ListGroupsInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::entity(call.account, "group", input.path_prefix.as_deref().unwrap_or("/"), "")])
}

pub async fn load(tx: &Tx, account: AccountId, name: &str) -> Result<GroupRecord, Error> {
    GROUPS.get(tx, &account, &key(name)).await?.ok_or_else(|| not_found(name))
}

pub async fn save(tx: &Tx, account: AccountId, record: &GroupRecord) -> Result<(), Error> {
    Ok(GROUPS.put(tx, &account, &key(&record.name), record).await?)
}

pub fn not_found(name: &str) -> Error {
    Error::NoSuchEntity(format!("The group with name {name} cannot be found."))
}

fn taken(name: &str) -> Error {
    Error::EntityAlreadyExists(format!("Group with name {name} already exists."))
}

fn shown(account: AccountId, record: &GroupRecord) -> Group {
    Group {
        path: record.path.clone(),
        group_name: record.name.clone(),
        group_id: record.id.clone(),
        arn: record.arn(account).to_string(),
        create_date: record.created,
    }
}

pub async fn create_group(
    iam: &Iam,
    call: &Call,
    input: CreateGroupInput,
) -> Result<CreateGroupOutput, Error> {
    let fresh = &GroupRecord {
        name: input.group_name,
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        id: iam.ids.unique_id("AGPA"),
        created: second(call),
        permissions: Permissions::default(),
    };
    let account = call.account;
    iam.change(account, |tx| async move {
        match GROUPS.get(&tx, &account, &key(&fresh.name)).await? {
            Some(existing) if existing.id == fresh.id => return Ok(()),
            Some(_) => return Err(taken(&fresh.name)),
            None => {}
        }
        quotas::GROUPS.take(&tx, account).await?;
        save(&tx, account, fresh).await
    })
    .await?;
    Ok(CreateGroupOutput { group: shown(account, fresh) })
}

pub async fn get_group(iam: &Iam, call: &Call, input: GetGroupInput) -> Result<GetGroupOutput, Error> {
    let page = &Page::open(iam, call, "GetGroup", input.marker.as_deref(), input.max_items)?;
    let (account, name) = (call.account, input.group_name.as_str());
    let (group, part) = iam
        .store
        .read(|tx| async move {
            let group = load(&tx, account, name).await?;
            let prefix = format!("{}|", key(name));
            let keep = |_: &str, member: MemberRecord| Some(member.user_name);
            let Part { items: names, next } = page.scan(&tx, &MEMBERS, &prefix, keep).await?;
            let mut users = Vec::with_capacity(names.len());
            for name in names {
                users.push(users::listed(account, &users::load(&tx, account, &name).await?));
            }
            Ok::<_, Error>((group, Part { items: users, next }))
        })
        .await?;
    let found = page.close(iam, part);
    Ok(GetGroupOutput {
        group: shown(account, &group),
        users: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn update_group(
    iam: &Iam,
    call: &Call,
    input: UpdateGroupInput,
) -> Result<UpdateGroupOutput, Error> {
    let (account, input) = (call.account, &input);
    iam.change(account, |tx| async move {
        let old = load(&tx, account, &input.group_name).await?;
        let mut new = old.clone();
        new.name.clone_from(input.new_group_name.as_ref().unwrap_or(&old.name));
        new.path.clone_from(input.new_path.as_ref().unwrap_or(&old.path));
        let (old_key, new_key) = (key(&old.name), key(&new.name));
        if new_key != old_key {
            if GROUPS.get(&tx, &account, &new_key).await?.is_some() {
                return Err(taken(&new.name));
            }
            move_members(&tx, account, &old_key, &new_key).await?;
            GROUPS.delete(&tx, &account, &old_key).await?;
        }
        policy_uses::unlink_all(&tx, account, &old.permissions, &UsedBy::from(&old)).await?;
        policy_uses::link_all(&tx, account, &new.permissions, &UsedBy::from(&new)).await?;
        save(&tx, account, &new).await
    })
    .await?;
    Ok(UpdateGroupOutput {})
}

/// How many members are moved in one step of a renaming.
const MEMBERS_AT_ONCE_MAX: usize = 500;

async fn move_members(tx: &Tx, account: AccountId, old_key: &str, new_key: &str) -> Result<(), Error> {
    let prefix = format!("{old_key}|");
    loop {
        let page = MEMBERS.scan(tx, &account, Select::prefix(&prefix), MEMBERS_AT_ONCE_MAX).await?;
        for (old, member) in &page.records {
            let user_key = &old[prefix.len()..];
            MEMBERS.delete(tx, &account, old).await?;
            MEMBERS.put(tx, &account, &format!("{new_key}|{user_key}"), member).await?;
            if let Some(mut user) = USERS.get(tx, &account, user_key).await? {
                user.groups.remove(old_key);
                user.groups.insert(new_key.to_owned());
                users::save(tx, account, &user).await?;
            }
        }
        if page.next.is_none() {
            return Ok(());
        }
    }
}

pub async fn delete_group(
    iam: &Iam,
    call: &Call,
    input: DeleteGroupInput,
) -> Result<DeleteGroupOutput, Error> {
    let (account, name) = (call.account, input.group_name.as_str());
    iam.change(account, |tx| async move {
        let record = load(&tx, account, name).await?;
        let prefix = format!("{}|", key(name));
        let members = MEMBERS.scan(&tx, &account, Select::prefix(&prefix), 1).await?;
        let obstacles = [
            (!members.records.is_empty(), "remove users from group"),
            (!record.permissions.inline.is_empty(), "delete policies"),
            (!record.permissions.attached.is_empty(), "detach all policies"),
        ];
        if let Some((_, what)) = obstacles.into_iter().find(|(is_there, _)| *is_there) {
            return Err(Error::DeleteConflict(format!("Cannot delete entity, must {what} first.")));
        }
        quotas::GROUPS.give_back(&tx, account).await?;
        Ok(GROUPS.delete(&tx, &account, &key(name)).await?)
    })
    .await?;
    Ok(DeleteGroupOutput {})
}

pub async fn list_groups(iam: &Iam, call: &Call, input: ListGroupsInput) -> Result<ListGroupsOutput, Error> {
    let page = &Page::open(iam, call, "ListGroups", input.marker.as_deref(), input.max_items)?;
    let (account, prefix) = (call.account, input.path_prefix.as_deref().unwrap_or("/"));
    let part = iam
        .store
        .read(|tx| async move {
            let keep = |_: &str, record: GroupRecord| {
                record.path.starts_with(prefix).then(|| shown(account, &record))
            };
            page.scan(&tx, &GROUPS, "", keep).await
        })
        .await?;
    let found = page.close(iam, part);
    Ok(ListGroupsOutput { groups: found.items, is_truncated: found.is_truncated, marker: found.marker })
}

pub async fn list_groups_for_user(
    iam: &Iam,
    call: &Call,
    input: ListGroupsForUserInput,
) -> Result<ListGroupsForUserOutput, Error> {
    let (account, name) = (call.account, input.user_name.as_str());
    let all = iam
        .store
        .read(|tx| async move {
            let user = users::load(&tx, account, name).await?;
            let mut groups = Vec::with_capacity(user.groups.len());
            for group in &user.groups {
                groups.push(shown(account, &load(&tx, account, group).await?));
            }
            Ok::<_, Error>(groups)
        })
        .await?;
    let found = pages::cut(iam, call, "ListGroupsForUser", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListGroupsForUserOutput {
        groups: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

/// Adding a user twice is no error.
pub async fn add_user_to_group(
    iam: &Iam,
    call: &Call,
    input: AddUserToGroupInput,
) -> Result<AddUserToGroupOutput, Error> {
    let (account, input) = (call.account, &input);
    iam.change(account, |tx| async move {
        let group = load(&tx, account, &input.group_name).await?;
        let mut user = users::load(&tx, account, &input.user_name).await?;
        let group_key = key(&group.name);
        if user.groups.contains(&group_key) {
            return Ok(());
        }
        quotas::GROUPS_PER_USER.check(user.groups.len())?;
        let member = MemberRecord { user_name: user.name.clone() };
        MEMBERS.put(&tx, &account, &format!("{group_key}|{}", key(&user.name)), &member).await?;
        user.groups.insert(group_key);
        users::save(&tx, account, &user).await
    })
    .await?;
    Ok(AddUserToGroupOutput {})
}

/// Removing a user that is not in the group is no error either.
pub async fn remove_user_from_group(
    iam: &Iam,
    call: &Call,
    input: RemoveUserFromGroupInput,
) -> Result<RemoveUserFromGroupOutput, Error> {
    let (account, input) = (call.account, &input);
    iam.change(account, |tx| async move {
        let group = load(&tx, account, &input.group_name).await?;
        let mut user = users::load(&tx, account, &input.user_name).await?;
        let group_key = key(&group.name);
        MEMBERS.delete(&tx, &account, &format!("{group_key}|{}", key(&user.name))).await?;
        user.groups.remove(&group_key);
        users::save(&tx, account, &user).await
    })
    .await?;
    Ok(RemoveUserFromGroupOutput {})
}
