//! What STS refuses, in AWS's words.

use schema::{ErrorCode, Fault, Violation};
use sts_api::errors;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    Validation(String),
    /// Temporary credentials may not ask for more of themselves.
    SessionWithSession,
    /// A device or a code that is not the caller's. There are no devices before IAM.
    Mfa,
    InvalidAuthorizationMessage,
    UnknownAccessKey,
}

const VALIDATION_ERROR: ErrorCode = ErrorCode::sender("ValidationError", 400);
const ACCESS_DENIED: ErrorCode = ErrorCode::sender("AccessDenied", 403);

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::Validation(message) => Fault::new(&VALIDATION_ERROR, message),
            Error::SessionWithSession => {
                Fault::new(&ACCESS_DENIED, "Cannot call GetSessionToken with session credentials")
            }
            Error::Mfa => Fault::new(
                &ACCESS_DENIED,
                "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            ),
            Error::InvalidAuthorizationMessage => {
                Fault::new(&errors::INVALID_AUTHORIZATION_MESSAGE_EXCEPTION, "Message is not valid")
            }
            Error::UnknownAccessKey => {
                Fault::new(&VALIDATION_ERROR, "The access key id does not belong to an account.")
            }
        }
    }
}

impl service::ServiceError for Error {
    fn invalid(violations: Vec<Violation>) -> Error {
        Error::Validation(Violation::to_message(&violations))
    }
}
