//! Policies themselves: create, describe, list, update, delete.

use organizations_api::{
    ConstraintViolationExceptionReason, CreatePolicyInput, CreatePolicyOutput, DeletePolicyInput,
    DeletePolicyOutput, DescribePolicyInput, DescribePolicyOutput, InvalidInputExceptionReason as Reason,
    ListPoliciesInput, ListPoliciesOutput, Policy, PolicySummary, UpdatePolicyInput, UpdatePolicyOutput,
};
use service::Call;
use store::Tx;

use super::attachments;
use super::pages::Page;
use super::standing::{Standing, Wish};
use crate::Organizations;
use crate::error::Error;
use crate::model::managed::ManagedPolicy;
use crate::model::policy_type::PolicyType;
use crate::model::{ids, policy_document, tags};
use crate::records::{
    FeatureSet, ORGANIZATION, ORGANIZATIONS, POLICIES, POLICY_NAMES, PolicyNameRecord, PolicyRecord,
};

/// A policy, whoever made it.
pub enum Found {
    Own(PolicyRecord),
    Managed(PolicyType, &'static ManagedPolicy),
}

impl Found {
    pub fn kind(&self) -> PolicyType {
        match self {
            Found::Own(record) => record.kind,
            Found::Managed(kind, _) => *kind,
        }
    }

    pub fn arn(&self, standing: &Standing, id: &str) -> String {
        match self {
            Found::Own(record) => standing.names().policy(record.kind, id),
            Found::Managed(kind, managed) => managed.arn(*kind),
        }
    }

    pub fn content(&self) -> &str {
        match self {
            Found::Own(record) => &record.content,
            Found::Managed(_, managed) => managed.content,
        }
    }
}

pub async fn find(tx: &Tx, standing: &Standing, id: &str) -> Result<Option<Found>, Error> {
    if let Some((kind, managed)) = ManagedPolicy::find(id) {
        // Without all features there are no policies, not even AWS's.
        let there = standing.organization.features == FeatureSet::All;
        return Ok(there.then_some(Found::Managed(kind, managed)));
    }
    Ok(POLICIES.get(tx, &standing.management, id).await?.map(Found::Own))
}

pub fn summary(standing: &Standing, id: &str, found: &Found) -> PolicySummary {
    let (name, description) = match found {
        Found::Own(record) => (record.name.as_str(), record.description.as_str()),
        Found::Managed(_, managed) => (managed.name, managed.description),
    };
    PolicySummary {
        id: Some(id.to_owned()),
        arn: Some(found.arn(standing, id)),
        name: Some(name.to_owned()),
        description: Some(description.to_owned()),
        r#type: Some(found.kind().name().into()),
        aws_managed: Some(matches!(found, Found::Managed(..))),
    }
}

fn to_policy(standing: &Standing, id: &str, found: &Found) -> Policy {
    Policy { policy_summary: Some(summary(standing, id, found)), content: Some(found.content().to_owned()) }
}

/// The type that a member of the input names; the model's enumeration has seen to it that it is one.
pub fn kind_of(name: &str) -> Result<PolicyType, Error> {
    PolicyType::parse(name)
        .ok_or_else(|| Error::invalid(Reason::InvalidEnumPolicyType, "You specified an invalid value."))
}

fn name_key(kind: PolicyType, name: &str) -> String {
    format!("{}/{name}", kind.name())
}

pub async fn create_policy(
    organizations: &Organizations,
    call: &Call,
    input: CreatePolicyInput,
) -> Result<CreatePolicyOutput, Error> {
    let kind = kind_of(input.r#type.as_str())?;
    let record = PolicyRecord {
        kind,
        name: input.name,
        description: input.description,
        content: input.content,
        updated: call.now,
        tags: tags::of_new(input.tags)?,
    };
    let id = ids::policy(&organizations.ids);
    let (record, id) = (&record, id.as_str());
    let policy = organizations
        .store
        .transact(|tx| async move {
            let mut standing = Standing::of(&tx, call.account).await?;
            let arn = standing.names().policy(kind, "*");
            let wish = Wish { action: "CreatePolicy", resource: Some(&arn), kind: Some(kind) };
            standing.check_policies(call, wish)?;
            if standing.organization.features != FeatureSet::All {
                return Err(Error::PolicyTypeNotAvailable);
            }
            policy_document::check(kind, &record.content)?;
            let (scope, key) = (standing.management, name_key(kind, &record.name));
            let is_awss = kind.facts().managed.is_some_and(|managed| managed.name == record.name);
            let namesake = POLICY_NAMES.get(&tx, &scope, &key).await?;
            // A run whose acknowledgement was lost made it; this is the same call.
            if namesake.as_ref().is_some_and(|name| name.id == id) {
                return Ok(to_policy(&standing, id, &Found::Own(record.clone())));
            }
            if is_awss || namesake.is_some() {
                return Err(Error::DuplicatePolicy);
            }
            let count = standing.organization.policies.entry(kind).or_default();
            if *count >= kind.facts().policies_max {
                let message =
                    "You have exceeded the number of policies that you can have in an organization.";
                let reason = ConstraintViolationExceptionReason::PolicyNumberLimitExceeded;
                return Err(Error::constraint(reason, message));
            }
            *count += 1;
            ORGANIZATIONS.put(&tx, &scope, ORGANIZATION, &standing.organization).await?;
            POLICIES.put(&tx, &scope, id, record).await?;
            POLICY_NAMES.put(&tx, &scope, &key, &PolicyNameRecord { id: id.to_owned() }).await?;
            Ok(to_policy(&standing, id, &Found::Own(record.clone())))
        })
        .await?;
    Ok(CreatePolicyOutput { policy: Some(policy) })
}

pub async fn describe_policy(
    organizations: &Organizations,
    call: &Call,
    input: DescribePolicyInput,
) -> Result<DescribePolicyOutput, Error> {
    let id = input.policy_id.as_str();
    let policy = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::of(&tx, call.account).await?;
            let found = find(&tx, &standing, id).await?;
            let arn = found.as_ref().map(|found| found.arn(&standing, id));
            let kind = found.as_ref().map(Found::kind);
            let wish = Wish { action: "DescribePolicy", resource: arn.as_deref(), kind };
            if !standing.may_read() && !standing.is_granted(call, wish) {
                return Err(Error::AccessDenied);
            }
            Ok(to_policy(&standing, id, &found.ok_or(Error::PolicyNotFound)?))
        })
        .await?;
    Ok(DescribePolicyOutput { policy: Some(policy) })
}

pub async fn list_policies(
    organizations: &Organizations,
    call: &Call,
    input: ListPoliciesInput,
) -> Result<ListPoliciesOutput, Error> {
    const OPERATION: &str = "ListPolicies";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let kind = kind_of(input.filter.as_str())?;
    let prefix = name_key(kind, "");
    let (page, prefix) = (&page, prefix.as_str());
    let (policies, next) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::of(&tx, call.account).await?;
            let wish = Wish { action: OPERATION, resource: None, kind: Some(kind) };
            if !standing.may_read() && !standing.is_granted(call, wish) {
                return Err(Error::AccessDenied);
            }
            let mut policies = Vec::new();
            // AWS's own policy comes first.
            if let Some(managed) = kind.facts().managed.filter(|_| page.after.is_none())
                && let Some(found) = find(&tx, &standing, managed.id).await?
            {
                policies.push(summary(&standing, managed.id, &found));
            }
            let limit = page.limit - policies.len();
            if limit == 0 {
                // The page was for one; what comes next is the first of the organisation's own.
                return Ok((policies, Some(prefix.to_owned())));
            }
            let listing = POLICY_NAMES.scan(&tx, &standing.management, page.select(prefix), limit).await?;
            for (_, name) in &listing.records {
                let found = find(&tx, &standing, &name.id).await?;
                policies.extend(found.map(|found| summary(&standing, &name.id, &found)));
            }
            Ok((policies, listing.next))
        })
        .await?;
    Ok(ListPoliciesOutput { policies: Some(policies), next_token: page.token(organizations, call, next) })
}

/// The policy of this organisation that is to be changed, once the caller may change it.
async fn changeable(
    tx: &Tx,
    call: &Call,
    action: &'static str,
    id: &str,
) -> Result<(Standing, PolicyRecord), Error> {
    let standing = Standing::of(tx, call.account).await?;
    let found = find(tx, &standing, id).await?;
    let arn = found.as_ref().map(|found| found.arn(&standing, id));
    let kind = found.as_ref().map(Found::kind);
    standing.check_policies(call, Wish { action, resource: arn.as_deref(), kind })?;
    match found {
        Some(Found::Own(record)) => Ok((standing, record)),
        Some(Found::Managed(..)) => {
            let message = "You specified a policy that is managed by AWS and can't be modified.";
            Err(Error::invalid(Reason::ImmutablePolicy, message))
        }
        None => Err(Error::PolicyNotFound),
    }
}

pub async fn update_policy(
    organizations: &Organizations,
    call: &Call,
    input: UpdatePolicyInput,
) -> Result<UpdatePolicyOutput, Error> {
    let (id, input) = (input.policy_id.as_str(), &input);
    let policy = organizations
        .store
        .transact(|tx| async move {
            let (standing, mut record) = changeable(&tx, call, "UpdatePolicy", id).await?;
            let scope = standing.management;
            if let Some(name) = input.name.as_ref().filter(|name| **name != record.name) {
                let key = name_key(record.kind, name);
                if POLICY_NAMES.get(&tx, &scope, &key).await?.is_some() {
                    return Err(Error::DuplicatePolicy);
                }
                POLICY_NAMES.delete(&tx, &scope, &name_key(record.kind, &record.name)).await?;
                POLICY_NAMES.put(&tx, &scope, &key, &PolicyNameRecord { id: id.to_owned() }).await?;
                record.name.clone_from(name);
            }
            if let Some(content) = &input.content {
                policy_document::check(record.kind, content)?;
                record.content.clone_from(content);
                record.updated = call.now;
            }
            if let Some(description) = &input.description {
                record.description.clone_from(description);
            }
            POLICIES.put(&tx, &scope, id, &record).await?;
            Ok(to_policy(&standing, id, &Found::Own(record)))
        })
        .await?;
    organizations.directory.forget();
    Ok(UpdatePolicyOutput { policy: Some(policy) })
}

pub async fn delete_policy(
    organizations: &Organizations,
    call: &Call,
    input: DeletePolicyInput,
) -> Result<DeletePolicyOutput, Error> {
    let id = input.policy_id.as_str();
    organizations
        .store
        .transact(|tx| async move {
            let (mut standing, record) = changeable(&tx, call, "DeletePolicy", id).await?;
            let scope = standing.management;
            if attachments::is_attached_anywhere(&tx, &standing, id).await? {
                return Err(Error::PolicyInUse);
            }
            POLICIES.delete(&tx, &scope, id).await?;
            POLICY_NAMES.delete(&tx, &scope, &name_key(record.kind, &record.name)).await?;
            if let Some(count) = standing.organization.policies.get_mut(&record.kind) {
                *count = count.saturating_sub(1);
            }
            ORGANIZATIONS.put(&tx, &scope, ORGANIZATION, &standing.organization).await?;
            Ok(())
        })
        .await?;
    Ok(DeletePolicyOutput {})
}
