//! What is attached to what. A policy counts for the root, OU or account it is attached to and everything below.

use base::Timestamp;
use organizations_api::{
    AttachPolicyInput, AttachPolicyOutput, ConstraintViolationExceptionReason as Reason, DetachPolicyInput,
    DetachPolicyOutput, InvalidInputExceptionReason, ListPoliciesForTargetInput, ListPoliciesForTargetOutput,
    ListTargetsForPolicyInput, ListTargetsForPolicyOutput, PolicyTargetSummary, TargetType,
};
use service::Call;
use store::{Select, Tx};

use super::pages::Page;
use super::policies::{Found, find, kind_of, summary};
use super::standing::{Standing, Wish};
use crate::Organizations;
use crate::error::Error;
use crate::model::arns::Names;
use crate::model::ids::Entity;
use crate::model::managed::ManagedPolicy;
use crate::model::policy_type::PolicyType;
use crate::records::{ATTACHMENTS, AttachmentRecord, MEMBERS, TARGETS, TargetRecord, UNITS};

/// How many attachments one step of a long change looks at.
const AT_ONCE_MAX: usize = 500;

fn attachment_key(kind: PolicyType, target: &str, policy: &str) -> String {
    format!("{}/{target}/{policy}", kind.name())
}

fn target_key(policy: &str, target: &str) -> String {
    format!("{policy}/{target}")
}

/// What an id names as a target, with its ARN and name; an error if it is nothing of this organisation.
pub async fn target(tx: &Tx, standing: &Standing, id: &str) -> Result<PolicyTargetSummary, Error> {
    let names = standing.names();
    let (arn, name, kind) = match Entity::parse(id) {
        Some(Entity::Root(root)) if root == standing.organization.root => {
            (names.root(&root), "Root".to_owned(), TargetType::Root)
        }
        Some(Entity::Unit(unit)) => {
            let record = UNITS.get(tx, &standing.management, &unit).await?.ok_or(Error::TargetNotFound)?;
            (names.unit(&unit), record.name, TargetType::OrganizationalUnit)
        }
        Some(Entity::Account(account)) => {
            let record = MEMBERS.get(tx, &standing.management, id).await?.ok_or(Error::TargetNotFound)?;
            (names.account(account), record.name, TargetType::Account)
        }
        _ => return Err(Error::TargetNotFound),
    };
    Ok(PolicyTargetSummary {
        target_id: Some(id.to_owned()),
        arn: Some(arn),
        name: Some(name),
        r#type: Some(kind),
    })
}

/// The policies of a type on one target, in the order in which they were attached.
pub async fn attached(
    tx: &Tx,
    names: &Names,
    kind: PolicyType,
    target: &str,
) -> Result<Vec<(String, AttachmentRecord)>, Error> {
    let prefix = attachment_key(kind, target, "");
    // Quotas keep the list short.
    let listing = ATTACHMENTS.scan(tx, &names.management, Select::prefix(&prefix), AT_ONCE_MAX).await?;
    let mut found: Vec<_> =
        listing.records.into_iter().map(|(key, record)| (key[prefix.len()..].to_owned(), record)).collect();
    found.sort_by_key(|(_, record)| record.order);
    Ok(found)
}

async fn attach(
    tx: &Tx,
    standing: &Standing,
    kind: PolicyType,
    target: &str,
    policy: &str,
    record: &AttachmentRecord,
) -> Result<(), Error> {
    let scope = &standing.management;
    ATTACHMENTS.put(tx, scope, &attachment_key(kind, target, policy), record).await?;
    TARGETS.put(tx, scope, &target_key(policy, target), &TargetRecord { kind }).await?;
    Ok(())
}

async fn detach(
    tx: &Tx,
    standing: &Standing,
    kind: PolicyType,
    target: &str,
    policy: &str,
) -> Result<(), Error> {
    let scope = &standing.management;
    ATTACHMENTS.delete(tx, scope, &attachment_key(kind, target, policy)).await?;
    TARGETS.delete(tx, scope, &target_key(policy, target)).await?;
    Ok(())
}

/// Gives a new OU or account what every target has while a type is enabled: AWS's own policy.
pub async fn attach_managed(tx: &Tx, standing: &Standing, target: &str, now: Timestamp) -> Result<(), Error> {
    for kind in &standing.organization.enabled_types {
        attach_managed_of(tx, standing, *kind, target, now).await?;
    }
    Ok(())
}

pub async fn attach_managed_of(
    tx: &Tx,
    standing: &Standing,
    kind: PolicyType,
    target: &str,
    now: Timestamp,
) -> Result<(), Error> {
    match kind.facts().managed {
        Some(managed) => {
            attach(tx, standing, kind, target, managed.id, &AttachmentRecord { at: now, order: 0 }).await
        }
        None => Ok(()),
    }
}

/// Takes everything off a target that is about to be no more.
pub async fn detach_all_from(tx: &Tx, standing: &Standing, target: &str) -> Result<(), Error> {
    for kind in PolicyType::all() {
        for (policy, _) in attached(tx, &standing.names(), kind, target).await? {
            detach(tx, standing, kind, target, &policy).await?;
        }
    }
    Ok(())
}

/// Takes all policies of a type off everything.
pub async fn detach_all_of(tx: &Tx, standing: &Standing, kind: PolicyType) -> Result<(), Error> {
    let prefix = format!("{}/", kind.name());
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let listing = ATTACHMENTS.scan(tx, &standing.management, select, AT_ONCE_MAX).await?;
        for (key, _) in &listing.records {
            let (target, policy) =
                key[prefix.len()..].split_once('/').expect("attachments name target and policy");
            detach(tx, standing, kind, target, policy).await?;
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

pub async fn is_attached_anywhere(tx: &Tx, standing: &Standing, policy: &str) -> Result<bool, Error> {
    let prefix = target_key(policy, "");
    let listing = TARGETS.scan(tx, &standing.management, Select::prefix(&prefix), 1).await?;
    Ok(!listing.records.is_empty())
}

/// Loads what AttachPolicy and DetachPolicy are about, once the caller may have it changed.
async fn subject(
    tx: &Tx,
    call: &Call,
    action: &'static str,
    policy: &str,
    target_id: &str,
) -> Result<(Standing, PolicyType), Error> {
    let standing = Standing::of(tx, call.account).await?;
    let found = find(tx, &standing, policy).await?;
    let kind = found.as_ref().map(Found::kind);
    let arn = found.as_ref().map(|found| found.arn(&standing, policy));
    standing.check_policies(call, Wish { action, resource: arn.as_deref(), kind })?;
    let found = found.ok_or(Error::PolicyNotFound)?;
    let target = target(tx, &standing, target_id).await?;
    // A delegation may be for some targets only.
    standing.check_policies(call, Wish { action, resource: target.arn.as_deref(), kind })?;
    Ok((standing, found.kind()))
}

pub async fn attach_policy(
    organizations: &Organizations,
    call: &Call,
    input: AttachPolicyInput,
) -> Result<AttachPolicyOutput, Error> {
    let (policy, target) = (input.policy_id.as_str(), input.target_id.as_str());
    organizations
        .store
        .transact(|tx| async move {
            let (standing, kind) = subject(&tx, call, "AttachPolicy", policy, target).await?;
            if !standing.organization.enabled_types.contains(&kind) {
                return Err(Error::PolicyTypeNotEnabled);
            }
            let present = attached(&tx, &standing.names(), kind, target).await?;
            if present.iter().any(|(id, _)| id == policy) {
                return Err(Error::DuplicateAttachment);
            }
            if present.len() >= kind.facts().attached_max {
                let message = "You have attached the maximum number of policies to the specified target.";
                return Err(Error::constraint(Reason::MaxPolicyTypeAttachmentLimitExceeded, message));
            }
            let order = present.last().map_or(0, |(_, last)| last.order) + 1;
            attach(&tx, &standing, kind, target, policy, &AttachmentRecord { at: call.now, order }).await
        })
        .await?;
    organizations.directory.forget();
    Ok(AttachPolicyOutput {})
}

pub async fn detach_policy(
    organizations: &Organizations,
    call: &Call,
    input: DetachPolicyInput,
) -> Result<DetachPolicyOutput, Error> {
    let (policy, target) = (input.policy_id.as_str(), input.target_id.as_str());
    organizations
        .store
        .transact(|tx| async move {
            let (standing, kind) = subject(&tx, call, "DetachPolicy", policy, target).await?;
            let present = attached(&tx, &standing.names(), kind, target).await?;
            if !present.iter().any(|(id, _)| id == policy) {
                return Err(Error::PolicyNotAttached);
            }
            if ManagedPolicy::find(policy).is_some_and(|(_, managed)| !managed.detachable) {
                let message = "You can't detach this AWS Managed Policy.";
                return Err(Error::invalid(InvalidInputExceptionReason::NonDetachablePolicy, message));
            }
            if present.len() <= kind.facts().attached_min {
                let message = "You cannot remove the last policy attached to the specified target. You must have at \
                               least one attached at all times.";
                return Err(Error::constraint(Reason::MinPolicyTypeAttachmentLimitExceeded, message));
            }
            detach(&tx, &standing, kind, target, policy).await
        })
        .await?;
    organizations.directory.forget();
    Ok(DetachPolicyOutput {})
}

pub async fn list_policies_for_target(
    organizations: &Organizations,
    call: &Call,
    input: ListPoliciesForTargetInput,
) -> Result<ListPoliciesForTargetOutput, Error> {
    const OPERATION: &str = "ListPoliciesForTarget";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let kind = kind_of(input.filter.as_str())?;
    let id = input.target_id.as_str();
    let policies = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::of(&tx, call.account).await?;
            let wish = Wish { action: OPERATION, resource: None, kind: Some(kind) };
            if !standing.may_read() && !standing.is_granted(call, wish) {
                return Err(Error::AccessDenied);
            }
            target(&tx, &standing, id).await?;
            let mut policies = Vec::new();
            for (policy, _) in attached(&tx, &standing.names(), kind, id).await? {
                if let Some(found) = find(&tx, &standing, &policy).await? {
                    policies.push((policy.clone(), summary(&standing, &policy, &found)));
                }
            }
            Ok(policies)
        })
        .await?;
    let listing = page.cut(policies);
    Ok(ListPoliciesForTargetOutput {
        policies: Some(listing.records.into_iter().map(|(_, policy)| policy).collect()),
        next_token: page.token(organizations, call, listing.next),
    })
}

pub async fn list_targets_for_policy(
    organizations: &Organizations,
    call: &Call,
    input: ListTargetsForPolicyInput,
) -> Result<ListTargetsForPolicyOutput, Error> {
    const OPERATION: &str = "ListTargetsForPolicy";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let policy = input.policy_id.as_str();
    let prefix = target_key(policy, "");
    let (page, prefix) = (&page, prefix.as_str());
    let (targets, next) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::of(&tx, call.account).await?;
            let found = find(&tx, &standing, policy).await?;
            let arn = found.as_ref().map(|found| found.arn(&standing, policy));
            let kind = found.as_ref().map(Found::kind);
            let wish = Wish { action: OPERATION, resource: arn.as_deref(), kind };
            if !standing.may_read() && !standing.is_granted(call, wish) {
                return Err(Error::AccessDenied);
            }
            if found.is_none() {
                return Err(Error::PolicyNotFound);
            }
            let listing = TARGETS.scan(&tx, &standing.management, page.select(prefix), page.limit).await?;
            let mut targets = Vec::with_capacity(listing.records.len());
            for (key, _) in &listing.records {
                targets.push(target(&tx, &standing, &key[prefix.len()..]).await?);
            }
            Ok((targets, listing.next))
        })
        .await?;
    Ok(ListTargetsForPolicyOutput {
        targets: Some(targets),
        next_token: page.token(organizations, call, next),
    })
}
