//! Resource policies: put, read, deleted, listed, validated.
//!
//! A secret has one policy that can be changed, called `default`. A cross-account replica has another, which lets its
//! primary's account replicate to it.

use base::Arn;
use secretsmanager_api::{
    DeleteResourcePolicyInput, DeleteResourcePolicyOutput, GetResourcePolicyInput, GetResourcePolicyOutput,
    ListResourcePoliciesInput, ListResourcePoliciesOutput, PutResourcePolicyInput, PutResourcePolicyOutput,
    ResourcePolicySummary, ValidateResourcePolicyInput, ValidateResourcePolicyOutput, ValidationErrorsEntry,
};
use service::{Ask, Call};

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::LIST_RESULTS_MAX;
use crate::model::broad_access;
use crate::model::policy::{self, DEFAULT};
use crate::records::SecretRecord;

use super::directory::{arn_of, find};
use super::{change, cross_account, description::named, lists::position, require};

const OPERATION: &str = "ListResourcePolicies";

/// Only the default policy can be changed.
fn check_default(name: Option<String>) -> Result<(), Error> {
    match name.as_deref() {
        None | Some(DEFAULT) => Ok(()),
        Some(other) => {
            Err(Error::parameter(format!("You can only change the policy named {DEFAULT}, not {other}.")))
        }
    }
}

pub async fn put_resource_policy(
    service: &SecretsManager,
    call: &Call,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput, Error> {
    check_default(input.policy_name)?;
    let text = input.resource_policy;
    let compiled = policy::compile(&text).map_err(Error::MalformedPolicy)?;
    if input.block_public_policy.unwrap_or_default() && broad_access::grants(&text) {
        return Err(Error::PublicPolicy);
    }
    let pins = service.aws.pins(&compiled).await.map_err(|fault| Error::Internal(fault.into()))?;
    let (secret, ()) = change(service, call, &input.secret_id, |secret| {
        *secret = secret.clone().primary()?.active()?;
        if policy::locks_out(&text, call.principal.caller(), secret.arn().as_str()) {
            return Err(Error::request(policy::LOCKOUT));
        }
        secret.record.policy = Some(text.clone());
        secret.record.pins.clone_from(&pins);
        secret.record.changed = call.now;
        Ok(())
    })
    .await?;
    let (arn, name) = named(secret);
    Ok(PutResourcePolicyOutput { arn, name, policy_name: Some(DEFAULT.to_owned()) })
}

pub async fn get_resource_policy(
    service: &SecretsManager,
    call: &Call,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput, Error> {
    let secret = find(service, call, &input.secret_id).await?.active()?;
    let policy_name = input.policy_name.unwrap_or_else(|| DEFAULT.to_owned());
    let resource_policy = match policy_name.as_str() {
        DEFAULT => shown(service, &secret.record).await?,
        cross_account::POLICY => secret.record.foreign_primary.as_ref().map(cross_account::policy),
        _ => None,
    };
    if resource_policy.is_none() && policy_name != DEFAULT {
        return Err(Error::NotFound(format!(
            "Secrets Manager can't find the resource policy {policy_name} of the specified secret."
        )));
    }
    let (arn, name) = named(secret);
    Ok(GetResourcePolicyOutput { arn, name, resource_policy, policy_name: Some(policy_name) })
}

/// The policy with the ids of those it named who are there no more.
async fn shown(service: &SecretsManager, record: &SecretRecord) -> Result<Option<String>, Error> {
    let Some(text) = &record.policy else { return Ok(None) };
    let shown = service.aws.shown(text, &record.pins).await;
    shown.map(Some).map_err(|fault| Error::Internal(fault.into()))
}

pub async fn delete_resource_policy(
    service: &SecretsManager,
    call: &Call,
    input: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput, Error> {
    check_default(input.policy_name)?;
    let (secret, ()) = change(service, call, &input.secret_id, |secret| {
        *secret = secret.clone().primary()?.active()?;
        secret.record.policy = None;
        secret.record.pins.clear();
        secret.record.changed = call.now;
        Ok(())
    })
    .await?;
    let (arn, name) = named(secret);
    Ok(DeleteResourcePolicyOutput { arn, name, policy_name: Some(DEFAULT.to_owned()) })
}

pub async fn list_resource_policies(
    service: &SecretsManager,
    call: &Call,
    input: ListResourcePoliciesInput,
) -> Result<ListResourcePoliciesOutput, Error> {
    let after = position(service, call, OPERATION, input.next_token.as_deref())?;
    let secret = find(service, call, &input.secret_id).await?.active()?;
    let default = secret.record.policy.as_ref().map(|_| DEFAULT);
    let other = secret.record.foreign_primary.as_ref().map(|_| cross_account::POLICY);
    let mut names: Vec<&str> = default.into_iter().chain(other).collect();
    // The default policy comes first, whatever it is called.
    if let Some(after) = after {
        names = names.into_iter().skip_while(|name| *name != after).skip(1).collect();
    }
    let limit = input.max_results.map_or(LIST_RESULTS_MAX, |max| max.unsigned_abs() as usize);
    let more = names.len() > limit;
    names.truncate(limit);
    let next = names.last().filter(|_| more);
    Ok(ListResourcePoliciesOutput {
        next_token: next.map(|next| service.pages.make(OPERATION, call.account, next)),
        resource_policies: names
            .iter()
            .map(|name| ResourcePolicySummary { policy_name: Some((*name).to_owned()) })
            .collect(),
    })
}

/// The secret that a policy is meant for, if one is named.
pub fn by_optional_id(
    _: &SecretsManager,
    call: &Call,
    input: &ValidateResourcePolicyInput,
) -> Result<Vec<Arn>, Error> {
    input.secret_id.iter().map(|id| arn_of(call, id)).collect()
}

pub async fn validate_resource_policy(
    service: &SecretsManager,
    call: &Call,
    input: ValidateResourcePolicyInput,
) -> Result<ValidateResourcePolicyOutput, Error> {
    let arn = match &input.secret_id {
        Some(id) => {
            require(service, call, "PutResourcePolicy", &arn_of(call, id)?, None).await?;
            find(service, call, id).await?.active()?.arn().to_string()
        }
        None => {
            let put = Ask {
                prefix: "secretsmanager",
                action: "PutResourcePolicy",
                resource: None,
                keys: &[],
                input: None,
            };
            service.aws.require(call, &put).await.map_err(Error::Refused)?;
            "*".to_owned()
        }
    };
    let findings = policy::findings(&input.resource_policy, call.principal.caller(), &arn);
    let errors: Vec<ValidationErrorsEntry> = findings
        .into_iter()
        .map(|(check, message)| ValidationErrorsEntry {
            check_name: Some(check.to_owned()),
            error_message: Some(message.to_owned()),
        })
        .collect();
    Ok(ValidateResourcePolicyOutput {
        policy_validation_passed: Some(errors.is_empty()),
        validation_errors: Some(errors),
    })
}
