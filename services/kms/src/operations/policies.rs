//! Key policies: read, set, and checked before they are set.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Arn;
use iam_api::{GetRole, GetRoleInput, GetUser, GetUserInput};
use identity::policy::{Named, Pins};
use kms_api::{
    GetKeyPolicyInput, GetKeyPolicyOutput, ListKeyPoliciesInput, ListKeyPoliciesOutput, PutKeyPolicyInput,
    PutKeyPolicyOutput,
};
use service::{Ask, Call, ResourceFacts};

use super::saving::update;
use super::{key, paging};
use crate::Kms;
use crate::error::Error;
use crate::model::condition_keys::{Keys, of_key, one, shared};
use crate::model::{grant, key_policy};

const NO_SUCH_POLICY: &str = "No such policy exists";
/// The policy that the Resource Access Manager keeps; it is not here.
const RAM: &str = "AWS_RAM";

/// A policy that is about to be set.
pub struct NewPolicy<'a> {
    pub text: &'a str,
    pub key: &'a Arn,
    pub tags: &'a BTreeMap<String, String>,
    /// Condition keys that follow from the key.
    pub keys: Vec<(String, String)>,
    /// Whether it may lock its maker out.
    pub bypass: bool,
}

impl NewPolicy<'_> {
    /// Refuses what cannot be read, names nobody, or would keep the caller from setting the next policy. Tells the
    /// unique ids of those it names.
    pub async fn check(&self, kms: &Kms, call: &Call) -> Result<Pins, Error> {
        let policy = key_policy::parse(self.text)?;
        for arn in key_policy::named_identities(&policy.written) {
            if !exists(kms, call, &arn).await? {
                return Err(Error::MalformedPolicy(key_policy::INVALID_PRINCIPALS.to_owned()));
            }
        }
        let pins = kms.aws.pins(&policy.written).await?;
        if self.bypass {
            return Ok(pins);
        }
        let named = Named { id: format!("new policy of {}", self.key), policy: policy.effective };
        let facts = ResourceFacts {
            arn: Some(self.key.clone()),
            policy: Some(Arc::new(named)),
            // None of them could let anyone set a policy.
            grants: Vec::new(),
            takes_policy: true,
            policy_required: true,
            tags: self.tags.clone(),
            keys: self.keys.clone(),
            ..ResourceFacts::default()
        };
        let keys = shared(call);
        let ask =
            Ask { prefix: "kms", action: "PutKeyPolicy", resource: Some(self.key), keys: &keys, input: None };
        match kms.aws.would_allow(call, &ask, &facts).await? {
            true => Ok(pins),
            false => Err(Error::MalformedPolicy(key_policy::LOCKS_OUT.to_owned())),
        }
    }
}

/// Refuses the ARN of a user or role that is not there. Accounts, sessions and services are not looked up.
pub async fn check_exists(kms: &Kms, call: &Call, principal: &str) -> Result<(), Error> {
    let arn = principal.parse::<Arn>().ok().filter(|arn| arn.service() == "iam");
    let is_identity = |arn: &Arn| ["user/", "role/"].iter().any(|kind| arn.resource().starts_with(kind));
    match arn.filter(is_identity) {
        Some(_) if !exists(kms, call, principal).await? => Err(grant::no_such_principal(principal)),
        _ => Ok(()),
    }
}

/// Whether there is a user or role of that ARN, in whichever account.
async fn exists(kms: &Kms, call: &Call, arn: &str) -> Result<bool, Error> {
    let Ok(named) = arn.parse::<Arn>() else { return Ok(false) };
    // Roles that CloudFront had before there were accounts in ARNs.
    let Some(account) = named.account() else { return Ok(true) };
    let iam = kms.aws.as_service("kms.amazonaws.com", account, call.region, call);
    let name = named.resource().rsplit('/').next().unwrap_or_default().to_owned();
    let found = if named.resource().starts_with("user/") {
        let input = GetUserInput { user_name: Some(name) };
        iam.call(GetUser, input).await.map(|output| output.user.arn)
    } else {
        let input = GetRoleInput { role_name: name };
        iam.call(GetRole, input).await.map(|output| output.role.arn)
    };
    match found {
        Ok(found) => Ok(found == arn),
        Err(fault) if fault.status() == 404 => Ok(false),
        // A cloud without IAM has nobody to ask.
        Err(fault) if fault.status() == 501 => Ok(true),
        Err(fault) => Err(Error::Other(fault)),
    }
}

pub fn bypass_key(bypass: Option<bool>) -> (String, Vec<String>) {
    one("kms:BypassPolicyLockoutSafetyCheck", bypass.unwrap_or(false))
}

pub fn put_keys(_: &Kms, call: &Call, input: &PutKeyPolicyInput) -> Keys {
    let mut keys = shared(call);
    keys.push(bypass_key(input.bypass_policy_lockout_safety_check));
    keys
}

pub async fn put_key_policy(
    kms: &Kms,
    call: &Call,
    input: PutKeyPolicyInput,
) -> Result<PutKeyPolicyOutput, Error> {
    match input.policy_name.as_deref() {
        None | Some(key_policy::NAME) => {}
        Some(RAM) => {
            return Err(Error::validation("The AWS_RAM policy can only be managed by the RAM service"));
        }
        Some(_) => return Err(Error::NotFound(NO_SUCH_POLICY.to_owned())),
    }
    let key = key(kms, call, &input.key_id).await?;
    let new = NewPolicy {
        text: &input.policy,
        key: &key.arn(),
        tags: &key.record.tags,
        keys: of_key(&key.record, &key.aliases, key.region),
        bypass: input.bypass_policy_lockout_safety_check == Some(true),
    };
    let pins = new.check(kms, call).await?;
    update(kms, &key, |whole| {
        whole.record.policy.clone_from(&input.policy);
        whole.record.pins.clone_from(&pins);
        Ok(())
    })
    .await?;
    Ok(PutKeyPolicyOutput {})
}

pub async fn get_key_policy(
    kms: &Kms,
    call: &Call,
    input: GetKeyPolicyInput,
) -> Result<GetKeyPolicyOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    match input.policy_name.as_deref() {
        None | Some(key_policy::NAME) => Ok(GetKeyPolicyOutput {
            policy: Some(kms.aws.shown(&key.record.policy, &key.record.pins).await?),
            policy_name: Some(key_policy::NAME.to_owned()),
        }),
        Some(_) => Err(Error::NotFound(NO_SUCH_POLICY.to_owned())),
    }
}

pub async fn list_key_policies(
    kms: &Kms,
    call: &Call,
    input: ListKeyPoliciesInput,
) -> Result<ListKeyPoliciesOutput, Error> {
    key(kms, call, &input.key_id).await?;
    let after = paging::position(kms, call, "ListKeyPolicies", input.marker.as_deref())?;
    let names = if after.is_some() { Vec::new() } else { vec![key_policy::NAME.to_owned()] };
    Ok(ListKeyPoliciesOutput { policy_names: Some(names), next_marker: None, truncated: Some(false) })
}
