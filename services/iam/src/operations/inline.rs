//! Inline policies: texts that belong to one user, group or role and go with it.

use iam_api::{
    DeleteGroupPolicyInput, DeleteGroupPolicyOutput, DeleteRolePolicyInput, DeleteRolePolicyOutput,
    DeleteUserPolicyInput, DeleteUserPolicyOutput, GetGroupPolicyInput, GetGroupPolicyOutput,
    GetRolePolicyInput, GetRolePolicyOutput, GetUserPolicyInput, GetUserPolicyOutput, ListGroupPoliciesInput,
    ListGroupPoliciesOutput, ListRolePoliciesInput, ListRolePoliciesOutput, ListUserPoliciesInput,
    ListUserPoliciesOutput, PutGroupPolicyInput, PutGroupPolicyOutput, PutRolePolicyInput,
    PutRolePolicyOutput, PutUserPolicyInput, PutUserPolicyOutput,
};
use service::Call;

use super::holders::{self, Holder};
use super::pages;
use crate::Iam;
use crate::error::Error;
use crate::model::documents;
use crate::records::{GroupRecord, Permissions, RoleRecord, UserRecord};

async fn put<H: Holder>(
    iam: &Iam,
    call: &Call,
    holder: &str,
    policy: &str,
    document: &str,
) -> Result<(), Error> {
    documents::check_inline(document)?;
    holders::update(iam, call.account, holder, |record: &mut H| {
        record.check_modifiable()?;
        let name = record.name().to_owned();
        let inline = &mut record.permissions_mut().inline;
        inline.insert(policy.to_owned(), document.to_owned());
        let characters: usize = inline.values().map(|document| documents::characters(document)).sum();
        if characters > H::INLINE_CHARS_MAX {
            let (kind, max) = (H::KIND, H::INLINE_CHARS_MAX);
            let message = format!("Maximum policy size of {max} bytes exceeded for {kind} {name}");
            return Err(Error::LimitExceeded(message));
        }
        Ok(())
    })
    .await
}

/// The holder's name and the document, as answers have them.
async fn get<H: Holder>(
    iam: &Iam,
    call: &Call,
    holder: &str,
    policy: &str,
) -> Result<(String, String), Error> {
    let record: H = holders::find(iam, call.account, holder).await?;
    let document = record.permissions().inline.get(policy).ok_or_else(|| not_found::<H>(policy))?;
    Ok((record.name().to_owned(), documents::encoded(document)))
}

async fn delete<H: Holder>(iam: &Iam, call: &Call, holder: &str, policy: &str) -> Result<(), Error> {
    holders::update(iam, call.account, holder, |record: &mut H| {
        record.check_modifiable()?;
        let removed = record.permissions_mut().inline.remove(policy);
        removed.map(drop).ok_or_else(|| not_found::<H>(policy))
    })
    .await
}

fn not_found<H: Holder>(policy: &str) -> Error {
    Error::NoSuchEntity(format!("The {} policy with name {policy} cannot be found.", H::KIND))
}

fn names(permissions: &Permissions) -> Vec<String> {
    permissions.inline.keys().cloned().collect()
}

pub async fn put_user_policy(
    iam: &Iam,
    call: &Call,
    input: PutUserPolicyInput,
) -> Result<PutUserPolicyOutput, Error> {
    put::<UserRecord>(iam, call, &input.user_name, &input.policy_name, &input.policy_document).await?;
    Ok(PutUserPolicyOutput {})
}

pub async fn put_group_policy(
    iam: &Iam,
    call: &Call,
    input: PutGroupPolicyInput,
) -> Result<PutGroupPolicyOutput, Error> {
    put::<GroupRecord>(iam, call, &input.group_name, &input.policy_name, &input.policy_document).await?;
    Ok(PutGroupPolicyOutput {})
}

pub async fn put_role_policy(
    iam: &Iam,
    call: &Call,
    input: PutRolePolicyInput,
) -> Result<PutRolePolicyOutput, Error> {
    put::<RoleRecord>(iam, call, &input.role_name, &input.policy_name, &input.policy_document).await?;
    Ok(PutRolePolicyOutput {})
}

pub async fn get_user_policy(
    iam: &Iam,
    call: &Call,
    input: GetUserPolicyInput,
) -> Result<GetUserPolicyOutput, Error> {
    let (user_name, policy_document) =
        get::<UserRecord>(iam, call, &input.user_name, &input.policy_name).await?;
    Ok(GetUserPolicyOutput { user_name, policy_name: input.policy_name, policy_document })
}

pub async fn get_group_policy(
    iam: &Iam,
    call: &Call,
    input: GetGroupPolicyInput,
) -> Result<GetGroupPolicyOutput, Error> {
    let (group_name, policy_document) =
        get::<GroupRecord>(iam, call, &input.group_name, &input.policy_name).await?;
    Ok(GetGroupPolicyOutput { group_name, policy_name: input.policy_name, policy_document })
}

pub async fn get_role_policy(
    iam: &Iam,
    call: &Call,
    input: GetRolePolicyInput,
) -> Result<GetRolePolicyOutput, Error> {
    let (role_name, policy_document) =
        get::<RoleRecord>(iam, call, &input.role_name, &input.policy_name).await?;
    Ok(GetRolePolicyOutput { role_name, policy_name: input.policy_name, policy_document })
}

pub async fn delete_user_policy(
    iam: &Iam,
    call: &Call,
    input: DeleteUserPolicyInput,
) -> Result<DeleteUserPolicyOutput, Error> {
    delete::<UserRecord>(iam, call, &input.user_name, &input.policy_name).await?;
    Ok(DeleteUserPolicyOutput {})
}

pub async fn delete_group_policy(
    iam: &Iam,
    call: &Call,
    input: DeleteGroupPolicyInput,
) -> Result<DeleteGroupPolicyOutput, Error> {
    delete::<GroupRecord>(iam, call, &input.group_name, &input.policy_name).await?;
    Ok(DeleteGroupPolicyOutput {})
}

pub async fn delete_role_policy(
    iam: &Iam,
    call: &Call,
    input: DeleteRolePolicyInput,
) -> Result<DeleteRolePolicyOutput, Error> {
    delete::<RoleRecord>(iam, call, &input.role_name, &input.policy_name).await?;
    Ok(DeleteRolePolicyOutput {})
}

pub async fn list_user_policies(
    iam: &Iam,
    call: &Call,
    input: ListUserPoliciesInput,
) -> Result<ListUserPoliciesOutput, Error> {
    let record: UserRecord = holders::find(iam, call.account, &input.user_name).await?;
    let (marker, max, all) = (input.marker.as_deref(), input.max_items, names(&record.permissions));
    let found = pages::cut(iam, call, "ListUserPolicies", marker, max, all)?;
    Ok(ListUserPoliciesOutput {
        policy_names: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn list_group_policies(
    iam: &Iam,
    call: &Call,
    input: ListGroupPoliciesInput,
) -> Result<ListGroupPoliciesOutput, Error> {
    let record: GroupRecord = holders::find(iam, call.account, &input.group_name).await?;
    let (marker, max, all) = (input.marker.as_deref(), input.max_items, names(&record.permissions));
    let found = pages::cut(iam, call, "ListGroupPolicies", marker, max, all)?;
    Ok(ListGroupPoliciesOutput {
        policy_names: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn list_role_policies(
    iam: &Iam,
    call: &Call,
    input: ListRolePoliciesInput,
) -> Result<ListRolePoliciesOutput, Error> {
    let record: RoleRecord = holders::find(iam, call.account, &input.role_name).await?;
    let (marker, max, all) = (input.marker.as_deref(), input.max_items, names(&record.permissions));
    let found = pages::cut(iam, call, "ListRolePolicies", marker, max, all)?;
    Ok(ListRolePoliciesOutput {
        policy_names: found.items,
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}
