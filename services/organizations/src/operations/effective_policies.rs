//! The effective policy of an account, as the management policies above and on it make it.

use base::Timestamp;
use organizations_api::{DescribeEffectivePolicyInput, DescribeEffectivePolicyOutput, EffectivePolicy};
use service::Call;
use store::Tx;

use super::attachments::attached;
use super::policies::kind_of;
use super::standing::{Standing, Wish};
use super::tree::lineage;
use crate::Organizations;
use crate::error::Error;
use crate::model::effective;
use crate::model::policy_type::PolicyType;
use crate::records::{MEMBERS, POLICIES};

pub async fn describe_effective_policy(
    organizations: &Organizations,
    call: &Call,
    input: DescribeEffectivePolicyInput,
) -> Result<DescribeEffectivePolicyOutput, Error> {
    let kind = kind_of(input.policy_type.as_str())?;
    let target = input.target_id.unwrap_or_else(|| call.account.to_string());
    let id = target.as_str();
    let (content, updated) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::of(&tx, call.account).await?;
            let is_own = id == standing.account.to_string();
            let wish = Wish { action: "DescribeEffectivePolicy", resource: None, kind: Some(kind) };
            if !is_own && !standing.may_read() && !standing.is_granted(call, wish) {
                return Err(Error::AccessDenied);
            }
            // Only accounts have one; that of an OU would be nobody's.
            let member = MEMBERS.get(&tx, &standing.management, id).await?.ok_or(Error::TargetNotFound)?;
            if !standing.organization.enabled_types.contains(&kind) {
                return Err(Error::EffectivePolicyNotFound);
            }
            let mut line = lineage(&tx, &standing, &member.parent).await?;
            line.push(id.to_owned());
            compute(&tx, &standing, kind, &line).await?.ok_or(Error::EffectivePolicyNotFound)
        })
        .await?;
    Ok(DescribeEffectivePolicyOutput {
        effective_policy: Some(EffectivePolicy {
            policy_content: Some(content),
            last_updated_timestamp: Some(updated),
            target_id: Some(target),
            policy_type: Some(input.policy_type),
        }),
    })
}

/// The merged text and when it last changed; nothing if no level has a policy.
async fn compute(
    tx: &Tx,
    standing: &Standing,
    kind: PolicyType,
    line: &[String],
) -> Result<Option<(String, Timestamp)>, Error> {
    let mut levels = Vec::with_capacity(line.len());
    let mut updated = None;
    for target in line {
        let mut documents = Vec::new();
        for (policy, attachment) in attached(tx, &standing.names(), kind, target).await? {
            let Some(record) = POLICIES.get(tx, &standing.management, &policy).await? else { continue };
            updated = updated.max(Some(record.updated.max(attachment.at)));
            let document = serde_json::from_str(&record.content);
            documents.push(document.map_err(|error| Error::Internal(error.into()))?);
        }
        levels.push(documents);
    }
    Ok(updated.map(|updated| (effective::merge(&levels).to_string(), updated)))
}
