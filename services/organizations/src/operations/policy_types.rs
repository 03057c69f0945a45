//! Enabling and disabling types of policies in the root.
//!
//! AWS does both in the background and says PENDING for a while; here they are done when they are answered. Enabling
//! attaches AWS's own policy to everything there is, disabling takes every policy of the type off for good.

use organizations_api::{
    ConstraintViolationExceptionReason as Reason, DisablePolicyTypeInput, DisablePolicyTypeOutput,
    EnablePolicyTypeInput, EnablePolicyTypeOutput,
};
use service::Call;
use store::{Select, Table, Tx, Versioned};

use super::attachments;
use super::policies::kind_of;
use super::standing::{Standing, Wish};
use super::tree::root;
use crate::Organizations;
use crate::error::Error;
use crate::model::policy_type::PolicyType;
use crate::records::{FeatureSet, MEMBERS, ORGANIZATION, ORGANIZATIONS, UNITS};

const AT_ONCE_MAX: usize = 500;

async fn subject(
    tx: &Tx,
    call: &Call,
    action: &'static str,
    kind: PolicyType,
    root_id: &str,
) -> Result<Standing, Error> {
    let standing = Standing::of(tx, call.account).await?;
    let arn = standing.names().root(&standing.organization.root);
    standing.check_policies(call, Wish { action, resource: Some(&arn), kind: Some(kind) })?;
    if standing.organization.root != root_id {
        return Err(Error::RootNotFound);
    }
    if standing.organization.features != FeatureSet::All {
        return Err(Error::PolicyTypeNotAvailable);
    }
    Ok(standing)
}

pub async fn enable_policy_type(
    organizations: &Organizations,
    call: &Call,
    input: EnablePolicyTypeInput,
) -> Result<EnablePolicyTypeOutput, Error> {
    let kind = kind_of(input.policy_type.as_str())?;
    let root_id = input.root_id.as_str();
    let root = organizations
        .store
        .transact(|tx| async move {
            let mut standing = subject(&tx, call, "EnablePolicyType", kind, root_id).await?;
            let access = &standing.organization.service_access;
            if kind.facts().service.is_some_and(|service| !access.contains_key(service)) {
                let message = "You must enable service access before you can enable this policy type.";
                return Err(Error::constraint(Reason::ServiceAccessNotEnabled, message));
            }
            if !standing.organization.enabled_types.insert(kind) {
                return Err(Error::PolicyTypeAlreadyEnabled);
            }
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            attach_everywhere(&tx, &standing, kind, call).await?;
            Ok(root(&standing))
        })
        .await?;
    organizations.directory.forget();
    Ok(EnablePolicyTypeOutput { root: Some(root) })
}

async fn attach_everywhere(tx: &Tx, standing: &Standing, kind: PolicyType, call: &Call) -> Result<(), Error> {
    if kind.facts().managed.is_none() {
        return Ok(());
    }
    let mut targets = vec![standing.organization.root.clone()];
    targets.extend(keys(tx, standing, &UNITS).await?);
    targets.extend(keys(tx, standing, &MEMBERS).await?);
    for target in &targets {
        attachments::attach_managed_of(tx, standing, kind, target, call.now).await?;
    }
    Ok(())
}

/// The keys of everything an organisation has in a table.
async fn keys<R: Versioned>(
    tx: &Tx,
    standing: &Standing,
    table: &Table<base::AccountId, R>,
) -> Result<Vec<String>, Error> {
    let mut keys: Vec<String> = Vec::new();
    loop {
        let after = keys.last().cloned();
        let select = Select::ALL.after(after.as_deref());
        let listing = table.scan(tx, &standing.management, select, AT_ONCE_MAX).await?;
        let more = listing.next.is_some();
        keys.extend(listing.records.into_iter().map(|(key, _)| key));
        if !more {
            return Ok(keys);
        }
    }
}

pub async fn disable_policy_type(
    organizations: &Organizations,
    call: &Call,
    input: DisablePolicyTypeInput,
) -> Result<DisablePolicyTypeOutput, Error> {
    let kind = kind_of(input.policy_type.as_str())?;
    let root_id = input.root_id.as_str();
    let root = organizations
        .store
        .transact(|tx| async move {
            let mut standing = subject(&tx, call, "DisablePolicyType", kind, root_id).await?;
            if !standing.organization.enabled_types.remove(&kind) {
                return Err(Error::PolicyTypeNotEnabled);
            }
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            attachments::detach_all_of(&tx, &standing, kind).await?;
            Ok(root(&standing))
        })
        .await?;
    organizations.directory.forget();
    Ok(DisablePolicyTypeOutput { root: Some(root) })
}
