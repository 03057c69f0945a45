//! The role of a policy: its trust policy decides whether DLM may assume it, and its own policies what that may do.

use base::{Arn, Region};
use service::{AsService, Call};
use sts_api::{AssumeRole, AssumeRoleInput};

use super::{PRINCIPAL, Work};
use crate::error::Error;

const SESSION: &str = "DataLifecycleManager";

/// What calls as the policy's role, in a region.
pub async fn assume(work: &Work<'_>, region: Region) -> Result<AsService, Error> {
    let Work { dlm, due, policy, .. } = work;
    let refused = || Error::Invalid("The execution role cannot be assumed".to_owned());
    let role = policy.shown.execution_role_arn.as_deref().unwrap_or_default();
    let arn: Arn = role.parse().map_err(|_| refused())?;
    let cause = Call::of_service(PRINCIPAL, due.account, due.region, &dlm.clock, &dlm.ids);
    let own: Option<Arn> = policy.shown.policy_arn.as_deref().and_then(|arn| arn.parse().ok());
    let mut sts = dlm.aws.as_service(PRINCIPAL, due.account, due.region, &cause);
    if let Some(own) = &own {
        sts = sts.source(own);
    }
    let input = AssumeRoleInput {
        role_arn: role.to_owned(),
        role_session_name: SESSION.to_owned(),
        ..AssumeRoleInput::default()
    };
    let assumed = sts.call(AssumeRole, input).await?;
    let user = assumed.assumed_role_user.ok_or_else(refused)?;
    let ends = assumed.credentials.map_or(cause.now, |credentials| credentials.expiration);
    let call = cause.in_role(&arn, user.arn, user.assumed_role_id, ends);
    Ok(dlm.aws.as_caller(&call).in_region(region))
}
