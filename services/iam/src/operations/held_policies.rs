//! The permissions policies of a user, group or role as texts: what reports and the simulator look at.
//!
//! What enforces permissions is compiled from the same records, in the directory.

use base::{AccountId, Arn};
use store::Tx;

use crate::error::Error;
use crate::model::held_policy::{HeldPolicy, Holder, holder};
use crate::model::{arns, managed as facts};
use crate::records::{GROUPS, GroupRecord, POLICIES, Permissions, ROLES, RoleRecord, USERS, UserRecord, key};

pub enum Entity {
    User(Box<UserRecord>),
    Group(GroupRecord),
    Role(Box<RoleRecord>),
}

impl Entity {
    pub fn arn(&self, account: AccountId) -> Arn {
        match self {
            Entity::User(user) => user.arn(account),
            Entity::Group(group) => group.arn(account),
            Entity::Role(role) => role.arn(account),
        }
    }

    fn parts(&self) -> (Holder, &str, &Permissions) {
        match self {
            Entity::User(user) => (Holder::User, &user.name, &user.permissions),
            Entity::Group(group) => (Holder::Group, &group.name, &group.permissions),
            Entity::Role(role) => (Holder::Role, &role.name, &role.permissions),
        }
    }
}

/// The user, group or role that an ARN names.
pub async fn entity(tx: &Tx, account: AccountId, arn: &str) -> Result<Entity, Error> {
    let (holder, name) = holder(arn)?;
    let record_key = key(name);
    let found = match holder {
        Holder::User => USERS.get(tx, &account, &record_key).await?.map(|user| Entity::User(Box::new(user))),
        Holder::Group => GROUPS.get(tx, &account, &record_key).await?.map(Entity::Group),
        Holder::Role => ROLES.get(tx, &account, &record_key).await?.map(|role| Entity::Role(Box::new(role))),
    };
    // An ARN of another account, or with another path, names nothing here.
    found.filter(|found| found.arn(account).as_str() == arn).ok_or_else(|| {
        Error::NoSuchEntity(format!("The {} with name {name} cannot be found.", holder.as_str()))
    })
}

/// Its inline and managed policies, and for a user those of its groups as well.
pub async fn policies(tx: &Tx, account: AccountId, entity: &Entity) -> Result<Vec<HeldPolicy>, Error> {
    let mut held = Vec::new();
    let (holder, name, permissions) = entity.parts();
    add(tx, account, holder, name, permissions, &mut held).await?;
    if let Entity::User(user) = entity {
        for group in &user.groups {
            if let Some(group) = GROUPS.get(tx, &account, group).await? {
                add(tx, account, Holder::Group, &group.name, &group.permissions, &mut held).await?;
            }
        }
    }
    Ok(held)
}

pub async fn boundary(tx: &Tx, account: AccountId, entity: &Entity) -> Result<Option<HeldPolicy>, Error> {
    let (holder, name, permissions) = entity.parts();
    match &permissions.boundary {
        Some(arn) => managed(tx, account, holder, name, arn).await,
        None => Ok(None),
    }
}

/// The document of a managed policy's default version.
pub async fn managed_document(tx: &Tx, account: AccountId, arn: &str) -> Result<Option<String>, Error> {
    if facts::is_of_aws(arn) {
        return Ok(facts::document(arn).map(|document| document.into_owned()));
    }
    let record = POLICIES.get(tx, &account, &key(arns::name(arn))).await?;
    let own = record.filter(|record| record.arn(account).as_str() == arn);
    Ok(own.and_then(|record| {
        let default = record.versions.iter().find(|version| version.number == record.default_version);
        default.map(|version| version.document.clone())
    }))
}

async fn add(
    tx: &Tx,
    account: AccountId,
    holder: Holder,
    holder_name: &str,
    permissions: &Permissions,
    held: &mut Vec<HeldPolicy>,
) -> Result<(), Error> {
    held.extend(permissions.inline.iter().map(|(name, document)| HeldPolicy {
        name: name.clone(),
        arn: None,
        holder,
        holder_name: holder_name.to_owned(),
        document: document.clone(),
    }));
    for arn in &permissions.attached {
        held.extend(managed(tx, account, holder, holder_name, arn).await?);
    }
    Ok(())
}

async fn managed(
    tx: &Tx,
    account: AccountId,
    holder: Holder,
    holder_name: &str,
    arn: &str,
) -> Result<Option<HeldPolicy>, Error> {
    let document = managed_document(tx, account, arn).await?;
    Ok(document.map(|document| HeldPolicy {
        name: arns::name(arn).to_owned(),
        arn: Some(arn.to_owned()),
        holder,
        holder_name: holder_name.to_owned(),
        document,
    }))
}
