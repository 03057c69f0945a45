//! Roles, assumed by users, by sessions and by this cloud's services.
//!
//! That the caller may is decided by the frame before: the caller's policies and the role's trust policy, with the
//! condition keys that [`keys`] answers.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Arn, Timestamp};
use service::{Call, Principal, PrincipalKind, Role, Session};
use sts_api::{AssumeRoleInput, AssumeRoleOutput, AssumedRoleUser};

use super::credentials::{Granted, grant};
use super::trust::Question;
use super::{mfa, trust};
use crate::Sts;
use crate::error::Error;
use crate::model::durations::{self, whole_seconds};
use crate::model::names;
use crate::model::policies::{SessionPolicies, packed_percent};
use crate::model::tags::{RequestedTags, SessionTags};

/// The role. The root of an account is turned away before anybody asks whether it may.
pub fn by_arn(_: &Sts, call: &Call, input: &AssumeRoleInput) -> Result<Vec<Arn>, Error> {
    if call.principal.kind == PrincipalKind::Root {
        return Err(Error::RootAssumesRole);
    }
    Ok(vec![names::role_arn(&input.role_arn)?])
}

/// STS's own condition keys. An MFA code counts as right here: the operation checks it, and fails if it is not.
pub fn keys(_: &Sts, _: &Call, input: &AssumeRoleInput) -> Vec<(String, Vec<String>)> {
    let mut keys = vec![("sts:RoleSessionName".to_owned(), vec![input.role_session_name.clone()])];
    let mut add = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            keys.push((name.to_owned(), vec![value.clone()]));
        }
    };
    add("sts:ExternalId", &input.external_id);
    add("sts:SourceIdentity", &input.source_identity);
    if input.serial_number.is_some() && input.token_code.is_some() {
        add("aws:MultiFactorAuthPresent", &Some("true".to_owned()));
        add("aws:MultiFactorAuthAge", &Some("0".to_owned()));
    }
    if let Some(transitive) = input.transitive_tag_keys.as_ref().filter(|keys| !keys.is_empty()) {
        keys.push(("sts:TransitiveTagKeys".to_owned(), transitive.clone()));
    }
    keys
}

pub async fn assume_role(sts: &Sts, call: &Call, input: AssumeRoleInput) -> Result<AssumeRoleOutput, Error> {
    let arn = names::role_arn(&input.role_arn)?;
    names::check_source_identity(input.source_identity.as_deref())?;
    if input.provided_contexts.is_some() {
        return Err(Error::Validation("There is no such context provider.".to_owned()));
    }
    let refused = |action: &str| {
        let who = &call.principal.arn;
        Error::NotAllowed(format!("User: {who} is not authorized to perform: {action} on resource: {arn}"))
    };
    let role = trust::role(sts, &arn).await?.ok_or_else(|| refused("sts:AssumeRole"))?;
    let before = call.principal.session.as_deref();
    let is_chained = before.is_some_and(|session| !session.console);
    let seconds = durations::of_role(input.duration_seconds, role.session_seconds_max, is_chained)?;
    let policies = SessionPolicies::read(input.policy.clone(), input.policy_arns.clone(), role.account)?;
    let tags = SessionTags::inherited(before).with(&requested_tags(&input))?;
    let packed_policy_size = packed_percent(&policies, &tags.tags)?;
    // Once set, it stays for the whole chain.
    let inherited = before.and_then(|session| session.source_identity.clone());
    let source_identity = input.source_identity.clone().or(inherited.clone());
    if inherited.is_some() && inherited != source_identity {
        return Err(refused("sts:SetSourceIdentity"));
    }
    let keys = keys(sts, call, &input);
    let question = Question { role: &role, keys: &keys, input: Some(&input) };
    if !tags.tags.is_empty() {
        question.require(sts, call, "TagSession").await?;
    }
    if source_identity.is_some() {
        question.require(sts, call, "SetSourceIdentity").await?;
    }
    let code = mfa::check(sts, call, input.serial_number.as_deref(), input.token_code.as_deref()).await?;
    let beginning = Beginning {
        seconds,
        policies,
        tags,
        source_identity: source_identity.clone(),
        mfa_at: code.or_else(|| mfa_of_user(call)),
        ..Beginning::of(&role, &input.role_session_name, call)
    };
    let (granted, user) = beginning.begin(sts, input.minimum_session_token_size);
    Ok(AssumeRoleOutput {
        credentials: Some(granted.credentials),
        assumed_role_user: Some(user),
        packed_policy_size,
        source_identity,
        session_token_utilization: granted.token_utilization,
        session_token_size: granted.token_size,
    })
}

fn requested_tags(input: &AssumeRoleInput) -> RequestedTags {
    let tags = input.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone()));
    RequestedTags {
        tags: tags.collect(),
        transitive_keys: input.transitive_tag_keys.clone().unwrap_or_default(),
    }
}

/// A user's own session hands its MFA on to a role, a role's session does not.
fn mfa_of_user(call: &Call) -> Option<Timestamp> {
    let is_user = call.principal.kind == PrincipalKind::User;
    call.principal.session.as_ref().filter(|_| is_user)?.mfa_at
}

/// A role's session, whoever asked for it.
pub struct Beginning<'a> {
    pub role: &'a Role,
    pub session_name: &'a str,
    pub call: &'a Call,
    pub seconds: u32,
    pub policies: SessionPolicies,
    pub tags: SessionTags,
    pub source_identity: Option<String>,
    pub mfa_at: Option<Timestamp>,
    pub keys: BTreeMap<String, Vec<String>>,
    /// The session ends then at the latest.
    pub ends: Option<Timestamp>,
}

impl<'a> Beginning<'a> {
    pub fn of(role: &'a Role, session_name: &'a str, call: &'a Call) -> Beginning<'a> {
        Beginning {
            role,
            session_name,
            call,
            seconds: 0,
            policies: SessionPolicies::default(),
            tags: SessionTags::default(),
            source_identity: None,
            mfa_at: None,
            keys: BTreeMap::new(),
            ends: None,
        }
    }

    pub fn begin(self, sts: &Sts, smallest: Option<i32>) -> (Granted, AssumedRoleUser) {
        let role = self.role;
        let issued = whole_seconds(self.call.now);
        let ends = issued + Duration::from_secs(u64::from(self.seconds));
        let arn = names::assumed_role_arn(role, self.session_name, self.call.region);
        let id = names::assumed_role_id(role, self.session_name);
        let principal = Principal {
            kind: PrincipalKind::AssumedRole,
            account: role.account,
            arn: arn.clone(),
            user_id: id.clone(),
            access_key_id: None,
            session: None,
        };
        let session = Session {
            issued,
            ends: self.ends.map_or(ends, |latest| whole_seconds(latest).min(ends)),
            role: Some(names::assumed_role(role, self.session_name)),
            policies: self.policies.inline,
            policy_arns: self.policies.arns,
            tags: self.tags.tags,
            transitive_tags: self.tags.transitive,
            mfa_at: self.mfa_at,
            source_identity: self.source_identity,
            keys: self.keys,
            ..Session::default()
        };
        (grant(sts, principal, session, smallest), AssumedRoleUser { assumed_role_id: id, arn })
    }
}
