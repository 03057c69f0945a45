//! Temporary credentials of the caller itself.

use std::time::Duration;

use service::{Call, PrincipalKind, Session};
use sts_api::{GetSessionTokenInput, GetSessionTokenOutput};

use super::credentials::grant;
use super::mfa;
use crate::Sts;
use crate::error::Error;
use crate::model::durations::{self, whole_seconds};

pub async fn get_session_token(
    sts: &Sts,
    call: &Call,
    input: GetSessionTokenInput,
) -> Result<GetSessionTokenOutput, Error> {
    let principal = &call.principal;
    if principal.session.is_some() || !matches!(principal.kind, PrincipalKind::Root | PrincipalKind::User) {
        return Err(Error::SessionWithSession("GetSessionToken"));
    }
    let mfa_at = mfa::check(sts, call, input.serial_number.as_deref(), input.token_code.as_deref()).await?;
    let seconds = durations::of_user(input.duration_seconds, principal.kind == PrincipalKind::Root);
    let issued = whole_seconds(call.now);
    let ends = issued + Duration::from_secs(u64::from(seconds));
    let session = Session { issued, ends, mfa_at, ..Session::default() };
    let granted = grant(sts, principal.clone(), session, input.minimum_session_token_size);
    Ok(GetSessionTokenOutput {
        credentials: Some(granted.credentials),
        session_token_utilization: granted.token_utilization,
        session_token_size: granted.token_size,
    })
}
