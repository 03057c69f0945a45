//! Sessions that users make for others (GetFederationToken): they may do what the user may and the session's policies
//! allow as well, so without a policy nothing.

use std::time::Duration;

use base::Arn;
use service::{Ask, AssumedRole, Call, Principal, PrincipalKind, ResourceFacts, Session};
use sts_api::{FederatedUser, GetFederationTokenInput, GetFederationTokenOutput};

use super::credentials::grant;
use crate::Sts;
use crate::error::Error;
use crate::model::durations::{self, whole_seconds};
use crate::model::names;
use crate::model::policies::{SessionPolicies, packed_percent};
use crate::model::tags::{RequestedTags, SessionTags};

/// The federated user that is to be.
pub fn by_name(_: &Sts, call: &Call, input: &GetFederationTokenInput) -> Result<Vec<Arn>, Error> {
    if call.principal.session.is_some() {
        return Err(Error::SessionWithSession("GetFederationToken"));
    }
    Ok(vec![names::federated_user_arn(call.principal.account, &input.name, call.region)])
}

pub async fn get_federation_token(
    sts: &Sts,
    call: &Call,
    input: GetFederationTokenInput,
) -> Result<GetFederationTokenOutput, Error> {
    let caller = &call.principal;
    let is_root = caller.kind == PrincipalKind::Root;
    if caller.session.is_some() || !matches!(caller.kind, PrincipalKind::Root | PrincipalKind::User) {
        return Err(Error::SessionWithSession("GetFederationToken"));
    }
    let arn = names::federated_user_arn(caller.account, &input.name, call.region);
    let policies = SessionPolicies::read(input.policy.clone(), input.policy_arns.clone(), caller.account)?;
    let requested = input.tags.iter().flatten().map(|tag| (tag.key.clone(), tag.value.clone()));
    let requested = RequestedTags { tags: requested.collect(), transitive_keys: Vec::new() };
    let tags = SessionTags::default().with(&requested)?;
    let packed_policy_size = packed_percent(&policies, &tags.tags)?;
    if !tags.tags.is_empty() {
        let ask =
            Ask { prefix: "sts", action: "TagSession", resource: Some(&arn), keys: &[], input: Some(&input) };
        let verdict = sts.access.decide(call, &ask, &ResourceFacts::default()).await?;
        if !verdict.decision.allowed {
            return Err(Error::NotAllowed(verdict.message));
        }
    }
    let issued = whole_seconds(call.now);
    let seconds = durations::of_user(input.duration_seconds, is_root);
    let id = format!("{}:{}", caller.account, input.name);
    let principal = Principal {
        kind: PrincipalKind::FederatedUser,
        account: caller.account,
        arn: arn.to_string(),
        user_id: id.clone(),
        access_key_id: None,
        session: None,
    };
    let session = Session {
        issued,
        ends: issued + Duration::from_secs(u64::from(seconds)),
        // The user stands where a role stands in other sessions: whose policies hold besides the session's own.
        role: Some(AssumedRole {
            arn: caller.arn.clone(),
            id: caller.user_id.clone(),
            session_name: input.name.clone(),
        }),
        policies: policies.inline,
        policy_arns: policies.arns,
        limited: true,
        tags: tags.tags,
        ..Session::default()
    };
    let granted = grant(sts, principal, session, input.minimum_session_token_size);
    Ok(GetFederationTokenOutput {
        credentials: Some(granted.credentials),
        federated_user: Some(FederatedUser { federated_user_id: id, arn: arn.to_string() }),
        packed_policy_size,
        session_token_utilization: granted.token_utilization,
        session_token_size: granted.token_size,
    })
}
