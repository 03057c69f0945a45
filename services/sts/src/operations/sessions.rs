//! Temporary credentials.

use std::time::Duration;

use service::{Call, PrincipalKind};
use sts_api::{Credentials, GetSessionTokenInput, GetSessionTokenOutput};

use crate::Sts;
use crate::error::Error;

/// What a session lasts if the caller does not say, and the most that the root of an account gets.
const DEFAULT_SECONDS: u64 = 43_200;
const ROOT_SECONDS_MAX: u64 = 3_600;

pub async fn get_session_token(
    sts: &Sts,
    call: &Call,
    input: GetSessionTokenInput,
) -> Result<GetSessionTokenOutput, Error> {
    let principal = &call.principal;
    if principal.session.is_some() {
        return Err(Error::SessionWithSession);
    }
    if input.serial_number.is_some() || input.token_code.is_some() {
        return Err(Error::Mfa);
    }
    // The model's constraints hold the wish between 900 and 129,600.
    let asked = input.duration_seconds.map_or(DEFAULT_SECONDS, |seconds| u64::from(seconds.unsigned_abs()));
    let seconds = match principal.kind {
        PrincipalKind::Root => asked.min(ROOT_SECONDS_MAX),
        _ => asked,
    };
    // Whole seconds, as clients are told.
    let now = base::Timestamp::from_secs(call.now.as_secs());
    let ends = now + Duration::from_secs(seconds);
    let issued = sts.keyring.issue(&sts.ids, principal.clone(), now, ends);
    let size = i32::try_from(issued.session_token.len()).ok();
    Ok(GetSessionTokenOutput {
        credentials: Some(Credentials {
            access_key_id: issued.access_key_id,
            secret_access_key: issued.secret_access_key,
            session_token: issued.session_token,
            expiration: ends,
        }),
        session_token_size: size,
        ..GetSessionTokenOutput::default()
    })
}
