//! The organisation's own resource policy, by which it lets members manage policies.

use identity::policy::{Kind, Policy};
use organizations_api::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, DescribeResourcePolicyInput,
    DescribeResourcePolicyOutput, InvalidInputExceptionReason as Reason, PutResourcePolicyInput,
    PutResourcePolicyOutput, ResourcePolicy, ResourcePolicySummary,
};
use service::Call;

use super::service_access::managing_all_features;
use super::standing::{Standing, Wish};
use crate::Organizations;
use crate::error::Error;
use crate::limits::RESOURCE_POLICY_CHARS_MAX;
use crate::model::{ids, tags};
use crate::records::{ORGANIZATION, ORGANIZATIONS, ResourcePolicyRecord};

fn to_policy(standing: &Standing, record: &ResourcePolicyRecord) -> ResourcePolicy {
    ResourcePolicy {
        resource_policy_summary: Some(ResourcePolicySummary {
            arn: Some(standing.names().resource_policy(&record.id)),
            id: Some(record.id.clone()),
        }),
        content: Some(record.content.clone()),
    }
}

/// Only Organizations' own actions can be delegated, and it must be said to whom.
fn check(content: &str) -> Result<(), Error> {
    if content.chars().count() > RESOURCE_POLICY_CHARS_MAX {
        let message = "You provided a string parameter that is longer than allowed.";
        return Err(Error::invalid(Reason::MaxLengthExceeded, message));
    }
    let policy = Policy::parse(Kind::Resource, content).map_err(|error| {
        Error::InvalidInput(
            Reason::InvalidResourcePolicyJson,
            format!("The resource policy is not valid: {error}"),
        )
    })?;
    if policy.services().iter().any(|service| *service != "organizations") {
        let message = "The resource policy contains an action that is not supported.";
        return Err(Error::invalid(Reason::UnsupportedActionInResourcePolicy, message));
    }
    Ok(())
}

pub async fn put_resource_policy(
    organizations: &Organizations,
    call: &Call,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput, Error> {
    check(&input.content)?;
    let tagged = input.tags.as_ref().is_some_and(|tags| !tags.is_empty());
    let fresh = ResourcePolicyRecord {
        id: ids::resource_policy(&organizations.ids),
        content: input.content,
        tags: tags::of_new(input.tags)?,
    };
    let fresh = &fresh;
    let policy = organizations
        .store
        .transact(|tx| async move {
            let mut standing = managing_all_features(&tx, call).await?;
            let record = match standing.organization.resource_policy.take() {
                // A run whose acknowledgement was lost made it; this is the same call.
                Some(existing) if existing.id == fresh.id => existing,
                Some(_) if tagged => {
                    let message = "You can't specify tags when you update an existing resource policy.";
                    return Err(Error::invalid(Reason::InvalidListMember, message));
                }
                Some(existing) => ResourcePolicyRecord { content: fresh.content.clone(), ..existing },
                None => fresh.clone(),
            };
            let policy = to_policy(&standing, &record);
            standing.organization.resource_policy = Some(record);
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            Ok(policy)
        })
        .await?;
    Ok(PutResourcePolicyOutput { resource_policy: Some(policy) })
}

pub async fn describe_resource_policy(
    organizations: &Organizations,
    call: &Call,
    _: DescribeResourcePolicyInput,
) -> Result<DescribeResourcePolicyOutput, Error> {
    let standing =
        organizations.store.read(|tx| async move { Standing::of(&tx, call.account).await }).await?;
    let wish = Wish { action: "DescribeResourcePolicy", resource: None, kind: None };
    if !standing.may_read() && !standing.is_granted(call, wish) {
        return Err(Error::AccessDenied);
    }
    let record = standing.organization.resource_policy.as_ref().ok_or(Error::ResourcePolicyNotFound)?;
    Ok(DescribeResourcePolicyOutput { resource_policy: Some(to_policy(&standing, record)) })
}

pub async fn delete_resource_policy(
    organizations: &Organizations,
    call: &Call,
    _: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput, Error> {
    organizations
        .store
        .transact(|tx| async move {
            let mut standing = managing_all_features(&tx, call).await?;
            standing.organization.resource_policy.take().ok_or(Error::ResourcePolicyNotFound)?;
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(DeleteResourcePolicyOutput {})
}
