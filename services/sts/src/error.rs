//! What STS refuses, in AWS's words. The sources of the words are in `BEHAVIOURS.md`.

use identity::policy::PolicyError;
use schema::{ErrorCode, Fault, Violation};
use sts_api::errors;

#[derive(Debug, thiserror::Error)]
#[error("{self:?}")]
pub enum Error {
    Validation(String),
    /// Tags that contradict each other.
    Parameter(&'static str),
    /// Temporary credentials may not ask for more of themselves; names the operation.
    SessionWithSession(&'static str),
    RootAssumesRole,
    /// The operation is there in regions only.
    GlobalEndpoint,
    /// The frame's sentence: who, what, on which resource.
    NotAllowed(String),
    /// For callers who have no name: the action.
    NotAuthorized(&'static str),
    /// A device or a code that is not the caller's.
    Mfa,
    InvalidAuthorizationMessage,
    UnknownAccessKey,
    MalformedPolicy(PolicyError),
    /// What takes the space, and per cent of it.
    PackedTooLarge {
        what: &'static str,
        percent: u64,
    },
    /// A token or an assertion that proves nothing.
    InvalidToken(String),
    ExpiredToken(String),
    /// An identity provider that says itself that somebody did not sign in.
    ProviderRefused,
    /// An identity provider that does not answer.
    ProviderSilent,
    Internal(Fault),
}

const VALIDATION_ERROR: ErrorCode = ErrorCode::sender("ValidationError", 400);
const INVALID_PARAMETER: ErrorCode = ErrorCode::sender("InvalidParameterValue", 400);
const INVALID_ACTION: ErrorCode = ErrorCode::sender("InvalidAction", 400);
const ACCESS_DENIED: ErrorCode = ErrorCode::sender("AccessDenied", 403);

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::Validation(message) => Fault::new(&VALIDATION_ERROR, message),
            Error::Parameter(message) => Fault::new(&INVALID_PARAMETER, message),
            Error::SessionWithSession(operation) => {
                Fault::new(&ACCESS_DENIED, format!("Cannot call {operation} with session credentials"))
            }
            Error::RootAssumesRole => {
                Fault::new(&ACCESS_DENIED, "Roles may not be assumed by root accounts.")
            }
            Error::GlobalEndpoint => Fault::new(&INVALID_ACTION, "Unknown Operation"),
            Error::NotAllowed(message) => Fault::new(&ACCESS_DENIED, message),
            Error::NotAuthorized(action) => {
                Fault::new(&ACCESS_DENIED, format!("Not authorized to perform {action}"))
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
            Error::MalformedPolicy(why) => {
                Fault::new(&errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, why.to_string())
            }
            Error::PackedTooLarge { what, percent } => Fault::new(
                &errors::PACKED_POLICY_TOO_LARGE_EXCEPTION,
                format!("Packed size of {what} consumes {percent}% of allotted space."),
            ),
            Error::InvalidToken(message) => Fault::new(&errors::INVALID_IDENTITY_TOKEN_EXCEPTION, message),
            Error::ExpiredToken(message) => Fault::new(&errors::EXPIRED_TOKEN_EXCEPTION, message),
            Error::ProviderRefused => Fault::new(
                &errors::IDP_REJECTED_CLAIM_EXCEPTION,
                "The identity provider reported that authentication failed.",
            ),
            Error::ProviderSilent => Fault::new(
                &errors::IDP_COMMUNICATION_ERROR_EXCEPTION,
                "The identity provider could not be reached to verify the token.",
            ),
            Error::Internal(fault) => fault,
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Internal(fault)
    }
}

impl service::ServiceError for Error {
    fn invalid(violations: Vec<Violation>) -> Error {
        Error::Validation(Violation::to_message(&violations))
    }
}
