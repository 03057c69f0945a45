//! Permissions boundaries: the most that a user or role may ever be granted.

use iam_api::{
    AttachedPermissionsBoundary, DeleteRolePermissionsBoundaryInput, DeleteRolePermissionsBoundaryOutput,
    DeleteUserPermissionsBoundaryInput, DeleteUserPermissionsBoundaryOutput,
    PermissionsBoundaryAttachmentType, PutRolePermissionsBoundaryInput, PutRolePermissionsBoundaryOutput,
    PutUserPermissionsBoundaryInput, PutUserPermissionsBoundaryOutput,
};
use service::Call;

use super::holders::{self, Holder};
use super::policy_uses::{self, UsedAs};
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, managed};
use crate::records::{Permissions, RoleRecord, UserRecord};

/// As answers have it. The model knows only `PermissionsBoundaryPolicy`, and IAM says `Policy`.
pub fn shown(permissions: &Permissions) -> Option<AttachedPermissionsBoundary> {
    permissions.boundary.as_ref().map(|arn| AttachedPermissionsBoundary {
        permissions_boundary_type: Some(PermissionsBoundaryAttachmentType::Unknown("Policy".into())),
        permissions_boundary_arn: Some(arn.clone()),
    })
}

pub fn user_key(_: &Iam, _: &Call, input: &PutUserPermissionsBoundaryInput) -> Vec<(String, Vec<String>)> {
    key(&input.permissions_boundary)
}

pub fn role_key(_: &Iam, _: &Call, input: &PutRolePermissionsBoundaryInput) -> Vec<(String, Vec<String>)> {
    key(&input.permissions_boundary)
}

/// The condition key that says which boundary somebody is given.
pub fn key(arn: &str) -> Vec<(String, Vec<String>)> {
    vec![("iam:PermissionsBoundary".to_owned(), vec![arn.to_owned()])]
}

/// Refuses what can be nobody's boundary, before it is looked for.
pub fn check(call: &Call, boundary: Option<&str>) -> Result<(), Error> {
    let Some(arn) = boundary else { return Ok(()) };
    arns::of_kind(arn, "policy", call.region)?;
    match managed::is_for_linked_roles(arn) {
        false => Ok(()),
        true => {
            let message = "Cannot attach a Service Role Policy to a Customer Role.";
            Err(Error::PolicyNotAttachable(message.to_owned()))
        }
    }
}

/// Sets the boundary, or removes it.
async fn set<H: Holder>(iam: &Iam, call: &Call, holder: &str, boundary: Option<&str>) -> Result<(), Error> {
    check(call, boundary)?;
    let account = call.account;
    iam.change(account, |tx| async move {
        let mut record: H = holders::load(&tx, account, holder).await?;
        record.check_modifiable()?;
        let new = boundary.map(str::to_owned);
        let old = std::mem::replace(&mut record.permissions_mut().boundary, new);
        if let Some(old) = old {
            policy_uses::unlink(&tx, account, &old, UsedAs::Boundary, &record.used_by()).await?;
        }
        if let Some(arn) = boundary {
            policy_uses::check_boundary(&tx, account, arn).await?;
            policy_uses::link(&tx, account, arn, UsedAs::Boundary, &record.used_by()).await?;
        }
        holders::save(&tx, account, &record).await
    })
    .await
}

pub async fn put_user_permissions_boundary(
    iam: &Iam,
    call: &Call,
    input: PutUserPermissionsBoundaryInput,
) -> Result<PutUserPermissionsBoundaryOutput, Error> {
    set::<UserRecord>(iam, call, &input.user_name, Some(&input.permissions_boundary)).await?;
    Ok(PutUserPermissionsBoundaryOutput {})
}

pub async fn put_role_permissions_boundary(
    iam: &Iam,
    call: &Call,
    input: PutRolePermissionsBoundaryInput,
) -> Result<PutRolePermissionsBoundaryOutput, Error> {
    set::<RoleRecord>(iam, call, &input.role_name, Some(&input.permissions_boundary)).await?;
    Ok(PutRolePermissionsBoundaryOutput {})
}

pub async fn delete_user_permissions_boundary(
    iam: &Iam,
    call: &Call,
    input: DeleteUserPermissionsBoundaryInput,
) -> Result<DeleteUserPermissionsBoundaryOutput, Error> {
    set::<UserRecord>(iam, call, &input.user_name, None).await?;
    Ok(DeleteUserPermissionsBoundaryOutput {})
}

pub async fn delete_role_permissions_boundary(
    iam: &Iam,
    call: &Call,
    input: DeleteRolePermissionsBoundaryInput,
) -> Result<DeleteRolePermissionsBoundaryOutput, Error> {
    set::<RoleRecord>(iam, call, &input.role_name, None).await?;
    Ok(DeleteRolePermissionsBoundaryOutput {})
}
