//! Managed policies themselves: the account's own and, read-only, AWS's.
//!
//! A policy's name is unique in its account whatever its path. Deleting takes neither attachments nor versions along.

use std::collections::HashMap;

use base::{AccountId, Arn};
use iam_api::{
    CreatePolicyInput, CreatePolicyOutput, DeletePolicyInput, DeletePolicyOutput, GetPolicyInput,
    GetPolicyOutput, ListPoliciesInput, ListPoliciesOutput, ListPolicyTagsInput, ListPolicyTagsOutput,
    Policy, PolicyScopeType, PolicyUsageType, TagPolicyInput, TagPolicyOutput, UntagPolicyInput,
    UntagPolicyOutput,
};
use iam_facts::ManagedPolicyHead;
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::{pages, quotas};
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, documents, managed, tags};
use crate::records::{POLICIES, POLICY_COUNTS, PolicyCountRecord, PolicyRecord, PolicyVersion, key};

/// Inputs that name a managed policy.
pub trait OfPolicy {
    fn policy_arn(&self) -> &str;
}

macro_rules! of_policy {
    ($($input:ident)*) => { $(impl OfPolicy for iam_api::$input {
        fn policy_arn(&self) -> &str {
            &self.policy_arn
        }
    })* };
}

of_policy! {
    CreatePolicyVersionInput DeletePolicyInput DeletePolicyVersionInput GetPolicyInput GetPolicyVersionInput
    ListEntitiesForPolicyInput ListPolicyTagsInput ListPolicyVersionsInput SetDefaultPolicyVersionInput TagPolicyInput
    UntagPolicyInput
}

pub fn by_arn(_: &Iam, call: &Call, input: &impl OfPolicy) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::of_kind(input.policy_arn(), "policy", call.region)?])
}

pub fn by_name(_: &Iam, call: &Call, input: &CreatePolicyInput) -> Result<Vec<Arn>, Error> {
    let path = input.path.as_deref().unwrap_or("/");
    Ok(vec![arns::entity(call.account, "policy", path, &input.policy_name)])
}

pub fn not_found(arn: &str) -> Error {
    Error::NoSuchEntity(format!("Policy {arn} was not found."))
}

/// One of the account's own policies, to be changed.
pub async fn load(tx: &Tx, account: AccountId, arn: &str) -> Result<PolicyRecord, Error> {
    if managed::is_of_aws(arn) {
        return Err(Error::AccessDenied("Policy is outside your own account.".to_owned()));
    }
    find(tx, account, arn).await?.ok_or_else(|| not_found(arn))
}

/// One of the account's own policies.
pub async fn find(tx: &Tx, account: AccountId, arn: &str) -> Result<Option<PolicyRecord>, Error> {
    let record = POLICIES.get(tx, &account, &key(arns::name(arn))).await?;
    Ok(record.filter(|record| record.arn(account).as_str() == arn))
}

pub async fn save(tx: &Tx, account: AccountId, record: &PolicyRecord) -> Result<(), Error> {
    Ok(POLICIES.put(tx, &account, &key(&record.name), record).await?)
}

/// Whether AWS or the account has a policy of that ARN.
pub async fn exists(tx: &Tx, account: AccountId, arn: &str) -> Result<bool, Error> {
    match managed::is_of_aws(arn) {
        true => Ok(iam_facts::managed_policy(arn).is_some()),
        false => Ok(find(tx, account, arn).await?.is_some()),
    }
}

/// Changes one policy in one transaction. The change may be made twice.
pub async fn update<T: Send>(
    iam: &Iam,
    account: AccountId,
    arn: &str,
    change: impl Fn(&mut PolicyRecord) -> Result<T, Error> + Send + Sync,
) -> Result<T, Error> {
    let change = &change;
    iam.change(account, |tx| async move {
        let mut record = load(&tx, account, arn).await?;
        let answer = change(&mut record)?;
        save(&tx, account, &record).await?;
        Ok(answer)
    })
    .await
}

/// A policy as listings show it: without description and tags.
fn listed(account: AccountId, record: &PolicyRecord, count: PolicyCountRecord) -> Policy {
    Policy {
        policy_name: Some(record.name.clone()),
        policy_id: Some(record.id.clone()),
        arn: Some(record.arn(account).to_string()),
        path: Some(record.path.clone()),
        default_version_id: Some(format!("v{}", record.default_version)),
        attachment_count: Some(shown(count.permissions)),
        permissions_boundary_usage_count: Some(shown(count.boundary)),
        is_attachable: Some(true),
        description: None,
        create_date: Some(record.created),
        update_date: Some(record.updated),
        tags: None,
    }
}

fn whole(account: AccountId, record: &PolicyRecord, count: PolicyCountRecord) -> Policy {
    let tags = Some(tags::list(&record.tags));
    Policy { description: record.description.clone(), tags, ..listed(account, record, count) }
}

/// One of AWS's own, with its uses in the account.
fn of_aws(arn: String, head: &ManagedPolicyHead, count: PolicyCountRecord) -> Policy {
    Policy {
        policy_name: Some(head.name().to_owned()),
        policy_id: Some(head.policy_id().into_owned()),
        path: Some(head.path().to_owned()),
        default_version_id: Some(head.version.to_owned()),
        attachment_count: Some(shown(count.permissions)),
        permissions_boundary_usage_count: Some(shown(count.boundary)),
        is_attachable: Some(true),
        description: None,
        create_date: Some(head.created()),
        update_date: Some(head.updated()),
        tags: None,
        arn: Some(arn),
    }
}

fn shown(count: u32) -> i32 {
    i32::try_from(count).expect("an account has fewer identities")
}

pub async fn create_policy(
    iam: &Iam,
    call: &Call,
    input: CreatePolicyInput,
) -> Result<CreatePolicyOutput, Error> {
    documents::check_managed(&input.policy_document)?;
    let created = second(call);
    let first = PolicyVersion { number: 1, document: input.policy_document, created };
    let fresh = PolicyRecord {
        name: input.policy_name,
        path: input.path.unwrap_or_else(|| "/".to_owned()),
        id: iam.ids.unique_id("ANPA"),
        description: input.description,
        created,
        updated: created,
        versions: vec![first],
        default_version: 1,
        next_version: 2,
        tags: tags::fresh(input.tags.as_deref())?,
    };
    let (account, fresh) = (call.account, &fresh);
    iam.change(account, |tx| async move {
        match POLICIES.get(&tx, &account, &key(&fresh.name)).await? {
            // An earlier run of this very transaction made it.
            Some(existing) if existing.id == fresh.id => return Ok(()),
            Some(_) => {
                let name = &fresh.name;
                let message =
                    format!("A policy called {name} already exists. Duplicate names are not allowed.");
                return Err(Error::EntityAlreadyExists(message));
            }
            None => {}
        }
        quotas::POLICIES.take(&tx, account).await?;
        save(&tx, account, fresh).await
    })
    .await?;
    // Tags are in the answer only where there are some, and the description never is.
    let tags = tags::some(&fresh.tags);
    let policy = Policy { tags, ..listed(account, fresh, PolicyCountRecord::default()) };
    Ok(CreatePolicyOutput { policy: Some(policy) })
}

pub async fn get_policy(iam: &Iam, call: &Call, input: GetPolicyInput) -> Result<GetPolicyOutput, Error> {
    let (account, arn) = (call.account, input.policy_arn.as_str());
    let (record, count) = iam
        .store
        .read(|tx| async move {
            let count = POLICY_COUNTS.get(&tx, &account, arn).await?.unwrap_or_default();
            Ok::<_, Error>((find(&tx, account, arn).await?, count))
        })
        .await?;
    let policy = match (record, iam_facts::managed_policy(arn)) {
        (Some(record), _) => whole(account, &record, count),
        (None, Some(head)) => Policy { tags: Some(Vec::new()), ..of_aws(arn.to_owned(), head, count) },
        (None, None) => return Err(not_found(arn)),
    };
    Ok(GetPolicyOutput { policy: Some(policy) })
}

pub async fn delete_policy(
    iam: &Iam,
    call: &Call,
    input: DeletePolicyInput,
) -> Result<DeletePolicyOutput, Error> {
    let (account, arn) = (call.account, input.policy_arn.as_str());
    iam.change(account, |tx| async move {
        let record = load(&tx, account, arn).await?;
        if POLICY_COUNTS.get(&tx, &account, arn).await?.is_some() {
            let message = "Cannot delete a policy attached to entities.";
            return Err(Error::DeleteConflict(message.to_owned()));
        }
        if record.versions.len() > 1 {
            let message = "This policy has more than one version. Before you delete a policy, you must delete the \
                           policy's versions. The default version is deleted with the policy.";
            return Err(Error::DeleteConflict(message.to_owned()));
        }
        quotas::POLICIES.give_back(&tx, account).await?;
        Ok(POLICIES.delete(&tx, &account, &key(&record.name)).await?)
    })
    .await?;
    Ok(DeletePolicyOutput {})
}

pub async fn list_policies(
    iam: &Iam,
    call: &Call,
    input: ListPoliciesInput,
) -> Result<ListPoliciesOutput, Error> {
    let account = call.account;
    let scope = input.scope.clone().unwrap_or(PolicyScopeType::All);
    let wants_own = scope != PolicyScopeType::Aws;
    let (counts, own) = iam
        .store
        .read(|tx| async move {
            let counts = counts(&tx, account).await?;
            let own = if wants_own { own(&tx, account).await? } else { Vec::new() };
            Ok::<_, Error>((counts, own))
        })
        .await?;
    let count = |arn: &str| counts.get(arn).copied().unwrap_or_default();
    let own = own.iter().map(|record| listed(account, record, count(record.arn(account).as_str())));
    let heads = iam_facts::managed_policies().iter().filter(|_| scope != PolicyScopeType::Local);
    let of_aws = heads.map(|head| {
        let arn = head.arn("aws");
        let count = count(&arn);
        of_aws(arn, head, count)
    });
    let all = own.chain(of_aws).filter(|policy| is_wanted(policy, &input)).collect();
    let found = pages::cut(iam, call, "ListPolicies", input.marker.as_deref(), input.max_items, all)?;
    Ok(ListPoliciesOutput {
        policies: Some(found.items),
        is_truncated: found.is_truncated,
        marker: found.marker,
    })
}

/// Whether a listing that was asked for like this has the policy.
fn is_wanted(policy: &Policy, query: &ListPoliciesInput) -> bool {
    let used = |count: Option<i32>| count.unwrap_or_default() > 0;
    let attached = used(policy.attachment_count);
    let bounds = used(policy.permissions_boundary_usage_count);
    let in_use = match &query.policy_usage_filter {
        None => attached || bounds,
        Some(PolicyUsageType::PermissionsBoundary) => bounds,
        Some(_) => attached,
    };
    let has_to_be_used = query.only_attached == Some(true) || query.policy_usage_filter.is_some();
    let prefix = query.path_prefix.as_deref().unwrap_or("/");
    let in_path = policy.path.as_deref().is_some_and(|path| path.starts_with(prefix));
    in_path && (in_use || !has_to_be_used)
}

const RECORDS_AT_ONCE_MAX: usize = 500;

async fn own(tx: &Tx, account: AccountId) -> Result<Vec<PolicyRecord>, Error> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let page = POLICIES.scan(tx, &account, select, RECORDS_AT_ONCE_MAX).await?;
        all.extend(page.records.into_iter().map(|(_, record)| record));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

/// How often each policy is used in the account, by ARN; those in no use are left out.
pub async fn counts(tx: &Tx, account: AccountId) -> Result<HashMap<String, PolicyCountRecord>, Error> {
    let mut all = HashMap::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let page = POLICY_COUNTS.scan(tx, &account, select, RECORDS_AT_ONCE_MAX).await?;
        all.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

pub async fn tag_policy(iam: &Iam, call: &Call, input: TagPolicyInput) -> Result<TagPolicyOutput, Error> {
    update(iam, call.account, &input.policy_arn, |record| tags::put(&mut record.tags, &input.tags)).await?;
    Ok(TagPolicyOutput {})
}

pub async fn untag_policy(
    iam: &Iam,
    call: &Call,
    input: UntagPolicyInput,
) -> Result<UntagPolicyOutput, Error> {
    update(iam, call.account, &input.policy_arn, |record| {
        tags::remove(&mut record.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagPolicyOutput {})
}

pub async fn list_policy_tags(
    iam: &Iam,
    call: &Call,
    input: ListPolicyTagsInput,
) -> Result<ListPolicyTagsOutput, Error> {
    let (account, arn) = (call.account, input.policy_arn.as_str());
    let record = iam.store.read(|tx| async move { load(&tx, account, arn).await }).await?;
    let (marker, all) = (input.marker.as_deref(), tags::list(&record.tags));
    let found = pages::cut(iam, call, "ListPolicyTags", marker, input.max_items, all)?;
    Ok(ListPolicyTagsOutput { tags: found.items, is_truncated: found.is_truncated, marker: found.marker })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listings_choose_by_path_and_by_use() {
        let policy = |path: &str, attached, boundary| Policy {
            path: Some(path.to_owned()),
            attachment_count: Some(attached),
            permissions_boundary_usage_count: Some(boundary),
            ..Policy::default()
        };
        let query = ListPoliciesInput::default;
        let used = ListPoliciesInput { only_attached: Some(true), ..query() };
        let bounding =
            ListPoliciesInput { policy_usage_filter: Some(PolicyUsageType::PermissionsBoundary), ..query() };
        let in_a = ListPoliciesInput { path_prefix: Some("/a/".to_owned()), ..query() };
        for (policy, query, wanted) in [
            (policy("/", 0, 0), query(), true),
            (policy("/", 0, 0), used.clone(), false),
            (policy("/", 1, 0), used.clone(), true),
            (policy("/", 0, 1), used, true),
            (policy("/", 1, 0), bounding.clone(), false),
            (policy("/", 0, 1), bounding, true),
            (policy("/b/", 0, 0), in_a.clone(), false),
            (policy("/a/b/", 0, 0), in_a, true),
        ] {
            assert_eq!(is_wanted(&policy, &query), wanted, "{policy:?} {query:?}");
        }
    }
}
