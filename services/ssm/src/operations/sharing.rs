//! Resource policies of parameters: PutResourcePolicy, GetResourcePolicies, DeleteResourcePolicy.

use base::Arn;
use service::Call;
use ssm_api::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, GetResourcePoliciesInput,
    GetResourcePoliciesOutput, GetResourcePoliciesResponseEntry, PutResourcePolicyInput,
    PutResourcePolicyOutput,
};
use store::Tx;

use crate::Ssm;
use crate::error::Error;
use crate::model::name::ParameterName;
use crate::model::sharing::{check, hash};
use crate::model::tier::Tier;
use crate::records::{PARAMETERS, ParameterRecord, Place, SharingRecord};

/// Where the parameter is that an ARN names.
struct Shared {
    scope: Place,
    key: String,
}

impl Shared {
    /// Documents and groups of OpsItems have policies, too, and are not here.
    fn parse(operation: &str, text: &str) -> Result<Shared, Error> {
        let wrong = || Error::ResourcePolicyInvalidParameter(format!("The resource ARN isn't valid: {text}"));
        let arn: Arn = text.parse().map_err(|_| wrong())?;
        if arn.service() != "ssm" {
            return Err(wrong());
        }
        let Some(name) = arn.resource().strip_prefix("parameter/") else {
            let message = format!("ssm:{operation} for {} is not implemented by Fogbank", arn.resource());
            return Err(Error::NotImplemented(message));
        };
        let name = ParameterName::parse(name).map_err(|_| wrong())?;
        let scope = arn.account().zip(arn.region()).ok_or_else(wrong)?;
        Ok(Shared { scope, key: name.key() })
    }

    async fn load(&self, tx: &Tx) -> Result<ParameterRecord, Error> {
        let found = PARAMETERS.get(tx, &self.scope, &self.key).await?;
        found.ok_or_else(|| {
            Error::ResourceNotFound("The specified parameter to be shared could not be found.".to_owned())
        })
    }
}

pub async fn put_resource_policy(
    ssm: &Ssm,
    call: &Call,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput, Error> {
    let shared = Shared::parse("PutResourcePolicy", &input.resource_arn)?;
    check(&input.policy)?;
    let (id, request) = (ssm.ids.uuid(), call.request_id.clone());
    let fresh = SharingRecord { id, hash: hash(&input.policy), policy: input.policy, request };
    let named = input.policy_id.as_deref().zip(input.policy_hash.as_deref());
    if named.is_none() && (input.policy_id.is_some() || input.policy_hash.is_some()) {
        let message = "To update a policy, you must specify PolicyId and PolicyHash.";
        return Err(Error::ResourcePolicyInvalidParameter(message.to_owned()));
    }
    let (shared, fresh) = (&shared, &fresh);
    let sharing = ssm
        .store
        .transact(|tx| async move {
            let record = shared.load(&tx).await?;
            if record.current.tier != Tier::Advanced {
                let message = "To share a parameter, it must be in the advanced parameter tier.";
                return Err(Error::ResourcePolicyInvalidParameter(message.to_owned()));
            }
            let sharing = replaced(record.sharing.as_ref(), named, fresh)?;
            let record = ParameterRecord { sharing: Some(sharing.clone()), ..record };
            PARAMETERS.put(&tx, &shared.scope, &shared.key, &record).await?;
            Ok(sharing)
        })
        .await?;
    Ok(PutResourcePolicyOutput { policy_id: Some(sharing.id), policy_hash: Some(sharing.hash) })
}

/// The new policy in the place of the one there is; `named` is the id and hash of the one that is to be replaced.
fn replaced(
    existing: Option<&SharingRecord>,
    named: Option<(&str, &str)>,
    fresh: &SharingRecord,
) -> Result<SharingRecord, Error> {
    match (existing, named) {
        (None, None) => Ok(fresh.clone()),
        // A run whose acknowledgement was lost put it; this is the same call.
        (Some(existing), _) if existing.request == fresh.request => Ok(existing.clone()),
        (Some(_), None) => {
            let message = "Only one policy can be attached to a parameter.";
            Err(Error::ResourcePolicyLimitExceeded(message.to_owned()))
        }
        (existing, Some(named)) => {
            same(existing, named)?;
            Ok(SharingRecord { id: named.0.to_owned(), ..fresh.clone() })
        }
    }
}

/// Checks that the policy there is, is the one that is meant.
fn same(existing: Option<&SharingRecord>, (id, hash): (&str, &str)) -> Result<(), Error> {
    let existing = existing.filter(|existing| existing.id == id).ok_or(Error::ResourcePolicyNotFound)?;
    if existing.hash == hash { Ok(()) } else { Err(Error::ResourcePolicyConflict) }
}

pub async fn get_resource_policies(
    ssm: &Ssm,
    _: &Call,
    input: GetResourcePoliciesInput,
) -> Result<GetResourcePoliciesOutput, Error> {
    let shared = &Shared::parse("GetResourcePolicies", &input.resource_arn)?;
    // There is one policy at most, so there never was a next page to ask for.
    if input.next_token.is_some_and(|token| !token.is_empty()) {
        return Err(Error::ResourcePolicyInvalidParameter("The specified token isn't valid.".to_owned()));
    }
    let record = ssm.store.read(|tx| async move { shared.load(&tx).await }).await?;
    let entry = |sharing: SharingRecord| GetResourcePoliciesResponseEntry {
        policy_id: Some(sharing.id),
        policy_hash: Some(sharing.hash),
        policy: Some(sharing.policy),
    };
    let policies = record.sharing.into_iter().map(entry).collect();
    Ok(GetResourcePoliciesOutput { policies: Some(policies), next_token: None })
}

pub async fn delete_resource_policy(
    ssm: &Ssm,
    _: &Call,
    input: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput, Error> {
    let shared = &Shared::parse("DeleteResourcePolicy", &input.resource_arn)?;
    let named = (input.policy_id.as_str(), input.policy_hash.as_str());
    ssm.store
        .transact(|tx| async move {
            let record = shared.load(&tx).await?;
            same(record.sharing.as_ref(), named)?;
            let record = ParameterRecord { sharing: None, ..record };
            PARAMETERS.put(&tx, &shared.scope, &shared.key, &record).await?;
            Ok::<_, Error>(())
        })
        .await?;
    Ok(DeleteResourcePolicyOutput {})
}
