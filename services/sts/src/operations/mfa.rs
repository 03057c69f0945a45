//! The code of an MFA device, where a request brings one.

use base::Timestamp;
use service::Call;

use crate::Sts;
use crate::error::Error;

/// When a code was checked: now, or never. A code can be used once, so this comes after all that may still be refused.
pub async fn check(
    sts: &Sts,
    call: &Call,
    serial: Option<&str>,
    code: Option<&str>,
) -> Result<Option<Timestamp>, Error> {
    let (serial, code) = match (serial, code) {
        (None, None) => return Ok(None),
        (Some(serial), Some(code)) => (serial, code),
        (Some(_), None) => return Err(Error::Mfa),
        (None, Some(_)) => {
            return Err(Error::Validation(
                "SerialNumber must be provided together with TokenCode.".to_owned(),
            ));
        }
    };
    let is_right = sts.access.identities.check_mfa(&call.principal, serial, code, call.now).await?;
    if is_right { Ok(Some(call.now)) } else { Err(Error::Mfa) }
}
