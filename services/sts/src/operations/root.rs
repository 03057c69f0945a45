//! The root of a member account, assumed by those who manage the organisation, for one task and a quarter of an hour.
//!
//! Who may is decided by the frame before: by the caller's policies and by what IAM tells of the root (a trust policy
//! that follows from the organisation and its features). Surprising: the global endpoint does not know the operation
//! at all, and a root user may not call it.

use std::time::Duration;

use base::{Arn, Region};
use service::{AssumedRole, Call, Principal, PrincipalKind, Session};
use sts_api::{AssumeRootInput, AssumeRootOutput};

use super::credentials::grant;
use crate::Sts;
use crate::error::Error;
use crate::model::durations::{self, whole_seconds};
use crate::model::names;

/// The host of the one endpoint that is not a region's.
const GLOBAL_HOST: &str = "sts.amazonaws.com";

/// Says to policies that the caller is such a session.
const ASSUMED_ROOT: &str = "aws:assumedroot";

/// The root that is to be assumed.
pub fn by_target(_: &Sts, call: &Call, input: &AssumeRootInput) -> Result<Vec<Arn>, Error> {
    if is_global(&call.source.endpoint) {
        return Err(Error::GlobalEndpoint);
    }
    let account = names::root_account(&input.target_principal)?;
    let target = Arn::global("iam", call.region, account, "root");
    if call.principal.kind == PrincipalKind::Root {
        let who = &call.principal.arn;
        let message =
            format!("User: {who} is not authorized to perform: sts:AssumeRoot on resource: {target}");
        return Err(Error::NotAllowed(message));
    }
    names::check_root_task(input.task_policy_arn.arn.as_deref())?;
    Ok(vec![target])
}

/// Whether a client meant the global endpoint: scheme, host and perhaps a port.
fn is_global(endpoint: &str) -> bool {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, authority)| authority);
    authority.split(':').next().is_some_and(|host| host.eq_ignore_ascii_case(GLOBAL_HOST))
}

pub fn keys(_: &Sts, _: &Call, input: &AssumeRootInput) -> Vec<(String, Vec<String>)> {
    let task = input.task_policy_arn.arn.iter();
    task.map(|arn| ("sts:TaskPolicyArn".to_owned(), vec![arn.clone()])).collect()
}

pub async fn assume_root(sts: &Sts, call: &Call, input: AssumeRootInput) -> Result<AssumeRootOutput, Error> {
    let account = names::root_account(&input.target_principal)?;
    let task = names::check_root_task(input.task_policy_arn.arn.as_deref())?;
    let seconds = durations::of_root_task(input.duration_seconds);
    let issued = whole_seconds(call.now);
    // The task policies name the root in the partition `aws`, whatever region is called.
    let arn = Arn::global("iam", Region::US_EAST_1, account, "root").to_string();
    let source_identity = call.principal.session.as_ref().and_then(|before| before.source_identity.clone());
    // Not the root itself, for whom no policy would count, but a session of it like those of roles: what it may do is
    // gathered by IAM on every call, and is nothing where that fails.
    let principal = Principal {
        kind: PrincipalKind::AssumedRole,
        account,
        arn: arn.clone(),
        user_id: account.to_string(),
        access_key_id: None,
        session: None,
    };
    let session = Session {
        issued,
        ends: issued + Duration::from_secs(u64::from(seconds)),
        role: Some(AssumedRole { arn, id: account.to_string(), session_name: "root".to_owned() }),
        policy_arns: vec![task.to_owned()],
        limited: true,
        source_identity: source_identity.clone(),
        keys: [(ASSUMED_ROOT.to_owned(), vec!["true".to_owned()])].into(),
        ..Session::default()
    };
    let granted = grant(sts, principal, session, input.minimum_session_token_size);
    Ok(AssumeRootOutput {
        credentials: Some(granted.credentials),
        source_identity,
        session_token_utilization: granted.token_utilization,
        session_token_size: granted.token_size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_endpoint_is_known_by_its_host() {
        for (endpoint, global) in [
            ("https://sts.amazonaws.com", true),
            ("http://STS.amazonaws.com:4566", true),
            ("https://sts.us-east-1.amazonaws.com", false),
            ("http://localhost:4566", false),
            ("", false),
        ] {
            assert_eq!(is_global(endpoint), global, "{endpoint}");
        }
    }
}
