//! Managed policies on users, groups and roles, and who has which.

use std::collections::BTreeSet;

use base::AccountId;
use iam_api::{
    AttachGroupPolicyInput, AttachGroupPolicyOutput, AttachRolePolicyInput, AttachRolePolicyOutput,
    AttachUserPolicyInput, AttachUserPolicyOutput, AttachedPolicy, DetachGroupPolicyInput,
    DetachGroupPolicyOutput, DetachRolePolicyInput, DetachRolePolicyOutput, DetachUserPolicyInput,
    DetachUserPolicyOutput, EntityType, ListAttachedGroupPoliciesInput, ListAttachedGroupPoliciesOutput,
    ListAttachedRolePoliciesInput, ListAttachedRolePoliciesOutput, ListAttachedUserPoliciesInput,
    ListAttachedUserPoliciesOutput, ListEntitiesForPolicyInput, ListEntitiesForPolicyOutput, PolicyGroup,
    PolicyRole, PolicyUsageType, PolicyUser,
};
use service::Call;
use store::{Select, Tx};

use super::holders::{self, Holder};
use super::policy_uses::{self, UsedAs};
use super::{pages, policies};
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, managed};
use crate::records::{GroupRecord, POLICY_USES, PolicyUseRecord, RoleRecord, UserRecord};

/// Inputs that name a managed policy and may be conditioned on it.
pub trait OfAttachment {
    fn attached_arn(&self) -> &str;
}

macro_rules! of_attachment {
    ($($input:ident)*) => { $(impl OfAttachment for iam_api::$input {
        fn attached_arn(&self) -> &str {
            &self.policy_arn
        }
    })* };
}

of_attachment! {
    AttachGroupPolicyInput AttachRolePolicyInput AttachUserPolicyInput
    DetachGroupPolicyInput DetachRolePolicyInput DetachUserPolicyInput
}

pub fn policy_key(_: &Iam, _: &Call, input: &impl OfAttachment) -> Vec<(String, Vec<String>)> {
    vec![("iam:PolicyARN".to_owned(), vec![input.attached_arn().to_owned()])]
}

async fn attach<H: Holder>(iam: &Iam, call: &Call, holder: &str, arn: &str) -> Result<(), Error> {
    arns::of_kind(arn, "policy", call.region)?;
    let account = call.account;
    iam.change(account, |tx| async move {
        let mut record: H = holders::load(&tx, account, holder).await?;
        record.check_modifiable()?;
        check_attachable(&tx, account, arn).await?;
        let attached = &mut record.permissions_mut().attached;
        if attached.iter().any(|known| known == arn) {
            return Ok(());
        }
        H::ATTACHED.check(attached.len())?;
        attached.push(arn.to_owned());
        policy_uses::link(&tx, account, arn, UsedAs::Permissions, &record.used_by()).await?;
        holders::save(&tx, account, &record).await
    })
    .await
}

async fn check_attachable(tx: &Tx, account: AccountId, arn: &str) -> Result<(), Error> {
    if managed::is_for_linked_roles(arn) {
        let message = "Cannot attach a Service Role Policy to a Customer Role.";
        return Err(Error::PolicyNotAttachable(message.to_owned()));
    }
    match policies::exists(tx, account, arn).await? {
        true => Ok(()),
        false => Err(Error::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable."))),
    }
}

async fn detach<H: Holder>(iam: &Iam, call: &Call, holder: &str, arn: &str) -> Result<(), Error> {
    arns::of_kind(arn, "policy", call.region)?;
    let account = call.account;
    iam.change(account, |tx| async move {
        let mut record: H = holders::load(&tx, account, holder).await?;
        record.check_modifiable()?;
        let attached = &mut record.permissions_mut().attached;
        let place = attached.iter().position(|known| known == arn);
        attached.remove(place.ok_or_else(|| policies::not_found(arn))?);
        policy_uses::unlink(&tx, account, arn, UsedAs::Permissions, &record.used_by()).await?;
        holders::save(&tx, account, &record).await
    })
    .await
}

async fn attached<H: Holder>(
    iam: &Iam,
    call: &Call,
    holder: &str,
    path_prefix: Option<&str>,
) -> Result<Vec<AttachedPolicy>, Error> {
    let record: H = holders::find(iam, call.account, holder).await?;
    let prefix = path_prefix.unwrap_or("/");
    let in_path = |arn: &&String| arns::path(arn).starts_with(prefix);
    let shown = |arn: &String| AttachedPolicy {
        policy_name: Some(arns::name(arn).to_owned()),
        policy_arn: Some(arn.clone()),
    };
    Ok(record.permissions().attached.iter().filter(in_path).map(shown).collect())
}

pub async fn attach_user_policy(
    iam: &Iam,
    call: &Call,
    input: AttachUserPolicyInput,
) -> Result<AttachUserPolicyOutput, Error> {
    attach::<UserRecord>(iam, call, &input.user_name, &input.policy_arn).await?;
    Ok(AttachUserPolicyOutput {})
}

pub async fn attach_group_policy(
    iam: &Iam,
    call: &Call,
    input: AttachGroupPolicyInput,
) -> Result<AttachGroupPolicyOutput, Error> {
    attach::<GroupRecord>(iam, call, &input.group_name, &input.policy_arn).await?;
    Ok(AttachGroupPolicyOutput {})
}

pub async fn attach_role_policy(
    iam: &Iam,
    call: &Call,
    input: AttachRolePolicyInput,
) -> Result<AttachRolePolicyOutput, Error> {
    attach::<RoleRecord>(iam, call, &input.role_name, &input.policy_arn).await?;
    Ok(AttachRolePolicyOutput {})
}

pub async fn detach_user_policy(
    iam: &Iam,
    call: &Call,
    input: DetachUserPolicyInput,
) -> Result<DetachUserPolicyOutput, Error> {
    detach::<UserRecord>(iam, call, &input.user_name, &input.policy_arn).await?;
    Ok(DetachUserPolicyOutput {})
}

pub async fn detach_group_policy(
    iam: &Iam,
    call: &Call,
    input: DetachGroupPolicyInput,
) -> Result<DetachGroupPolicyOutput, Error> {
    detach::<GroupRecord>(iam, call, &input.group_name, &input.policy_arn).await?;
    Ok(DetachGroupPolicyOutput {})
}

pub async fn detach_role_policy(
    iam: &Iam,
    call: &Call,
    input: DetachRolePolicyInput,
) -> Result<DetachRolePolicyOutput, Error> {
    detach::<RoleRecord>(iam, call, &input.role_name, &input.policy_arn).await?;
    Ok(DetachRolePolicyOutput {})
}

pub async fn list_attached_user_policies(
    iam: &Iam,
    call: &Call,
    input: ListAttachedUserPoliciesInput,
) -> Result<ListAttachedUserPoliciesOutput, Error> {
    let all = attached::<UserRecord>(iam, call, &input.user_name, input.path_prefix.as_deref()).await?;
    let (operation, marker) = ("ListAttachedUserPolicies", input.marker.as_deref());
    let found = pages::cut(iam, call, operation, marker, input.max_items, all)?;
    Ok(ListAttachedUserPoliciesOutput {
        attached_policies: Some(found.items),
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn list_attached_group_policies(
    iam: &Iam,
    call: &Call,
    input: ListAttachedGroupPoliciesInput,
) -> Result<ListAttachedGroupPoliciesOutput, Error> {
    let all = attached::<GroupRecord>(iam, call, &input.group_name, input.path_prefix.as_deref()).await?;
    let (operation, marker) = ("ListAttachedGroupPolicies", input.marker.as_deref());
    let found = pages::cut(iam, call, operation, marker, input.max_items, all)?;
    Ok(ListAttachedGroupPoliciesOutput {
        attached_policies: Some(found.items),
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn list_attached_role_policies(
    iam: &Iam,
    call: &Call,
    input: ListAttachedRolePoliciesInput,
) -> Result<ListAttachedRolePoliciesOutput, Error> {
    let all = attached::<RoleRecord>(iam, call, &input.role_name, input.path_prefix.as_deref()).await?;
    let (operation, marker) = ("ListAttachedRolePolicies", input.marker.as_deref());
    let found = pages::cut(iam, call, operation, marker, input.max_items, all)?;
    Ok(ListAttachedRolePoliciesOutput {
        attached_policies: Some(found.items),
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

pub async fn list_entities_for_policy(
    iam: &Iam,
    call: &Call,
    input: ListEntitiesForPolicyInput,
) -> Result<ListEntitiesForPolicyOutput, Error> {
    let (account, arn, query) = (call.account, input.policy_arn.as_str(), &input);
    let all = iam
        .store
        .read(|tx| async move {
            if !policies::exists(&tx, account, arn).await? {
                return Err(policies::not_found(arn));
            }
            entities(&tx, account, query).await
        })
        .await?;
    let marker = input.marker.as_deref();
    let found = pages::cut(iam, call, "ListEntitiesForPolicy", marker, input.max_items, all)?;
    let mut output = ListEntitiesForPolicyOutput {
        policy_groups: Some(Vec::new()),
        policy_users: Some(Vec::new()),
        policy_roles: Some(Vec::new()),
        is_truncated: found.is_truncated,
        marker: found.marker,
    };
    for (kind, name, id) in found.items {
        let (name, id) = (Some(name), Some(id));
        match kind {
            "group" => output
                .policy_groups
                .get_or_insert_default()
                .push(PolicyGroup { group_name: name, group_id: id }),
            "user" => {
                output.policy_users.get_or_insert_default().push(PolicyUser { user_name: name, user_id: id })
            }
            _ => {
                output.policy_roles.get_or_insert_default().push(PolicyRole { role_name: name, role_id: id })
            }
        }
    }
    Ok(output)
}

const USES_AT_ONCE_MAX: usize = 1000;

/// Kind, name and id of all that use a policy, each once.
async fn entities(
    tx: &Tx,
    account: AccountId,
    query: &ListEntitiesForPolicyInput,
) -> Result<Vec<(&'static str, String, String)>, Error> {
    let used_as = match &query.policy_usage_filter {
        None => String::new(),
        Some(PolicyUsageType::PermissionsBoundary) => format!("{}|", UsedAs::Boundary.as_str()),
        Some(_) => format!("{}|", UsedAs::Permissions.as_str()),
    };
    let prefix = format!("{}|{used_as}", query.policy_arn);
    let path = query.path_prefix.as_deref().unwrap_or("/");
    let mut found = BTreeSet::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = POLICY_USES.scan(tx, &account, select, USES_AT_ONCE_MAX).await?;
        for (key, record) in page.records {
            let kind = kind(&key);
            let PolicyUseRecord { name, path: own_path, id } = record;
            if is_wanted(query.entity_filter.as_ref(), kind) && own_path.starts_with(path) {
                found.insert((kind, name, id));
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found.into_iter().collect()),
        }
    }
}

/// Of the key of a use. Names have no bars, so the kind is the last but one of its parts.
fn kind(key: &str) -> &'static str {
    match key.rsplit('|').nth(1) {
        Some("group") => "group",
        Some("user") => "user",
        _ => "role",
    }
}

fn is_wanted(filter: Option<&EntityType>, kind: &str) -> bool {
    match filter {
        None | Some(EntityType::LocalManagedPolicy | EntityType::AWSManagedPolicy) => true,
        Some(EntityType::User) => kind == "user",
        Some(EntityType::Group) => kind == "group",
        Some(EntityType::Role) => kind == "role",
        Some(EntityType::Unknown(_)) => false,
    }
}
