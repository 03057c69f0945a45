//! What users, groups and roles have in common: they hold policies.

use base::{AccountId, Arn};
use service::Call;
use store::{Table, Tx, Versioned};

use super::policy_uses::UsedBy;
use super::quotas::{POLICIES_PER_GROUP, POLICIES_PER_ROLE, POLICIES_PER_USER, Quota};
use super::{roles, users};
use crate::Iam;
use crate::error::Error;
use crate::limits::{GROUP_POLICIES_CHARS_MAX, ROLE_POLICIES_CHARS_MAX, USER_POLICIES_CHARS_MAX};
use crate::model::arns;
use crate::records::{GROUPS, GroupRecord, Permissions, ROLES, RoleRecord, USERS, UserRecord, key};

/// A record of an identity that policies can be put into or attached to.
pub trait Holder: Versioned + Clone {
    /// `user`, `group` or `role`
    const KIND: &'static str;
    const INLINE_CHARS_MAX: usize;
    const ATTACHED: Quota;

    fn table() -> Table<AccountId, Self>;
    fn name(&self) -> &str;
    fn permissions(&self) -> &Permissions;
    fn permissions_mut(&mut self) -> &mut Permissions;
    fn used_by(&self) -> UsedBy;

    /// Refuses changes of what belongs to a service.
    fn check_modifiable(&self) -> Result<(), Error> {
        Ok(())
    }
}

impl Holder for UserRecord {
    const KIND: &'static str = "user";
    const INLINE_CHARS_MAX: usize = USER_POLICIES_CHARS_MAX;
    const ATTACHED: Quota = POLICIES_PER_USER;

    fn table() -> Table<AccountId, UserRecord> {
        USERS
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    fn permissions_mut(&mut self) -> &mut Permissions {
        &mut self.permissions
    }

    fn used_by(&self) -> UsedBy {
        UsedBy::from(self)
    }
}

impl Holder for GroupRecord {
    const KIND: &'static str = "group";
    const INLINE_CHARS_MAX: usize = GROUP_POLICIES_CHARS_MAX;
    const ATTACHED: Quota = POLICIES_PER_GROUP;

    fn table() -> Table<AccountId, GroupRecord> {
        GROUPS
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    fn permissions_mut(&mut self) -> &mut Permissions {
        &mut self.permissions
    }

    fn used_by(&self) -> UsedBy {
        UsedBy::from(self)
    }
}

impl Holder for RoleRecord {
    const KIND: &'static str = "role";
    const INLINE_CHARS_MAX: usize = ROLE_POLICIES_CHARS_MAX;
    const ATTACHED: Quota = POLICIES_PER_ROLE;

    fn table() -> Table<AccountId, RoleRecord> {
        ROLES
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    fn permissions_mut(&mut self) -> &mut Permissions {
        &mut self.permissions
    }

    fn used_by(&self) -> UsedBy {
        UsedBy::from(self)
    }

    fn check_modifiable(&self) -> Result<(), Error> {
        roles::check_modifiable(self)
    }
}

pub async fn load<H: Holder>(tx: &Tx, account: AccountId, name: &str) -> Result<H, Error> {
    H::table().get(tx, &account, &key(name)).await?.ok_or_else(|| not_found::<H>(name))
}

pub async fn save<H: Holder>(tx: &Tx, account: AccountId, record: &H) -> Result<(), Error> {
    Ok(H::table().put(tx, &account, &key(record.name()), record).await?)
}

pub async fn find<H: Holder>(iam: &Iam, account: AccountId, name: &str) -> Result<H, Error> {
    iam.store.read(|tx| async move { load(&tx, account, name).await }).await
}

/// Changes the record of one identity in one transaction. The change may be made twice.
pub async fn update<H: Holder, T: Send>(
    iam: &Iam,
    account: AccountId,
    name: &str,
    change: impl Fn(&mut H) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let change = &change;
    iam.change(account, |tx| async move {
        let mut record: H = load(&tx, account, name).await?;
        let answer = change(&mut record)?;
        save(&tx, account, &record).await?;
        Ok(answer)
    })
    .await
}

fn not_found<H: Holder>(name: &str) -> Error {
    match H::KIND {
        "user" => users::not_found(name),
        kind => Error::NoSuchEntity(format!("The {kind} with name {name} cannot be found.")),
    }
}

/// Inputs that name a role.
pub trait OfRole {
    fn role_name(&self) -> &str;
}

macro_rules! of_role {
    ($($input:ident)*) => { $(impl OfRole for iam_api::$input {
        fn role_name(&self) -> &str {
            &self.role_name
        }
    })* };
}

of_role! {
    AttachRolePolicyInput DeleteRoleInput DeleteRolePermissionsBoundaryInput DeleteRolePolicyInput
    DeleteServiceLinkedRoleInput DetachRolePolicyInput GetRoleInput GetRolePolicyInput ListAttachedRolePoliciesInput
    ListInstanceProfilesForRoleInput ListRolePoliciesInput ListRoleTagsInput PutRolePermissionsBoundaryInput
    PutRolePolicyInput TagRoleInput UntagRoleInput UpdateAssumeRolePolicyInput UpdateRoleDescriptionInput
    UpdateRoleInput
}

/// What operations on one role authorise.
pub fn role(_: &Iam, call: &Call, input: &impl OfRole) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::plain(call.account, "role", input.role_name())])
}
