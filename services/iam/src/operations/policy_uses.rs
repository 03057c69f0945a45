//! Which identities use which managed policies, the other way round than identities' own records have it: for the
//! listings of a policy's users, for its attachment count, and so that a policy in use is not deleted.

use base::AccountId;
use store::Tx;

use crate::error::Error;
use crate::model::{arns, managed};
use crate::records::{
    GroupRecord, POLICIES, POLICY_COUNTS, POLICY_USES, Permissions, PolicyCountRecord, PolicyUseRecord,
    RoleRecord, UserRecord, key,
};

/// As what a policy is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedAs {
    Permissions,
    Boundary,
}

impl UsedAs {
    pub fn as_str(self) -> &'static str {
        match self {
            UsedAs::Permissions => "permissions",
            UsedAs::Boundary => "boundary",
        }
    }
}

/// Who uses a policy: what listings show, and where the record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedBy {
    /// `user`, `group` or `role`
    pub kind: &'static str,
    pub name: String,
    pub path: String,
    pub id: String,
}

impl From<&UserRecord> for UsedBy {
    fn from(record: &UserRecord) -> UsedBy {
        UsedBy { kind: "user", name: record.name.clone(), path: record.path.clone(), id: record.id.clone() }
    }
}

impl From<&GroupRecord> for UsedBy {
    fn from(record: &GroupRecord) -> UsedBy {
        UsedBy { kind: "group", name: record.name.clone(), path: record.path.clone(), id: record.id.clone() }
    }
}

impl From<&RoleRecord> for UsedBy {
    fn from(record: &RoleRecord) -> UsedBy {
        UsedBy { kind: "role", name: record.name.clone(), path: record.path.clone(), id: record.id.clone() }
    }
}

impl UsedBy {
    fn key(&self, policy_arn: &str, used_as: UsedAs) -> String {
        format!("{policy_arn}|{}|{}|{}", used_as.as_str(), self.kind, key(&self.name))
    }
}

pub async fn link(
    tx: &Tx,
    account: AccountId,
    policy_arn: &str,
    used_as: UsedAs,
    by: &UsedBy,
) -> Result<(), Error> {
    let record = PolicyUseRecord { name: by.name.clone(), path: by.path.clone(), id: by.id.clone() };
    let key = by.key(policy_arn, used_as);
    if POLICY_USES.get(tx, &account, &key).await?.is_none() {
        count(tx, account, policy_arn, used_as, |count| count + 1).await?;
    }
    Ok(POLICY_USES.put(tx, &account, &key, &record).await?)
}

pub async fn unlink(
    tx: &Tx,
    account: AccountId,
    policy_arn: &str,
    used_as: UsedAs,
    by: &UsedBy,
) -> Result<(), Error> {
    let key = by.key(policy_arn, used_as);
    if POLICY_USES.get(tx, &account, &key).await?.is_some() {
        count(tx, account, policy_arn, used_as, |count| count - 1).await?;
    }
    Ok(POLICY_USES.delete(tx, &account, &key).await?)
}

/// Counts a use that comes or goes.
async fn count(
    tx: &Tx,
    account: AccountId,
    policy_arn: &str,
    used_as: UsedAs,
    step: impl FnOnce(u32) -> u32,
) -> Result<(), Error> {
    let mut record = POLICY_COUNTS.get(tx, &account, policy_arn).await?.unwrap_or_default();
    let counted = match used_as {
        UsedAs::Permissions => &mut record.permissions,
        UsedAs::Boundary => &mut record.boundary,
    };
    *counted = step(*counted);
    if record == PolicyCountRecord::default() {
        return Ok(POLICY_COUNTS.delete(tx, &account, policy_arn).await?);
    }
    Ok(POLICY_COUNTS.put(tx, &account, policy_arn, &record).await?)
}

/// Makes the uses of a new identity, or of one that has a new name.
pub async fn link_all(
    tx: &Tx,
    account: AccountId,
    permissions: &Permissions,
    by: &UsedBy,
) -> Result<(), Error> {
    for (arn, used_as) in each(permissions) {
        link(tx, account, arn, used_as, by).await?;
    }
    Ok(())
}

/// Removes the uses of an identity that goes, or of its old name.
pub async fn unlink_all(
    tx: &Tx,
    account: AccountId,
    permissions: &Permissions,
    by: &UsedBy,
) -> Result<(), Error> {
    for (arn, used_as) in each(permissions) {
        unlink(tx, account, arn, used_as, by).await?;
    }
    Ok(())
}

fn each(permissions: &Permissions) -> impl Iterator<Item = (&String, UsedAs)> {
    let attached = permissions.attached.iter().map(|arn| (arn, UsedAs::Permissions));
    attached.chain(permissions.boundary.iter().map(|arn| (arn, UsedAs::Boundary)))
}

/// Refuses the ARN of a boundary that no policy of AWS or of the account has.
pub async fn check_boundary(tx: &Tx, account: AccountId, policy_arn: &str) -> Result<(), Error> {
    let own = match POLICIES.get(tx, &account, &key(arns::name(policy_arn))).await? {
        Some(record) => record.arn(account).as_str() == policy_arn,
        None => false,
    };
    if own || managed::document(policy_arn).is_some() {
        return Ok(());
    }
    Err(Error::NoSuchEntity(format!("Scope ARN: {policy_arn} does not exist or is not attachable.")))
}
